"""Garbage is collected in small doses, on the event loop and by its clock.

The interpreter collects by the balance of objects made and gone.  Here a probe's result replaces the one before, so
the balance hardly moves while tens of thousands of new objects gather; the collection that comes at last looks at all
of them and holds up the loop for a tenth of a second.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from time import perf_counter

DOSE = 0.00015
"""Seconds that a collection of the youngest is to take; the more there is to do, the more often it is done."""
SHORTEST, LONGEST = 0.02, 1.0
"""Seconds between two collections."""
SURVIVORS_DOSE = DOSE
"""After so many seconds of it the survivors are looked at too: what lives for some seconds may leave a cycle.  That
takes about as long again."""
LEAST = DOSE / 10
"""Seconds that a collection is taken to last at least, so that survivors have their turn in a quiet hour too."""
EVERYTHING_EVERY = 600.0
"""Seconds until all objects are looked at, at least."""
EVERYTHING_SHARE = 20_000
"""And as many times what it took the last time.  It holds up the loop for a moment that grows with the fleet, and
finds next to nothing: a probe leaves no cycle behind, and requests that do are short."""

YOUNGEST, SURVIVORS, EVERYTHING = 0, 1, 2
"""Generations of `gc.collect`."""


def dose() -> None:
    """Collect the youngest now, for work that makes very many between two collections by the clock."""
    if gc.isenabled():
        gc.collect(YOUNGEST)


class Collector:
    """Stands in for the interpreter's own timing; one a process.  Where `gc` is disabled it does nothing."""

    def __init__(
        self,
        collect: Callable[[int], object] = gc.collect,
        clock: Callable[[], float] = perf_counter,
    ) -> None:
        self._collect = collect
        self._clock = clock
        self._timer: asyncio.TimerHandle | None = None
        self._thresholds = (0, 0, 0)
        self._pause = LONGEST
        self._spent = 0.0  # on the youngest, since the survivors had their turn
        self._everything_at = 0.0

    def start(self) -> None:
        """Begin to collect on the running loop, and let the interpreter begin nothing by itself."""
        self.stop()
        self._thresholds = gc.get_threshold()
        gc.set_threshold(0)
        loop = asyncio.get_running_loop()
        self._everything_at = loop.time() + EVERYTHING_EVERY
        self._timer = loop.call_later(self._pause, self._tick, loop)

    def stop(self) -> None:
        """Leave it to the interpreter again; may be called twice."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            gc.set_threshold(*self._thresholds)

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        if gc.isenabled():
            self._dose(loop.time())
        self._timer = loop.call_later(self._pause, self._tick, loop)

    def _dose(self, now: float) -> None:
        if now >= self._everything_at:
            self._everything_at = now + max(EVERYTHING_EVERY, EVERYTHING_SHARE * self._time(EVERYTHING))
        elif self._spent >= SURVIVORS_DOSE:
            self._spent = 0.0
            self._time(SURVIVORS)
        else:
            taken = max(self._time(YOUNGEST), LEAST)
            self._spent += taken
            # By halves: one that was held up by another process says little.
            wanted = (self._pause + self._pause * DOSE / taken) / 2
            self._pause = min(max(wanted, SHORTEST), LONGEST)

    def _time(self, generation: int) -> float:
        """Collect, and return the seconds that it took."""
        began = self._clock()
        self._collect(generation)
        return self._clock() - began
