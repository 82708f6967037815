"""When an endpoint is due: arithmetic only.  Times are seconds of the event loop's clock.

The starts of an endpoint lie on a grid, `origin + (phase + k) * interval`: they are computed from `k`, never
from the run before, so nothing drifts.  Each start is at the first tick that is not before its point.
"""

from __future__ import annotations

import heapq
import math

GOLDEN_RATIO = (math.sqrt(5) - 1) / 2
FIRST_ROUND = 10.0
"""Seconds over which the first round is spread when the interval is not shorter."""


def phase(slot: int) -> float:
    """Where in its interval a slot lies, in [0, 1).

    Multiples of the golden ratio cut a circle more evenly than those of any other number: the first n of
    them, whatever n, leave gaps of at most three lengths, the longest 2.62 times the shortest (three-gap
    theorem).  Another endpoint falls into one of the longest gaps and moves nobody.
    """
    return slot * GOLDEN_RATIO % 1.0


class Slots:
    """Small numbers, each given to one holder at a time, the lowest free one first."""

    def __init__(self) -> None:
        self._free: list[int] = []
        self._next = 0

    def take(self) -> int:
        """A number that nobody holds."""
        if self._free:
            return heapq.heappop(self._free)
        self._next += 1
        return self._next - 1

    def give_back(self, slot: int) -> None:
        """Free a number that was taken."""
        heapq.heappush(self._free, slot)


class Course:
    """The due times of one endpoint, one after the other.

    The first is at most min(interval, 10 s) after `now`.  Up to 10 s of interval it is a grid point, so
    exactly one interval lies between any two; above, it is `now + phase * 10 s`, and the second one is the
    grid point nearest to one interval later, half an interval to one and a half away.  All of it up to a tick:
    ticks are multiples of `tick` seconds, and with 0 nothing waits for one.
    """

    __slots__ = ("_anchor", "_interval", "_next", "_tick", "due")

    def __init__(
        self, *, interval: float, phase: float, origin: float, now: float, tick: float = 0.0
    ) -> None:
        self._interval = interval
        self._tick = tick
        self._anchor = origin + phase * interval
        if interval <= FIRST_ROUND:
            point = math.ceil((now - self._anchor) / interval)
            self.due = self._at_tick(self._anchor + point * interval)
            self._next = point + 1
        else:
            self.due = self._at_tick(now + phase * FIRST_ROUND)
            self._next = math.ceil((self.due - self._anchor) / interval + 0.5)

    def advance(self, now: float) -> int:
        """Make the first grid point after `now` (and after the present `due`) due; how many were missed."""
        missed = max(0, math.floor((now - self._at(self._next)) / self._interval) + 1)
        self.due = self._at_tick(self._at(self._next + missed))
        self._next += missed + 1
        return missed

    def postpone(self, earliest: float) -> bool:
        """Let nothing be due before `earliest`: the grid begins there, if it would have been earlier."""
        if self.due >= earliest:
            return False
        self.due = self._anchor = max(earliest, self._at_tick(earliest))
        self._next = 1
        return True

    def _at(self, point: int) -> float:
        return self._anchor + point * self._interval

    def _at_tick(self, time: float) -> float:
        if not self._tick:
            return time
        nearest = round(time / self._tick)
        at = nearest * self._tick
        # What is a tick but for the last bits of a sum is one.
        return at if at >= time - 1e-9 else (nearest + 1) * self._tick
