"""Where TCP can be tried: numeric addresses, and the order in which a preference puts them."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from exporter.model import IpProtocol

_MOST_INTERFACES = 0xFFFF_FFFF
"""`sin6_scope_id` has 32 bits (RFC 3493 3.3)."""


class UnknownZoneError(ValueError):
    """The zone of an address is no interface of this machine."""


@dataclass(frozen=True, slots=True)
class Address:
    """A numeric IP address and a port; it shows itself as `192.0.2.1:587` or `[2001:db8::1]:587`."""

    ip: str
    """Without brackets and without a zone."""
    port: int
    zone: str = ""
    """The interface of a link-local address (RFC 4007 11), as it was written: `eth0` or `2`."""
    scope_id: int = 0
    """The number of that interface; 0 for none."""

    @property
    def version(self) -> int:
        """4 or 6."""
        return 6 if ":" in self.ip else 4

    @property
    def family(self) -> socket.AddressFamily:
        """The family that a socket for this address has."""
        return socket.AF_INET6 if self.version == 6 else socket.AF_INET

    @property
    def sockaddr(self) -> tuple[str, int] | tuple[str, int, int, int]:
        """The address as `socket.connect` and `socket.bind` take it."""
        if self.version == 6:
            return (self.ip, self.port, 0, self.scope_id)
        return (self.ip, self.port)

    def __str__(self) -> str:
        if self.version == 4:
            return f"{self.ip}:{self.port}"
        zone = f"%{self.zone}" if self.zone else ""
        return f"[{self.ip}{zone}]:{self.port}"


def parse_literal(host: str, port: int) -> Address | None:
    """Return `host` as an address when it is an IP literal without brackets; None when it is a name.

    UnknownZoneError when its zone is no interface of this machine.
    """
    if ":" not in host:
        return Address(host, port) if _is_ipv4(host) else None
    try:
        ip = ipaddress.IPv6Address(host)
    except ValueError:
        return None
    zone = ip.scope_id
    if zone is None:
        return Address(str(ip), port)
    return Address(str(ip).partition("%")[0], port, zone, _scope_id(zone))


def is_literal(host: str) -> bool:
    """Say whether `host` is no name but an IP literal, with or without a zone."""
    return ":" in host or _is_ipv4(host)


def _is_ipv4(host: str) -> bool:
    try:
        socket.inet_pton(socket.AF_INET, host)
    except (OSError, ValueError):  # not an address; not ASCII, or a NUL in it
        return False
    return True


def _scope_id(zone: str) -> int:
    if zone.isascii() and zone.isdigit() and len(zone) <= len(str(_MOST_INTERFACES)):
        number = int(zone)
        if number <= _MOST_INTERFACES:
            return number
    try:
        return socket.if_nametoindex(zone)
    except OSError as exc:
        raise UnknownZoneError(f"no network interface is called {zone!r}") from exc


def wanted_family(protocol: IpProtocol) -> socket.AddressFamily:
    """Return the one family that may be tried, or AF_UNSPEC for both."""
    match protocol:
        case IpProtocol.IP4:
            return socket.AF_INET
        case IpProtocol.IP6:
            return socket.AF_INET6
        case IpProtocol.ANY | IpProtocol.PREFER_IP4 | IpProtocol.PREFER_IP6:
            return socket.AF_UNSPEC


def by_preference(addresses: Iterable[Address], protocol: IpProtocol) -> tuple[Address, ...]:
    """Return what `protocol` allows, its preferred family first, otherwise in the order given."""
    match protocol:
        case IpProtocol.ANY:
            return tuple(addresses)
        case IpProtocol.IP4:
            return tuple(address for address in addresses if address.version == 4)
        case IpProtocol.IP6:
            return tuple(address for address in addresses if address.version == 6)
        case IpProtocol.PREFER_IP4:
            return tuple(sorted(addresses, key=lambda address: address.version))
        case IpProtocol.PREFER_IP6:
            return tuple(sorted(addresses, key=lambda address: -address.version))


def interleave(addresses: Sequence[Address]) -> tuple[Address, ...]:
    """Return the addresses once each, the families taking turns (RFC 8305 4).

    The family of the first address begins; within a family the order stays.
    """
    if len(addresses) == 1:
        return tuple(addresses)
    first: list[Address] = []
    second: list[Address] = []
    for address in dict.fromkeys(addresses):
        (first if address.version == addresses[0].version else second).append(address)
    turns = min(len(first), len(second))
    woven = [address for pair in zip(first, second, strict=False) for address in pair]
    return tuple(woven + first[turns:] + second[turns:])
