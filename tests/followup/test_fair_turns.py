"""Nobody waits for ever behind another endpoint of the same host."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from exporter.followup import FollowUps
from exporter.model import Endpoint, ErrorClass, Observation, ProbeResult, TlsFacts, TlsMode
from tests.followup.scenes import Network, endpoint, follow_ups, greetingless, healthy, silent
from tests.virtual_time import run_virtual

PAUSE, HOUR = 300.0, 3600.0


class ImplicitOn2465(Network):
    """A host on which 2465 waits for TLS at once, and everything else is silent."""

    async def run(self, target: Endpoint) -> ProbeResult:
        """Stand where the prober stands."""
        await super().run(target)
        if target.port == 2465 and target.tls is TlsMode.IMPLICIT:
            return replace(healthy(target).result, tls=TlsFacts(version="TLSv1.3", cipher="x", verified=True))
        return silent(target).result


@dataclass(frozen=True, slots=True)
class Failing:
    """An endpoint that fails in one way for hours."""

    endpoint: Endpoint
    probe: Callable[[Endpoint], Observation]
    offset: float = 0.0

    async def live(self, examined: FollowUps, until: float) -> list[ErrorClass]:
        """Probe on the interval; return the classes."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self.offset)
        seen = []
        while loop.time() < until:
            began = loop.time()
            seen.append((await examined.examine(self.probe(self.endpoint))).diagnosis.error_class)
            await asyncio.sleep(self.endpoint.interval - (loop.time() - began))
        return seen


def lived(network: Network, *failing: Failing, hours: float) -> list[list[ErrorClass]]:
    """Let all fail side by side."""

    async def scenario() -> list[list[ErrorClass]]:
        examined = follow_ups(network)
        return await asyncio.gather(*(one.live(examined, hours * HOUR) for one in failing))

    return run_virtual(scenario())


def often(name: str, port: int, interval: float) -> Endpoint:
    """An endpoint with that interval."""
    return replace(endpoint(name, port=port), interval=interval)


def test_who_was_never_heard_goes_before_who_was() -> None:
    """An endpoint whose experiments prove nothing, and that comes oftener, does not keep the other waiting."""
    _, seen = lived(
        ImplicitOn2465({}),
        Failing(often("a", 587, 30.0), silent),
        Failing(often("b", 2465, 60.0), greetingless, offset=7.0),
        hours=1,
    )
    told = seen.index(ErrorClass.ENCRYPTION_MISMATCH)
    assert told * 60.0 <= 2 * PAUSE
    assert set(seen[told:]) == {ErrorClass.ENCRYPTION_MISMATCH}


def test_a_rare_endpoint_gets_its_turn_behind_many() -> None:
    """Once an hour is often enough to be heard, whoever else fails on that host in the meantime."""
    crowd = [Failing(often(f"p{n}", 10_000 + n, 30.0), silent, offset=n) for n in range(5)]
    *_, seen = lived(
        ImplicitOn2465({}), *crowd, Failing(often("b", 2465, HOUR), greetingless, offset=9.0), hours=4
    )
    assert seen[-1] is ErrorClass.ENCRYPTION_MISMATCH


def test_what_proves_nothing_is_tried_less_and_less_often() -> None:
    """The pause doubles, up to an hour."""
    network = Network({})
    lived(network, Failing(often("a", 587, 60.0), silent), hours=6)
    times = [at for at, _ in network.made]
    assert times == [0.0, 300.0, 900.0, 2100.0, 4500.0, 8100.0, 11_700.0, 15_300.0, 18_900.0]


def test_all_that_fail_alike_take_turns() -> None:
    """Three endpoints of a host that explain nothing have their experiments equally often, none too soon."""
    network = Network({})
    ports = (587, 465, 2525)
    lived(
        network,
        *(Failing(often(str(p), p, 60.0), silent, offset=n) for n, p in enumerate(ports)),
        hours=1,
    )
    starts = sorted({at for at, _ in network.made})
    assert all(later - earlier >= PAUSE for earlier, later in itertools.pairwise(starts))
    asked = Counter(target for _, target in network.made)
    assert asked["mail.example.com:465"] >= 2
    assert asked["mail.example.com:587"] >= 2


def test_who_went_away_holds_nobody_up() -> None:
    """An endpoint that recovers, or is gone, leaves the line."""
    network = ImplicitOn2465({})

    async def scenario(*, recovers: bool) -> ErrorClass:
        examined = follow_ups(network)
        fast, gone = often("a", 2465, 60.0), often("b", 587, 60.0)
        await examined.examine(silent(replace(fast, port=10_001)))
        await examined.examine(silent(gone))
        if recovers:
            await examined.examine(healthy(gone))
            await asyncio.sleep(PAUSE)
        else:
            await asyncio.sleep(PAUSE + 2 * gone.interval + gone.timeout + 5.0)
        return (await examined.examine(greetingless(fast))).diagnosis.error_class

    for recovers in (True, False):
        assert run_virtual(scenario(recovers=recovers)) is ErrorClass.ENCRYPTION_MISMATCH
