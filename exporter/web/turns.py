"""Who may compute next: long answers share the event loop fairly, however many are asked for."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """Lets `at_once` pieces of work run; the others wait, and client after client gets its turn.

    Whoever asks for a hundred pages at once waits for them one after the other, while somebody else's
    one page waits for one piece.
    """

    def __init__(self, at_once: int = 1) -> None:
        self._free = at_once
        self._lines: dict[str, deque[asyncio.Future[None]]] = {}
        """Waiting pieces by client; the client that is first here is the next."""

    @asynccontextmanager
    async def turn(self, client: str) -> AsyncIterator[None]:
        """Wait for a turn of `client`, an address or any other name, and hold it."""
        if self._free:
            self._free -= 1
        else:
            await self._wait(client)
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self, client: str) -> None:
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lines.setdefault(client, deque()).append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                self._pass_on()  # the turn came together with the cancellation
            raise

    def _pass_on(self) -> None:
        while self._lines:
            client = next(iter(self._lines))
            line = self._lines.pop(client)
            waiting = line.popleft()
            if line:
                self._lines[client] = line  # behind all others
            if not waiting.done():
                waiting.set_result(None)
                return
        self._free += 1
