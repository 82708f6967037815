"""Long pieces of work on the event loop, one in each of its turns.

The answer to a server's half of the handshake takes most of a millisecond, in OpenSSL.  Several that are ready at
once would hold up everything else for as many.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable


class Turnstile:
    """Lets one piece of work pass in a turn of the running loop, the others in those that follow, in order."""

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()
        self._closed_in: asyncio.AbstractEventLoop | None = None

    def enter(self, work: Callable[[], None]) -> None:
        """Run `work` now, or in one of the next turns; it must not raise."""
        loop = asyncio.get_running_loop()
        if self._closed_in is loop:
            self._waiting.append(work)
        else:  # what waited in a loop that has ended waits for nothing any more
            self._waiting.clear()
            self._pass(work, loop)

    def _pass(self, work: Callable[[], None], loop: asyncio.AbstractEventLoop) -> None:
        self._closed_in = loop
        loop.call_soon(self._open, loop)
        work()

    def _open(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._waiting:
            self._pass(self._waiting.popleft(), loop)
        else:
            self._closed_in = None
