"""A run that waits for a name keeps nobody waiting who has one."""

from __future__ import annotations

import asyncio
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter import places
from exporter.places import Place, Places
from tests.examples import examples
from tests.schedule.rig import Rig, endpoint, endpoints, now
from tests.virtual_time import run_virtual


def test_names_that_nobody_answers_delay_no_other_endpoint():
    """Half of the fleet waits for a dead name server, far more than may run at once: the others start when due."""

    async def scenario() -> None:
        dead = [endpoint(f"dead{number}", 10.0) for number in range(50)]
        async with Rig([*dead, *endpoints(50, 10.0)], takes=0.1, limit=4) as rig:
            rig.looks_up = {probed.name: 9.0 for probed in dead}
            rig.unknown = set(rig.looks_up)
            await rig.until(100.0)
        assert max(rig.lags) < 0.5
        assert not rig.skips
        assert len(rig.starts_of("dead7")) >= 9

    run_virtual(scenario())


def test_who_comes_back_goes_before_who_has_not_begun():
    """A name that was found at last has its place next; what it waited for it counts as lag."""

    async def scenario() -> None:
        async with Rig(endpoints(3, 60.0), takes=30.0, limit=1) as rig:
            rig.looks_up = {"e0": 8.0}
            await rig.until(100.0)
        order = [name for _, name in rig.seated[:3]]
        first = rig.seated[0][1]
        assert first != "e0"
        assert order == [first, "e0", ({"e1", "e2"} - {first}).pop()]
        back, seated = rig.starts_of("e0")[0] + 8.0, next(at for at, name in rig.seated if name == "e0")
        assert any(lag == pytest.approx(seated - back) for lag in rig.lags)

    run_virtual(scenario())


def test_a_run_that_ends_while_it_waits_leaves_no_place_behind():
    """Cancelled by a reload in the line of those who come back: the limit is neither lost nor exceeded."""

    async def scenario() -> None:
        plan = endpoints(3, 10.0)
        async with Rig(plan, takes=3.0, limit=1) as rig:
            rig.looks_up = {"e0": 0.5}
            await rig.until(8.0)
            for turn in range(20):
                rig.scheduler.apply(plan[1:] if turn % 2 else plan)
                await rig.until(now() + 1.7)
            rig.scheduler.apply(plan[1:])
            await rig.until(now() + 30.0)
            places_now = rig.scheduler._places
            assert (places_now.held, places_now.aside) == (len(rig.working), 0)
            assert not places_now.returning

    run_virtual(scenario())


def test_those_who_wait_for_names_are_bounded(monkeypatch: pytest.MonkeyPatch):
    """Each of them has a socket: beyond a number nobody begins until one has its answer."""

    async def scenario() -> None:
        monkeypatch.setattr(places, "MOST_ASIDE", 3)
        async with Rig(endpoints(9, 10.0), limit=2) as rig:
            rig.looks_up = {f"e{number}": 60.0 for number in range(9)}
            await rig.until(50.0)
            assert len(rig.active) == 3

    run_virtual(scenario())


@examples(300)
@given(
    limit=st.integers(1, 3),
    steps=st.lists(
        st.tuples(st.sampled_from(("take", "leave", "back", "insist", "end", "cancel")), st.integers(0, 9)),
        max_size=60,
    ),
)
def test_no_place_is_lost_or_given_twice(limit, steps):
    """Whatever happens in whatever order, places are counted right and nobody waits beside a free one."""

    async def scenario() -> None:
        room = Places(limit, on_room=lambda: None, on_wait=lambda _: None)
        taken: deque[Place] = deque()
        tasks: dict[Place, asyncio.Task[None]] = {}
        insisting: set[Place] = set()  # since they last left
        for what, which in steps:
            if what == "take":
                if room.is_free:
                    taken.append(room.take())
            elif taken:
                place = taken[which % len(taken)]
                waits = place in tasks and not tasks[place].done()
                match what:
                    case "leave" if not waits:
                        place.leave()
                        insisting.discard(place)
                    case "back" if not waits:
                        tasks[place] = asyncio.create_task(place.back())
                    case "insist" if not waits:
                        tasks[place] = asyncio.create_task(place.back(0.0))
                        insisting.add(place)
                    case "end" if not waits:
                        place.end()
                        taken.remove(place)
                    case "cancel" if waits:  # and what a run does then
                        tasks[place].cancel()
                        place.end()
                        taken.remove(place)
            if which % 2:
                await asyncio.sleep(0)
            held = sum(place._is_held for place in taken)
            assert (room.held, room.aside) == (held, len(taken) - held)
            assert room.held <= limit + len(insisting.intersection(taken))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        still = [place for place, task in tasks.items() if not task.done()]
        assert not still or room.held >= limit
        for place in list(taken):
            place.end()
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)
        assert (room.held, room.aside) == (0, 0)

    run_virtual(scenario())
