"""Room for the probes that are at work at once, which a probe gives up while it only waits.

A name server that is silent keeps a probe waiting for seconds, and so does a mail server.  Those who are answered must
not have to wait for the room that such probes hold.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

MOST_ASIDE = 2000
"""Probes that may wait at the same time: each has a socket or two."""


class Places:
    """As many places as `limit` says.

    `on_room` is called when somebody may begin, `on_wait` with the seconds that somebody waited who came back.
    """

    def __init__(self, limit: int, *, on_room: Callable[[], None], on_wait: Callable[[float], None]) -> None:
        self.limit = limit
        """A lower one takes nobody's place away.  Exceeded by those who come back and cannot wait."""
        self.on_room = on_room
        self.on_wait = on_wait
        self.held = self.aside = 0
        self.returning: deque[Place] = deque()

    @property
    def is_free(self) -> bool:
        """Whether somebody may begin; those who come back go first."""
        return self.held < self.limit and self.aside < MOST_ASIDE and not self.returning

    def take(self) -> Place:
        """Begin."""
        self.held += 1
        return Place(self)

    def use(self) -> None:
        """Give what is free to those who come back, in order, and then to whoever begins."""
        while self.returning and self.held < self.limit:
            self.returning.popleft().regain()
        self.on_room()


class Place:
    """One probe's place; held from the beginning."""

    __slots__ = ("_is_held", "_is_over", "_places", "_turn")

    def __init__(self, places: Places) -> None:
        self._places = places
        self._is_held, self._is_over = True, False
        self._turn: asyncio.Future[None] | None = None

    def leave(self) -> None:
        """Let somebody else begin meanwhile."""
        if self._is_held:
            self._is_held = False
            self._places.held -= 1
            self._places.aside += 1
            self._places.use()

    async def back(self, patience: float | None = None) -> None:
        """Have a place again, as soon as there is one; after `patience` seconds one beyond the limit."""
        places = self._places
        if places.held < places.limit and not places.returning:
            self._sit()
            return
        loop = asyncio.get_running_loop()
        asked, self._turn = loop.time(), loop.create_future()
        places.returning.append(self)
        alarm = None if patience is None else loop.call_later(patience, self._insist, self._turn)
        try:
            await self._turn
        finally:
            if alarm is not None:
                alarm.cancel()
        places.on_wait(loop.time() - asked)

    def end(self) -> None:
        """Give up everything, once."""
        if not self._is_over:
            self._is_over = True
            if self._is_held:
                self._places.held -= 1
            else:
                self._places.aside -= 1
            self._places.use()

    def regain(self) -> None:
        """Have the place that was waited for; nothing where nobody waits any more."""
        if self._turn is not None and not self._turn.done() and not self._is_over:
            self._sit()
            self._turn.set_result(None)

    def _insist(self, turn: asyncio.Future[None]) -> None:
        if not turn.done():
            self._places.returning.remove(self)
            self.regain()

    def _sit(self) -> None:
        if not self._is_held and not self._is_over:
            self._is_held = True
            self._places.aside -= 1
            self._places.held += 1
