"""Random reloads, run times and limits: what always holds."""

import asyncio
import math

from hypothesis import given
from hypothesis import strategies as st

from exporter.grid import phase
from exporter.model import Endpoint
from exporter.schedule import OVERLAP
from tests.examples import examples
from tests.schedule.rig import Rig, endpoint
from tests.virtual_time import run_virtual

ENDPOINTS = st.builds(
    endpoint,
    st.sampled_from("abcdef"),
    st.sampled_from([1.0, 3.7, 10.0, 10.5, 30.0]),
    timeout=st.sampled_from([1.0, 2.0]),
)
PLANS = st.lists(ENDPOINTS, max_size=6, unique_by=lambda e: e.name)
RELOADS = st.lists(st.tuples(st.floats(0.0, 25.0), PLANS), min_size=1, max_size=8)


def on_grid(due: float, probed: Endpoint, slot: int, origin: float) -> bool:
    """That `due` is a point of the endpoint's grid."""
    points = (due - origin - phase(slot) * probed.interval) / probed.interval
    return math.isclose(points, round(points), abs_tol=1e-6)


@examples(150)
@given(
    reloads=RELOADS,
    takes=st.dictionaries(st.sampled_from("abcdef"), st.sampled_from([0.0, 0.5, 4.0, 45.0])),
    tidies=st.sampled_from([0.0, 0.7, 12.0]),
    limit=st.integers(1, 4),
    in_turns=st.booleans(),
)
def test_invariants_hold_through_any_reloads(reloads, takes, tidies, limit, in_turns):
    """No endpoint runs twice at once (asserted in the job), the limit holds, and kept ones stay on their grid."""

    async def scenario() -> None:
        rig = Rig(limit=limit)
        rig.takes_of, rig.tidies = takes, tidies
        began: dict[str, tuple[float, Endpoint, int]] = {}  # when, as what and in which slot it was placed
        checked = 0

        def check_grid() -> None:
            nonlocal checked
            for (at, name), lag in list(zip(rig.starts, rig.lags, strict=True))[checked:]:
                due = at - lag
                placed, probed, slot = began[name]
                first_round = due <= placed + min(10.0, probed.interval) + 1e-6
                assert due >= placed - 1e-6
                assert first_round or on_grid(due, probed, slot, origin=0.0)
            checked = len(rig.starts)

        async with rig:
            for pause, plan in reloads:
                if in_turns:
                    change = await rig.scheduler.apply_in_turns(plan)
                else:
                    change = rig.scheduler.apply(plan)
                slots = {name: rig.scheduler._timers[name].slot for name in rig.scheduler._timers}
                assert len(set(slots.values())) == len(slots)
                assert all(slot < 6 for slot in slots.values())
                now = asyncio.get_running_loop().time()
                wanted = {e.name: e for e in plan}
                assert sorted((*change.added, *change.changed, *change.kept)) == sorted(wanted)
                for name in (*change.added, *change.changed):
                    began[name] = (now, wanted[name], slots[name])
                for name in change.kept:
                    assert began[name][2] == slots[name]
                await rig.until(now + pause)
                check_grid()
                for name in wanted:
                    due = rig.scheduler.next_run(name)
                    assert due is not None
                    assert due >= asyncio.get_running_loop().time()
            rig.tidies = 0.0
        assert rig.peak <= limit
        assert not rig.active
        assert not rig.bugs
        assert len(asyncio.all_tasks()) == 1
        if limit == 4 and max(takes.values(), default=0.0) < 1.0 and tidies < 1.0:
            assert rig.skips[OVERLAP] == 0

    run_virtual(scenario())
