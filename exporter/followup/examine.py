"""When an experiment may be made, and what a failure means after it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator

from exporter.followup.control import ControlTargets
from exporter.followup.experiments import Experiment, experiments_for, judge
from exporter.followup.hosts import host_of
from exporter.followup.kernel import without_interface
from exporter.followup.memory import Held, Memory, question_of
from exporter.followup.offline import could_be_offline, everybody_fails, without_route
from exporter.followup.turns import Turns
from exporter.followup.verdict import concluded, cut_off
from exporter.model import (
    ConnectFailure,
    Dropped,
    Endpoint,
    FollowUp,
    NameFailure,
    Observation,
    ProbeResult,
    TimedOut,
)
from exporter.probe.prober import Prober
from exporter.settings import FollowUpSettings

LONGEST_WAIT = 5.0
"""Seconds that a failed probe waits for its turn unless told otherwise, and half its interval at most, lest its
next probe be left out; later it is recorded without one."""
CROWD = 0.3
"""The share of hosts that fail together beyond which no experiment tells anything."""
SMALLEST_CROWD = 4
"""Hosts that make a crowd; below it one dead server would be a third of the fleet."""


class FollowUps:
    """Examines failures; one a process.

    `latest` gives the newest observation of every endpoint; without it each failure is seen alone.
    """

    def __init__(
        self,
        prober: Prober,
        settings: FollowUpSettings,
        *,
        latest: Callable[[], Iterable[Observation]] | None = None,
        longest_wait: float | None = None,
    ) -> None:
        self._prober = prober
        self.settings = settings
        self._latest = latest
        self._longest_wait = longest_wait
        self._memory = Memory()
        self._turns = Turns(self._memory.rounds)
        self._control = ControlTargets()
        self._waiting: dict[str, Observation] = {}

    def use(self, prober: Prober, settings: FollowUpSettings) -> None:
        """Go on with other settings; what is known stays known."""
        self._prober, self.settings = prober, settings

    async def examine(self, observation: Observation) -> Observation:
        """Return `observation`, with a better diagnosis where an experiment found one."""
        endpoint = observation.result.endpoint
        self._memory.note(observation, asyncio.get_running_loop().time())
        if observation.result.success or not self.settings.enabled:
            self._turns.leave(endpoint)
            return observation
        self._waiting[endpoint.name] = observation
        try:
            return await self._examined(observation)
        finally:
            self._waiting.pop(endpoint.name, None)

    async def _examined(self, observation: Observation) -> Observation:
        suspicious = could_be_offline(observation)
        offline = await self._offline(observation) if suspicious else None
        if offline is None:
            found = await self._explained(observation)
            if not suspicious or any(follow_up.decides is not None for follow_up in found.follow_ups):
                return found
            # An experiment takes seconds, in which all the others may have failed as well.
            offline = await self._offline(observation)
            if offline is None:
                return found
        return cut_off(observation, offline)

    def _newest(self) -> Iterator[Observation]:
        """Yield the newest observation of every endpoint that has one, be it still under examination."""
        if self._latest is None:
            return
        waiting = dict(self._waiting)
        for observation in self._latest():
            yield waiting.pop(observation.result.endpoint.name, observation)
        yield from waiting.values()

    # ----------------------------------------------------------------- experiments

    async def _explained(self, observation: Observation) -> Observation:
        """Return the observation with what is known about its cause, after an experiment if need be."""
        endpoint, pause = observation.result.endpoint, self.settings.pause
        now = asyncio.get_running_loop().time()
        held = self._memory.held(observation, now, pause)
        wanted = experiments_for(observation, self.settings.ports)
        if not wanted or not self._memory.is_due(held, observation, now, pause):
            self._turns.leave(endpoint)
            return _as_known(observation, held)
        held = self._found_for_others(observation, wanted, held, now) or held
        if not self._memory.is_due(held, observation, now, pause):
            self._turns.leave(endpoint)
            return _as_known(observation, held)
        if self._crowd_fails():
            return _as_known(observation, held)
        turn = self._turns.take(
            endpoint, question_of(observation), now, pause=pause, patience=self._patience(endpoint)
        )
        if turn is None:
            return _as_known(observation, held)
        made = False
        try:
            if turn.at > now:
                await asyncio.sleep(turn.at - now)
                # A crowd may have gathered meanwhile, and a reload forbidden a port.
                wanted = experiments_for(observation, self.settings.ports) if self.settings.enabled else ()
                if not wanted or self._crowd_fails():
                    return _as_known(observation, held)
            made = True
            held = self._memory.concluded(observation, await self._made(observation, wanted), turn.at, held)
            return concluded(observation, held.findings(observation, fresh=True))
        finally:
            if not made:
                self._turns.give_back(turn)

    async def _made(
        self, observation: Observation, wanted: tuple[Experiment, ...]
    ) -> tuple[tuple[Experiment, ProbeResult], ...]:
        """Make the experiments one after the other until one of them decides."""
        answers = []
        for experiment in wanted:
            result = await self._prober.run(experiment.endpoint)
            now = asyncio.get_running_loop().time()
            self._memory.keep(experiment, result, now, self.settings.pause)
            answers.append((experiment, result))
            if judge(observation, experiment, result).decides is not None:
                break
        return tuple(answers)

    def _found_for_others(
        self, observation: Observation, wanted: tuple[Experiment, ...], held: Held | None, now: float
    ) -> Held | None:
        """Return what another failure of this host has shown already within the pause, if it is enough."""
        pause = self.settings.pause
        found = [(e, self._memory.answer(e, now, pause)) for e in wanted]
        answers = tuple((e, answer[0]) for e, answer in found if answer is not None)
        decided = any(judge(observation, e, result).decides is not None for e, result in answers)
        if not decided and len(answers) < len(wanted):
            return None
        at = min(answer[1] for _, answer in found if answer is not None)
        return self._memory.concluded(observation, answers, at, held, turns=0)

    def _patience(self, endpoint: Endpoint) -> float:
        if self._longest_wait is not None:
            return self._longest_wait
        return min(LONGEST_WAIT, endpoint.interval / 2)

    def _crowd_fails(self) -> bool:
        """Say whether so many hosts are lost together that the cause is not at any one of them."""
        hosts: dict[str, bool] = {}
        for observation in self._newest():
            host = host_of(observation.result.endpoint)
            hosts[host] = hosts.get(host, True) and _is_lost(observation)
        failing = sum(hosts.values())
        return failing >= SMALLEST_CROWD and failing >= CROWD * len(hosts)

    # ----------------------------------------------------------------- this host

    async def _offline(self, observation: Observation) -> FollowUp | None:
        name = observation.result.endpoint.name
        others = tuple(o for o in self._newest() if o.result.endpoint.name != name)
        found = (
            without_interface()
            or without_route(observation, others)
            or everybody_fails(
                map(self._memory.known, (observation, *others)), asyncio.get_running_loop().time()
            )
        )
        if found is None and self.settings.control_targets:
            found = await self._control.verdict(self._prober, self.settings.control_targets, observation)
        return found


def _as_known(observation: Observation, held: Held | None) -> Observation:
    return observation if held is None else concluded(observation, held.findings(observation))


def _is_lost(observation: Observation) -> bool:
    """Say whether the host gave no answer; one that refuses a password is no sign of a common cause."""
    symptom = observation.result.symptom
    return symptom is not None and isinstance(
        symptom.evidence, NameFailure | ConnectFailure | TimedOut | Dropped
    )
