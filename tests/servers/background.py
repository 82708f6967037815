"""An asynchronous server in a thread with an event loop of its own, for tests that are not."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, TypeVar

Server = TypeVar("Server")

PATIENCE_SECONDS = 30


@contextmanager
def in_background(make: Callable[[], AbstractAsyncContextManager[Server]]) -> Iterator[Server]:
    """The server that `make` gives, running until the block ends.

    What the server raises when it starts or ends is raised here.  Its recorded state may be read
    from the test's thread; its coroutines may not be awaited there.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="server in the background")
    thread.start()

    def call(step: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(step, loop).result(PATIENCE_SECONDS)

    async def enter() -> Server:
        return await manager.__aenter__()

    async def leave(error: BaseException | None) -> None:
        await manager.__aexit__(type(error) if error else None, error, None)

    try:
        manager = make()
        server: Server = call(enter())
        try:
            yield server
        except BaseException as error:
            call(leave(error))
            raise
        call(leave(None))
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
