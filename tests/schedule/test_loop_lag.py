"""The event loop's own lateness."""

import asyncio

from exporter.loop_lag import LoopLag
from tests.virtual_time import VirtualTimeLoop, run_virtual


def test_a_free_loop_has_no_lag():
    """Four ticks a second, each exactly on time; none after stop."""

    async def scenario() -> None:
        seen: list[float] = []
        lag = LoopLag(seen.append, interval=0.25)
        lag.start()
        await asyncio.sleep(1.1)
        assert seen == [0.0] * 4
        lag.stop()
        lag.stop()
        await asyncio.sleep(10.0)
        assert len(seen) == 4

    run_virtual(scenario())


def test_a_stall_is_measured_once():
    """A callback that blocks for 1.3 s shows as one figure, and ticks go on from there."""

    async def scenario() -> None:
        seen: list[float] = []
        lag = LoopLag(seen.append, interval=0.25)
        lag.start()
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        loop.stall(1.55)
        await asyncio.sleep(0.6)
        lag.stop()
        assert seen == [1.3, 0.0, 0.0]

    run_virtual(scenario())


def test_starting_twice_measures_once():
    """A second start replaces the first."""

    async def scenario() -> None:
        seen: list[float] = []
        lag = LoopLag(seen.append, interval=0.5)
        lag.start()
        lag.start()
        await asyncio.sleep(0.6)
        lag.stop()
        assert seen == [0.0]

    run_virtual(scenario())
