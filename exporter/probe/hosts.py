"""The hosts file, and the names that need none (RFC 6761 6.3)."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from exporter.probe.address import Address, parse_literal

_LOOPBACK = (Address("::1", 0), Address("127.0.0.1", 0))


class HostsFile:
    """Names with their addresses; the file is read again whenever it has changed.

    c-ares would do, but only by reading the file for every look-up: six milliseconds for five thousand
    lines, in which the event loop stands still.
    """

    def __init__(self, path: str = "/etc/hosts") -> None:
        self._path = Path(path)
        self._seen: Sequence[object] = ()
        self._entries: dict[str, list[Address]] = {}

    def find(self, name: str, port: int, family: socket.AddressFamily) -> tuple[Address, ...]:
        """Return the addresses of an ASCII `name`, the best first; none when the file has none.

        `localhost` and what ends in `.localhost` are the loopback addresses unless the file differs.
        A file that cannot be read is an empty one, as for glibc.
        """
        self._refresh()
        name = name.lower().removesuffix(".")
        found = _of_family(self._entries.get(name, ()), family)
        if not found and (name == "localhost" or name.endswith(".localhost")):
            found = _of_family(_LOOPBACK, family)
        return tuple(replace(address, port=port) for address in _sorted(found))

    def _refresh(self) -> None:
        try:
            stat = self._path.stat()
            now = (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
            if now != self._seen:
                self._entries = _parse(self._path.read_text("utf-8", "replace"))
                self._seen = now
        except OSError:
            self._entries, self._seen = {}, ()


def _parse(text: str) -> dict[str, list[Address]]:
    """Read `address name name …` lines (hosts(5)); a line without a valid address is passed over."""
    entries: dict[str, list[Address]] = {}
    for line in text.splitlines():
        ip, *names = line.partition("#")[0].split() or ("",)
        try:
            address = parse_literal(ip, 0)
        except ValueError:  # a zone that is no interface here
            continue
        if address is not None:
            for name in names:
                entries.setdefault(name.lower().removesuffix("."), []).append(address)
    return entries


def _of_family(addresses: Sequence[Address], family: socket.AddressFamily) -> list[Address]:
    return [address for address in addresses if family in (socket.AF_UNSPEC, address.family)]


def _sorted(addresses: list[Address]) -> list[Address]:
    """Put what has a route first, then IPv6: rules 1 and 6 of RFC 6724 6, which leave little here."""
    if len({address.version for address in addresses}) < 2:
        return addresses
    return sorted(addresses, key=lambda address: (not _has_route(address), -address.version))


def _has_route(address: Address) -> bool:
    """Ask the kernel for a route; connecting a UDP socket sends nothing."""
    try:
        with closing(socket.socket(address.family, socket.SOCK_DGRAM)) as sock:
            sock.connect(replace(address, port=9).sockaddr)
    except OSError:
        return False
    return True
