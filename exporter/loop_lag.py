"""How late the event loop is for its timers: every time that a probe measures contains this error."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class LoopLag:
    """A timer that measures its own lateness, as any timer set at a random moment would see it.

    `observe` gets seconds, never negative, every `interval` seconds; after a stall it gets one figure,
    not one for each tick that was missed.
    """

    def __init__(self, observe: Callable[[float], None], *, interval: float = 0.25) -> None:
        self._observe = observe
        self._interval = interval
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to measure the running loop."""
        self.stop()
        self._arm(asyncio.get_running_loop())

    def stop(self) -> None:
        """Measure no more; may be called twice."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        due = loop.time() + self._interval
        self._timer = loop.call_at(due, self._tick, loop, due)

    def _tick(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        self._arm(loop)
        self._observe(max(0.0, loop.time() - due))
