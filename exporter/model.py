"""The words: every value that passes between two rooms of the program.

All of them are frozen, compare by value and hold tuples, never lists.  A failing target is a value
(`Evidence`, `Symptom`, `Diagnosis`), never an exception that travels.  This module imports nothing
but the standard library and nothing imports into it.
"""

from __future__ import annotations

import errno as errno_names
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property

# --------------------------------------------------------------------------- closed sets


class ClosedSet(StrEnum):
    """A closed set of words."""

    __hash__ = str.__hash__  # Enum's own is written in Python, and a probe looks up some hundred of these


class Phase(ClosedSet):
    """A stage of one submission, in the order of a STARTTLS session (RFC 5321, 3207, 4954)."""

    DNS = "dns"
    CONNECT = "connect"
    GREETING = "greeting"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    TLS = "tls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    QUIT = "quit"


class TlsMode(ClosedSet):
    """How the connection is encrypted: after STARTTLS, from the first byte (RFC 8314), or never."""

    STARTTLS = "starttls"
    IMPLICIT = "implicit"
    NONE = "none"


class TlsVersion(ClosedSet):
    """A protocol version, spelt as Prometheus spells it in `tls_config.min_version`."""

    TLS10 = "TLS10"
    TLS11 = "TLS11"
    TLS12 = "TLS12"
    TLS13 = "TLS13"


class IpProtocol(ClosedSet):
    """Which address families may be tried, and which first."""

    ANY = "any"
    IP4 = "ip4"
    IP6 = "ip6"
    PREFER_IP4 = "prefer_ip4"
    PREFER_IP6 = "prefer_ip6"


class Mechanism(ClosedSet):
    """A SASL mechanism that this program can speak."""

    PLAIN = "PLAIN"
    LOGIN = "LOGIN"
    CRAM_MD5 = "CRAM-MD5"
    SCRAM_SHA_1 = "SCRAM-SHA-1"
    SCRAM_SHA_256 = "SCRAM-SHA-256"
    XOAUTH2 = "XOAUTH2"
    OAUTHBEARER = "OAUTHBEARER"
    EXTERNAL = "EXTERNAL"


class FaultDomain(ClosedSet):
    """Whose problem it is."""

    NONE = "none"
    LOCAL = "local"
    NETWORK = "network"
    SETTINGS = "settings"
    CREDENTIALS = "credentials"
    SERVER = "server"


class Confidence(ClosedSet):
    """How far a diagnosis can be relied on.

    `certain`: the evidence has one reading.  `likely`: another reading exists and is rarer.
    `guess`: the evidence is too thin to choose; `runner_up` names the next reading.
    """

    CERTAIN = "certain"
    LIKELY = "likely"
    GUESS = "guess"


