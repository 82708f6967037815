"""Long work gives way to probes, and comes to its end all the same."""

from __future__ import annotations

import asyncio

import pytest

from exporter.metrics.pace import BUDGET, MOST, Pace


class Clock:
    """A time that passes only when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Return it in seconds."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Let it pass."""
        self.now += seconds


@pytest.mark.parametrize(
    ("others", "allowed"),
    [(0.0, BUDGET), (0.001, BUDGET), (0.012, 0.006), (0.060, MOST)],
    ids=["idle", "quick", "busy", "overloaded"],
)
def test_piece_is_a_share_of_a_busy_loop(others: float, allowed: float) -> None:
    """A piece takes half a millisecond on an idle loop, and up to ten where a turn takes long anyway."""
    clock = Clock()

    async def scenario() -> None:
        pace = Pace(clock)
        asyncio.get_running_loop().call_soon(clock.advance, others)
        await pace.rest()
        clock.advance(allowed * 0.99)
        assert not pace.over
        clock.advance(allowed * 0.02)
        assert pace.over

    asyncio.run(scenario())
