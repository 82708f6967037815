"""Whose login it is: what a server counts wrong passwords against."""

from __future__ import annotations

import ipaddress
from collections.abc import Hashable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from exporter.model import Endpoint, Phase, Secret
from exporter.probe.plan import plan_for


class Account(NamedTuple):
    """One user with one secret at one host, whatever the port and the mechanism."""

    host: str
    username: str
    secret: Hashable
    """Equal while the secret is the same, so that a changed one is another account; shows nothing of it."""


def account_of(endpoint: Endpoint, token: Secret | None = None) -> Account | None:
    """Return whose login a probe of `endpoint` makes, None when it makes none.

    `token` is what the token file holds.  A token that is fetched does not count: it is new every hour,
    and what it was granted for stays the same.
    """
    auth = endpoint.auth
    if auth is None or Phase.AUTH not in plan_for(endpoint):
        return None
    certificate = endpoint.tls_config.cert_file
    secret: Hashable
    if auth.oauth2 is not None:
        secret = (auth.oauth2, token)
    elif auth.password is not None or certificate is None:
        secret = auth.password
    else:
        secret = (certificate, _written(certificate))
    return Account(endpoint.host.lower().rstrip("."), auth.username, secret)


def at_address(account: Account, ip: str) -> Account:
    """Return the account as it is known by an address of its host, whatever names lead there."""
    return account._replace(host=canonical(ip))


def canonical(ip: str) -> str:
    """Return the one way in which an address is written here; an IPv4-mapped one is the IPv4 address."""
    address = ipaddress.ip_address(ip)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def _written(file: str) -> int:
    """Return when a certificate was last written, in nanoseconds; 0 for one that is not there."""
    with suppress(OSError):
        return Path(file).stat().st_mtime_ns
    return 0
