"""What it means: why it failed, whose problem it is and what to do next."""

from __future__ import annotations

from dataclasses import dataclass, field

from exporter.model.result import ProbeResult
from exporter.model.words import Confidence, ErrorClass, FaultDomain, Phase


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
