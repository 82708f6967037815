"""A fleet is probed on time for as long as anybody looks."""

from __future__ import annotations

import asyncio

from benchmarks.steady import run


def test_two_hundred_endpoints_are_all_probed_on_time() -> None:
    """Every one of 200 endpoints gets its probes, one more or less, and SIGTERM ends with 0."""
    assert asyncio.run(run(endpoints=200, interval=2.0, seconds=12.0)) == 0
