"""Whatever fails in whatever order: the manners are kept, verdicts hold, and the same gives the same."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field, replace
from enum import Enum

from hypothesis import given
from hypothesis import strategies as st

from exporter.diagnosis import diagnose
from exporter.followup import FollowUps
from exporter.followup.experiments import MOST, PATIENCE
from exporter.followup.survey import CROWD, SMALLEST_CROWD
from exporter.followup.turns import SPACING
from exporter.model import (
    HEALTHY,
    Attempt,
    AttemptOutcome,
    Auth,
    ConnectFailure,
    DropKind,
    Dropped,
    Endpoint,
    ErrorClass,
    Evidence,
    IpProtocol,
    Message,
    NameFailure,
    NameFailureKind,
    Observation,
    Phase,
    ProbeResult,
    Reply,
    Secret,
    Symptom,
    TimedOut,
    TlsFailure,
    TlsMode,
)
from exporter.settings import FollowUpSettings
from tests.examples import examples
from tests.virtual_time import run_virtual

PAUSE = 60.0
PORTS = (587, 465)
ROUNDING = 1e-6
"""Of sums of seconds in floating point."""


class Seen(Enum):
    """What a probe of an endpoint may come to."""

    HEALTHY = "healthy"
    SILENT = "silent"
    REFUSED = "refused"
    UNNAMED = "unnamed"
    NO_GREETING = "no greeting"
    RESET = "reset"
    NOT_TLS = "not TLS"
    PASSWORD = "password"


Events = list[tuple[float, Seen]]

ENDPOINTS = tuple(
    Endpoint(
        name=f"{host}:{port}",
        host=host,
        port=port,
        tls=TlsMode.IMPLICIT if port == 465 else TlsMode.STARTTLS,
        until=Phase.DATA,
        interval=900.0,
        timeout=10.0,
        ip_protocol=IpProtocol.IP4 if host == "h0.example.com" else IpProtocol.ANY,
        auth=Auth(username="u", password=Secret("secret")),
        message=Message(sender="a@example.com", recipient="b@example.com"),
    )
    for host in ("h0.example.com", "h1.example.com", "h2.example.com", "h3.example.com", "h4.example.com")
    for port in (587, 465, 2525)
)


def observation(endpoint: Endpoint, seen: Seen) -> Observation:
    """A raw observation of that kind."""
    number = ENDPOINTS.index(endpoint) // 3
    address = f"192.0.{number}.1:{endpoint.port}"
    silent = Attempt(address, AttemptOutcome.TIMEOUT, 10.0)
    refused = Attempt(address, AttemptOutcome.REFUSED, 0.1, "ECONNREFUSED")
    connected = Attempt(address, AttemptOutcome.CONNECTED, 0.1)
    cases: dict[Seen, tuple[Phase, Evidence | None, tuple[Attempt, ...]]] = {
        Seen.HEALTHY: (Phase.QUIT, None, (connected,)),
        Seen.SILENT: (Phase.CONNECT, TimedOut(10.0), (silent,)),
        Seen.REFUSED: (Phase.CONNECT, ConnectFailure("ECONNREFUSED", (refused,)), (refused,)),
        Seen.UNNAMED: (Phase.DNS, NameFailure(NameFailureKind.NOT_FOUND), ()),
        Seen.NO_GREETING: (Phase.GREETING, TimedOut(10.0), (connected,)),
        Seen.RESET: (Phase.GREETING, Dropped(DropKind.RESET), (connected,)),
        Seen.NOT_TLS: (Phase.TLS, TlsFailure(reason="WRONG_VERSION_NUMBER"), (connected,)),
        Seen.PASSWORD: (Phase.AUTH, Reply(535, (b"5.7.8 no",), "5.7.8"), (connected,)),
    }
    phase, evidence, attempts = cases[seen]
    symptom = None
    if evidence is not None:
        symptom = Symptom(
            phase=phase,
            evidence=evidence,
            host=endpoint.host,
            port=endpoint.port,
            tls_mode=endpoint.tls,
            attempts=attempts,
        )
    result = ProbeResult(
        endpoint=endpoint,
        started=0.0,
        seconds=1.0,
        steps=(),
        symptom=symptom,
        attempts=attempts,
        ip_version=4 if connected in attempts else None,
    )
    return Observation(result=result, diagnosis=HEALTHY if symptom is None else diagnose(symptom))


@dataclass
class World:
    """Stands where the prober stands, and answers the same question always in the same way."""

    answering: frozenset[tuple[str, int]]
    seconds: float
    board: dict[str, Observation] = field(default_factory=dict)
    made: list[tuple[float, asyncio.Task[object] | None, Endpoint]] = field(default_factory=list)

    async def run(self, target: Endpoint) -> ProbeResult:
        """One connection of an experiment."""
        began = asyncio.get_running_loop().time()
        task = asyncio.current_task()
        assert not self.crowd()
        self.made.append((began, task, target))
        await asyncio.sleep(min(self.seconds, target.timeout))
        original = next(e for e in ENDPOINTS if e.host == target.host)
        healthy = (target.host, target.port) in self.answering
        found = observation(original, Seen.HEALTHY if healthy else Seen.SILENT)
        return replace(found.result, endpoint=target, reply=Reply(220, (b"hello",)) if healthy else None)

    def crowd(self) -> bool:
        """Say whether too many hosts give no answer now."""
        lost: dict[str, bool] = {}
        for seen in self.board.values():
            symptom = seen.result.symptom
            silent = symptom is not None and not isinstance(symptom.evidence, Reply | TlsFailure)
            host = seen.result.endpoint.host
            lost[host] = lost.get(host, True) and silent
        return sum(lost.values()) >= max(SMALLEST_CROWD, CROWD * len(lost))


def lived(
    events: dict[int, Events], answering: frozenset[tuple[str, int]], seconds: float
) -> tuple[World, dict[str, list[Observation]]]:
    """Let every endpoint go through its events, each after its delay; all of them side by side."""
    world = World(answering, seconds)
    told: dict[str, list[Observation]] = {ENDPOINTS[number].name: [] for number in events}

    async def scenario() -> None:
        examined = FollowUps(
            world,  # type: ignore[arg-type]
            FollowUpSettings(pause=PAUSE, ports=PORTS),
            latest=world.board.values,
        )

        async def endpoint(number: int) -> None:
            target = ENDPOINTS[number]
            for delay, seen in events[number]:
                await asyncio.sleep(delay)
                # A task of its own: that is how the connections of one follow-up are known.
                world.board[target.name] = observation(target, seen)
                probed = asyncio.create_task(examined.examine(world.board[target.name]))
                world.board[target.name] = await probed
                told[target.name].append(world.board[target.name])

        await asyncio.gather(*(endpoint(number) for number in events))

    run_virtual(scenario())
    return world, told


EVENTS = st.dictionaries(
    st.integers(0, len(ENDPOINTS) - 1),
    st.lists(
        st.tuples(st.sampled_from((0.0, 0.5, 1.0, 10.0, 61.0, 300.0)), st.sampled_from(Seen)),
        min_size=1,
        max_size=6,
    ),
    min_size=1,
)
ANSWERING = st.frozensets(
    st.tuples(st.sampled_from(sorted({e.host for e in ENDPOINTS})), st.sampled_from(PORTS)), max_size=6
)


@examples(150)
@given(events=EVENTS, answering=ANSWERING, seconds=st.sampled_from((0.0, 0.1, 3.0, 60.0)))
def test_the_manners_are_kept(
    events: dict[int, Events], answering: frozenset[tuple[str, int]], seconds: float
) -> None:
    """Few connections, one follow-up a host and pause, one a second for all, and never a credential."""
    world, told = lived(events, answering, seconds)
    follow_ups: dict[asyncio.Task[object] | None, list[tuple[float, Endpoint]]] = {}
    for at, task, target in world.made:
        follow_ups.setdefault(task, []).append((at, target))
    for connections in follow_ups.values():
        assert len(connections) <= MOST
        assert len({target.host for _, target in connections}) == 1
    starts = sorted((connections[0][0], connections[0][1].host) for connections in follow_ups.values())
    for (earlier, _), (later, _) in itertools.pairwise(starts):
        assert later - earlier >= SPACING - ROUNDING
    for host in {host for _, host in starts}:
        own = [at for at, where in starts if where == host]
        assert all(later - earlier >= PAUSE - ROUNDING for earlier, later in itertools.pairwise(own))
    for _, _, target in world.made:
        assert target.auth is None
        assert target.message is None
        assert target.until is Phase.GREETING
        assert target.timeout <= PATIENCE
        assert target.port in {*PORTS, *(e.port for e in ENDPOINTS)}
    assert sum(len(seen) for seen in told.values()) == sum(len(sequence) for sequence in events.values())


@examples(150)
@given(events=EVENTS, answering=ANSWERING, seconds=st.sampled_from((0.0, 3.0)))
def test_a_proved_verdict_holds(
    events: dict[int, Events], answering: frozenset[tuple[str, int]], seconds: float
) -> None:
    """While the raw symptom stays the same the class stays the same, and it costs no further connection."""
    _, told = lived(events, answering, seconds)
    for number, sequence in events.items():
        seen = told[ENDPOINTS[number].name]
        for index in range(1, len(seen)):
            before, after = seen[index - 1], seen[index]
            decided = {follow_up.decides for follow_up in before.follow_ups}
            proved = bool(decided - {None, ErrorClass.EXPORTER_OFFLINE})
            if proved and sequence[index][1] is sequence[index - 1][1]:
                assert after.diagnosis == before.diagnosis
                assert after.follow_ups == before.follow_ups


@examples(150)
@given(events=EVENTS, answering=ANSWERING, seconds=st.sampled_from((0.0, 3.0)))
def test_whatever_happens_in_between(
    events: dict[int, Events], answering: frozenset[tuple[str, int]], seconds: float
) -> None:
    """A symptom that was explained and comes back is explained in the same way, in a world that stays the same.

    Only a refused port may have another owner once it has been seen to work.
    """
    _, told = lived(events, answering, seconds)
    for number, sequence in events.items():
        classes: dict[Seen, set[ErrorClass]] = {}
        for (_, seen), found in zip(sequence, told[ENDPOINTS[number].name], strict=True):
            proved = {follow_up.decides for follow_up in found.follow_ups} - {None}
            known = classes.setdefault(seen, set())
            if found.diagnosis.error_class is not ErrorClass.EXPORTER_OFFLINE and (proved or known):
                known.add(found.diagnosis.error_class)
        for seen, known in classes.items():
            assert len(known) <= 1 or seen is Seen.REFUSED


@examples(50)
@given(events=EVENTS, answering=ANSWERING, seconds=st.sampled_from((0.1, 3.0)))
def test_the_same_gives_the_same(
    events: dict[int, Events], answering: frozenset[tuple[str, int]], seconds: float
) -> None:
    """Nothing but what happened decides what is concluded, and the raw result is passed on untouched."""
    first, told = lived(events, answering, seconds)
    second, again = lived(events, answering, seconds)
    assert told == again
    assert [(at, target) for at, _, target in first.made] == [(at, target) for at, _, target in second.made]
    for number, sequence in events.items():
        for (_, seen), examined in zip(sequence, told[ENDPOINTS[number].name], strict=True):
            assert examined.result == observation(ENDPOINTS[number], seen).result
