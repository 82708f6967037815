"""Keeps the last look at the fleet and at this host's interfaces for as long as it counts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace

from exporter.followup.kernel import without_interface
from exporter.followup.memory import Memory
from exporter.followup.survey import Survey, survey
from exporter.model import FollowUp, Observation
from exporter.steps import in_turns


class Lookout:
    """One a process.  `newest` gives the newest observation of every endpoint."""

    def __init__(self, newest: Callable[[], Iterable[Observation]], memory: Memory) -> None:
        self._newest = newest
        self._memory = memory
        self._seen: Survey | None = None
        self._until = 0.0
        self._begun = 0
        """Walks over the fleet."""
        self._ended = 0
        """The last walk that came to its end, by its number."""
        self._walking: asyncio.Event | None = None  # until its end
        self._without_interface: FollowUp | None = None
        self._reached = 0  # `Memory.reached` when the last look began

    async def look(self) -> Survey:
        """Return the fleet as it is, or was a moment ago where it is large.

        Whoever comes while it is being walked over waits for the next walk, which is one for all of them; a fleet
        of fewer than `STEP` is looked at without a turn of the loop in between.  That somebody is reached counts at
        once.
        """
        begun = self._begun
        while (seen := self._current(begun)) is None:
            if self._walking is None:
                await self._walk()
            else:
                await self._walking.wait()
        if self._memory.reached != self._reached:
            seen = replace(seen, reached=True, cut_off=None)
        return seen

    def without_interface(self) -> FollowUp | None:
        """Return the finding that this host has no interface: as of the last look, unless one is back."""
        return without_interface() if self._without_interface is not None else None

    def _current(self, begun: int) -> Survey | None:
        """Return the last look where it still counts, or where it is younger than that many walks."""
        counts = self._ended > begun or asyncio.get_running_loop().time() < self._until
        return self._seen if counts else None

    async def _walk(self) -> None:
        loop = asyncio.get_running_loop()
        ended = self._walking = asyncio.Event()
        self._begun += 1
        reached = self._memory.reached
        try:
            self._without_interface = without_interface()
            self._seen = await in_turns(survey(self._newest(), self._memory.known, loop.time()))
            self._ended, self._until, self._reached = self._begun, loop.time() + self._seen.life, reached
        finally:
            self._walking = None
            ended.set()
