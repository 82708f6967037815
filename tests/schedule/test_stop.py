"""Stopping: grace, then cancellation, and nothing left behind."""

import asyncio

import pytest

from tests.schedule.rig import Rig, endpoint, endpoints, now
from tests.virtual_time import run_virtual


def test_a_short_run_may_finish():
    """Runs that end within the grace are not cancelled, and stop returns with the last of them."""

    async def scenario() -> None:
        rig = Rig(endpoints(1, 10.0), takes=1.5)
        rig.scheduler.start()
        await rig.until(1.0)
        await rig.scheduler.stop(grace=2.0)
        assert now() == 1.5
        assert rig.cancelled == []
        assert rig.ends == [(1.5, "e0")]

    run_virtual(scenario())


def test_a_long_run_is_cancelled_after_the_grace_and_awaited():
    """After two seconds the rest is cancelled; stop returns when they have tidied up."""

    async def scenario() -> None:
        rig = Rig(endpoints(1, 10.0), takes=100.0)
        rig.tidies = 0.25
        rig.scheduler.start()
        await rig.until(1.0)
        await rig.scheduler.stop()
        assert now() == 3.25
        assert rig.cancelled == ["e0"]
        assert rig.scheduler.in_flight == 0
        assert len(asyncio.all_tasks()) == 1
        assert rig.bugs == []

    run_virtual(scenario())


def test_nothing_starts_during_or_after_the_stop():
    """What is due or waits in the line when stop is called never starts."""

    async def scenario() -> None:
        rig = Rig(endpoints(3, 10.0), takes=8.0, limit=1)
        rig.scheduler.start()
        await rig.until(7.0)
        await rig.scheduler.stop(grace=20.0)
        await rig.until(100.0)
        assert rig.starts == [(0.0, "e0")]
        assert rig.ends == [(8.0, "e0")]

    run_virtual(scenario())


def test_an_idle_scheduler_stops_at_once():
    """Without runs there is nothing to wait for; a second stop does no harm."""

    async def scenario() -> None:
        rig = Rig(endpoints(1, 10.0), takes=0.1)
        rig.scheduler.start()
        await rig.until(1.0)
        await rig.scheduler.stop()
        await rig.scheduler.stop()
        assert now() == 1.0

    run_virtual(scenario())


def test_a_cancelled_stop_still_leaves_nothing_running():
    """Whoever cancels the stop gets the cancellation, after all runs were cancelled and awaited."""

    async def scenario() -> None:
        rig = Rig(endpoints(1, 10.0), takes=100.0)
        rig.scheduler.start()
        await rig.until(1.0)
        stopping = asyncio.create_task(rig.scheduler.stop(grace=50.0))
        await rig.until(2.0)
        stopping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await stopping
        assert rig.cancelled == ["e0"]
        assert rig.scheduler.in_flight == 0

    run_virtual(scenario())


def test_it_can_be_started_again():
    """After a stop, start begins a new first round with the same endpoints."""

    async def scenario() -> None:
        rig = Rig([endpoint("a", 10.0)], takes=1.0)
        rig.scheduler.start()
        await rig.until(5.0)
        await rig.scheduler.stop()
        await rig.until(50.0)
        async with rig:
            await rig.until(65.0)
        assert rig.starts_of("a") == [0.0, 50.0, 60.0]

    run_virtual(scenario())


def test_an_endpoint_cancelled_before_its_first_step_leaves_no_trace():
    """A run that a reload ends in the very moment of its start is not counted, not even its lag."""

    async def scenario() -> None:
        rig = Rig([endpoint("a", 10.0)], takes=1.0)
        rig.scheduler.start()
        ran = asyncio.create_task(rig.scheduler.run_now("a"))
        await asyncio.sleep(0)
        assert rig.scheduler.in_flight == 1
        rig.scheduler.apply([])
        assert await ran is False
        assert rig.starts == []
        assert rig.lags == []
        await rig.scheduler.stop()

    run_virtual(scenario())
