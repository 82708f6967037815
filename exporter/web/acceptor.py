"""Accepts connections: a bounded number of them, and under a flood the useful ones.

A server that refuses the newcomer when it is full can be kept full by anybody.  Here the newcomer takes
the place of whoever has the least to lose: first a connection that never asked for anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Handler as Answering
from aiohttp.typedefs import Middleware

from exporter.web.connection import Connection
from exporter.web.handler import Handler

MOST_CONNECTIONS = 512
HANDSHAKE_SECONDS = 10.0
BREATH_SECONDS = 0.1
"""How long to look away when the process has no descriptor left."""
_AT_ONCE = 64
"""Connections that are accepted before anybody else gets a turn."""


class Acceptor:
    """Hands each accepted connection to a protocol of `make`, under TLS where `tls` is set.

    `tls` may be replaced at any time: what was accepted before ends.
    """

    def __init__(self, make: Callable[[], Handler], tls: ssl.SSLContext | None) -> None:
        self._make = make
        self.tls = tls
        self._listening: list[socket.socket] = []
        self._handshakes: dict[asyncio.Task[None], None] = {}
        self._open: dict[Connection, None] = {}  # the oldest first
        self._by_protocol: dict[object, Connection] = {}

    def start(self, listening: list[socket.socket]) -> None:
        """Accept on sockets that listen and do not block; they are closed by `stop`."""
        self._listening = listening
        for sock in listening:
            self._watch(sock)

    def stop(self) -> None:
        """Accept nothing more; what is open stays open."""
        loop = asyncio.get_running_loop()
        listening, self._listening = self._listening, []
        for sock in listening:
            loop.remove_reader(sock)
            sock.close()

    def use_tls(self, tls: ssl.SSLContext | None) -> None:
        """Accept with another `tls` from now on, and end what was let in under the one before."""
        self.tls = tls
        for task in self._handshakes:
            task.cancel()
        for connection in list(self._open):
            connection.retire()

    async def end_handshakes(self) -> None:
        """Give up the handshakes that are under way."""
        handshakes = list(self._handshakes)
        for task in handshakes:
            task.cancel()
        await asyncio.gather(*handshakes, return_exceptions=True)

    def middleware(self) -> Middleware:
        """Return the middleware by which a connection is known to have asked for something."""

        @web.middleware
        async def note(request: web.Request, handler: Answering) -> web.StreamResponse:
            connection = self._by_protocol.get(request.protocol)
            if connection is None:
                return await handler(request)
            connection.begin_request()
            try:
                return await handler(request)
            finally:
                connection.end_request()

        return note

    # ----------------------------------------------------------------- in

    def _watch(self, sock: socket.socket) -> None:
        if sock in self._listening:
            asyncio.get_running_loop().add_reader(sock, self._accept, sock)

    def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        for _ in itertools.repeat(None, _AT_ONCE):
            try:
                sock, _address = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:
                # The port stays readable while no descriptor is left: do not spin.
                loop.remove_reader(listening)
                loop.call_later(BREATH_SECONDS, self._watch, listening)
                return
            self._make_room()
            sock.setblocking(False)
            entering = _Entering(sock)
            task = loop.create_task(self._enter(entering))
            self._handshakes[task] = None
            task.add_done_callback(lambda task, entering=entering: self._entered(task, entering))  # type: ignore[misc]

    async def _enter(self, entering: _Entering) -> None:
        tls = self.tls
        entering.handed_over = True
        # A client that breaks off, or speaks no TLS, is its own affair.
        with contextlib.suppress(OSError):
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: Connection(self._make(), self._began, self._ended),
                entering.sock,
                ssl=tls,
                ssl_handshake_timeout=HANDSHAKE_SECONDS if tls is not None else None,
            )

    def _entered(self, task: asyncio.Task[None], entering: _Entering) -> None:
        del self._handshakes[task]
        if not entering.handed_over:  # cancelled before it began: no transport has the socket
            entering.sock.close()

    def _began(self, connection: Connection) -> None:
        self._open[connection] = None
        self._by_protocol[connection.inner] = connection

    def _ended(self, connection: Connection) -> None:
        self._open.pop(connection, None)
        self._by_protocol.pop(connection.inner, None)

    # ----------------------------------------------------------------- out

    def _make_room(self) -> None:
        """Close whoever has the least to lose, when there are as many as there may be."""
        if len(self._open) + len(self._handshakes) < MOST_CONNECTIONS:
            return
        pending = (task for task in self._handshakes if not task.cancelling())
        if (self.tls is not None or not self._open) and (oldest := next(pending, None)) is not None:
            oldest.cancel()
            return
        if not self._open:
            return
        # The lowest stage, the oldest of it; being served is the highest, and still not sacred.
        victim = min(self._open, key=lambda connection: connection.stage)
        self._ended(victim)
        victim.abort()


@dataclass(slots=True)
class _Entering:
    """A socket on its way to a transport."""

    sock: socket.socket
    handed_over: bool = False
