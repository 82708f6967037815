"""EHLO: the name that we give, and what the reply offers (RFC 5321 4.1.1.1)."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache

from aiosmtplib.esmtp import parse_esmtp_extensions

from exporter.model import Capabilities, Reply
from exporter.probe.transcript import printable
from exporter.probe.vocabulary import KEYWORDS, MECHANISMS

# A server says the same each time; a reply that is longer than any honest one is not worth remembering.
_LONGEST_REMEMBERED = 4096
_SIZE = re.compile(r"[0-9]{1,20}")
"""RFC 1870 4: at most twenty digits.  Python refuses to read thousands, and a server may send them."""


def capabilities_of(reply: Reply, said: tuple[bytes, ...] | None = None) -> Capabilities:
    """Return the capabilities of an EHLO reply; keywords and mechanisms in upper case, no doubles.

    `said` are its lines before the secrets were taken out: a password may look like a keyword.
    """
    long = sum(map(len, reply.lines)) > _LONGEST_REMEMBERED
    shown = _capabilities(reply) if long else _remembered(reply)
    if said is None or said == reply.lines:
        return shown
    real = _capabilities(Reply(reply.code, said))
    return replace(
        shown,
        keywords=_restored(real.keywords, shown.keywords, KEYWORDS),
        mechanisms=_restored(real.mechanisms, shown.mechanisms, MECHANISMS),
    )


def _restored(real: tuple[str, ...], shown: tuple[str, ...], known: frozenset[str]) -> tuple[str, ...]:
    return tuple(word for word in real if word in known or word in shown)


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


def address_literal(ip: str) -> str:
    """Return our own address as RFC 5321 4.1.3 writes it; never a look-up that may block."""
    address = ip.partition("%")[0]
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"
