"""`/metrics`, in the format that the client asks for."""

from __future__ import annotations

from aiohttp import web

from exporter.metrics import Renderer
from exporter.web.negotiation import choose_exposition
from exporter.web.stream import stream
from exporter.web.turns import Turns


class Metrics:
    """Answers scrapes from one renderer, which remembers what did not change since the last."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._turns = Turns()

    async def get(self, request: web.Request) -> web.StreamResponse:
        """All metrics of the board and of the exporter."""
        exposition = choose_exposition(request.headers.get("Accept", ""))
        return await stream(
            request, exposition.content_type, self._renderer.chunks(exposition), turns=self._turns
        )
