"""A probe's place among those that run at once, given up while nobody answers it."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Protocol, Self

PATIENCE = 1.0
"""Seconds that one step may take until the probe is taken to wait for somebody who is silent."""

PATIENCE_WHEN_SLOW = 0.1
"""The same after such a step: who is slow once is slow at each of eight steps, and would have a place at each."""

COURTESY = 1.0
"""Seconds that a server whose connection stands may have to wait for us because no place is free.  Servers hang up on
whoever says nothing, some after a few seconds, and that would be told as theirs."""


class Place(Protocol):
    """What a probe holds of the number that may run at once."""

    def leave(self) -> None:
        """Give it up for a while."""

    async def back(self, patience: float | None = None) -> None:
        """Wait for it, not longer than `patience` seconds."""


class Seat:
    """The place of one probe, left when a step has lasted for `PATIENCE`, later sooner; a context manager.

    One timer for a whole probe, because most are over before it goes off.
    """

    __slots__ = ("_alarm", "_began", "_loop", "_patience", "_place", "is_left")

    def __init__(self, place: Place | None) -> None:
        self._place = place
        self._patience = PATIENCE
        self._loop = asyncio.get_running_loop()
        self._alarm: asyncio.TimerHandle | None = None
        self.is_left = False
        """Before the next step it has to be had `back`."""
        self.begin_step()
        self._watch()

    def begin_step(self) -> None:
        """Whoever is waited for has just been heard."""
        self._began = self._loop.time()

    def leave(self) -> None:
        """Let somebody else have it."""
        if self._place is not None and not self.is_left:
            self.is_left = True
            self._place.leave()

    async def back(self, *, connected: bool) -> None:
        """Have it again and begin a step, after `COURTESY` at the latest when `connected`."""
        if self._place is None or not self.is_left:
            return
        await self._place.back(COURTESY if connected else None)
        self.is_left = False
        self.begin_step()
        self._watch()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _watch(self) -> None:
        if self._alarm is None and self._place is not None:
            self._alarm = self._loop.call_at(self._began + self._patience, self._look)

    def _look(self) -> None:
        self._alarm = None
        if self.is_left:
            return
        # uvloop rounds to whole milliseconds, so that a timer may fire before its time.
        if self._began + self._patience - self._loop.time() > 0.001:
            self._watch()
        else:
            self._patience = PATIENCE_WHEN_SLOW
            self.leave()
