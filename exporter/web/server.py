"""The web server: one application on one address, started and stopped."""

from __future__ import annotations

import asyncio
import ssl

from aiohttp import web

from exporter.web.listen import ListenAddress

PATIENCE = 2.0
"""Seconds that a response in progress is given when the server stops."""


class WebServer:
    """Serves `app` on `listen_address` (`host:port`, `:port`, `[::1]:port`) on the running event loop."""

    def __init__(
        self, app: web.Application, listen_address: str, *, tls: ssl.SSLContext | None = None
    ) -> None:
        self._app = app
        self._listen_address = listen_address
        self._tls = tls
        self._runner: web.AppRunner | None = None
        self._port = 0
        self._url = ""
        self.started = asyncio.Event()
        """Set while connections are accepted."""

    @property
    def port(self) -> int:
        """The port that was bound; the one chosen by the system for port 0."""
        return self._port

    @property
    def url(self) -> str:
        """Where a person on this machine finds the page, with the slash at the end."""
        return self._url

    async def start(self) -> None:
        """Bind and accept connections; `ListenError`, an OSError, says what is wrong with the address."""
        address = ListenAddress.parse(self._listen_address)
        sockets = address.bind()
        self._port = sockets[0].getsockname()[1]
        self._url = address.url(self._port, encrypted=self._tls is not None)
        self._runner = web.AppRunner(self._app, access_log=None, shutdown_timeout=PATIENCE)
        await self._runner.setup()
        for listening in sockets:
            await web.SockSite(self._runner, listening, ssl_context=self._tls).start()
        self.started.set()

    async def stop(self) -> None:
        """Accept nothing more, let responses in progress end, close every connection."""
        if self._runner is not None:
            runner, self._runner = self._runner, None
            self.started.clear()
            await runner.cleanup()
