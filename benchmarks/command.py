"""The command line of a single benchmark."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import uvloop

from benchmarks.child import pin_driver
from benchmarks.figures import Figure, Result, table
from benchmarks.yardstick import slowness

Measure = Callable[[Path, bool], Coroutine[Any, Any, tuple[Figure, ...]]]
"""Measures in a directory of its own; briefly when only correctness counts."""
T = TypeVar("T")


def measured(goal: str, measure: Measure, *, brief: bool, of_speed: bool = False) -> Result:
    """Run one benchmark in this process, which moves to the server's core.

    `of_speed`: its limits are those of a machine of some speed, which is measured before and after.
    """
    pin_driver()
    # Whoever installs a program, or has started it once, has its bytecode.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="submission-bench-") as directory,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        where = Path(directory)
        before = runner.run(slowness(where)) if of_speed and not brief else ()
        figures = runner.run(measure(where, brief))
        if before:
            figures = at_slowness(figures, before + runner.run(slowness(where)))
    return Result(goal=goal, figures=figures, seconds=time.monotonic() - began)


def at_slowness(figures: tuple[Figure, ...], slower: tuple[float, ...]) -> tuple[Figure, ...]:
    """Return the figures as those of a machine that is so many times slower than that of the goals, and how many."""
    told = Figure(what="slower than where the goals were set", unit="x", ours=slower)
    return (*(replace(figure, slowness=slower) for figure in figures), told)


def main(goal: str, description: str | None, measure: Measure, *, of_speed: bool = False) -> int:
    """Measure, print the table, keep the result; 1 when a limit is missed."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{goal}", description=description)
    parser.add_argument("--smoke", action="store_true", help="briefly, for correctness: keeps no result")
    options = parser.parse_args()
    result = measured(goal, measure, brief=options.smoke, of_speed=of_speed)
    print(table([result]))
    if options.smoke:
        return 0
    result.save()
    return 0 if result.met else 1


def run(goal: str, description: str | None, measure: Measure, *, of_speed: bool = False) -> None:
    """Be the command, and end."""
    sys.exit(main(goal, description, measure, of_speed=of_speed))
