"""Both event loops, and what a process has open: for tests of everything that touches sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest
import uvloop

T = TypeVar("T")

# The first loop of libuv opens a pipe for signals that stays with the process; let it be there at once.
uvloop.new_event_loop().close()

both_loops = pytest.mark.parametrize(
    "run_in", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)


def run(coroutine: Coroutine[Any, Any, T], factory: Callable[[], asyncio.AbstractEventLoop]) -> T:
    """Run `coroutine` to its end in a loop of its own."""
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(coroutine)


def open_descriptors() -> int:
    """How many file descriptors this process holds."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir()) - 1  # less the one that lists them


def threads() -> int:
    """How many threads this process has, Python's and others."""
    return sum(1 for _ in Path("/proc/self/task").iterdir())


def left_in_loop(loop: asyncio.AbstractEventLoop) -> tuple[int, int] | None:
    """Watched descriptors and live timers of an asyncio loop; None for uvloop, which does not tell."""
    inner: Any = loop
    if not isinstance(loop, asyncio.SelectorEventLoop):
        return None
    timers = [handle for handle in inner._scheduled if not handle.cancelled()]
    return len(inner._selector.get_map()), len(timers)
