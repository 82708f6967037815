"""When an experiment may be made, and how long its verdict holds.

This is memory, of the same kind as the board's: which symptom began when, and what was found then.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from exporter.followup.experiments import experiments_for, judge
from exporter.followup.offline import LastHealth, could_be_offline, everybody_fails, without_interface
from exporter.followup.verdict import Finding, concluded, cut_off
from exporter.model import (
    ConnectFailure,
    Endpoint,
    ErrorClass,
    FollowUp,
    IpProtocol,
    Observation,
    Phase,
    TlsMode,
)
from exporter.probe.prober import Prober
from exporter.settings import FollowUpSettings

SPACING = 1.0
"""Seconds between two follow-ups of the whole process."""
LONGEST_WAIT = 5.0
"""Seconds that a failed probe waits for its turn; later it is recorded without one."""
CROWD = 0.3
"""The share of hosts that fail together beyond which no experiment tells anything."""
SMALLEST_CROWD = 4
"""Hosts that make a crowd; below it one dead server would be a third of the fleet."""
CONTROL_PAUSE = 10.0
"""Seconds for which the answer of the control targets is good."""
_MOST_MEMORIES = 50_000

_Place = tuple[str, int, TlsMode, IpProtocol]
_Sign = tuple[Phase | None, ErrorClass]


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
    ) -> None:
        self._prober = prober
        self.settings = settings
        self._latest = latest
        self._held: OrderedDict[_Place, _Held] = OrderedDict()
        self._asked: dict[str, float] = {}
        self._health: dict[str, LastHealth] = {}
        self._next_turn = 0.0
        self._control: tuple[float, FollowUp | None] | None = None

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
        if could_be_offline(observation):
            offline = await self._offline(observation)
            if offline is not None:
                return cut_off(observation, offline)
        return await self._experiment(observation, place)

    # ----------------------------------------------------------------- experiments

    async def _experiment(self, observation: Observation, place: _Place) -> Observation:
        endpoint = observation.result.endpoint
        sign: _Sign = (observation.failed_phase, observation.diagnosis.error_class)
        held = self._held.get(place)
        now = asyncio.get_running_loop().time()
        if held is not None and held.sign == sign and (held.proved or now < held.until):
            return concluded(observation, held.findings)
        wanted = experiments_for(observation, self.settings.ports)
        if not wanted or not self._may_ask(endpoint, now) or self._crowd_fails():
            return observation
        if not await self._turn(now):
            return observation
        self._asked[endpoint.host] = now
        findings: list[Finding] = []
        for experiment in wanted:
            result = await self._prober.run(experiment.endpoint)
            found = judge(observation, experiment, result)
            findings.append((experiment, found))
            if found.decides is not None:
                break
        self._held[place] = _Held(sign, tuple(findings), now + self.settings.pause)
        while len(self._held) > _MOST_MEMORIES:
            self._held.popitem(last=False)
        return concluded(observation, tuple(findings))

    def _may_ask(self, endpoint: Endpoint, now: float) -> bool:
        """Say whether this host has been left alone for long enough."""
        last = self._asked.get(endpoint.host)
        return last is None or now - last >= self.settings.pause

    async def _turn(self, now: float) -> bool:
        """Wait for a turn of the process; False when it is too far away."""
        at = max(now, self._next_turn)
        if at - now > LONGEST_WAIT:
            return False
        self._next_turn = at + SPACING
        if at > now:
            await asyncio.sleep(at - now)
        return True

    def _crowd_fails(self) -> bool:
        """Say whether so many hosts fail together that the cause is not at any one of them."""
        hosts: dict[str, bool] = {}
        for observation in self._latest():
            host = observation.result.endpoint.host
            hosts[host] = hosts.get(host, True) and not observation.result.success
        failing = sum(hosts.values())
        return failing >= SMALLEST_CROWD and failing >= CROWD * len(hosts)

    # ----------------------------------------------------------------- this host

    def _note_health(self, observation: Observation) -> None:
        connected = [a for a in observation.result.attempts if a.errno is None and a.outcome == "connected"]
        if connected:
            ip = connected[-1].address.rpartition(":")[0].strip("[]")
            self._health[observation.result.endpoint.name] = LastHealth(time.time(), ip)

    async def _offline(self, observation: Observation) -> FollowUp | None:
        found = without_interface()
        if found is None:
            name = observation.result.endpoint.name
            others = (o for o in self._latest() if o.result.endpoint.name != name)
            found = everybody_fails((observation, *others), self._health, time.time())
        if found is None and self.settings.control_targets:
            found = await self._control_verdict(observation)
        return found

    async def _control_verdict(self, observation: Observation) -> FollowUp | None:
        """Return the finding of the control targets, asked at most every few seconds."""
        now = asyncio.get_running_loop().time()
        if self._control is None or now - self._control[0] >= CONTROL_PAUSE:
            self._control = (now, None)  # whoever comes meanwhile does not knock as well
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
