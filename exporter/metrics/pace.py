"""Long work on the event loop, cut into pieces that no probe notices."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

BUDGET = 0.0005
"""Seconds that a piece may take while the loop has little else to do."""
MOST = 0.010
"""Seconds that it may take whatever the others do."""
SHARE = 2
"""A piece takes one of so many parts of what the others took.  Times are the kernel's own, so a probe loses nothing;
a scrape that takes longer than Prometheus waits (10 s) loses everything."""


class Pace:
    """Lets others run when a piece of work has held the loop for long enough.

    Whatever holds the loop makes probes start late, and end late.  Where the others take long themselves, a
    piece may take a share of what they took: otherwise a scrape of an overloaded exporter, which is what tells
    of it, would never end.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._end = clock() + BUDGET

    @property
    def over(self) -> bool:
        """The piece has used up its time."""
        return self._clock() >= self._end

    async def rest(self) -> None:
        """Let the loop run everything that is ready, then begin the next piece."""
        left = self._clock()
        await asyncio.sleep(0)
        back = self._clock()
        self._end = back + min(max(BUDGET, (back - left) / SHARE), MOST)