class ErrorClass(ClosedSet):
    """The closed list of what can be wrong; `none` is health."""

    NONE = "none"
    # name resolution and TCP
    DNS_NOT_FOUND = "dns_not_found"
    DNS_UNAVAILABLE = "dns_unavailable"
    CONNECT_REFUSED = "connect_refused"
    CONNECT_TIMEOUT = "connect_timeout"
    HOST_UNREACHABLE = "host_unreachable"
    CONNECTION_RESET = "connection_reset"
    # greeting
    GREETING_TIMEOUT = "greeting_timeout"
    SERVICE_UNAVAILABLE = "service_unavailable"
    CLIENT_BLOCKED = "client_blocked"
    CONNECTION_LIMIT = "connection_limit"
    NOT_SMTP = "not_smtp"
    HELO_REJECTED = "helo_rejected"
    # TLS
    ENCRYPTION_MISMATCH = "encryption_mismatch"
    STARTTLS_NOT_OFFERED = "starttls_not_offered"
    STARTTLS_STRIPPED = "starttls_stripped"
    STARTTLS_REFUSED = "starttls_refused"
    STARTTLS_INJECTION = "starttls_injection"
    TLS_VERSION_UNSUPPORTED = "tls_version_unsupported"
    TLS_HANDSHAKE_FAILED = "tls_handshake_failed"
    CLIENT_CERTIFICATE_REQUIRED = "client_certificate_required"
    CERT_EXPIRED = "cert_expired"
    CERT_NOT_YET_VALID = "cert_not_yet_valid"
    CERT_HOSTNAME_MISMATCH = "cert_hostname_mismatch"
    CERT_UNTRUSTED = "cert_untrusted"
    TLS_INTERCEPTED = "tls_intercepted"
    # policy before and during login
    ENCRYPTION_REQUIRED = "encryption_required"
    AUTH_REQUIRED = "auth_required"
    AUTH_NOT_OFFERED = "auth_not_offered"
    AUTH_MECHANISM_UNSUPPORTED = "auth_mechanism_unsupported"
    CREDENTIALS_REJECTED = "credentials_rejected"
    APP_PASSWORD_REQUIRED = "app_password_required"
    AUTH_DISABLED = "auth_disabled"
    OAUTH_TOKEN_REJECTED = "oauth_token_rejected"
    OAUTH_TOKEN_UNAVAILABLE = "oauth_token_unavailable"
    ACCOUNT_LOCKED = "account_locked"
    AUTH_RATE_LIMITED = "auth_rate_limited"
    AUTH_TEMPORARY_FAILURE = "auth_temporary_failure"
    # envelope and message
    SENDER_REJECTED = "sender_rejected"
    RELAY_DENIED = "relay_denied"
    RECIPIENT_REJECTED = "recipient_rejected"
    TOO_MANY_RECIPIENTS = "too_many_recipients"
    GREYLISTED = "greylisted"
    RATE_LIMITED = "rate_limited"
    QUOTA_EXCEEDED = "quota_exceeded"
    MESSAGE_TOO_LARGE = "message_too_large"
    MESSAGE_REJECTED = "message_rejected"
    MAILBOX_FULL = "mailbox_full"
    SERVER_STORAGE_FULL = "server_storage_full"
    SERVER_ERROR = "server_error"
    RESPONSE_TIMEOUT = "response_timeout"
    SESSION_TIMEOUT = "session_timeout"
    CONNECTION_LOST = "connection_lost"
    PROTOCOL_ERROR = "protocol_error"
    # decided by a follow-up experiment only
    PORT_BLOCKED = "port_blocked"
    WRONG_PORT = "wrong_port"
    EXPORTER_OFFLINE = "exporter_offline"
    # ours
    EXPORTER_ERROR = "exporter_error"
    UNCLASSIFIED = "unclassified"


# --------------------------------------------------------------------------- what to probe


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


# --------------------------------------------------------------------------- what was seen


@dataclass(frozen=True)
class Reply:
    """A complete SMTP reply (RFC 5321 4.2) as it came in, secrets already taken out.

    `lines` are the bytes of each line without code, separator and line end.
    """

    code: int
    lines: tuple[bytes, ...]
    enhanced: str | None = None
    """The enhanced status code (RFC 3463), wherever in the reply it stood."""

    @cached_property
    def text(self) -> str:
        """All lines, joined by newlines; UTF-8, or Latin-1 where the bytes are not UTF-8."""
        raw = b"\n".join(self.lines)
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            return raw.decode("latin-1")


class NameFailureKind(ClosedSet):
    """What the resolver said."""

    NOT_FOUND = "not_found"  # NXDOMAIN
    NO_DATA = "no_data"  # the name exists, without an address of the wanted family
    SERVFAIL = "servfail"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"  # no resolver could be asked at all
    MALFORMED = "malformed"  # the answer, or the name itself, is not DNS


@dataclass(frozen=True, slots=True)
class NameFailure:
    """The host name has no usable address."""

    kind: NameFailureKind
    detail: str = ""


