"""What failed a probe, in the terms of the protocols."""

from __future__ import annotations

import errno as errno_names
from dataclasses import dataclass
from functools import cached_property

from exporter.model.words import ClosedSet


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


def errno_symbol(number: int | None) -> str | None:
    """The name of an errno on this host (`111` → `ECONNREFUSED`), or `E<number>` for a strange one."""
    if number is None:
        return None
    return errno_names.errorcode.get(number, f"E{number}")
