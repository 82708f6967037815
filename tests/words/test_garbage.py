"""The collector of cycles leaves alone what stays, and still finds what leaks."""

from __future__ import annotations

import asyncio
import gc
import sys
import weakref
from collections.abc import Iterator

import pytest

from exporter import garbage
from exporter.garbage import Garbage
from tests.virtual_time import run_virtual


class Link:
    """Half of a cycle."""

    other: Link


def a_cycle() -> weakref.ref[Link]:
    """Two objects that only know each other."""
    one, two = Link(), Link()
    one.other, two.other = two, one
    return weakref.ref(one)


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    """The collector as it was."""
    callbacks = list(gc.callbacks)
    yield
    assert gc.callbacks == callbacks
    assert gc.get_freeze_count() == 0


def test_what_outlives_a_young_collection_is_walked_over_no_more() -> None:
    """After it the middle and the old generation are empty: the next full collection has nothing to do."""

    async def scenario() -> None:
        policy = Garbage()
        policy.start()
        try:
            kept = [[number] for number in range(5000)]
            gc.collect(1)
            assert len(gc.get_objects(generation=1)) < 100
            assert len(gc.get_objects(generation=2)) < 100
            assert len(kept) == 5000
        finally:
            policy.stop()

    asyncio.run(scenario())


def test_young_cycles_are_collected_as_ever() -> None:
    """What dies young is found by the collection of the young."""

    async def scenario() -> None:
        policy = Garbage()
        policy.start()
        try:
            seen = a_cycle()
            gc.collect(0)
            assert seen() is None
        finally:
            policy.stop()

    asyncio.run(scenario())


def test_old_cycles_are_found_once_memory_has_grown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cycle that was put aside goes with the search that growth brings about, and not before."""
    blocks = 1000
    monkeypatch.setattr(sys, "getallocatedblocks", lambda: blocks)

    async def scenario() -> None:
        nonlocal blocks
        policy = Garbage()
        policy.start()
        try:
            one, two = Link(), Link()
            one.other, two.other = two, one
            seen = weakref.ref(one)
            gc.collect(1)
            del one, two
            await asyncio.sleep(3 * garbage.LOOK_SECONDS)
            gc.collect()
            assert seen() is not None
            blocks = 1501
            await asyncio.sleep(garbage.LOOK_SECONDS)
            assert seen() is None
        finally:
            policy.stop()

    run_virtual(scenario())


def test_to_end_twice_or_without_a_beginning_does_nothing() -> None:
    """A service that could not start is stopped all the same."""

    async def scenario() -> None:
        policy = Garbage()
        policy.stop()
        policy.start()
        policy.stop()
        policy.stop()

    asyncio.run(scenario())
