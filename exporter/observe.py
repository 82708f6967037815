"""One probe with its verdict: the function that `serve`, `check` and `/probe` share."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

from exporter.backoff import Logins
from exporter.diagnosis import Rulebook, diagnose
from exporter.followup import FollowUps
from exporter.model import (
    HEALTHY,
    Endpoint,
    ErrorClass,
    Observation,
    OurFault,
    Phase,
    ProbeResult,
    Secret,
    Step,
    StepStatus,
    Symptom,
)
from exporter.probe.prober import Prober
from exporter.probe.record import OnStep
from exporter.probe.seat import Seat
from exporter.settings import BackoffSettings


class Observer:
    """Probes and diagnoses; holds what all probes of the process share."""

    def __init__(
        self,
        prober: Prober,
        rulebook: Rulebook,
        follow_ups: FollowUps | None = None,
        logins: Logins | None = None,
    ) -> None:
        self._prober = prober
        self._rulebook = rulebook
        self._follow_ups = follow_ups
        self._logins = logins if logins is not None else Logins(BackoffSettings())

    async def observe(
        self,
        endpoint: Endpoint,
        *,
        on_step: OnStep | None = None,
        on_message: Callable[[], None] | None = None,
        withhold_auth: bool = False,
        addresses: Callable[[], Collection[str]] | None = None,
        seat: Seat | None = None,
    ) -> Observation:
        """Probe `endpoint` once and say what it means, after an experiment where one helps.

        `on_message` is called right before a message is sent.  The experiment's time counts in no duration
        of the result.  While logins are held back after a refusal, that refusal is the verdict of a probe
        that found nothing else wrong.  `addresses` says where a name led that a stranger chose.  `seat` is
        left during the look-up, and by itself while nobody answers.
        """
        token = self._file_token(endpoint)
        with self._logins.login(endpoint, self._readings, token, addresses) as login:
            result = await self._prober.run(
                endpoint,
                on_step=on_step,
                on_message=on_message,
                withhold_auth=withhold_auth,
                gate=login,
                seat=seat,
            )
            login.conclude(result)
        observation = self._diagnosed(result)
        if self._follow_ups is not None:
            observation = await self._follow_ups.examine(observation)
        standing = login.standing(result)
        return observation if standing is result else self._diagnosed(standing)

    def backing_off(self, endpoint: Endpoint) -> bool:
        """Say whether logins are held back now because one was refused.  From memory."""
        oauth2 = endpoint.auth.oauth2 if endpoint.auth is not None else None
        token = self._prober.tokens.last_read(oauth2) if oauth2 is not None else None
        return self._logins.backing_off(endpoint, token)

    def ask_again(self, endpoint: Endpoint) -> None:
        """Let the next probe log in though `auth.every` has not passed; a refusal still counts."""
        self._logins.ask_again(endpoint, self._file_token(endpoint))

    def token_expiry(self, endpoint: Endpoint) -> float | None:
        """Return when the access token in use ends, Unix seconds; None where none is in use."""
        oauth2 = endpoint.auth.oauth2 if endpoint.auth is not None else None
        return self._prober.tokens.expiry(oauth2) if oauth2 is not None else None

    def _diagnosed(self, result: ProbeResult) -> Observation:
        diagnosis = HEALTHY if result.symptom is None else diagnose(result.symptom, self._rulebook)
        return Observation(result=result, diagnosis=diagnosis)

    def _readings(self, symptom: Symptom) -> frozenset[ErrorClass]:
        """Return what the shipped rules say and what ours say: an operator's wording unlocks no account."""
        return frozenset((diagnose(symptom).error_class, diagnose(symptom, self._rulebook).error_class))

    def _file_token(self, endpoint: Endpoint) -> Secret | None:
        oauth2 = endpoint.auth.oauth2 if endpoint.auth is not None else None
        return self._prober.tokens.read(oauth2) if oauth2 is not None else None


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
