"""Socket and resolver error numbers of Linux, the BSDs, Solaris, Windows and libuv, by one name.

A pasted line names the platform that it came from only by its numbers, and the words beside them
are translated by the C library and by Windows; so numbers and symbols are what is matched.
"""

from __future__ import annotations

import re

from exporter.model import NameFailureKind

_LINUX = {
    1: "EPERM",
    13: "EACCES",
    24: "EMFILE",
    32: "EPIPE",
    97: "EAFNOSUPPORT",
    99: "EADDRNOTAVAIL",
    100: "ENETDOWN",
    101: "ENETUNREACH",
    103: "ECONNABORTED",
    104: "ECONNRESET",
    105: "ENOBUFS",
    107: "ENOTCONN",
    110: "ETIMEDOUT",
    111: "ECONNREFUSED",
    112: "EHOSTDOWN",
    113: "EHOSTUNREACH",
}
_BSD = {
    47: "EAFNOSUPPORT",
    49: "EADDRNOTAVAIL",
    50: "ENETDOWN",
    51: "ENETUNREACH",
    53: "ECONNABORTED",
    54: "ECONNRESET",
    55: "ENOBUFS",
    57: "ENOTCONN",
    60: "ETIMEDOUT",
    61: "ECONNREFUSED",
    64: "EHOSTDOWN",
    65: "EHOSTUNREACH",
}
_SOLARIS = {128: "ENETUNREACH", 131: "ECONNRESET", 145: "ETIMEDOUT", 146: "ECONNREFUSED", 148: "EHOSTUNREACH"}
_WINSOCK = {
    10013: "EACCES",
    10024: "EMFILE",
    10047: "EAFNOSUPPORT",
    10049: "EADDRNOTAVAIL",
    10050: "ENETDOWN",
    10051: "ENETUNREACH",
    10052: "ECONNRESET",  # WSAENETRESET
    10053: "ECONNABORTED",
    10054: "ECONNRESET",
    10055: "ENOBUFS",
    10057: "ENOTCONN",
    10060: "ETIMEDOUT",
    10061: "ECONNREFUSED",
    10064: "EHOSTDOWN",
    10065: "EHOSTUNREACH",
    10091: "WSASYSNOTREADY",
    10093: "WSANOTINITIALISED",
    11001: "EAI_NONAME",  # WSAHOST_NOT_FOUND
    11002: "EAI_AGAIN",  # WSATRY_AGAIN
    11003: "EAI_FAIL",  # WSANO_RECOVERY
    11004: "EAI_NODATA",  # WSANO_DATA
}
_RESOLVER = {
    -2: "EAI_NONAME",
    -3: "EAI_AGAIN",
    -4: "EAI_FAIL",
    -5: "EAI_NODATA",
    8: "EAI_NONAME",  # BSD and macOS
}
_LIBUV = {
    -3001: "EAI_AGAIN",
    -3007: "EAI_NODATA",
    -3008: "EAI_NONAME",
    -4039: "ETIMEDOUT",
    -4062: "ENETUNREACH",
    -4077: "ECONNRESET",
    -4078: "ECONNREFUSED",
    -4073: "EHOSTUNREACH",
}

BY_NUMBER: dict[int, str] = (
    {-number: symbol for number, symbol in _LINUX.items() if number > 5}
    | _RESOLVER
    | _LIBUV
    | _SOLARIS
    | _BSD
    | _WINSOCK
    | _LINUX
)
"""Number to symbol; where two systems use a number, the meaning that a mail client can meet wins."""

_ALIASES = {
    "WSAHOST_NOT_FOUND": "EAI_NONAME",
    "WSATRY_AGAIN": "EAI_AGAIN",
    "WSANO_RECOVERY": "EAI_FAIL",
    "WSANO_DATA": "EAI_NODATA",
    "WSAENETRESET": "ECONNRESET",
    "WSAESHUTDOWN": "EPIPE",
    "WSAEDISCON": "ECONNRESET",
    "ENETRESET": "ECONNRESET",
    "ESHUTDOWN": "EPIPE",
    "ENOTFOUND": "EAI_NONAME",
    "ENODATA": "EAI_NODATA",  # as c-ares and Node use it
    "ESERVFAIL": "EAI_FAIL",
    "EREFUSED": "EAI_FAIL",
    "ETIMEOUT": "EAI_AGAIN",
    "EAI_ADDRFAMILY": "EAI_NODATA",
    "HOSTNOTFOUND": "EAI_NONAME",
    "HOST_NOT_FOUND": "EAI_NONAME",
    "TRYAGAIN": "EAI_AGAIN",
    "CONNECTIONREFUSED": "ECONNREFUSED",
    "CONNECTIONRESET": "ECONNRESET",
    "CONNECTIONABORTED": "ECONNABORTED",
    "HOSTUNREACHABLE": "EHOSTUNREACH",
    "NETWORKUNREACHABLE": "ENETUNREACH",
    "PR_CONNECT_REFUSED_ERROR": "ECONNREFUSED",
    "PR_CONNECT_RESET_ERROR": "ECONNRESET",
    "PR_CONNECT_TIMEOUT_ERROR": "ETIMEDOUT",
    "PR_NETWORK_UNREACHABLE_ERROR": "ENETUNREACH",
    "NS_ERROR_UNKNOWN_HOST": "EAI_NONAME",
    "NS_ERROR_CONNECTION_REFUSED": "ECONNREFUSED",
    "NS_ERROR_NET_TIMEOUT": "ETIMEDOUT",
    "NS_ERROR_NET_RESET": "ECONNRESET",
}

_POSIX = frozenset(BY_NUMBER.values())
SYMBOLS = frozenset({*_POSIX, *_ALIASES, *(f"WSA{name}" for name in _POSIX if name.startswith("E"))})
"""Every name that counts as a symbol in a pasted line."""

_NAME_KINDS = {
    "EAI_NONAME": NameFailureKind.NOT_FOUND,
    "EAI_NODATA": NameFailureKind.NO_DATA,
    "EAI_AGAIN": NameFailureKind.TIMEOUT,
    "EAI_FAIL": NameFailureKind.SERVFAIL,
}

_SYMBOL = re.compile(r"E[A-Z0-9_]{2,30}|WSA[A-Z0-9_]{2,30}")


def canonical(symbol: str) -> str:
    """The POSIX name of a symbol of any system; a name that is not known comes back in capitals."""
    name = symbol.strip().upper()
    if name in _ALIASES:
        return _ALIASES[name]
    return name[3:] if name.startswith("WSAE") else name


def symbol_of(value: object) -> str | None:
    """The symbol behind an `errno` field: a number, a number as text, or a symbol; None for anything else."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        return BY_NUMBER.get(value)
    if not isinstance(value, str):
        return None
    text = value.strip()
    if re.fullmatch(r"-?\d{1,6}", text):
        return BY_NUMBER.get(int(text))
    name = canonical(text[:40])
    return name if name in _POSIX or _SYMBOL.fullmatch(name) else None


def name_kind(symbol: str) -> NameFailureKind | None:
    """What a resolver's symbol (RFC 3493 6.1) says about the name; None for a socket's symbol."""
    return _NAME_KINDS.get(symbol)
