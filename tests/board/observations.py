"""Observations made to order."""

from __future__ import annotations

from exporter.model import (
    HEALTHY,
    Confidence,
    Diagnosis,
    Endpoint,
    ErrorClass,
    Evidence,
    FaultDomain,
    FollowUp,
    NotOffered,
    Observation,
    OurFault,
    Phase,
    ProbeResult,
    Reply,
    Step,
    StepStatus,
    Symptom,
    TlsFacts,
    TlsMode,
)

STARTTLS_SESSION = (
    Phase.DNS,
    Phase.CONNECT,
    Phase.GREETING,
    Phase.EHLO,
    Phase.STARTTLS,
    Phase.TLS,
    Phase.EHLO,
    Phase.AUTH,
)
IMPLICIT_SESSION = (
    Phase.DNS,
    Phase.CONNECT,
    Phase.TLS,
    Phase.GREETING,
    Phase.EHLO,
    Phase.AUTH,
)


def endpoint(name: str = "a", **more: object) -> Endpoint:
    """An endpoint of that name; any field may be given."""
    fields: dict[str, object] = {
        "host": "mail.example",
        "port": 587,
        "tls": TlsMode.STARTTLS,
        "until": Phase.AUTH,
        "interval": 60.0,
        "timeout": 10.0,
    }
    return Endpoint(name=name, **{**fields, **more})  # type: ignore[arg-type]


def healthy(
    probed: Endpoint | None = None,
    *,
    started: float = 1000.0,
    seconds: float = 0.3,
    session: tuple[Phase, ...] = STARTTLS_SESSION,
    step_seconds: float = 0.02,
    fingerprint: str | None = None,
    withheld: bool = False,
    uncertain: bool = False,
) -> Observation:
    """A probe that passed every phase of `session`; with `withheld` it skips the login."""
    steps = tuple(
        Step(phase, StepStatus.SKIPPED, None)
        if withheld and phase is Phase.AUTH
        else Step(phase, StepStatus.PASSED, step_seconds)
        for phase in session
    )
    result = ProbeResult(
        endpoint=probed or endpoint(),
        started=started,
        seconds=seconds,
        steps=steps,
        tls=_tls(fingerprint),
        auth_withheld=withheld,
        data_uncertain=uncertain,
    )
    return Observation(result=result, diagnosis=HEALTHY)


def failing(
    phase: Phase | None,
    error_class: ErrorClass,
    domain: FaultDomain = FaultDomain.SERVER,
    probed: Endpoint | None = None,
    *,
    started: float = 1000.0,
    seconds: float = 0.3,
    session: tuple[Phase, ...] = STARTTLS_SESSION,
    evidence: Evidence | None = None,
    follow_ups: tuple[FollowUp, ...] = (),
    fingerprint: str | None = None,
    withheld: bool = False,
    uncertain: bool = False,
) -> Observation:
    """A probe that passed everything before the (last) `phase` of `session` and failed there."""
    failed_at = len(session) - 1 - session[::-1].index(phase) if phase in session else 0
    passed = tuple(Step(before, StepStatus.PASSED, 0.02) for before in session[:failed_at])
    seen = evidence or Reply(454, (b"no",))
    failed = (Step(phase, StepStatus.FAILED, 0.1, seen),) if phase is not None else ()
    result = ProbeResult(
        endpoint=probed or endpoint(),
        started=started,
        seconds=seconds,
        steps=passed + failed,
        symptom=Symptom(phase=phase, evidence=seen),
        tls=_tls(fingerprint),
        auth_withheld=withheld,
        data_uncertain=uncertain,
    )
    diagnosis = Diagnosis(
        error_class=error_class,
        fault_domain=domain,
        rule="made-to-order",
        confidence=Confidence.CERTAIN,
        summary="It failed.",
    )
    return Observation(result=result, diagnosis=diagnosis, follow_ups=follow_ups)


def bug(probed: Endpoint | None = None) -> Observation:
    """An exception of ours before any phase was open."""
    return failing(
        None, ErrorClass.EXPORTER_ERROR, FaultDomain.LOCAL, probed, evidence=OurFault(kind="LookupError")
    )


def not_offered(phase: Phase, capability: str, error_class: ErrorClass) -> Observation:
    """A capability that the plan needs is missing from EHLO."""
    return failing(phase, error_class, FaultDomain.SETTINGS, evidence=NotOffered(capability))


def _tls(fingerprint: str | None) -> TlsFacts | None:
    if fingerprint is None:
        return None
    return TlsFacts(version="TLSv1.3", cipher="X", verified=True, fingerprint_sha256=fingerprint)
