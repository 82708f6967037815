"""Observations made by hand: what a probe of each kind would have handed over."""

from __future__ import annotations

from dataclasses import replace

from exporter.metrics import BackingOff
from exporter.model import (
    HEALTHY,
    Attempt,
    AttemptOutcome,
    Auth,
    Capabilities,
    Confidence,
    ConnectFailure,
    Diagnosis,
    Endpoint,
    ErrorClass,
    Evidence,
    FaultDomain,
    Mechanism,
    Observation,
    Phase,
    ProbeResult,
    Reply,
    Secret,
    Step,
    StepStatus,
    Symptom,
    TlsFacts,
    TlsMode,
)

START = 1_800_000_000.0
"""Unix time of the first synthetic probe."""


def endpoint(name: str = "mail", **changes: object) -> Endpoint:
    """A STARTTLS endpoint with a login, unless `changes` say otherwise."""
    base = Endpoint(
        name=name,
        host="smtp.example.com",
        port=587,
        tls=TlsMode.STARTTLS,
        until=Phase.AUTH,
        interval=60.0,
        timeout=10.0,
        auth=Auth(username="probe@example.com", password=Secret("correct horse")),
        module="submission",
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def facts(**changes: object) -> TlsFacts:
    """The handshake of a server whose certificate verifies."""
    base = TlsFacts(
        version="TLSv1.3",
        cipher="TLS_AES_256_GCM_SHA384",
        verified=True,
        subject="CN=smtp.example.com",
        issuer="CN=Example CA,O=Example",
        serial="1F",
        fingerprint_sha256="ab" * 32,
        sans=("smtp.example.com",),
        not_before=START - 86_400 * 30,
        not_after=START + 86_400 * 60,
        chain_length=2,
        earliest_not_before=START - 86_400 * 300,
        earliest_not_after=START + 86_400 * 50,
        issuers=("CN=Example CA,O=Example", "CN=Example Root"),
    )
    return replace(base, **changes)  # type: ignore[arg-type]


_WALKS = {
    TlsMode.STARTTLS: "dns connect greeting ehlo starttls tls ehlo auth mail rcpt data",
    TlsMode.IMPLICIT: "dns connect tls greeting ehlo auth mail rcpt data",
    TlsMode.NONE: "dns connect greeting ehlo auth mail rcpt data",
}


def walk(probed: Endpoint) -> tuple[Phase, ...]:
    """The phases of a probe in wire order, up to the last occurrence of `until`, then QUIT."""
    phases = [Phase(word) for word in _WALKS[probed.tls].split() if probed.auth is not None or word != "auth"]
    end = len(phases) - phases[::-1].index(probed.until)
    return (*phases[:end], Phase.QUIT)


BEFORE_TLS = Capabilities(
    keywords=("STARTTLS", "PIPELINING", "AUTH"), mechanisms=("PLAIN", "LOGIN"), lines=("STARTTLS",)
)
AFTER_TLS = Capabilities(
    keywords=("PIPELINING", "SIZE", "AUTH", "8BITMIME", "SMTPUTF8"),
    mechanisms=("PLAIN", "LOGIN", "X-HOUSE-BREW"),
    size=52_428_800,
    lines=("PIPELINING", "SIZE 52428800", "AUTH PLAIN LOGIN X-HOUSE-BREW", "8BITMIME", "SMTPUTF8"),
)


def healthy(probed: Endpoint | None = None, *, number: int = 0, **changes: object) -> Observation:
    """The `number`th probe of an endpoint, all phases passed; `changes` replace fields of the result."""
    probed = probed or endpoint()
    plan = walk(probed)
    steps = tuple(Step(phase, StepStatus.PASSED, 0.002 * (at + 1)) for at, phase in enumerate(plan))
    tls = Phase.TLS in plan
    result = ProbeResult(
        endpoint=probed,
        started=START + number * probed.interval,
        seconds=sum(step.seconds or 0.0 for step in steps),
        steps=steps,
        attempts=(Attempt("192.0.2.7:587", AttemptOutcome.CONNECTED, 0.004),),
        reply=Reply(235, (b"2.7.0 Authentication successful",), "2.7.0"),
        tls=facts() if tls else None,
        before_tls=BEFORE_TLS if probed.tls is not TlsMode.IMPLICIT else None,
        after_tls=AFTER_TLS if tls else None,
        mechanism=Mechanism.PLAIN if Phase.AUTH in plan else None,
        ip_version=4,
        tcp_rtt=0.0031,
        transcript=("S: 220 smtp.example.com ESMTP", "C: EHLO [192.0.2.1]"),
    )
    return Observation(result=replace(result, **changes), diagnosis=HEALTHY)  # type: ignore[arg-type]


def failing(
    phase: Phase = Phase.CONNECT,
    error_class: ErrorClass = ErrorClass.CONNECT_REFUSED,
    fault_domain: FaultDomain = FaultDomain.SERVER,
    *,
    probed: Endpoint | None = None,
    evidence: Evidence | None = None,
    number: int = 0,
    **changes: object,
) -> Observation:
    """A probe that failed in `phase`: the phases before it passed, the later ones were not reached."""
    good = healthy(probed, number=number).result
    at = [step.phase for step in good.steps].index(phase)
    steps = (
        *good.steps[:at],
        Step(phase, StepStatus.FAILED, 0.01, evidence),
        *(Step(step.phase, StepStatus.SKIPPED, None) for step in good.steps[at + 1 :]),
    )
    reached = {step.phase for step in good.steps[:at]}
    symptom = Symptom(phase=phase, evidence=evidence or ConnectFailure("ECONNREFUSED"))
    result = replace(
        good,
        steps=steps,
        symptom=symptom,
        reply=good.reply if Phase.GREETING in reached else None,
        tls=good.tls if Phase.TLS in reached else None,
        before_tls=good.before_tls if Phase.EHLO in reached else None,
        after_tls=good.after_tls if {Phase.TLS, Phase.EHLO} <= reached else None,
        mechanism=None,
        ip_version=good.ip_version if Phase.CONNECT in reached else None,
        tcp_rtt=good.tcp_rtt if Phase.CONNECT in reached else None,
    )
    verdict = Diagnosis(
        error_class=error_class,
        fault_domain=fault_domain,
        rule="synthetic",
        confidence=Confidence.CERTAIN,
        summary=f"It failed: {error_class}.",
        remedy=("Do the first thing.", "Then the second."),
        outlook_code="0x800CCC0E",
    )
    return Observation(result=replace(result, **changes), diagnosis=verdict)  # type: ignore[arg-type]


class StillRuntime:
    """A runtime whose answers are plain attributes."""

    version = "1.2.3"
    in_flight = 3
    waiting = 5
    limit = 200
    config_reload_ok = True
    config_reload_time = START - 100.0

    def __init__(self) -> None:
        self.next_runs: dict[str, float] = {}
        self.held: dict[str, BackingOff] = {}
        self.tokens: dict[str, float] = {}

    def next_run(self, name: str) -> float | None:
        """As set."""
        return self.next_runs.get(name)

    def backing_off(self, name: str) -> BackingOff:
        """As set; nothing is held back otherwise."""
        return self.held.get(name, BackingOff(auth=False, endpoint=False))

    def token_expiry(self, name: str) -> float | None:
        """As set."""
        return self.tokens.get(name)
