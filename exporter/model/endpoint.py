"""What is to be probed, and how."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from exporter.model.words import IpProtocol, Mechanism, Phase, TlsMode, TlsVersion


class Secret:
    """A value that must not be seen: it compares, and shows itself only to `reveal`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The plain value, for the one line of code that puts it on the wire."""
        return self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return "<secret>"

    __str__ = __repr__

    def __reduce__(self) -> str:
        raise TypeError("a secret is never serialised")


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsConfig:
    """How to do TLS; the names are those of Prometheus' `tls_config`."""

    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    server_name: str | None = None
    insecure_skip_verify: bool = False
    min_version: TlsVersion = TlsVersion.TLS12
    max_version: TlsVersion | None = None
    strict: bool = False
    """RFC 5280 to the letter (X509_V_FLAG_X509_STRICT), which many private CAs do not meet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuth2:
    """Where a bearer token comes from: a file, a refresh token, or client credentials."""

    token_url: str | None = field(default=None, repr=False)
    """Its query may hold a secret."""
    client_id: str | None = None
    client_secret: Secret | None = None
    refresh_token: Secret | None = None
    scopes: tuple[str, ...] = ()
    token_file: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    """Who logs in and with what; `mechanism` None takes the strongest that both sides have."""

    username: str
    password: Secret | None = None
    mechanism: Mechanism | None = None
    allow_plaintext: bool = False
    every: float | None = None
    """Seconds between two logins; None is the interval of the endpoint."""
    oauth2: OAuth2 | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """The envelope for `until: mail` and deeper."""

    sender: str
    recipient: str
    subject: str = "Submission probe"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Who to probe and how deep.  A reload keeps what is equal as a whole."""

    name: str
    host: str
    """A name, or an IP literal without brackets."""
    port: int
    tls: TlsMode
    until: Phase
    interval: float
    timeout: float
    ip_protocol: IpProtocol = IpProtocol.ANY
    source_address: str | None = None
    helo: str | None = None
    """None: the address literal of the socket (RFC 5321 4.1.3)."""
    tls_config: TlsConfig = TlsConfig()
    auth: Auth | None = None
    message: Message | None = None
    labels: tuple[tuple[str, str], ...] = ()
    module: str = ""

    @property
    def target(self) -> str:
        """`host:port`, with brackets around an IPv6 literal."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def is_probed_like(self, other: Endpoint) -> bool:
        """Whether a probe of either is the same: only when it is made and how it is labelled may differ."""
        auth, every = self.auth, other.auth.every if other.auth is not None else None
        return other == replace(
            self,
            interval=other.interval,
            labels=other.labels,
            module=other.module,
            auth=None if auth is None else replace(auth, every=every),
        )
