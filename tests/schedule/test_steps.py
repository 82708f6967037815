"""Long work in steps."""

import asyncio
from collections.abc import Generator

from exporter.steps import at_once, in_turns
from tests.virtual_time import run_virtual


def work(done: list[str]) -> Generator[None, None, int]:
    """Three steps."""
    for _ in range(3):
        done.append("step")
        yield
    return 7


def test_both_ways_give_the_result():
    """The generator's return value comes out, with or without turns for others."""
    assert at_once(work([])) == 7
    assert run_virtual(in_turns(work([]))) == 7


def test_others_get_a_turn_after_each_step():
    """Steps alternate with whatever else is ready."""

    async def scenario() -> list[str]:
        done: list[str] = []

        async def other() -> None:
            for _ in range(3):
                done.append("other")
                await asyncio.sleep(0)

        await asyncio.gather(in_turns(work(done)), other())
        return done

    assert run_virtual(scenario()) == ["step", "other"] * 3
