"""Which targets a module with credentials may be pointed at from outside."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from exporter.settings.problems import ConfigError, fault, quoted
from exporter.settings.targets import parse_host, parse_port

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_REMEDY = "write host:port, *.example.com:587, 192.0.2.0/24:587 or [2001:db8::/32]:587"


@dataclass(frozen=True, slots=True)
class TargetPattern:
    """One entry of `allowed_targets`: a name pattern or a network, and a port.

    Exactly one of `name` and `network` is set.  `*.example.com` covers every name below example.com,
    however deep, and not example.com itself; `*` covers every name.  Names never cover addresses.
    """

    text: str
    """As it was written."""
    name: str | None
    network: _Network | None
    port: int | None
    """None: every port."""

    def covers_name(self, host: str, port: int) -> bool:
        """`host`, a name in the form of `parse_target`, may be probed on `port`."""
        if self.name is None or self.port not in (None, port):
            return False
        if self.name == "*":
            return True
        return host.endswith(self.name[1:]) if self.name.startswith("*.") else host == self.name

    def covers_address(self, address: str, port: int) -> bool:
        """`address`, an IP literal without brackets, may be probed on `port`."""
        if self.network is None or self.port not in (None, port):
            return False
        return ipaddress.ip_address(address) in self.network

    def __str__(self) -> str:
        return self.text


def parse_target_pattern(text: str) -> TargetPattern:
    """Reads `host`, `*.domain`, an address or a network, with or without `:port`; raises ConfigError."""
    host, port_text = _split(text)
    port = parse_port(port_text) if port_text is not None else None
    network = _network(host, text)
    if network is not None:
        return TargetPattern(text=text, name=None, network=network, port=port)
    if host == "*":
        return TargetPattern(text=text, name="*", network=None, port=port)
    prefix = "*." if host.startswith("*.") else ""
    try:
        name = prefix + parse_host(host.removeprefix(prefix))
    except ConfigError:
        raise fault(f"{quoted(text)} is not a pattern for targets", _REMEDY) from None
    return TargetPattern(text=text, name=name, network=None, port=port)


def _split(text: str) -> tuple[str, str | None]:
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise fault(f"{quoted(text)} is not a pattern for targets", _REMEDY)
        return host, rest[1:] if rest else None
    if text.count(":") > 1:  # an IPv6 address or network alone
        return text, None
    host, colon, port = text.partition(":")
    return host, port if colon else None


def _network(host: str, text: str) -> _Network | None:
    try:
        return ipaddress.ip_network(host)
    except ValueError:
        if "/" not in host:
            return None
    try:
        whole = ipaddress.ip_network(host, strict=False)
    except ValueError:
        raise fault(f"{quoted(text)} is not a pattern for targets", _REMEDY) from None
    raise fault(f"{quoted(text)} has bits behind its prefix", f"write {whole}")
