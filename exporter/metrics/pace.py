"""Long work on the event loop, cut into pieces that no probe notices."""

from __future__ import annotations

import asyncio
import time


class Pace:
    """Lets others run when a piece of work has held the loop for long enough.

    A probe takes its time stamps when the loop hands it bytes, so whatever holds the loop is reported
    as the server's slowness.
    """

    def __init__(self, budget: float = 0.0005) -> None:
        self._budget = budget
        self._end = time.perf_counter() + budget

    @property
    def over(self) -> bool:
        """The piece has used up its `budget` (seconds)."""
        return time.perf_counter() >= self._end

    async def rest(self) -> None:
        """Let the loop run everything that is ready, then begin the next piece."""
        await asyncio.sleep(0)
        self._end = time.perf_counter() + self._budget
