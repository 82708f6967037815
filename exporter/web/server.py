"""The web server: one application on one address, started and stopped."""

from __future__ import annotations

import asyncio
import ssl

from aiohttp import web

from exporter.web.acceptor import Acceptor
from exporter.web.handler import Handler
from exporter.web.listen import ListenAddress

PATIENCE = 2.0
"""Seconds that a response in progress is given when the server stops."""
KEEP_ALIVE = 120.0
"""Seconds for which an idle connection is kept: longer than the usual time between two scrapes."""
LONGEST_LINE = 8190
"""Bytes of a request line or a header."""
MOST_HEADERS = 64


class WebServer:
    """Serves `app` on `listen_address` (`host:port`, `:port`, `[::1]:port`) on the running event loop."""

    def __init__(
        self, app: web.Application, listen_address: str, *, tls: ssl.SSLContext | None = None
    ) -> None:
        self._app = app
        self._listen_address = listen_address
        self._address: ListenAddress | None = None
        self._acceptor = Acceptor(self._protocol, tls)
        app.middlewares.insert(0, self._acceptor.middleware())
        app.on_response_prepare.append(_say_goodbye)
        self._runner: web.AppRunner | None = None
        self._port = 0
        self.started = asyncio.Event()
        """Set while connections are accepted."""

    @property
    def port(self) -> int:
        """The port that was bound; the one chosen by the system for port 0."""
        return self._port

    @property
    def url(self) -> str:
        """Where a person on this machine finds the page, with the slash at the end; empty before the start."""
        if self._address is None:
            return ""
        return self._address.url(self._port, encrypted=self._acceptor.tls is not None)

    @property
    def is_local(self) -> bool:
        """Only programs on this machine can connect."""
        return ListenAddress.parse(self._listen_address).is_loopback

    def use_tls(self, tls: ssl.SSLContext | None) -> None:
        """Serve with another certificate, or in the clear; connections of before end with their present answer."""
        self._acceptor.use_tls(tls)

    async def start(self) -> None:
        """Bind and accept connections; `ListenError`, an OSError, says what is wrong with the address."""
        address = ListenAddress.parse(self._listen_address)
        sockets = address.bind()
        self._port = sockets[0].getsockname()[1]
        self._address = address
        self._runner = web.AppRunner(self._app, shutdown_timeout=PATIENCE)
        await self._runner.setup()
        self._acceptor.start(sockets)
        self.started.set()

    async def stop(self) -> None:
        """Accept nothing more, let responses in progress end, close every connection."""
        if self._runner is not None:
            runner, self._runner = self._runner, None
            self.started.clear()
            self._acceptor.stop()
            await self._acceptor.end_handshakes()
            await runner.cleanup()

    def _protocol(self) -> Handler:
        assert self._runner is not None
        assert self._runner.server is not None
        return Handler(
            self._runner.server,
            loop=asyncio.get_running_loop(),
            access_log=None,  # as AppRunner passes it
            keepalive_timeout=KEEP_ALIVE,
            max_line_size=LONGEST_LINE,
            max_field_size=LONGEST_LINE,
            max_headers=MOST_HEADERS,
        )


async def _say_goodbye(request: web.Request, response: web.StreamResponse) -> None:
    """Tell a client that its connection ends with this answer (RFC 9112 9.6)."""
    if isinstance(request.protocol, Handler) and request.protocol.is_retiring:
        response.headers["Connection"] = "close"
        response.force_close()
