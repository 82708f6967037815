"""When runs start, in virtual time, to the instant."""

import asyncio
import time

import pytest
import uvloop

from exporter.grid import phase
from exporter.schedule import LATE, OVERLAP, Scheduler
from tests.schedule.rig import Rig, endpoint, endpoints
from tests.virtual_time import VirtualTimeLoop, run_virtual


def test_the_first_round_of_a_short_interval_is_spread_over_it():
    """Endpoint k first runs at phase(k) times the interval, then every interval, to the last bit."""

    async def scenario() -> None:
        async with Rig(endpoints(5, 2.0), takes=0.3) as rig:
            await rig.until(6.0)
        for slot in range(5):
            begin = phase(slot) * 2.0
            expected = [begin, begin + 2.0, begin + 4.0, begin + 6.0]
            assert rig.starts_of(f"e{slot}") == [at for at in expected if at <= 6.0]
        assert set(rig.lags) == {0.0}
        assert not rig.skips

    run_virtual(scenario())


def test_the_first_round_of_a_long_interval_is_over_after_ten_seconds():
    """At 60 s each endpoint first runs at phase times 10 s, then on its own grid."""

    async def scenario() -> None:
        async with Rig(endpoints(3), takes=1.0) as rig:
            await rig.until(170.0)
        for slot in range(3):
            first, *rest = rig.starts_of(f"e{slot}")
            grid = phase(slot) * 60.0
            assert first == phase(slot) * 10.0
            assert rest == [
                at for at in (grid, grid + 60.0, grid + 120.0) if at - first >= 30.0 and at <= 170.0
            ]

    run_virtual(scenario())


def test_attempts_are_as_many_as_the_interval_says():
    """200 endpoints at 2 s make 30 attempts each in a minute, however long each takes."""

    async def scenario() -> None:
        rig = Rig(endpoints(200, 2.0), takes=0.1)
        rig.takes_of = {f"e{number}": number / 110.0 for number in range(200)}
        async with rig:
            await rig.until(59.999)
        assert {len(rig.starts_of(f"e{number}")) for number in range(200)} == {30}
        assert max(rig.lags) == 0.0

    run_virtual(scenario())


def test_a_slow_run_moves_no_later_one():
    """The due times come from the grid, not from the end of the run before."""

    async def scenario() -> None:
        async with Rig([endpoint("a", 10.0)], takes=9.9) as rig:
            await rig.until(100.0)
        assert rig.starts_of("a") == [10.0 * k for k in range(11)]

    run_virtual(scenario())


def test_an_endpoint_never_overlaps_itself():
    """A start that falls into the run before is left out and counted; the grid stays."""

    async def scenario() -> None:
        async with Rig([endpoint("a", 10.0)], takes=25.0) as rig:
            await rig.until(86.0)
        assert rig.starts_of("a") == [0.0, 30.0, 60.0]
        assert rig.skips == {OVERLAP: 6}

    run_virtual(scenario())


def test_a_run_that_ends_right_after_the_next_is_due_costs_no_start():
    """A dead server whose timeout is its interval is asked every interval, a moment later each time, up to a bound."""

    async def scenario() -> None:
        async with Rig([endpoint("a", 10.0)], takes=10.1) as rig:
            await rig.until(45.0)
        assert rig.starts_of("a") == pytest.approx([0.0, 10.1, 20.2, 40.0])
        assert rig.lags == pytest.approx([0.0, 0.1, 0.2, 0.0])
        assert rig.skips == {OVERLAP: 1}

    run_virtual(scenario())


def test_the_limit_makes_due_endpoints_wait_in_order():
    """With one run at a time the others start as it ends, first due first, and the wait is reported."""

    async def scenario() -> None:
        async with Rig(endpoints(3, 10.0), takes=8.0, limit=1) as rig:
            await rig.until(9.9)
            assert rig.scheduler.in_flight == 1
            await rig.until(24.1)
        # Due at 0, 2.36 (slot 2) and 6.18 (slot 1); at 10 slot 0 is due again.
        assert rig.starts == [(0.0, "e0"), (8.0, "e2"), (16.0, "e1"), (24.0, "e0")]
        assert rig.lags == [0.0, 8.0 - phase(2) * 10, 16.0 - phase(1) * 10, 14.0]
        assert rig.peak == 1
        # Running when due: e2 at 12.36, e1 at 16.18.  Waiting when due: e0 at 20.
        assert rig.skips == {OVERLAP: 2, LATE: 1}

    run_virtual(scenario())


def test_waiting_past_the_next_due_time_counts_and_runs_once():
    """An endpoint that waited 25 s at a 10 s interval missed two starts and runs once."""

    async def scenario() -> None:
        rig = Rig([endpoint("slow", 3600.0), endpoint("a", 10.0)], limit=1)
        rig.takes_of["slow"] = phase(1) * 10.0 + 25.0
        async with rig:
            await rig.until(phase(1) * 10.0 + 29.0)
        begin = phase(1) * 10.0
        assert rig.starts_of("a") == [begin + 25.0]
        assert rig.skips == {LATE: 2}
        assert rig.lags == [0.0, 25.0]

    run_virtual(scenario())


