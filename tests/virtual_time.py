"""An event loop whose clock jumps to the next timer instead of waiting for it.

Hours pass in milliseconds and every timer fires at its exact instant.  Before the clock moves, input that
is ready (loopback sockets of the same loop) is handled and work in threads of an executor is waited for.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _JumpingSelector(selectors.DefaultSelector):
    """Instead of waiting `timeout` seconds it tells the loop that they have passed."""

    loop: VirtualTimeLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready: list[tuple[selectors.SelectorKey, int]] = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is not None and not self.loop.threads:
            self.loop.jump(timeout)
            return ready
        # Only a thread, a signal or another process can wake this loop now.
        ready = super().select(self.loop.patience)
        if not ready:
            raise RuntimeError("nothing is scheduled and nothing is ready: every task waits for ever")
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """A selector event loop on virtual time, which begins at 0.

    `patience` is how many real seconds something outside gets to wake a loop that cannot go on alone.
    """

    def __init__(self, *, patience: float = 10.0) -> None:
        self.patience = patience
        self.threads = 0
        """Calls that run in an executor now."""
        self._virtual_now = 0.0
        selector = _JumpingSelector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._virtual_now

    def jump(self, seconds: float) -> None:
        """Move the clock to the next timer, at most `seconds` on."""
        timers: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]
        if timers and timers[0].when() <= self._virtual_now + seconds + 1e-6:
            # The timer's own figure, since now + (when - now) may differ from it in the last bit.
            self._virtual_now = max(self._virtual_now, timers[0].when())
        else:
            self._virtual_now += seconds

    def stall(self, seconds: float) -> None:
        """Let time pass while nothing runs, as a callback that blocks the loop would."""
        self._virtual_now += seconds

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]
        """Run a function in a thread, for which the clock stands still."""
        future = super().run_in_executor(executor, func, *args)
        self.threads += 1
        future.add_done_callback(self._thread_ended)
        return future

    def _thread_ended(self, _: asyncio.Future[Any]) -> None:
        self.threads -= 1

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - asyncio's own signature
        """Join the threads in real time: a virtual timeout would be over at once."""
        await super().shutdown_default_executor()


def run_virtual(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on a fresh loop with virtual time, and close everything."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(coroutine)
