"""When an experiment may be made, and what a failure means after it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from exporter.followup.control import ControlTargets
from exporter.followup.experiments import Experiment, experiments_for, judge
from exporter.followup.hosts import host_of
from exporter.followup.lookout import Lookout
from exporter.followup.memory import Answers, Held, Memory, question_of
from exporter.followup.offline import could_be_offline, without_route
from exporter.followup.turns import Turns
from exporter.followup.verdict import concluded, cut_off
from exporter.model import Endpoint, FollowUp, Observation
from exporter.probe.prober import Prober
from exporter.settings import FollowUpSettings

LONGEST_WAIT = 5.0
"""Seconds that a failed probe waits for its turn unless told otherwise, and half its interval at most, lest its
next probe be left out; later it is recorded without one."""


class FollowUps:
    """Examines failures; one a process.

    `latest` gives the newest observation of every endpoint, from what does not change while it is walked; without it
    each failure is seen alone.
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
        self._asking: dict[str, asyncio.Event] = {}
        self._lookout = Lookout(self._newest, self._memory)

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
        wanted = experiments_for(observation, self.settings.ports)
        held, is_due = self._known(observation, wanted)
        if is_due:
            crowd = (await self._lookout.look()).crowd
            # Others of the host may have been asked meanwhile.
            held, is_due = self._known(observation, wanted)
            if is_due and crowd:
                return _as_known(observation, held)
        if not is_due:
            self._turns.leave(endpoint)
            return _as_known(observation, held)
        now = asyncio.get_running_loop().time()
        turn = self._turns.take(
            endpoint, question_of(observation), now, pause=pause, patience=self._patience(endpoint)
        )
        if turn is None:
            if pause and await self._end_of_other(endpoint):
                held, _ = self._known(observation, wanted)
            return _as_known(observation, held)
        ended = self._asking[turn.host] = asyncio.Event()
        made = False
        try:
            if turn.at > now:
                await asyncio.sleep(turn.at - now)
                wanted = await self._permitted(observation)
                if not wanted:
                    return _as_known(observation, held)
            made = True
            answers = await self._made(observation, wanted)
            if held is not None and len(answers) < len(wanted) and not _decided(observation, answers):
                return _as_known(observation, held)  # cut short: half an answer takes nothing back
            held = self._memory.concluded(observation, answers, turn.at, held)
            return concluded(observation, held.findings(observation, fresh=True))
        finally:
            if not made:
                self._turns.give_back(turn)
            ended.set()
            if self._asking.get(turn.host) is ended:
                del self._asking[turn.host]

    def _known(self, observation: Observation, wanted: tuple[Experiment, ...]) -> tuple[Held | None, bool]:
        """Return what holds for this failure, and whether its question is to be asked now."""
        now, pause = asyncio.get_running_loop().time(), self.settings.pause
        held = self._memory.held(observation, now, pause)
        if not wanted or not self._memory.is_due(held, observation, now, pause):
            return held, False
        held = self._found_for_others(observation, wanted, held, now) or held
        return held, self._memory.is_due(held, observation, now, pause)

    async def _end_of_other(self, endpoint: Endpoint) -> bool:
        """Wait for the follow-up of the same host that is under way; False when there is none, or it takes long.

        What it shows may explain this failure as well, which would otherwise have two classes in two rounds.
        """
        ended = self._asking.get(host_of(endpoint))
        if ended is None:
            return False
        try:
            async with asyncio.timeout(self._patience(endpoint)):
                return await ended.wait()
        except TimeoutError:
            return False

    async def _made(self, observation: Observation, wanted: tuple[Experiment, ...]) -> Answers:
        """Make the experiments one after the other until one of them decides."""
        answers: Answers = ()
        for experiment in wanted:
            if answers and experiment not in await self._permitted(observation):
                break
            result = await self._prober.run(experiment.endpoint)
            now = asyncio.get_running_loop().time()
            self._memory.keep(experiment, result, now, self.settings.pause)
            # It may be held for days: without what nobody asks of it any more.
            answers = (*answers, (experiment, replace(result, steps=(), transcript=())))
            if _decided(observation, answers):
                break
        return answers

    async def _permitted(self, observation: Observation) -> tuple[Experiment, ...]:
        """Return what may be tried now: a crowd may have gathered while we waited, or a reload forbidden a port."""
        if not self.settings.enabled or (await self._lookout.look()).crowd:
            return ()
        return experiments_for(observation, self.settings.ports)

    def _found_for_others(
        self, observation: Observation, wanted: tuple[Experiment, ...], held: Held | None, now: float
    ) -> Held | None:
        """Return what another failure of this host has shown already within the pause, if it is enough."""
        pause = self.settings.pause
        found = [(e, self._memory.answer(e, now, pause)) for e in wanted]
        answers = tuple((e, answer) for e, answer in found if answer is not None)
        if len(answers) < len(wanted) and not _decided(observation, answers):
            return None
        return self._memory.concluded(observation, answers, now, held, turns=0)

    def _patience(self, endpoint: Endpoint) -> float:
        if self._longest_wait is not None:
            return self._longest_wait
        return min(LONGEST_WAIT, endpoint.interval / 2)

    # ----------------------------------------------------------------- this host

    async def _offline(self, observation: Observation) -> FollowUp | None:
        seen = await self._lookout.look()
        found = self._lookout.without_interface() or without_route(observation, reached=seen.reached)
        if found is None and self.settings.control_targets and seen.cut_off is None:
            return await self._control.verdict(self._prober, self.settings.control_targets, observation)
        return found or self._memory.cut_off(observation, seen.cut_off)


def _as_known(observation: Observation, held: Held | None) -> Observation:
    return observation if held is None else concluded(observation, held.findings(observation))


def _decided(observation: Observation, answers: Answers) -> bool:
    return any(judge(observation, e, result).decides is not None for e, result in answers)
