"""A piece of work that many ask for at once: done once for all who asked before it began."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Joined(Generic[T]):
    """Runs `work` one call at a time; whoever calls while another waits for its turn gets that one's result.

    Every caller gets a result of work that began after the call.
    """

    def __init__(self, work: Callable[[], Awaitable[T]]) -> None:
        self._work = work
        self._running = asyncio.Lock()
        self._next: asyncio.Task[T] | None = None

    async def __call__(self) -> T:
        """Return the result; a caller that is cancelled takes nothing from the others."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_task(self._in_turn())
        return await asyncio.shield(self._next)

    async def _in_turn(self) -> T:
        async with self._running:
            self._next = None
            return await self._work()
