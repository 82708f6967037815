"""Whatever a job or a hook raises, the schedule goes on."""

import asyncio
import logging

from exporter.schedule import Scheduler
from tests.schedule.rig import endpoint
from tests.virtual_time import run_virtual


def test_an_exception_is_reported_and_the_next_run_comes():
    """`on_bug` gets the endpoint and what was raised, at every run, and the schedule goes on."""

    async def scenario() -> None:
        bugs = []
        lags: list[float] = []

        async def job(probed):
            raise LookupError(probed.name)

        def on_bug(probed, error):
            bugs.append((probed.name, repr(error)))

        scheduler = Scheduler(job, on_bug=on_bug, on_lag=lags.append, on_skip=print)
        scheduler.apply([endpoint("a", 10.0)])
        scheduler.start()
        await asyncio.sleep(25.0)
        await scheduler.stop()
        assert bugs == [("a", "LookupError('a')")] * 3
        assert lags == [0.0] * 3

    run_virtual(scenario())


def test_a_cancellation_that_nobody_asked_for_is_a_bug():
    """A CancelledError out of the job's own futures is reported, not taken for a reload."""

    async def scenario() -> None:
        bugs: list[BaseException] = []

        async def job(probed):
            future = asyncio.get_running_loop().create_future()
            future.cancel()
            await future

        scheduler = Scheduler(
            job, on_bug=lambda _, error: bugs.append(error), on_lag=lambda _: None, on_skip=lambda _: None
        )
        scheduler.apply([endpoint("a", 10.0)])
        scheduler.start()
        await asyncio.sleep(15.0)
        await scheduler.stop()
        assert [type(bug) for bug in bugs] == [asyncio.CancelledError] * 2

    run_virtual(scenario())


def test_a_bug_while_being_cancelled_is_still_reported():
    """A removed endpoint's run that fails in its cleaning up is a bug like any other."""

    async def scenario() -> None:
        bugs = []

        async def job(probed):
            try:
                await asyncio.sleep(100)
            finally:
                raise LookupError

        scheduler = Scheduler(
            job,
            on_bug=lambda probed, _: bugs.append(probed.name),
            on_lag=lambda _: None,
            on_skip=lambda _: None,
        )
        scheduler.apply([endpoint("a", 10.0)])
        scheduler.start()
        await asyncio.sleep(5.0)
        scheduler.apply([])
        await asyncio.sleep(0.1)
        assert bugs == ["a"]
        await scheduler.stop()

    run_virtual(scenario())


def test_failing_hooks_are_logged_and_stop_nothing(caplog):
    """Hooks that raise cost a log record each; runs start on time all the same."""

    async def scenario() -> None:
        starts = []

        async def job(probed):
            starts.append(asyncio.get_running_loop().time())
            await asyncio.sleep(15.0)
            raise LookupError

        def broken(*news):
            raise RuntimeError

        scheduler = Scheduler(job, on_bug=broken, on_lag=broken, on_skip=broken)
        scheduler.apply([endpoint("a", 10.0)])
        scheduler.start()
        await asyncio.sleep(36.0)
        await scheduler.stop()
        assert starts == [0.0, 20.0]

    with caplog.at_level(logging.ERROR, logger="exporter.schedule"):
        run_virtual(scenario())
    assert len(caplog.records) == 6  # two lags, two overlaps, two bugs
    assert all(record.exc_info for record in caplog.records)
