"""Collections of garbage come in small doses, by the clock of the event loop."""

from __future__ import annotations

import asyncio
import gc
import itertools
import weakref
from collections.abc import Iterator

import pytest

from exporter.garbage import (
    DOSE,
    EVERYTHING,
    EVERYTHING_EVERY,
    EVERYTHING_SHARE,
    LEAST,
    LONGEST,
    SHORTEST,
    SURVIVORS,
    SURVIVORS_DOSE,
    YOUNGEST,
    Collector,
)
from tests.virtual_time import run_virtual

QUIET_ROUNDS = round(SURVIVORS_DOSE / LEAST) + 2
"""Doses within which the survivors have their turn, where a dose finds next to nothing."""


@pytest.fixture(autouse=True)
def thresholds() -> Iterator[None]:
    """What the interpreter does by itself is as before, whatever a test did."""
    before = gc.get_threshold()
    yield
    gc.enable()
    gc.set_threshold(*before)


class Costly:
    """Collections that take as long as they are told, each noted with its moment."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.now = 0.0
        self.doses: list[tuple[float, int]] = []

    def collect(self, generation: int) -> None:
        """Take the time."""
        self.doses.append((asyncio.get_running_loop().time(), generation))
        self.now += self.seconds

    def clock(self) -> float:
        """Tell how much was taken."""
        return self.now

    def pauses(self) -> list[float]:
        """Return the seconds between one dose and the next."""
        times = [at for at, _ in self.doses]
        return [after - before for before, after in itertools.pairwise(times)]


async def after(costly: Costly, seconds: float) -> None:
    """Let a collector work for so long."""
    collector = Collector(costly.collect, costly.clock)
    collector.start()
    await asyncio.sleep(seconds)
    collector.stop()


class Knot:
    """An object that only a collection can end."""

    def __init__(self) -> None:
        self.itself = self


def test_a_cycle_that_has_just_been_made_is_gone_soon() -> None:
    """The interpreter begins nothing by itself any more, and a cycle ends all the same."""

    async def scenario() -> None:
        collector = Collector()
        collector.start()
        assert gc.get_threshold()[0] == 0
        knot = weakref.ref(Knot())
        assert knot() is not None
        await asyncio.sleep(2 * LONGEST)
        assert knot() is None
        collector.stop()

    run_virtual(scenario())


def test_a_cycle_that_outlived_a_dose_is_gone_a_little_later() -> None:
    """What was in use while the youngest were looked at is looked at once more."""

    async def scenario() -> None:
        collector = Collector()
        collector.start()
        knot: Knot | None = Knot()
        seen = weakref.ref(knot)
        await asyncio.sleep(1.5 * LONGEST)
        del knot
        await asyncio.sleep((QUIET_ROUNDS + 1) * LONGEST)
        assert seen() is None
        collector.stop()

    run_virtual(scenario())


@pytest.mark.parametrize("seconds", [DOSE / 3, DOSE * 20])
def test_doses_are_as_far_apart_as_their_size_asks_for(seconds: float) -> None:
    """A dose that takes long is followed sooner, down to a shortest pause; an easy one later, up to a longest."""
    costly = Costly(seconds)
    run_virtual(after(costly, 60.0))
    assert costly.pauses()[-1] == pytest.approx(LONGEST if seconds < DOSE else SHORTEST)


def test_the_pause_settles_where_a_dose_takes_what_it_may() -> None:
    """With a load that grows with the pause the doses come to `DOSE` each."""
    costly = Costly(0.0)

    def collect(generation: int) -> None:
        last = costly.doses[-1][0] if costly.doses else 0.0
        costly.seconds = (asyncio.get_running_loop().time() - last) * 10 * DOSE
        costly.collect(generation)

    async def scenario() -> None:
        collector = Collector(collect, costly.clock)
        collector.start()
        await asyncio.sleep(30.0)
        collector.stop()

    run_virtual(scenario())
    assert costly.pauses()[-1] == pytest.approx(0.1, rel=0.1)


def test_survivors_have_their_turn_when_there_may_be_many() -> None:
    """As soon as the youngest have taken so long, for what they leave behind takes about as long once more."""
    costly = Costly(SURVIVORS_DOSE)
    run_virtual(after(costly, 4.5 * LONGEST))
    assert [generation for _, generation in costly.doses[:4]] == [YOUNGEST, SURVIVORS] * 2


def test_survivors_and_everything_have_their_turns_in_a_quiet_hour_too() -> None:
    """Next to nothing counts as a little, and every ten minutes one dose looks at everything."""
    costly = Costly(0.0)
    run_virtual(after(costly, 2 * EVERYTHING_EVERY + 10 * LONGEST))
    generations = [generation for _, generation in costly.doses]
    assert generations[:QUIET_ROUNDS].count(SURVIVORS) == 1
    assert generations.count(EVERYTHING) == 2


def test_a_look_at_everything_that_takes_long_is_rare() -> None:
    """A fifth of a second for the objects of a great fleet is taken once in an hour and more."""
    costly = Costly(0.2)
    run_virtual(after(costly, EVERYTHING_EVERY + 2 * EVERYTHING_SHARE * 0.2 + 10.0))
    times = [at for at, generation in costly.doses if generation == EVERYTHING]
    assert [round(after - before, -1) for before, after in itertools.pairwise(times)] == [4000, 4000]


def test_nothing_is_collected_while_collections_are_forbidden() -> None:
    """Reading a configuration forbids them: a collection would look at all that is half made."""
    costly = Costly(DOSE)

    async def scenario() -> None:
        collector = Collector(costly.collect, costly.clock)
        collector.start()
        gc.disable()
        await asyncio.sleep(5 * LONGEST)
        assert not costly.doses
        gc.enable()
        await asyncio.sleep(2 * LONGEST)
        assert costly.doses
        collector.stop()

    run_virtual(scenario())


def test_the_end_leaves_it_to_the_interpreter_again() -> None:
    """A second start and a second stop change nothing about that."""

    async def scenario() -> None:
        before = gc.get_threshold()
        collector = Collector()
        collector.start()
        collector.start()
        collector.stop()
        collector.stop()
        assert gc.get_threshold() == before

    run_virtual(scenario())
