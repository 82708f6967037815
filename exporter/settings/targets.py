"""Hosts and ports as a person writes them, and what they are on the wire."""

from __future__ import annotations

import ipaddress
import re

from exporter.settings.problems import ConfigError, fault, printable, quoted
from exporter.settings.urls import shown_url

_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_NUMERIC = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_ZONE = re.compile(r"[A-Za-z0-9_.-]{1,32}")
_URL_ZONE = re.compile(r"%25(?=[A-Za-z_.-])")
"""How URLs write the % before a zone (RFC 6874 2); digits alone behind % are the number of an interface."""
_LONGEST_NAME = 253
_USUAL_PORTS = frozenset({"25", "465", "587", "2465", "2525", "2587"})

# IDNA 2003, which Python's codec speaks, maps these to other names than IDNA 2008 (UTS 46, section 4).
_DEVIATIONS = frozenset("ßς\u200c\u200d")

_IMPLICIT_SCHEMES = frozenset({"smtps", "submissions", "ssl", "tls"})


def parse_target(text: str) -> tuple[str, int | None]:
    """Host and port of `host`, `host:port`, `[v6]` or `[v6]:port`; raises ConfigError.

    The host comes back as it goes into DNS: lower case, an A-label where it was Unicode, without the
    final dot, an IPv6 address without brackets.  A missing port is None.
    """
    if "@" in text:
        raise fault(
            "a target names no user", "write host:port here, and the user name and password under auth"
        )
    if scheme := _SCHEME.match(text):
        rest = re.split("[/?#]", text[scheme.end() :], maxsplit=1)[0]
        is_implicit = scheme[1].lower() in _IMPLICIT_SCHEMES
        if ":" not in rest:
            rest = f"{rest or 'host'}:{465 if is_implicit else 587}"
        remedy = f"write {rest}" + (" and tls: implicit" if is_implicit else "")
        raise fault(f"a target is no URL: {quoted(shown_url(text))}", printable(remedy))
    if text.startswith("["):
        address, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise fault(f"{quoted(text)} is not [address]:port", "write it as [2001:db8::1]:587")
        return _ipv6(_URL_ZONE.sub("%", address)), parse_port(rest[1:]) if rest else None
    if text.count(":") > 1:
        raise _too_many_colons(text)
    host, colon, port = text.partition(":")
    return parse_host(host), parse_port(port) if colon else None


def parse_endpoint_target(text: str) -> tuple[str, int]:
    """Host and port of a target that must name its port; raises ConfigError."""
    host, port = parse_target(text)
    if port is None:
        shown = f"[{host}]" if ":" in host else host
        raise fault(
            f"{quoted(text)} names no port",
            f"write {shown}:587 for STARTTLS or {shown}:465 for TLS from the first byte",
        )
    return host, port


def parse_port(text: str) -> int:
    """A TCP port, 1 to 65535; raises ConfigError."""
    if text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65535:
        return int(text)
    if not text:
        raise fault("the port after the colon is missing", "write a port such as 587 or 465")
    raise fault(f"{quoted(text)} is not a port", "write a number from 1 to 65535, such as 587 or 465")


def parse_host(text: str) -> str:
    """A host name or an IP literal without brackets, in the form for DNS; raises ConfigError."""
    if ":" in text:
        shortest = _shortest_ipv6(text)
        if shortest is None:
            raise fault(f"{quoted(text)} is not a host name", "write the host alone, without a port")
        return shortest
    name = text if text.isascii() else _to_ascii(text)
    name = name.removesuffix(".").lower()
    if not name:
        raise fault("the host is missing", "write a host name such as smtp.example.com")
    if _ends_in_number(name):
        return _ipv4(name)
    if len(name) > _LONGEST_NAME or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise fault(
            f"{quoted(text)} is not a host name",
            "use letters, digits, hyphens and dots; at most 63 characters between two dots",
        )
    return name


def parse_address(text: str) -> str:
    """An IPv4 or IPv6 address without brackets, in its shortest form; raises ConfigError."""
    shortest = _shortest_ipv6(text) if ":" in text else _shortest_ipv4(text)
    if shortest is None:
        raise fault(f"{quoted(text)} is not an IP address", "write one such as 192.0.2.1 or 2001:db8::1")
    return shortest


def parse_name_server(text: str) -> str:
    """The address of a name server, with `:port` when it is not 53; raises ConfigError."""
    if _shortest_ipv6(text) is not None:
        return parse_address(text)
    host, port = parse_target(text)
    host = parse_address(host)
    if port is None:
        return host
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def parse_helo(text: str) -> str:
    """A host name, or an address literal in brackets (RFC 5321, 4.1.3); raises ConfigError."""
    if text.startswith("[") and text.endswith("]"):
        literal = text[1:-1]
        is_ipv6 = literal[:5].lower() == "ipv6:"
        shortest = _shortest_ipv6(literal[5:]) if is_ipv6 else _shortest_ipv4(literal)
        if shortest is None:
            raise fault(
                f"{quoted(text)} is not an address literal", "write [192.0.2.7] or [IPv6:2001:db8::7]"
            )
        return f"[IPv6:{shortest}]" if is_ipv6 else f"[{shortest}]"
    host = parse_host(text)
    if ":" in host or _ends_in_number(host):
        literal = f"IPv6:{host}" if ":" in host else host
        raise fault(f"{quoted(text)} is a bare address", f"write the host's name, or [{literal}]")
    return host


def _ipv6(text: str) -> str:
    shortest = _shortest_ipv6(text)
    if shortest is None:
        raise fault(f"{quoted(text)} is not an IPv6 address", "write it as [2001:db8::1]:587")
    return shortest


def _ipv4(text: str) -> str:
    # What ends in a number is an address or a mistake (WHATWG URL, "ends in a number"): short and
    # octal forms would be read differently by different resolvers.
    shortest = _shortest_ipv4(text)
    if shortest is None:
        raise fault(
            f"{quoted(text)} is neither an IPv4 address nor a host name",
            "write four numbers from 0 to 255, such as 192.0.2.1",
        )
    return shortest


def _shortest_ipv6(text: str) -> str | None:
    address, percent, zone = text.partition("%")
    try:
        shortest = ipaddress.IPv6Address(address).compressed
    except ValueError:
        return None
    if not percent:
        return shortest
    return f"{shortest}%{zone}" if _ZONE.fullmatch(zone) else None


def _shortest_ipv4(text: str) -> str | None:
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        return None


def _ends_in_number(name: str) -> bool:
    return _NUMERIC.fullmatch(name.rpartition(".")[2]) is not None


def _too_many_colons(text: str) -> ConfigError:
    address, _, port = text.rpartition(":")
    readings = [(text, "587"), (address, port)]
    if port in _USUAL_PORTS:
        readings.reverse()
    for literal, suffix in readings:
        shortest = _shortest_ipv6(literal)
        if shortest is not None:
            return fault(
                f"{quoted(text)} is an IPv6 address without brackets", f"write [{shortest}]:{suffix}"
            )
    return fault(f"{quoted(text)} has more than one colon", "write host:port")


def _to_ascii(text: str) -> str:
    if _DEVIATIONS.intersection(text):
        raise fault(
            f"{quoted(text)} has a letter that two IDNA standards read differently",
            "write the name in its xn-- form, as the provider gives it",
        )
    try:
        # The codec takes time that grows with the square of the length.
        return text[: _LONGEST_NAME + 1].encode("idna").decode("ascii")
    except UnicodeError:
        raise fault(
            f"{quoted(text)} is not an internationalised host name", "write the name in its xn-- form"
        ) from None
