"""What one probe saw."""

from __future__ import annotations

from dataclasses import dataclass

from exporter.model.endpoint import Endpoint
from exporter.model.evidence import Attempt, Evidence, Reply
from exporter.model.words import ClosedSet, Phase, TlsMode, TlsVersion


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
