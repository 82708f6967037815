"""A run out of turn, for somebody who waits for it."""

import asyncio
import contextvars

from exporter.schedule import OVERLAP, Scheduler
from tests.schedule.rig import Rig, endpoint, endpoints, now
from tests.virtual_time import run_virtual


def test_it_runs_at_once_and_returns_at_the_end():
    """The grid stays as it was, and no lag is reported for a run that was never due."""

    async def scenario() -> None:
        async with Rig([endpoint("a", 10.0)], takes=2.0) as rig:
            await rig.until(5.0)
            assert await rig.scheduler.run_now("a") is True
            assert now() == 7.0
            await rig.until(12.0)
        assert rig.starts_of("a") == [0.0, 5.0, 10.0]
        assert rig.lags == [0.0, 0.0]

    run_virtual(scenario())


def test_a_running_probe_is_joined():
    """Two who ask, one of them during a timed run, get one run."""

    async def scenario() -> None:
        async with Rig([endpoint("a", 10.0)], takes=2.0) as rig:
            await rig.until(1.0)
            one, other = await asyncio.gather(rig.scheduler.run_now("a"), rig.scheduler.run_now("a"))
            assert one
            assert other
            assert now() == 2.0
        assert rig.starts_of("a") == [0.0]

    run_virtual(scenario())


def test_a_timed_start_during_it_is_an_overlap():
    """An endpoint that falls due while it is run by hand is not run twice."""

    async def scenario() -> None:
        async with Rig([endpoint("a", 10.0)], takes=3.0) as rig:
            await rig.until(9.0)
            assert await rig.scheduler.run_now("a")
            await rig.until(19.0)
        assert rig.starts_of("a") == [0.0, 9.0]
        assert rig.skips == {OVERLAP: 1}

    run_virtual(scenario())


def test_it_waits_for_its_turn():
    """The concurrency limit holds for it too, and a waiting timed run is joined."""

    async def scenario() -> None:
        async with Rig(endpoints(3, 60.0), takes=20.0, limit=1) as rig:
            await rig.until(8.0)
            await rig.scheduler.run_now("e2")  # due since 2.36
            assert now() == 40.0
            assert rig.peak == 1
        assert rig.starts[:2] == [(0.0, "e0"), (20.0, "e2")]

    run_virtual(scenario())


def test_nobody_there_is_no_run():
    """An unknown name and a scheduler that is not running both answer False."""

    async def scenario() -> None:
        rig = Rig([endpoint("a")])
        assert await rig.scheduler.run_now("a") is False
        async with rig:
            assert await rig.scheduler.run_now("b") is False

    run_virtual(scenario())


def test_a_reload_that_ends_the_run_answers_false():
    """Whoever waits for a run of an endpoint that is removed or changed is told so at once."""

    async def scenario() -> None:
        async with Rig([endpoint("a"), endpoint("b")], takes=5.0) as rig:
            await rig.until(20.0)
            asked = [asyncio.create_task(rig.scheduler.run_now(name)) for name in "ab"]
            await rig.until(21.0)
            rig.scheduler.apply([endpoint("b", timeout=3.0)])
            assert await asyncio.gather(*asked) == [False, False]
            assert now() == 21.0

    run_virtual(scenario())


def test_one_who_asks_after_the_change_gets_the_new_run():
    """The end of the cancelled old run does not answer for the new one."""

    async def scenario() -> None:
        rig = Rig([endpoint("a")], takes=5.0)
        rig.tidies = 2.0
        async with rig:
            await rig.until(1.0)
            rig.scheduler.apply([endpoint("a", host="new.example")])
            assert await rig.scheduler.run_now("a") is True
            assert now() == 8.0
            rig.tidies = 0.0
        assert rig.starts_of("a") == [0.0, 3.0]

    run_virtual(scenario())


def test_a_run_does_not_inherit_the_context_of_whoever_asks():
    """Context variables of a caller are seen neither by its run nor by those launched after it."""
    variable = contextvars.ContextVar("variable", default="none")

    async def scenario() -> None:
        seen: list[str] = []

        async def job(probed):
            seen.append(variable.get())
            variable.set("left over")

        scheduler = Scheduler(job, on_bug=print, on_lag=lambda _: None, on_skip=print, max_concurrent=1)
        scheduler.apply([endpoint("a"), endpoint("b")])
        scheduler.start()
        variable.set("caller's")
        await asyncio.gather(scheduler.run_now("a"), scheduler.run_now("b"))
        await scheduler.stop()
        assert seen == ["none"] * 2

    run_virtual(scenario())


def test_a_stop_answers_everybody():
    """Those whose run was cancelled or never began get False, the one whose run ended in time True."""

    async def scenario() -> None:
        rig = Rig([endpoint(name, 600.0) for name in ("short", "long", "waits")], limit=2)
        rig.takes_of = {"short": 1.0, "long": 100.0}
        rig.scheduler.start()
        await rig.until(30.0)
        asked = [asyncio.create_task(rig.scheduler.run_now(name)) for name in ("short", "long", "waits")]
        await asyncio.sleep(0)
        await rig.scheduler.stop(grace=2.0)
        assert await asyncio.gather(*asked) == [True, False, False]

    run_virtual(scenario())


def test_one_who_goes_away_does_not_end_the_run():
    """A closed browser cancels the waiting, not the probe."""

    async def scenario() -> None:
        async with Rig([endpoint("a")], takes=5.0) as rig:
            await rig.until(20.0)
            asked = asyncio.create_task(rig.scheduler.run_now("a"))
            await rig.until(21.0)
            asked.cancel()
            await rig.until(26.0)
        assert rig.ends[-1] == (25.0, "a")
        assert rig.cancelled == []

    run_virtual(scenario())
