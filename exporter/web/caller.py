"""Who sends a request: a program, a person, or a page of another site through somebody's browser.

Browsers say where a request comes from (`Sec-Fetch-Site`, W3C Fetch Metadata) over https and on loopback
only.  Elsewhere they say `Origin` in some requests, and `Referer` unless the page that sends them forbids
it: a browser that says nothing may be sent by anybody.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from enum import Enum, auto
from urllib.parse import urlsplit

_BROWSERS_SAY = ("Accept-Language", "Origin", "Referer", "Sec-Fetch-Site", "Upgrade-Insecure-Requests")
"""Headers that every browser sends with some requests, and Prometheus and curl with none."""
_BROWSERS_TAKE = ("text/html", "image/")


class Caller(Enum):
    """Who sends a request, as far as it shows."""

    PROGRAM = auto()
    """No browser: no page can have sent it."""
    OURS = auto()
    """A browser, from a page of ours or from none: an address that was typed, a bookmark."""
    LEADING = auto()
    """A browser that opens a page; a link that somebody follows, or a page that opens another unasked."""
    EMBEDDED = auto()
    """A browser, for a picture, script or the like of a page that is not known to be ours."""


def caller_of(headers: Mapping[str, str]) -> Caller:
    """Return who sends a request with these headers."""
    if not _is_browser(headers):
        return Caller.PROGRAM
    site = headers.get("Sec-Fetch-Site")
    if site is not None:
        if site in {"same-origin", "none"}:
            return Caller.OURS
        return Caller.LEADING if headers.get("Sec-Fetch-Dest") == "document" else Caller.EMBEDDED
    source = headers.get("Origin", headers.get("Referer"))
    host = headers.get("Host", "")
    if source is not None and is_origin_of(source, host) and not _may_be_rebound(host):
        return Caller.OURS
    leads = "text/html" in headers.get("Accept", "") and "Origin" not in headers
    return Caller.LEADING if leads else Caller.EMBEDDED


def is_origin_of(address: str, host: str) -> bool:
    """Whether `address`, of a page or an origin, is at the `Host` of the request.

    The scheme does not count: a proxy that does TLS for us changes it.
    """
    return bool(host) and address.partition("://")[2].partition("/")[0].lower() == host.lower()


def _is_browser(headers: Mapping[str, str]) -> bool:
    return (
        headers.get("User-Agent", "").startswith("Mozilla/")
        or any(name in headers for name in _BROWSERS_SAY)
        or any(kind in headers.get("Accept", "") for kind in _BROWSERS_TAKE)
    )


def _may_be_rebound(host: str) -> bool:
    """Whether the host is a name that somebody else's DNS may have led to us (DNS rebinding).

    A page of that name has an origin that equals ours.
    """
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return True
    if name == "localhost" or name.endswith(".localhost"):  # RFC 6761 6.3
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return True
    return False
