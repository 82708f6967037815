"""EHLO: the name that we give, and what the reply offers (RFC 5321 4.1.1.1)."""

from __future__ import annotations

import re
import socket
from functools import lru_cache

from aiosmtplib.esmtp import parse_esmtp_extensions

from exporter.model import Capabilities, Reply
from exporter.probe.transcript import printable

# A server says the same each time; a reply that is longer than any honest one is not worth remembering.
_LONGEST_REMEMBERED = 4096
_SIZE = re.compile(r"[0-9]{1,20}")
"""RFC 1870 4: at most twenty digits.  Python refuses to read thousands, and a server may send them."""


def capabilities_of(reply: Reply) -> Capabilities:
    """Return the capabilities of an EHLO reply; keywords and mechanisms in upper case, no doubles."""
    if sum(map(len, reply.lines)) > _LONGEST_REMEMBERED:
        return _capabilities(reply)
    return _remembered(reply)


def _capabilities(reply: Reply) -> Capabilities:
    extensions, mechanisms = parse_esmtp_extensions(reply.text)
    size = extensions.get("size", "").strip()
    return Capabilities(
        keywords=tuple(keyword.upper() for keyword in extensions),
        mechanisms=tuple(dict.fromkeys(mechanism.upper() for mechanism in mechanisms)),
        size=int(size) if _SIZE.fullmatch(size) else None,
        lines=tuple(printable(line.strip()) for line in reply.lines[1:]),
    )


_remembered = lru_cache(maxsize=1024)(_capabilities)


def address_literal(sock: socket.socket) -> str:
    """Return our own address as RFC 5321 4.1.3 writes it; never a look-up that may block."""
    address = sock.getsockname()[0].partition("%")[0]
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"
