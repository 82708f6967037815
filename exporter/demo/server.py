"""A small, correct submission server whose every reply can be replaced or delayed.

It takes messages and drops them.  The demo runs several; tests use it where a well-behaved server
with one odd reply, or with known delays, is wanted.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from exporter.demo.listener import LOOPBACK, Listener
from exporter.demo.service import Event, EventKind, Service
from exporter.demo.session import Session
from exporter.demo.wire import Wire


class SubmissionServer:
    """A listening `Service`; `observe` is told everything that happens, passwords included."""

    def __init__(
        self,
        service: Service,
        *,
        observe: Callable[[Event], None] | None = None,
        host: str = LOOPBACK,
        port: int = 0,
    ) -> None:
        self._service = service
        self._observe = observe
        self._listener = Listener(self._serve, host=host, port=port)
        self._connections = 0

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return self._listener.port

    async def start(self) -> None:
        """Listen."""
        await self._listener.start()

    async def stop(self) -> None:
        """End every session and stop listening."""
        await self._listener.stop()

    async def settle(self, seconds: float) -> None:
        """Let the sessions end by themselves, for `seconds` at most."""
        await self._listener.settle(seconds)

    async def _serve(self, wire: Wire) -> None:
        number, self._connections = self._connections, self._connections + 1

        def note(kind: EventKind, word: str = "", data: bytes = b"") -> None:
            if self._observe is not None:
                self._observe(Event(number, kind, time.monotonic(), word, data))

        note(EventKind.CONNECTED)
        try:
            await Session(self._service, wire, note).run()
        finally:
            note(EventKind.CLOSED)
