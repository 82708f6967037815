"""A reload is a set difference of whole endpoints."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from exporter.grid import phase
from exporter.model import Endpoint
from exporter.schedule import OVERLAP, Change
from tests.schedule.rig import Rig, endpoint, endpoints
from tests.virtual_time import VirtualTimeLoop, run_virtual


def test_a_change_is_told_by_name():
    """Added, changed, removed and kept names are what the comparison of whole endpoints gives."""
    rig = Rig([endpoint("a"), endpoint("b"), endpoint("c")])
    change = rig.scheduler.apply([endpoint("b"), endpoint("c", timeout=5.0), endpoint("d")])
    assert change == Change(added=("d",), changed=("c",), removed=("a",), kept=("b",))


def test_unchanged_endpoints_notice_nothing():
    """Equal endpoints keep grid, running probe and waiting place through any number of reloads."""

    async def scenario() -> None:
        async with Rig(endpoints(3, 10.0), takes=4.0) as rig:
            for moment in range(1, 60):
                await rig.until(float(moment))
                rig.scheduler.apply(endpoints(3, 10.0))
        for slot in range(3):
            begin = phase(slot) * 10.0
            assert rig.starts_of(f"e{slot}") == [begin + 10.0 * k for k in range(6)]
        assert not rig.skips
        assert len(rig.cancelled) <= 1  # by the stop at the end

    run_virtual(scenario())


def test_a_waiting_endpoint_keeps_its_place():
    """A reload does not reorder the line, and the wait is still counted from the due time."""

    async def scenario() -> None:
        async with Rig(endpoints(3, 30.0), takes=20.0, limit=1) as rig:
            await rig.until(15.0)
            rig.scheduler.apply([*endpoints(3, 30.0), endpoint("new", 30.0)])
            await rig.until(41.0)
        assert rig.starts == [(0.0, "e0"), (20.0, "e2"), (40.0, "e1")]
        assert rig.lags == [0.0, 20.0 - phase(2) * 10.0, 40.0 - phase(1) * 10.0]

    run_virtual(scenario())


def test_a_removed_endpoint_is_cancelled_and_its_slot_given_on():
    """Its run ends at once, nothing is recorded, it never starts again, and the next one added gets its slot."""

    async def scenario() -> None:
        async with Rig(endpoints(2, 10.0), takes=5.0) as rig:
            await rig.until(1.0)
            rig.scheduler.apply(endpoints(2, 10.0)[1:])
            await rig.until(21.0)
            assert rig.cancelled == ["e0"]
            assert rig.starts_of("e0") == [0.0]
            assert rig.ends[0] == (1.0, "e0")
            rig.scheduler.apply([*endpoints(2, 10.0)[1:], endpoint("new", 10.0)])
            await rig.until(41.0)
            assert rig.starts_of("new") == [30.0, 40.0]
        assert rig.bugs == []

    run_virtual(scenario())


def test_a_removed_endpoint_that_waits_never_runs():
    """An endpoint that goes while it stands in the line leaves the line."""

    async def scenario() -> None:
        async with Rig(endpoints(3, 10.0), takes=8.0, limit=1) as rig:
            await rig.until(7.0)
            rig.scheduler.apply([e for e in endpoints(3, 10.0) if e.name != "e2"])
            await rig.until(17.0)
        assert rig.starts == [(0.0, "e0"), (8.0, "e1"), (16.0, "e0")]

    run_virtual(scenario())


def test_a_changed_endpoint_begins_anew_in_its_slot():
    """The old run is cancelled; the first new one comes after phase times 10 s, then on the new grid."""

    async def scenario() -> None:
        plan = endpoints(2, 60.0)
        async with Rig(plan, takes=5.0) as rig:
            await rig.until(8.0)
            rig.scheduler.apply([plan[0], endpoint("e1", 30.0, timeout=5.0)])
            await rig.until(100.0)
        part = phase(1)
        assert rig.cancelled == ["e1"]
        assert rig.starts_of("e1") == [
            part * 10.0,
            8.0 + part * 10.0,
            *(part * 30.0 + 30.0 * k for k in range(1, 3) if part * 30.0 + 30.0 * k <= 100.0),
        ]
        assert rig.starts_of("e0") == [0.0, 60.0]

    run_virtual(scenario())


@pytest.mark.parametrize(
    "change", [{"labels": (("team", "mail"),)}, {"module": "other"}, {"interval": 30.0}], ids=str
)
def test_a_run_goes_on_where_nothing_of_it_has_changed(change: dict[str, Any]):
    """Labels, module and interval are not what a server sees; the run counts as the first of the new form."""

    async def scenario() -> None:
        plan = endpoints(2, 60.0)
        async with Rig(plan, takes=5.0) as rig:
            await rig.until(8.0)
            asked = asyncio.create_task(rig.scheduler.run_now("e1"))
            for _ in range(3):
                await asyncio.sleep(0.5)
                rig.scheduler.apply([plan[0], replace(plan[1], **change)])
            await rig.until(103.0)
            assert await asked
        interval = change.get("interval", 60.0)
        first = phase(1) * 10.0
        grid = [at for k in range(4) if 40.0 < (at := (phase(1) + k) * interval) <= 103.0]
        assert rig.starts_of("e1") == [first, *grid]
        assert not [name for name in rig.cancelled if name == "e1"]
        assert not rig.skips

    run_virtual(scenario())


@pytest.mark.parametrize("plan", [[], [endpoint("a", 60.0, timeout=3.0)]], ids=["gone", "changed"])
def test_a_run_that_is_committed_is_not_cancelled(plan: list[Endpoint]):
    """A reload that takes the endpoint away or changes it lets such a run end; nothing runs beside it."""

    async def scenario() -> None:
        rig = Rig([endpoint("a", 60.0)], takes=20.0)
        rig.committed = {"a"}
        async with rig:
            await rig.until(5.0)
            for moment in (6.0, 7.0, 15.0):
                rig.scheduler.apply(plan)
                await rig.until(moment)
            await rig.until(70.0)
        assert rig.ends[0] == (20.0, "a")
        assert rig.starts_of("a") == [0.0, *([60.0] if plan else [])]

    run_virtual(scenario())


def test_nothing_is_due_before_the_time_that_is_asked_for():
    """It is asked when times are set, and after every run; the grid begins anew there."""

    async def scenario() -> None:
        rig = Rig([endpoint("a", 60.0)], takes=5.0)
        rig.pause = 100.0
        async with rig:
            await rig.until(20.0)
            rig.scheduler.apply([endpoint("a", 60.0, timeout=3.0)])
            await rig.until(110.0)
            assert await rig.scheduler.run_now("a")
            rig.pause = 0.0
            await rig.until(400.0)
        assert rig.starts_of("a") == [0.0, 105.0, 110.0, 215.0, 275.0, 335.0, 395.0]
        assert not rig.skips

    run_virtual(scenario())


def test_a_changed_endpoint_waits_for_the_end_of_its_old_run():
    """A cancelled run that is still tidying up is not overlapped; the new one starts as it ends."""

    async def scenario() -> None:
        rig = Rig([endpoint("a", 60.0)], takes=30.0)
        rig.tidies = 3.0
        async with rig:
            await rig.until(5.0)
            rig.scheduler.apply([endpoint("a", 60.0, timeout=3.0)])
            assert rig.scheduler.in_flight == 1
            await rig.until(6.0)
            rig.scheduler.apply([endpoint("a", 60.0, timeout=4.0)])  # does not cancel the tidying again
            await rig.until(20.0)
            assert rig.starts_of("a") == [0.0, 8.0]
            assert rig.lags == [0.0, 2.0]
            rig.tidies = 0.0
        assert not rig.skips

    run_virtual(scenario())


def test_a_name_that_goes_and_comes_back_does_not_overlap_itself():
    """The old run of a removed name still counts when the name returns: the new one waits for its end."""

    async def scenario() -> None:
        rig = Rig([endpoint("a", 10.0)], takes=9.5)
        rig.tidies = 2.0
        async with rig:
            await rig.until(19.0)
            rig.scheduler.apply([])
            rig.scheduler.apply([endpoint("a", 10.0, host="other.example")])
            await rig.until(39.0)
            rig.tidies = 0.0
        assert rig.starts_of("a") == [0.0, 10.0, 21.0]
        assert rig.lags == [0.0, 0.0, 1.0]
        assert rig.skips == {OVERLAP: 1}

    run_virtual(scenario())


def test_the_limit_can_be_raised_and_lowered():
    """A raised limit starts those who wait at once; a lowered one stops nobody."""

    async def scenario() -> None:
        plan = endpoints(4, 10.0)
        async with Rig(plan, takes=9.0, limit=1) as rig:
            await rig.until(8.0)
            assert rig.scheduler.in_flight == 1
            rig.scheduler.apply(plan, max_concurrent=3)
            assert rig.scheduler.limit == 3
            assert rig.scheduler.in_flight == 3
            rig.scheduler.apply(plan, max_concurrent=1)
            assert rig.scheduler.in_flight == 3
            rig.most = 3
            await rig.until(8.5)

    run_virtual(scenario())


def test_an_endpoint_added_before_the_start_waits_for_it():
    """Nothing is due before `start`, and the first round counts from there."""

    async def scenario() -> None:
        rig = Rig(endpoints(2, 10.0))
        await rig.until(100.0)
        assert rig.starts == []
        async with rig:
            await rig.until(107.0)
        assert rig.starts == [(100.0, "e0"), (100.0 + phase(1) * 10.0, "e1")]

    run_virtual(scenario())


def test_a_scheduler_without_endpoints_is_quiet_and_gets_some_later():
    """An empty configuration is a running scheduler."""

    async def scenario() -> None:
        async with Rig() as rig:
            await rig.until(3.0)
            rig.scheduler.apply([endpoint("a", 60.0)])
            await rig.until(4.0)
        assert rig.starts == [(3.0, "a")]

    run_virtual(scenario())


def test_a_large_reload_lets_others_run_in_between():
    """`apply_in_turns` gives the loop a turn every few hundred endpoints and ends in the same state."""

    async def scenario() -> None:
        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        async with Rig(endpoints(2000), takes=1.0) as rig:
            await rig.until(2.0)
            neighbour = asyncio.create_task(other())
            plan = [*endpoints(1000), *(endpoint(f"n{number}") for number in range(1000))]
            change = await rig.scheduler.apply_in_turns(plan, max_concurrent=300)
            neighbour.cancel()
            assert turns >= 12
            assert (len(change.added), len(change.kept), len(change.removed)) == (1000, 1000, 1000)
            assert rig.scheduler.limit == 300
            await rig.until(130.0)
        names = {name for _, name in rig.starts if name[0] == "n"}
        assert len(names) == 1000
        assert all(at <= 2.0 for at, name in rig.starts if name[0] == "e" and int(name[1:]) >= 1000)
        assert not rig.skips

    run_virtual(scenario())


def test_a_place_in_the_line_is_void_as_soon_as_its_endpoint_changes():
    """A run that ends between the turns of a large reload lets the next unchanged endpoint in, not the changed one."""

    async def scenario() -> None:
        plan = endpoints(3000, 600.0)
        first, second = sorted(range(1, 3000), key=phase)[:2]
        async with Rig(plan, takes=5.0, limit=1) as rig:
            await rig.until(4.9)
            plan[0], plan[first] = plan[first], plan[0]  # its turn of the reload comes first
            plan[0] = endpoint(f"e{first}", 600.0, timeout=1.0)
            reload = asyncio.create_task(rig.scheduler.apply_in_turns(plan))
            await asyncio.sleep(0)
            loop = asyncio.get_running_loop()
            assert isinstance(loop, VirtualTimeLoop)
            loop.stall(0.2)
            change = await reload
            assert change.changed == (f"e{first}",)
            assert rig.starts == [(0.0, "e0"), (loop.time(), f"e{second}")]

    run_virtual(scenario())


def test_a_due_time_is_void_as_soon_as_its_endpoint_is_gone():
    """An endpoint removed in the first turn of a large reload does not start in a later one."""

    async def scenario() -> None:
        plan = endpoints(3000, 600.0)
        async with Rig(plan) as rig:
            await rig.until(20.0)
            plan[0] = endpoint("soon", 100.0)
            rig.scheduler.apply(plan)
            due = rig.scheduler.next_run("soon")
            assert due == 20.0
            reload = asyncio.create_task(rig.scheduler.apply_in_turns(plan[1:]))
            await asyncio.sleep(0)
            assert not reload.done()
            await reload
            await rig.until(30.0)
        assert rig.starts_of("soon") == []

    run_virtual(scenario())
