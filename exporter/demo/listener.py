"""A listening loopback port that gives each connection a task of its own, and takes all back."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable

from exporter.demo.wire import Wire

LOOPBACK = "127.0.0.1"
BACKLOG = 1024
BREATH_SECONDS = 0.1


class Listener:
    """Accepts on `host` at a free port (or `port`) and hands each connection to `serve`.

    A client that vanishes or breaks TLS ends its own connection quietly.  Any other exception of
    `serve` is a bug and goes to the event loop's exception handler.
    """

    def __init__(
        self, serve: Callable[[Wire], Awaitable[None]], *, host: str = LOOPBACK, port: int = 0
    ) -> None:
        self._serve = serve
        self._address = (host, port)
        self._sock: socket.socket | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """The port that was bound; only between `start` and `stop`."""
        if self._sock is None:
            raise RuntimeError("the listener is not started")
        port: int = self._sock.getsockname()[1]
        return port

    async def start(self) -> None:
        """Bind, listen and begin to accept."""
        self._sock = socket.create_server(
            self._address,
            family=socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET,
            backlog=BACKLOG,
        )
        self._sock.setblocking(False)
        self._watch()

    async def stop(self) -> None:
        """Close the port and every connection."""
        if self._sock is not None:
            asyncio.get_running_loop().remove_reader(self._sock)
            self._sock.close()
            self._sock = None
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def settle(self, seconds: float) -> None:
        """Let the connections end by themselves, for `seconds` at most."""
        # A connection may still stand in the backlog although its client has left already.
        for _ in range(2):
            await asyncio.sleep(0)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)

    def _watch(self) -> None:
        if self._sock is not None:
            asyncio.get_running_loop().add_reader(self._sock, self._accept, self._sock)

    def _accept(self, listening: socket.socket) -> None:
        # Not loop.sock_accept: cancelling that can lose a socket that was just accepted.
        loop = asyncio.get_running_loop()
        while True:
            try:
                sock, _ = listening.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError:  # no descriptor left: the port stays readable, so look away for a moment
                loop.remove_reader(listening)
                loop.call_later(BREATH_SECONDS, self._watch)
                return
            wire = Wire(sock)
            task = loop.create_task(self._connection(wire))
            self._tasks.add(task)
            task.add_done_callback(self._forget)
            task.add_done_callback(lambda _, wire=wire: wire.close())  # type: ignore[misc]

    async def _connection(self, wire: Wire) -> None:
        with contextlib.suppress(OSError):  # the client's doing
            await self._serve(wire)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            task.get_loop().call_exception_handler(
                {"message": "a connection failed by a bug", "exception": error, "task": task}
            )
