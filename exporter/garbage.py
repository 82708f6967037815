"""Keeps the collector of reference cycles from walking over everything that stays.

CPython's full collection visits every container there is, in one go: with ten thousand endpoints and their
histories a quarter of a second, in which no byte is read and no probe starts.  Almost nothing here makes cycles;
what dies is freed by its count of references.  So whatever outlives a collection of more than the youngest is put
aside at once, and looked at again only when memory has grown by a good part.  How often the young are collected
is the business of `exporter.startup`.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Mapping

LOOK_SECONDS = 30.0
"""Time between two looks at how much there is."""
GROWTH = 1.5
"""By which the blocks of memory have to grow before all are searched for cycles."""


class Garbage:
    """The manners of the collector while the program runs; one a process."""

    def __init__(self) -> None:
        self._limit = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin, on the running loop: put aside what there is, unsearched, for probes are waiting."""
        gc.callbacks.append(_put_aside)
        self._put_all_aside()
        self._look_later()

    def stop(self) -> None:
        """Let the collector be as it was."""
        if self._timer is None:
            return
        self._timer.cancel()
        self._timer = None
        gc.callbacks.remove(_put_aside)
        gc.unfreeze()

    def _look_later(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look)

    def _look(self) -> None:
        if sys.getallocatedblocks() > self._limit:
            gc.unfreeze()
            gc.collect()
            self._put_all_aside()
        self._look_later()

    def _put_all_aside(self) -> None:
        gc.freeze()
        self._limit = GROWTH * sys.getallocatedblocks()


def _put_aside(phase: str, info: Mapping[str, int]) -> None:
    """Put aside what outlived a collection of more than the youngest."""
    if phase == "stop" and info["generation"] > 0:
        gc.freeze()