class AttemptOutcome(ClosedSet):
    """How one TCP connection attempt ended; the last value stands for errnos without a name here."""

    CONNECTED = "connected"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    NO_ANSWER = "no_answer"  # silent until another address answered, or until the deadline
    UNREACHABLE = "unreachable"
    RESET = "reset"
    FORBIDDEN = "forbidden"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One address that was tried, and what came of it."""

    address: str
    """`192.0.2.1:587` or `[2001:db8::1]:587`."""
    outcome: AttemptOutcome
    seconds: float
    errno: str | None = None
    """The symbol, e.g. ECONNREFUSED."""


@dataclass(frozen=True, slots=True)
class ConnectFailure:
    """No address of the host accepted a connection; `errno` is that of the most telling attempt."""

    errno: str | None
    """A symbol of errno.h (ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH …) or of Winsock; None if silent."""
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True, slots=True)
class TlsFailure:
    """The handshake failed, or the certificate did not verify."""

    reason: str | None = None
    """OpenSSL's reason name, e.g. WRONG_VERSION_NUMBER, CERTIFICATE_VERIFY_FAILED."""
    alert: int | None = None
    """The alert that the peer sent (RFC 8446 6), if it sent one."""
    verify_code: int | None = None
    """OpenSSL's X509_V_ERR number, when the certificate is the trouble."""
    verify_error: str | None = None
    detail: str = ""
    peer_bytes: bytes = b""
    """The first bytes of the peer's answer, kept when they are not TLS."""
    certificate_requested: bool = False
    """The server asked for a certificate of ours."""


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The deadline struck while this phase was open."""

    limit: float
    """Seconds that the whole probe was given, or QUIT."""
    partial: bytes = b""
    """What had arrived of an unfinished reply."""


class DropKind(ClosedSet):
    """How a connection ended without us ending it."""

    EOF = "eof"
    RESET = "reset"
    ABORTED = "aborted"


@dataclass(frozen=True, slots=True)
class Dropped:
    """The other side ended the connection in the middle of the session."""

    how: DropKind
    partial: bytes = b""
    """What had arrived of an unfinished reply."""
    errno: str | None = None


@dataclass(frozen=True, slots=True)
class NotOffered:
    """A capability that the plan needs is missing from EHLO; nothing was sent."""

    capability: str
    """STARTTLS, AUTH, or `AUTH <mechanism>` when AUTH is there and the mechanism is not."""
    offered: tuple[str, ...] = ()
    """The EHLO lines (or mechanisms) that were there instead, as the server wrote them."""


class SaslBreach(ClosedSet):
    """How a server departed from the SASL mechanism that it had offered."""

    EXCHANGE = "exchange"  # it said, or accepted, what the mechanism does not allow there
    SIGNATURE = "signature"  # it did not prove that it knows the secret (RFC 5802 3)


@dataclass(frozen=True, slots=True)
class Garbled:
    """What arrived is not an SMTP reply, or not one that this state of the session allows."""

    line: bytes
    why: str = ""
    """A few words of ours."""
    breach: SaslBreach | None = None
    """Set for a reply in good order that the SASL mechanism does not allow."""


@dataclass(frozen=True, slots=True)
class Injected:
    """Plaintext bytes stood behind the STARTTLS reply (RFC 3207 6, CVE-2011-0411)."""

    data: bytes


@dataclass(frozen=True, slots=True)
class TokenUnavailable:
    """The OAuth2 token endpoint gave no token; the mail server was not asked."""

    error: str
    """An OAuth2 error code (`invalid_client`), `HTTP 503`, `timeout`, `unreachable` …"""
    reachable: bool = True
    """Somebody there has judged what we sent; not so where it answers that it cannot now (429, 5xx)."""


@dataclass(frozen=True, slots=True)
class Words:
    """A sentence in which nothing structured could be found; pasted errors only."""

    text: str


@dataclass(frozen=True, slots=True)
class OurFault:
    """An exception of ours that nobody foresaw: a bug, never the server's fault."""

    kind: str
    """The exception's class name; its text may hold secrets and stays in the log."""


Evidence = (
    Reply
    | NameFailure
    | ConnectFailure
    | TlsFailure
    | TimedOut
    | Dropped
    | NotOffered
    | Garbled
    | Injected
    | TokenUnavailable
    | Words
    | OurFault
)


