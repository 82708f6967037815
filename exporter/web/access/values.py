"""What a web configuration comes to."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType


class ClientAuth(StrEnum):
    """What is asked of a client's certificate, in the words of Go's crypto/tls."""

    NONE = "NoClientCert"
    REQUEST = "RequestClientCert"
    REQUIRE_ANY = "RequireAnyClientCert"
    VERIFY_IF_GIVEN = "VerifyClientCertIfGiven"
    REQUIRE_AND_VERIFY = "RequireAndVerifyClientCert"


@dataclass(frozen=True, slots=True, kw_only=True)
class Encryption:
    """How the server does TLS; the context was built from files that were good."""

    context: ssl.SSLContext
    client_auth: ClientAuth = ClientAuth.NONE
    allowed_sans: frozenset[str] | None = None
    """Alternative names of which a client's certificate must have one; None: any name will do."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A token bucket: one request each `interval` seconds, `burst` at once."""

    interval: float
    burst: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Who may read the pages, and how they are served.  The default is everybody, in the clear."""

    encryption: Encryption | None = None
    users: Mapping[str, bytes] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    """bcrypt hash by user name; empty: no login is asked for."""
    headers: tuple[tuple[str, str], ...] = ()
    """Response headers that replace ours."""
    rate_limit: RateLimit | None = None
    watched_files: tuple[Path, ...] = ()
    """Every file whose change may change this."""
    warnings: tuple[str, ...] = ()
    """What the file asks for and this program does in another way."""

    @property
    def asks_who(self) -> bool:
        """Nobody gets in without a password or a certificate."""
        needs_certificate = self.encryption is not None and self.encryption.client_auth in {
            ClientAuth.REQUIRE_ANY,
            ClientAuth.REQUIRE_AND_VERIFY,
        }
        return bool(self.users) or needs_certificate
