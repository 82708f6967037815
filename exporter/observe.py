"""One probe with its verdict: the function that `serve`, `check` and `/probe` share."""

from __future__ import annotations

import time

from exporter.diagnosis import Rulebook, diagnose
from exporter.followup import FollowUps
from exporter.model import (
    HEALTHY,
    Endpoint,
    Observation,
    OurFault,
    Phase,
    ProbeResult,
    Step,
    StepStatus,
    Symptom,
)
from exporter.probe.prober import Prober
from exporter.probe.session import OnStep


class Observer:
    """Probes and diagnoses; holds what all probes of the process share."""

    def __init__(self, prober: Prober, rulebook: Rulebook, follow_ups: FollowUps | None = None) -> None:
        self._prober = prober
        self._rulebook = rulebook
        self._follow_ups = follow_ups

    async def observe(
        self, endpoint: Endpoint, *, on_step: OnStep | None = None, withhold_auth: bool = False
    ) -> Observation:
        """Probe `endpoint` once and say what it means, after an experiment where one helps.

        The experiment's time counts in no duration of the result.
        """
        result = await self._prober.run(endpoint, on_step=on_step, withhold_auth=withhold_auth)
        diagnosis = HEALTHY if result.symptom is None else diagnose(result.symptom, self._rulebook)
        observation = Observation(result=result, diagnosis=diagnosis)
        if self._follow_ups is None:
            return observation
        return await self._follow_ups.examine(observation)


def bug_observation(endpoint: Endpoint, error: BaseException) -> Observation:
    """Return the observation of a probe that ended in a bug of ours: never the server's fault."""
    evidence = OurFault(type(error).__name__)
    symptom = Symptom(phase=Phase.DNS, evidence=evidence, host=endpoint.host, port=endpoint.port)
    result = ProbeResult(
        endpoint=endpoint,
        started=time.time(),
        seconds=0.0,
        steps=(Step(Phase.DNS, StepStatus.FAILED, 0.0, evidence),),
        symptom=symptom,
    )
    return Observation(result=result, diagnosis=diagnose(symptom))