class StepStatus(ClosedSet):
    """How a planned phase ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Step:
    """One phase that was passed, failed or skipped; EHLO occurs twice around STARTTLS."""

    phase: Phase
    status: StepStatus
    seconds: float | None
    """None for a skipped phase."""
    evidence: Evidence | None = None
    """What failed it; None otherwise."""
    note: str = ""
    """A few words for a person: the address, the TLS version, why it was skipped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFacts:
    """What the handshake showed, also when the certificate did not verify.  Times are Unix seconds."""

    version: str
    """As OpenSSL writes it: TLSv1.3."""
    cipher: str
    verified: bool
    """The chain and name verdict alone, whatever `insecure_skip_verify` says."""
    verify_error: str | None = None
    verify_code: int | None = None
    subject: str = ""
    issuer: str = ""
    serial: str = ""
    fingerprint_sha256: str = ""
    sans: tuple[str, ...] = ()
    not_before: float | None = None
    not_after: float | None = None
    chain_length: int = 0
    earliest_not_before: float | None = None
    earliest_not_after: float | None = None
    """Of the certificate of the verified chain (else the presented one) that ends first."""
    issuers: tuple[str, ...] = ()
    """The issuer of every presented certificate, leaf first."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What one EHLO reply offers (RFC 5321 4.1.1.1)."""

    keywords: tuple[str, ...]
    """Upper-cased, in the server's order."""
    mechanisms: tuple[str, ...]
    """Of the AUTH line (or the old `AUTH=` form), upper-cased, without doubles."""
    size: int | None = None
    lines: tuple[str, ...] = ()
    """The lines after the first, as the server wrote them, for the masked-STARTTLS test."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Symptom:
    """The first failure and what was true when it happened: the one input of diagnosis.

    It comes from a probe or from a pasted line; None stands for "not known", never for "no".
    """

    phase: Phase | None
    evidence: Evidence
    host: str | None = None
    port: int | None = None
    tls_mode: TlsMode | None = None
    encrypted: bool | None = None
    """The session was under TLS at that moment."""
    auth_attempted: bool | None = None
    """An AUTH command had been sent."""
    mechanism: str | None = None
    """The SASL mechanism of that AUTH command."""
    challenge: str | None = None
    """The decoded 334 challenge that went before the refusal (XOAUTH2's JSON, RFC 7628 3.2.2)."""
    capabilities: Capabilities | None = None
    """The EHLO reply in force."""
    greeting: str | None = None
    issuers: tuple[str, ...] = ()
    """Issuers of the presented chain, leaf first."""
    min_version: TlsVersion | None = None
    max_version: TlsVersion | None = None
    """The protocol versions that our side was set to."""
    attempts: tuple[Attempt, ...] = ()
    helo: str | None = None
    """The name that we gave at EHLO."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResult:
    """One probe: the steps, the TLS facts and the transcript.  Durations are seconds."""

    endpoint: Endpoint
    started: float
    """Unix time."""
    seconds: float
    """The whole probe, QUIT included, follow-up excluded."""
    steps: tuple[Step, ...]
    symptom: Symptom | None = None
    """None when `until` was reached."""
    attempts: tuple[Attempt, ...] = ()
    reply: Reply | None = None
    """The last reply that decided something: the refusal, else the last success before QUIT."""
    tls: TlsFacts | None = None
    before_tls: Capabilities | None = None
    after_tls: Capabilities | None = None
    """The EHLO reply under TLS; with implicit TLS the only one."""
    mechanism: str | None = None
    """Of the AUTH command that was sent."""
    ip_version: int | None = None
    """4 or 6, once connected."""
    tcp_rtt: float | None = None
    """The kernel's own estimate (TCP_INFO), seconds."""
    transcript: tuple[str, ...] = ()
    """`C: …`, `S: …` and `*: …` lines, printable, without secrets."""
    data_uncertain: bool = False
    """The message went out and no final reply came: it may or may not have been accepted."""
    auth_withheld: bool = False
    """The login was left out on purpose: backing off, or not due yet."""
    held_back: bool = False
    """No connection was made: the server has asked for patience, and its last verdict stands."""

    @property
    def success(self) -> bool:
        """The probe reached `until`."""
        return self.symptom is None

    def phase_seconds(self, phase: Phase) -> float | None:
        """Seconds spent in `phase`, both EHLOs together; None when it was not reached."""
        spent = [s.seconds for s in self.steps if s.phase is phase and s.seconds is not None]
        return sum(spent) if spent else None


# --------------------------------------------------------------------------- what it means


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """Why it failed, whose problem it is and what to do next."""

    error_class: ErrorClass
    fault_domain: FaultDomain
    rule: str
    """The id of the rule that decided, for a person who disagrees."""
    confidence: Confidence
    summary: str
    """One plain sentence."""
    remedy: tuple[str, ...] = ()
    """One to three imperative sentences, the likeliest first."""
    runner_up: ErrorClass | None = None
    outlook_code: str | None = None
    """The HRESULT that Outlook shows for the same event, e.g. 0x800CCC0E."""


HEALTHY = Diagnosis(
    error_class=ErrorClass.NONE,
    fault_domain=FaultDomain.NONE,
    rule="healthy",
    confidence=Confidence.CERTAIN,
    summary="Healthy: the probe reached the depth that was asked for.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """One extra connection that was made to tell two causes apart, and what it showed."""

    experiment: str
    """What was tried, e.g. `offer TLS at once`."""
    target: str
    outcome: str
    """What came back, in a few words."""
    seconds: float
    decides: ErrorClass | None = None
    """The class that this outcome proves; None when it proves nothing."""
    held: bool = field(default=False, compare=False)
    """It was made for an earlier probe, and what it showed still holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """A result with its verdict: what the board keeps and everyone downstream reads."""

    result: ProbeResult
    diagnosis: Diagnosis
    follow_ups: tuple[FollowUp, ...] = field(default=())

    @property
    def failed_phase(self) -> Phase | None:
        """The phase of the first failure; None in health."""
        return self.result.symptom.phase if self.result.symptom is not None else None


def errno_symbol(number: int | None) -> str | None:
    """The name of an errno on this host (`111` → `ECONNREFUSED`), or `E<number>` for a strange one."""
    if number is None:
        return None
    return errno_names.errorcode.get(number, f"E{number}")
