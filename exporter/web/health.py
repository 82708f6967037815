"""`/-/healthy` and `/-/ready`: what an orchestrator asks before it restarts us or sends us traffic."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web


class Health:
    """Healthy means that the event loop turns; ready that the configuration is loaded and probes run."""

    def __init__(self, ready: Callable[[], bool]) -> None:
        self._ready = ready

    async def healthy(self, _request: web.Request) -> web.Response:
        """200: whoever can answer is alive.  Failing endpoints are no reason to restart the exporter."""
        return web.Response(text="healthy\n")

    async def ready(self, _request: web.Request) -> web.Response:
        """200 once the scheduler runs, 503 before and after."""
        if self._ready():
            return web.Response(text="ready\n")
        return web.Response(status=503, text="not ready: no probes are being made\n")
