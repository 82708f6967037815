"""The one deadline of a probe, which stands still while we wait for something that is no doing of the server's."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from types import TracebackType
from typing import Self


class Clock:
    """Times one probe; as a context manager it raises TimeoutError once `deadline` (loop time) has passed."""

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        """Loop time; later by what was waited."""
        self._waited = 0.0
        self._began = perf_counter()
        self._alarm = asyncio.timeout_at(deadline)

    @property
    def seconds(self) -> float:
        """Seconds since it was made, without those that it stood still."""
        return perf_counter() - self._began - self._waited

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Let what happens inside count in no duration and against no deadline; it has to bound itself."""
        loop = asyncio.get_running_loop()
        began, began_loop = perf_counter(), loop.time()
        self._alarm.reschedule(None)
        try:
            yield
        finally:
            self._waited += perf_counter() - began
            self.deadline += loop.time() - began_loop
            self._alarm.reschedule(self.deadline)

    async def __aenter__(self) -> Self:
        await self._alarm.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._alarm.__aexit__(kind, error, trace)
