"""One accepted connection: what it is doing, and how long it may do so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import IntEnum
from typing import cast

from exporter.web.handler import Handler

HEAD_SECONDS = 10.0
"""In which a new connection has to send its first request, all headers of it."""
STALL_SECONDS = 30.0
"""In which a client has to take what was sent, at least down to the low-water mark."""


class Stage(IntEnum):
    """What a connection is doing; the lower, the less is lost when it is closed."""

    OPENING = 0
    """It has not sent a request yet; perhaps it never will."""
    IDLE = 1
    """Its last request is answered; a client may keep it for the next one."""
    STALLED = 2
    """It does not take its answer."""
    SERVED = 3
    """A request of it is being answered."""


class Connection(asyncio.Protocol):
    """Stands between a transport and aiohttp's protocol, and ends what takes too long.

    aiohttp bounds the size of a request's head and not its time, and waits for a slow reader for ever.
    """

    def __init__(
        self,
        inner: Handler,
        on_begin: Callable[[Connection], None],
        on_end: Callable[[Connection], None],
    ) -> None:
        self.inner = inner
        self._on_begin = on_begin
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._requests = 0
        self._active = 0
        self._stalled = False
        self._timer: asyncio.TimerHandle | None = None

    @property
    def stage(self) -> Stage:
        """What it is doing now."""
        if self._stalled:
            return Stage.STALLED
        if self._active:
            return Stage.SERVED
        return Stage.IDLE if self._requests else Stage.OPENING

    def begin_request(self) -> None:
        """Note that a whole request has arrived."""
        self._requests += 1
        self._active += 1
        if not self._stalled:
            self._stop_timer()

    def end_request(self) -> None:
        """Note that it is answered."""
        self._active -= 1

    def retire(self) -> None:
        """End it when the request in hand is answered; at once when there is none."""
        self.inner.retire()

    def abort(self) -> None:
        """End it at once."""
        if self._transport is not None:
            self._transport.abort()

    # ----------------------------------------------------------------- what the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, with the time for the first request running."""
        self._transport = cast("asyncio.Transport", transport)
        self._start_timer(HEAD_SECONDS)
        self._on_begin(self)
        self.inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Hand bytes on."""
        self.inner.data_received(data)

    def eof_received(self) -> None:
        """Hand on that the client sends no more: it has gone, and what it asked for is broken off."""
        self.inner.eof_received()

    def pause_writing(self) -> None:
        """Let the time of a stalled reader run."""
        self._stalled = True
        self._start_timer(STALL_SECONDS)
        self.inner.pause_writing()

    def resume_writing(self) -> None:
        """Go on."""
        self._stalled = False
        self._stop_timer()
        self.inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._stop_timer()
        self._transport = None
        self.inner.connection_lost(exc)
        self._on_end(self)

    def _start_timer(self, seconds: float) -> None:
        self._stop_timer()
        self._timer = self._loop.call_later(seconds, self.abort)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
