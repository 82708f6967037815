"""Name look-ups that never wait for each other: every one asks anew, on sockets of its own."""

from __future__ import annotations

import errno
import ipaddress
import re
import socket
from dataclasses import replace

from exporter.model import ConnectFailure, IpProtocol, NameFailure, NameFailureKind, errno_symbol
from exporter.probe.address import Address, UnknownZoneError, by_preference, parse_literal, wanted_family
from exporter.probe.cares import Outcome, QueryOptions, Question, ascii_name
from exporter.probe.evidence import PhaseFailed
from exporter.probe.hosts import HostsFile

__all__ = ["Address", "LookupFailed", "Resolver"]

# c-ares doubles the wait each round, so three rounds end after 4 to 7 s: silence is told apart within
# the default deadline of a probe.  A server that needs longer than one wait still answers the repeated
# question.
FIRST_WAIT = 1.0


class LookupFailed(PhaseFailed):
    """The host name has no usable address."""

    evidence: NameFailure

    def __init__(self, kind: NameFailureKind, detail: str) -> None:
        super().__init__(NameFailure(kind, detail))


class Resolver:
    """Looks up host names; one for the process.

    `nameservers` are IP addresses with or without a port (`127.0.0.1:5353`, `[::1]:5353`); none stands
    for those of resolv.conf.  Its search domains and ndots count either way.  `timeout` is the first
    wait for an answer in seconds, `tries` how often each server is asked.  ValueError for a name server
    that is not an address.
    """

    def __init__(
        self,
        *,
        nameservers: tuple[str, ...] = (),
        timeout: float = FIRST_WAIT,
        tries: int = 3,
        hosts_file: str = "/etc/hosts",
    ) -> None:
        self._options = QueryOptions(tuple(map(server_address, nameservers)), timeout, tries)
        self._hosts = HostsFile(hosts_file)
        self._running: set[Question] = set()

    async def resolve(
        self, host: str, port: int, protocol: IpProtocol = IpProtocol.ANY
    ) -> tuple[Address, ...]:
        """Return the addresses of `host`, the best first (RFC 6724, then `protocol`); at least one.

        An IP literal stands for itself.  The hosts file goes before DNS, as with nsswitch's `files dns`.
        When one family has an answer and the other fails, the answer counts.  LookupFailed otherwise, and
        PhaseFailed for a literal with a zone that this machine does not have: no name is to blame for that.
        """
        try:
            literal = parse_literal(host, port)
            if literal is not None:
                return _only(literal, protocol)
            name = ascii_name(host)
        except UnknownZoneError as exc:
            raise PhaseFailed(ConnectFailure(errno_symbol(errno.ENODEV))) from exc
        except ValueError as exc:
            raise LookupFailed(NameFailureKind.MALFORMED, f"{host!r}: {exc}") from exc
        family = wanted_family(protocol)
        addresses = self._hosts.find(name, port, family)
        if not addresses:
            outcome = await self._ask(name, family)
            if outcome.kind is NameFailureKind.NOT_FOUND and self._hosts.find(name, port, socket.AF_UNSPEC):
                raise LookupFailed(
                    NameFailureKind.NO_DATA, f"the hosts file has no {protocol} address for it"
                )
            if outcome.kind is not None:
                raise LookupFailed(outcome.kind, outcome.detail)
            addresses = tuple(Address(ip, port) for ip in outcome.ips)
        return by_preference(addresses, protocol)

    async def _ask(self, name: str, family: socket.AddressFamily) -> Outcome:
        question = Question(self._options)
        self._running.add(question)
        try:
            return await question.ask(name, family)
        finally:
            self._running.discard(question)
            question.close()

    def close(self) -> None:
        """End the look-ups that are under way, whose callers get LookupFailed; may be called twice."""
        for question in self._running:
            question.give_up()


def _only(literal: Address, protocol: IpProtocol) -> tuple[Address, ...]:
    addresses = by_preference((literal,), protocol)
    if not addresses:
        raise LookupFailed(
            NameFailureKind.NO_DATA, f"{literal.ip} is IPv{literal.version}, and only {protocol} may be tried"
        )
    return addresses


def server_address(text: str) -> str:
    """Return a name server as c-ares writes it; ValueError, saying what is wrong, when it is none."""
    ip, port = text, "53"
    if bracketed := re.fullmatch(r"\[(.*)\](?::(.*))?", text):
        ip, port = bracketed[1], port if bracketed[2] is None else bracketed[2]
    elif text.count(":") == 1:
        ip, _, port = text.partition(":")
    try:
        address = parse_literal(ip, int(port) if port.isascii() and port.isdigit() else 0)
        zone = f"%{socket.if_indextoname(address.scope_id)}" if address is not None and address.zone else ""
    except (ValueError, OSError) as exc:
        raise ValueError(f"name server {text!r}: {exc}") from exc
    if address is None:
        raise ValueError(f"name server {text!r}: {ip!r} is not an IP address")
    if not 0 < address.port < 65536:
        raise ValueError(f"name server {text!r}: {port!r} is not a port")
    if not zone and ipaddress.ip_address(ip).is_link_local and address.version == 6:
        raise ValueError(
            f"name server {text!r}: a link-local address needs its interface, as in fe80::1%eth0"
        )
    return f"{replace(address, zone='')}{zone}"
