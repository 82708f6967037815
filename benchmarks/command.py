"""The command line of a single benchmark."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import uvloop

from benchmarks.child import pin_driver
from benchmarks.figures import Figure, Result, table

Measure = Callable[[Path, bool], Coroutine[Any, Any, tuple[Figure, ...]]]
"""Measures in a directory of its own; briefly when only correctness counts."""
T = TypeVar("T")


def measured(goal: str, measure: Measure, *, brief: bool) -> Result:
    """Run one benchmark in this process, which moves to the server's core."""
    pin_driver()
    # Whoever installs a program, or has started it once, has its bytecode.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="submission-bench-") as directory,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        figures = runner.run(measure(Path(directory), brief))
    return Result(goal=goal, figures=figures, seconds=time.monotonic() - began)


def main(goal: str, description: str | None, measure: Measure) -> int:
    """Measure, print the table, keep the result; 1 when a limit is missed."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{goal}", description=description)
    parser.add_argument("--smoke", action="store_true", help="briefly, for correctness: keeps no result")
    options = parser.parse_args()
    result = measured(goal, measure, brief=options.smoke)
    print(table([result]))
    if options.smoke:
        return 0
    result.save()
    return 0 if result.met else 1


def run(goal: str, description: str | None, measure: Measure) -> None:
    """Be the command, and end."""
    sys.exit(main(goal, description, measure))
