"""What is remembered of failures: when each began, what experiments showed, and when all was well.

All times are on the clock of the event loop, which no change of the date moves.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

from exporter.followup.experiments import Experiment, judge
from exporter.followup.hosts import host_of
from exporter.followup.offline import Known, LastHealth, ip_of, is_reached
from exporter.followup.verdict import Finding
from exporter.model import (
    AttemptOutcome,
    Endpoint,
    ErrorClass,
    FollowUp,
    IpProtocol,
    Observation,
    Phase,
    ProbeResult,
    TlsMode,
)

RECHECK = 3600.0
"""Seconds after which a verdict that holds is looked at again; a server may have died meanwhile."""
WORKED_WITHIN = 86_400.0
"""Seconds for which a success speaks for the settings that it was made with."""
MOST_MEMORIES = 50_000

Answers = tuple[tuple[Experiment, ProbeResult], ...]
"""Experiments, each with what came of it."""

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class Place(NamedTuple):
    """Where a connection goes, and how: what its success or failure depends on."""

    host: str
    port: int
    tls: TlsMode
    ip_protocol: IpProtocol
    source_address: str | None


class Question(NamedTuple):
    """A failure to be explained: the same place with the same raw symptom has the same explanation."""

    place: Place
    phase: Phase | None
    error_class: ErrorClass


def place_of(endpoint: Endpoint) -> Place:
    """Return the place of an endpoint."""
    return Place(
        host_of(endpoint), endpoint.port, endpoint.tls, endpoint.ip_protocol, endpoint.source_address
    )


def question_of(observation: Observation) -> Question:
    """Return the question that a raw failure asks."""
    place = place_of(observation.result.endpoint)
    return Question(place, observation.failed_phase, observation.diagnosis.error_class)


@dataclass(frozen=True, slots=True)
class Held:
    """What experiments showed about one question."""

    answers: Answers
    at: float
    proved: bool
    worked: bool
    """The place had been healthy within a day when the failure began."""
    rounds: int
    """How often this question has had its turn."""
    misses: int
    """How many turns in a row proved nothing."""

    def findings(self, observation: Observation, *, fresh: bool = False) -> tuple[Finding, ...]:
        """Return what the answers show about `observation`; `fresh` when they were made for it."""
        judged = ((e, judge(observation, e, result, worked=self.worked)) for e, result in self.answers)
        return tuple((e, found if fresh else replace(found, held=True)) for e, found in judged)


class Memory:
    """One a process."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, float] = OrderedDict()
        self._began: OrderedDict[str, tuple[Question, float]] = OrderedDict()
        self._health: OrderedDict[Place, LastHealth] = OrderedDict()
        self._held: OrderedDict[Question, Held] = OrderedDict()
        self._results: OrderedDict[Place, tuple[ProbeResult, float]] = OrderedDict()
        self._cut_off: OrderedDict[str, tuple[Question, FollowUp]] = OrderedDict()
        self.reached = 0
        """Observations of somebody outside this host who answered."""

    def note(self, observation: Observation, now: float) -> None:
        """Take note of an observation that has just been made."""
        endpoint = observation.result.endpoint
        remember(self._seen, endpoint.name, now)
        if is_reached(observation):
            self.reached += 1
            self._cut_off.clear()
        if not observation.result.success:
            question = question_of(observation)
            if self._began.get(endpoint.name, (None,))[0] != question:
                remember(self._began, endpoint.name, (question, now))
            return
        self._began.pop(endpoint.name, None)
        attempts = observation.result.attempts
        connected = [ip_of(a) for a in attempts if a.outcome is AttemptOutcome.CONNECTED]
        if connected:
            health = LastHealth(now, connected[-1], frozenset(map(ip_of, attempts)))
            remember(self._health, place_of(endpoint), health)

    def known(self, observation: Observation) -> Known:
        """Return the observation with its moment and with the last health of its place."""
        endpoint = observation.result.endpoint
        at = self._seen.get(endpoint.name, float("-inf"))
        return Known(observation, at, self._health.get(place_of(endpoint)))

    def cut_off(self, observation: Observation, found: FollowUp | None) -> FollowUp | None:
        """Return what proves that this host is cut off: found now, or for this very failure before.

        The fleet's health grows older than an hour while an outage lasts, which takes no proof back; that
        somebody is reached does.
        """
        name = observation.result.endpoint.name
        if found is not None:
            remember(self._cut_off, name, (question_of(observation), found))
            return found
        question, before = self._cut_off.get(name, (None, None))
        if before is None or question != question_of(observation):
            return None
        return replace(before, held=True)

    # ----------------------------------------------------------------- questions

    def held(self, observation: Observation, now: float, pause: float) -> Held | None:
        """Return what holds for this failure: found in this very outage, or not long ago."""
        held = self._held.get(question_of(observation))
        if held is None:
            return None
        if not self._is_same_outage(held, observation) and now - held.at > max(RECHECK, pause):
            return None
        worked = held.worked or self._worked(observation)
        return held if worked is held.worked else replace(held, worked=worked)

    def is_due(self, held: Held | None, observation: Observation, now: float, pause: float) -> bool:
        """Say whether the question may be asked, or asked again.

        What proved nothing is tried again less and less often, what proved a class once an hour, and after
        every pause in an outage that is another than the one in which it was found.
        """
        if held is None:
            return True
        if not held.proved:
            wait = min(pause * 2.0 ** (held.misses - 1), max(RECHECK, pause))
        else:
            wait = max(RECHECK, pause) if self._is_same_outage(held, observation) else pause
        return now - held.at >= wait

    def concluded(
        self,
        observation: Observation,
        answers: Answers,
        at: float,
        before: Held | None,
        *,
        turns: int = 1,
    ) -> Held:
        """Return, and keep, what these answers show; `turns` is 0 when they were found for another question."""
        worked = self._worked(observation) or (before is not None and before.worked)
        proved = any(judge(observation, e, r, worked=worked).decides is not None for e, r in answers)
        held = Held(
            answers=answers,
            at=at,
            proved=proved,
            worked=worked,
            rounds=(before.rounds if before is not None else 0) + turns,
            misses=0 if proved else (before.misses if before is not None else 0) + 1,
        )
        remember(self._held, question_of(observation), held)
        return held

    def rounds(self, question: Question) -> int:
        """Return how often a question has had its turn."""
        held = self._held.get(question)
        return held.rounds if held is not None else 0

    def _is_same_outage(self, held: Held, observation: Observation) -> bool:
        began = self._began.get(observation.result.endpoint.name)
        return began is not None and began[1] <= held.at

    def _worked(self, observation: Observation) -> bool:
        endpoint = observation.result.endpoint
        health, began = self._health.get(place_of(endpoint)), self._began.get(endpoint.name)
        return health is not None and began is not None and began[1] - health.at <= WORKED_WITHIN

    # ----------------------------------------------------------------- answers

    def keep(self, experiment: Experiment, result: ProbeResult, now: float, pause: float) -> None:
        """Keep an answer for other failures of the host while it may not be asked again."""
        while self._results and now - next(iter(self._results.values()))[1] >= pause:
            self._results.popitem(last=False)
        remember(self._results, place_of(experiment.endpoint), (result, now))

    def answer(self, experiment: Experiment, now: float, pause: float) -> ProbeResult | None:
        """Return the answer to this experiment, if it was given within the pause."""
        found = self._results.get(place_of(experiment.endpoint))
        return found[0] if found is not None and now - found[1] < pause else None


def remember(memory: OrderedDict[_Key, _Value], key: _Key, value: _Value) -> None:
    """Keep `value`, and drop what was kept first when there is too much."""
    memory[key] = value
    memory.move_to_end(key)
    while len(memory) > MOST_MEMORIES:
        memory.popitem(last=False)