def test_everyone_gets_a_turn_when_the_limit_is_far_too_low():
    """With a tenth of the needed runs, no endpoint gets more than one run ahead of another."""

    async def scenario() -> None:
        async with Rig(endpoints(20, 10.0), takes=5.0, limit=1) as rig:
            await rig.until(1000.0)
        counts = [len(rig.starts_of(f"e{number}")) for number in range(20)]
        assert max(counts) - min(counts) <= 1
        assert sum(counts) >= 200
        assert sum(counts) + rig.skips[LATE] + rig.skips[OVERLAP] <= 20 * 101

    run_virtual(scenario())


def test_a_standstill_is_made_up_for_by_one_run():
    """A loop that was blocked for 95 s runs a 10 s endpoint once, and counts nine missed starts."""

    async def scenario() -> None:
        async with Rig([endpoint("a", 10.0)], takes=1.0) as rig:
            await rig.until(5.0)
            loop = asyncio.get_running_loop()
            assert isinstance(loop, VirtualTimeLoop)
            loop.stall(95.5)
            await rig.until(125.0)
        assert rig.starts_of("a") == [0.0, 100.5, 110.0, 120.0]
        assert rig.skips == {LATE: 9}
        assert rig.lags == [0.0, 90.5, 0.0, 0.0]

    run_virtual(scenario())


def test_a_standstill_during_a_run_counts_as_overlap():
    """What fell due while the endpoint's own run was going on is an overlap."""

    async def scenario() -> None:
        async with Rig([endpoint("a", 10.0)], takes=45.0) as rig:
            await rig.until(5.0)
            loop = asyncio.get_running_loop()
            assert isinstance(loop, VirtualTimeLoop)
            loop.stall(30.0)
            await rig.until(46.0)
        assert rig.skips == {OVERLAP: 4}

    run_virtual(scenario())


def test_the_next_run_is_known_in_both_clocks():
    """`next_run` is loop time, `next_run_unix` the same moment as Unix time; None when unknown or stopped."""

    async def scenario() -> None:
        rig = Rig([endpoint("a", 10.0)])
        assert rig.scheduler.next_run("a") is None
        running = [rig.scheduler.running]
        async with rig:
            running.append(rig.scheduler.running)
            await rig.until(4.0)
            assert rig.scheduler.next_run("a") == 10.0
            unix = rig.scheduler.next_run_unix("a")
            assert unix is not None
            assert abs(unix - (time.time() + 6.0)) < 5.0
            assert rig.scheduler.next_run("nobody") is None
            assert rig.scheduler.next_run_unix("nobody") is None
        assert rig.scheduler.next_run("a") is None
        assert [*running, rig.scheduler.running] == [False, True, False]

    run_virtual(scenario())


def test_the_next_run_is_the_same_at_every_look(monkeypatch: pytest.MonkeyPatch):
    """Clocks that differ by milliseconds from look to look move no run; one that is set moves them all."""

    async def scenario() -> None:
        async with Rig([endpoint("a", 1000.0)]) as rig:
            began = time.time()
            seen = set()
            for milliseconds in (0, 3, 1, 40):
                monkeypatch.setattr("exporter.schedule.time.time", lambda ms=milliseconds: began + ms / 1000)
                seen.add(rig.scheduler.next_run_unix("a"))
            assert len(seen) == 1
            monkeypatch.setattr("exporter.schedule.time.time", lambda: began + 3600)
            later = rig.scheduler.next_run_unix("a")
            assert later is not None
            assert abs(later - (seen.pop() or 0.0) - 3600) < 0.1

    run_virtual(scenario())


def test_ten_thousand_endpoints_start_evenly():
    """At 60 s every second sees 1/60 of 10,000 endpoints, within 3 %, and none is late."""

    async def scenario() -> None:
        async with Rig(endpoints(10_000), takes=0.1) as rig:
            await rig.until(150.0)
        seconds = [0] * 150
        for at, _ in rig.starts:
            if at < 150.0:
                seconds[int(at)] += 1
        assert all(abs(count - 1000) <= 10 for count in seconds[:10])
        assert all(abs(count - 10_000 / 60) <= 5 for count in seconds[91:150])
        assert max(rig.lags) == 0.0
        assert not rig.skips

    run_virtual(scenario())


def test_uvloop_timers_do():
    """On uvloop, which counts whole milliseconds, intervals hold and nothing is skipped or reported early."""
    starts: list[tuple[float, str]] = []
    lags: list[float] = []
    skips: list[str] = []

    async def scenario() -> None:
        enough = asyncio.Event()

        async def job(probed):
            starts.append((time.monotonic(), probed.name))
            if len(starts) == 60:
                enough.set()

        scheduler = Scheduler(job, on_bug=print, on_lag=lags.append, on_skip=skips.append)
        scheduler.apply([endpoint(f"u{number}", 0.0503) for number in range(10)])
        scheduler.start()
        await asyncio.wait_for(enough.wait(), 20)
        await scheduler.stop()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scenario())
    assert len(lags) == len(starts)
    assert min(lags) >= 0.0
    if not skips:  # a machine that stood still for 50 ms may have left one out
        assert {sum(name == f"u{number}" for _, name in starts) for number in range(10)} <= {5, 6, 7}
