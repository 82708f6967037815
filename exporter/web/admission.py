"""Which targets `/probe` may be pointed at: the exporter holds credentials and stands inside the walls.

Names are judged before anything is resolved, addresses after it, and the connection goes to the address
that was judged.  Two rules, from the two dangers:

- a module with credentials, or one that goes to MAIL, RCPT or DATA, probes its `allowed_targets` only;
- an address inside (loopback, private, link-local, metadata …) is probed only when an address or network
  in `allowed_targets` holds it, or when the target is a configured endpoint.

The name that a certificate must bear is not the target and is judged apart: were it the caller's to choose, whoever
stands in between could have a password sent to a server with a certificate of his own.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from exporter.model import Endpoint, Phase
from exporter.probe.address import Address
from exporter.settings import Module

_Ip = ipaddress.IPv4Address | ipaddress.IPv6Address

_INSIDE: tuple[tuple[str, str], ...] = (
    # Before the networks that they lie in.  168.63.129.16 is a public address with an inner life.
    ("169.254.169.254/32", "a cloud metadata address"),
    ("169.254.170.2/32", "a cloud metadata address"),
    ("168.63.129.16/32", "a cloud metadata address"),
    ("100.100.100.200/32", "a cloud metadata address"),
    ("192.0.0.192/32", "a cloud metadata address"),
    ("fd00:ec2::/32", "a cloud metadata address"),
    ("fd20:ce::254/128", "a cloud metadata address"),
    # The registries of special addresses (RFC 6890 and what came after).
    ("0.0.0.0/8", "an unspecified address"),
    ("10.0.0.0/8", "a private address"),
    ("100.64.0.0/10", "a carrier's private address"),
    ("127.0.0.0/8", "a loopback address"),
    ("169.254.0.0/16", "a link-local address"),
    ("172.16.0.0/12", "a private address"),
    ("192.0.0.0/24", "an address for protocols"),
    ("192.168.0.0/16", "a private address"),
    ("198.18.0.0/15", "an address for measurements"),
    ("224.0.0.0/4", "a multicast address"),
    ("240.0.0.0/4", "a reserved or broadcast address"),
    ("::/128", "an unspecified address"),
    ("::1/128", "a loopback address"),
    ("64:ff9b:1::/48", "an address for local translation"),
    ("fc00::/7", "a unique local address"),
    ("fe80::/10", "a link-local address"),
    ("fec0::/10", "a site-local address"),
    ("ff00::/8", "a multicast address"),
)
_NETWORKS = tuple((ipaddress.ip_network(network), words) for network, words in _INSIDE)
_ENDING_IN_IPV4 = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "64:ff9b::/96",  # NAT64 (RFC 6052 2.1)
        "::/96",  # IPv4-compatible (RFC 4291 2.5.5.1)
        "::ffff:0:0:0/96",  # IPv4-translated, SIIT (RFC 2765 2.1)
    )
)
_ISATAP = frozenset((0x0000_5EFE, 0x0200_5EFE))
"""The middle of an interface identifier that ends in an IPv4 address, in any network (RFC 5214 6.1)."""
_SENDING = frozenset((Phase.MAIL, Phase.RCPT, Phase.DATA))


def inside(ip: str) -> str | None:
    """What kind of inner address an IP literal is, in words; None for one of the open internet."""
    return _kind(ipaddress.ip_address(ip.partition("%")[0]))


def _kind(address: _Ip) -> str | None:
    for network, words in _NETWORKS:
        if address.version == network.version and address in network:
            return words
    if isinstance(address, ipaddress.IPv4Address):
        return None
    return next((kind for inner in _embedded(address) if (kind := _kind(inner)) is not None), None)


def _embedded(address: ipaddress.IPv6Address) -> Iterator[ipaddress.IPv4Address]:
    """Yield the IPv4 addresses that packets to an IPv6 address may end up at."""
    number = int(address)
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:  # server and client
        yield from address.teredo
    if any(address in network for network in _ENDING_IN_IPV4) or (number >> 32) & 0xFFFFFFFF in _ISATAP:
        yield ipaddress.IPv4Address(number & 0xFFFFFFFF)


@dataclass(frozen=True, slots=True)
class Admission:
    """The judgement on one request: an endpoint that `module` makes of the target that was named."""

    module: Module
    endpoint: Endpoint
    configured: AbstractSet[tuple[str, int]]
    """Host and port of every configured endpoint."""

    @property
    def needs_permission(self) -> bool:
        """The probe shows a secret or a client certificate to its target, or asks it to take mail."""
        return (
            self.endpoint.auth is not None
            or self.endpoint.tls_config.cert_file is not None
            or self.endpoint.until in _SENDING
        )

    def refusal(self) -> str | None:
        """Why the target may not be probed by this module, before anything is resolved; None if it may."""
        if self.needs_permission and self._has_foreign_name:
            return (
                f"{self.what_it_does}, so no hostname of the request decides whose certificate is good for it; "
                "set server_name in the module's tls_config"
            )
        if not self.needs_permission or self._is_named or self._covers(self.endpoint.host):
            return None
        if not self.module.allowed_targets:
            return f"{self.what_it_does} and has no allowed_targets; list there what it may probe"
        return f"{self.what_it_does}, and this target is not among its allowed_targets"

    @property
    def what_it_does(self) -> str:
        """For what the module needs permission, in words."""
        name = f"module {self.module.name}" if self.module.name else "the module"
        if self.endpoint.auth is not None:
            return f"{name} holds credentials"
        if self.endpoint.tls_config.cert_file is not None:
            return f"{name} shows a client certificate"
        return f"{name} asks the server to take mail"

    def permits(self, address: Address) -> bool:
        """Whether a connection may be made to an address of the target."""
        endpoint = self.endpoint
        if (endpoint.host, endpoint.port) in self.configured or self._covers(address.ip):
            return True
        if inside(address.ip) is not None:
            return False
        # A list that is given is meant, by a module without credentials too.
        return not self.module.allowed_targets or self._is_named

    def refusal_of(self, addresses: tuple[Address, ...]) -> str:
        """Why none of `addresses` may be probed; it does not tell them, they may be nobody's business."""
        kind = next((kind for address in addresses if (kind := inside(address.ip)) is not None), None)
        if kind is None:
            return "this target is not among the allowed_targets of the module"
        return (
            f"this target has {kind}; it may be probed when an address or network in the module's "
            "allowed_targets holds it, or when the target is a configured endpoint"
        )

    @property
    def _has_foreign_name(self) -> bool:
        name = self.endpoint.tls_config.server_name
        return name not in {None, self.module.tls_config.server_name, self.endpoint.host}

    @property
    def _is_named(self) -> bool:
        host, port = self.endpoint.host, self.endpoint.port
        if _is_literal(host):
            return False
        return any(pattern.covers_name(host, port) for pattern in self.module.allowed_targets)

    def _covers(self, host: str) -> bool:
        if not _is_literal(host):
            return False
        return any(
            pattern.covers_address(host, self.endpoint.port) for pattern in self.module.allowed_targets
        )


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
