"""When an experiment may be made, and how long its verdict holds.

This is memory, of the same kind as the board's: which symptom began when, and what was found then.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from exporter.followup.experiments import experiments_for, judge
from exporter.followup.kernel import without_interface
from exporter.followup.offline import LastHealth, could_be_offline, everybody_fails, ip_of, without_route
from exporter.followup.verdict import Finding, concluded, cut_off
from exporter.model import (
    ConnectFailure,
    Dropped,
    Endpoint,
    ErrorClass,
    FollowUp,
    IpProtocol,
    NameFailure,
    Observation,
    Phase,
    TimedOut,
    TlsMode,
)
from exporter.probe.prober import Prober
from exporter.settings import FollowUpSettings

SPACING = 1.0
"""Seconds between two follow-ups of the whole process."""
LONGEST_WAIT = 5.0
"""Seconds that a failed probe waits for its turn unless told otherwise, and half its interval at most, lest its
next probe be left out; later it is recorded without one."""
CROWD = 0.3
"""The share of hosts that fail together beyond which no experiment tells anything."""
SMALLEST_CROWD = 4
"""Hosts that make a crowd; below it one dead server would be a third of the fleet."""
CONTROL_PAUSE = 10.0
"""Seconds for which the answer of the control targets is good."""
_MOST_MEMORIES = 50_000

_Place = tuple[str, int, TlsMode, IpProtocol]
_Sign = tuple[Phase | None, ErrorClass]
_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class _Held:
    sign: _Sign
    findings: tuple[Finding, ...]
    until: float
    """When findings that proved nothing may be looked for again."""

    @property
    def proved(self) -> bool:
        return any(found.decides is not None for _, found in self.findings)


class FollowUps:
    """Examines failures; one a process.  `latest` gives the newest observation of every endpoint."""

    def __init__(
        self,
        prober: Prober,
        settings: FollowUpSettings,
        *,
        latest: Callable[[], Iterable[Observation]] = tuple,
        longest_wait: float | None = None,
    ) -> None:
        self._prober = prober
        self.settings = settings
        self._latest = latest
        self._longest_wait = longest_wait
        self._held: OrderedDict[_Place, _Held] = OrderedDict()
        self._asked: OrderedDict[str, float] = OrderedDict()
        self._health: OrderedDict[str, LastHealth] = OrderedDict()
        self._waiting: dict[str, Observation] = {}
        self._next_turn = 0.0
        self._control: tuple[float, FollowUp | None] | None = None
        self._knocking = asyncio.Lock()

    def use(self, prober: Prober, settings: FollowUpSettings) -> None:
        """Go on with other settings; what is known stays known."""
        self._prober, self.settings = prober, settings

    async def examine(self, observation: Observation) -> Observation:
        """Return `observation`, with a better diagnosis where an experiment found one."""
        endpoint = observation.result.endpoint
        place: _Place = (endpoint.host, endpoint.port, endpoint.tls, endpoint.ip_protocol)
        if observation.result.success:
            self._held.pop(place, None)
            self._note_health(observation)
            return observation
        if not self.settings.enabled:
            return observation
        self._waiting[endpoint.name] = observation
        try:
            return await self._examined(observation, place)
        finally:
            self._waiting.pop(endpoint.name, None)

    async def _examined(self, observation: Observation, place: _Place) -> Observation:
        suspicious = could_be_offline(observation)
        offline = await self._offline(observation) if suspicious else None
        if offline is None:
            found = await self._experiment(observation, place)
            if not suspicious or any(follow_up.decides is not None for follow_up in found.follow_ups):
                return found
            # An experiment takes seconds, in which all the others may have failed as well.
            offline = await self._offline(observation)
            if offline is None:
                return found
        return cut_off(observation, offline)

    def _newest(self) -> Iterable[Observation]:
        """Yield the newest observation of every endpoint that has one, be it still under examination."""
        return (self._waiting.get(o.result.endpoint.name, o) for o in self._latest())

    # ----------------------------------------------------------------- experiments

    async def _experiment(self, observation: Observation, place: _Place) -> Observation:
        endpoint = observation.result.endpoint
        sign: _Sign = (observation.failed_phase, observation.diagnosis.error_class)
        held = self._held.get(place)
        if held is not None and held.sign != sign:
            held = None
        known = observation if held is None else concluded(observation, held.findings)
        now = asyncio.get_running_loop().time()
        if held is not None and (held.proved or now < held.until):
            return known
        wanted = experiments_for(observation, self.settings.ports)
        if not wanted or not self._may_ask(endpoint, now) or self._crowd_fails():
            return known
        at = self._turn(now, self._patience(endpoint))
        if at is None:
            return known
        # From here on, and not only when the turn has come: another failure of this host must not pass.
        _remember(self._asked, endpoint.host, at)
        if at > now:
            await asyncio.sleep(at - now)
            if self._crowd_fails():  # it has gathered meanwhile
                return known
        findings: list[Finding] = []
        for experiment in wanted:
            result = await self._prober.run(experiment.endpoint)
            found = judge(observation, experiment, result)
            findings.append((experiment, found))
            if found.decides is not None:
                break
        _remember(self._held, place, _Held(sign, tuple(findings), at + self.settings.pause))
        return concluded(observation, tuple(findings))

    def _may_ask(self, endpoint: Endpoint, now: float) -> bool:
        """Say whether this host has been left alone for long enough."""
        if not self.settings.pause:
            return True
        last = self._asked.get(endpoint.host)
        return last is None or now - last >= self.settings.pause

    def _patience(self, endpoint: Endpoint) -> float:
        if self._longest_wait is not None:
            return self._longest_wait
        return min(LONGEST_WAIT, endpoint.interval / 2)

    def _turn(self, now: float, patience: float) -> float | None:
        """Take the next turn of the process and say when it comes; None when it is too far away."""
        at = max(now, self._next_turn)
        if at - now > patience:
            return None
        self._next_turn = at + SPACING
        return at

    def _crowd_fails(self) -> bool:
        """Say whether so many hosts are lost together that the cause is not at any one of them."""
        hosts: dict[str, bool] = {}
        for observation in self._newest():
            host = observation.result.endpoint.host
            hosts[host] = hosts.get(host, True) and _is_lost(observation)
        failing = sum(hosts.values())
        return failing >= SMALLEST_CROWD and failing >= CROWD * len(hosts)

    # ----------------------------------------------------------------- this host

    def _note_health(self, observation: Observation) -> None:
        connected = [a for a in observation.result.attempts if a.errno is None and a.outcome == "connected"]
        if connected:
            health = LastHealth(time.time(), ip_of(connected[-1]))
            _remember(self._health, observation.result.endpoint.name, health)

    async def _offline(self, observation: Observation) -> FollowUp | None:
        name = observation.result.endpoint.name
        others = tuple(o for o in self._newest() if o.result.endpoint.name != name)
        found = (
            without_interface()
            or without_route(observation, others)
            or everybody_fails((observation, *others), self._health, time.time())
        )
        if found is None and self.settings.control_targets:
            found = await self._control_verdict(observation)
        return found

    async def _control_verdict(self, observation: Observation) -> FollowUp | None:
        """Return the finding of the control targets, asked at most every few seconds."""
        async with self._knocking:  # whoever comes meanwhile waits for the same answer
            now = asyncio.get_running_loop().time()
            if self._control is None or now - self._control[0] >= CONTROL_PAUSE:
                self._control = (now, await self._control_targets(observation))
            return self._control[1]

    async def _control_targets(self, observation: Observation) -> FollowUp | None:
        """Knock at what answers whenever this host is online; None as soon as one does."""
        began = asyncio.get_running_loop().time()
        base = observation.result.endpoint
        for host, port in self.settings.control_targets:
            target = Endpoint(
                name=f"{host}:{port}",
                host=host,
                port=port,
                tls=TlsMode.NONE,
                until=Phase.CONNECT,
                interval=base.interval,
                timeout=min(base.timeout, 3.0),
            )
            result = await self._prober.run(target)
            evidence = result.symptom.evidence if result.symptom is not None else None
            refused = isinstance(evidence, ConnectFailure) and evidence.errno == "ECONNREFUSED"
            if result.success or refused:
                return None
        return FollowUp(
            experiment="knock at the control targets",
            target=", ".join(f"{host}:{port}" for host, port in self.settings.control_targets),
            outcome="none of them can be reached",
            seconds=asyncio.get_running_loop().time() - began,
            decides=ErrorClass.EXPORTER_OFFLINE,
        )


def _is_lost(observation: Observation) -> bool:
    """Say whether the host gave no answer; one that refuses a password is no sign of a common cause."""
    symptom = observation.result.symptom
    return symptom is not None and isinstance(
        symptom.evidence, NameFailure | ConnectFailure | TimedOut | Dropped
    )


def _remember(memory: OrderedDict[_Key, _Value], key: _Key, value: _Value) -> None:
    """Keep `value`, and drop what was kept first when there is too much."""
    memory[key] = value
    memory.move_to_end(key)
    while len(memory) > _MOST_MEMORIES:
        memory.popitem(last=False)
