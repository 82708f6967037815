"""`make soak`, for a minute."""

from __future__ import annotations

import pytest

from benchmarks.figures import Result, table
from benchmarks.soak import Plan, soak

PLAN = Plan(
    seconds=60.0,
    rate=50.0,
    reload=10.0,
    warm_up=24.0,
    # A minute on a busy machine: what is looked for is what grows without end, or never comes.
    growth=1.25,
    late=20.0,
    missed=9.0,
)


@pytest.mark.timeout(300)
def test_nothing_is_lost_and_nothing_grows() -> None:
    """Under reloads and dying servers every endpoint goes on being probed, and nothing is left behind."""
    result = Result(goal="soak", figures=soak(PLAN), seconds=PLAN.seconds)
    assert result.met, "\n" + table([result])
