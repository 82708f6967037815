"""What changes something: `POST /probe-now` and `POST /-/reload`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

from exporter.board import Board
from exporter.web.forms import field
from exporter.web.html import tag
from exporter.web.layout import address_of
from exporter.web.refusals import refusal

ProbeNow = Callable[[str], Awaitable[str | None]]
"""Probes the endpoint of this name at once; returns why not, in a sentence, or None when it was done."""
Reload = Callable[[], Awaitable[bool]]
"""Reads the configuration again; False when it was refused."""


class ProbeButton:
    """Answers `POST /probe-now`, the button on an endpoint's page."""

    def __init__(self, board: Board, probe: ProbeNow) -> None:
        self._board = board
        self._probe = probe

    async def post(self, request: web.Request) -> web.Response:
        """Probe one endpoint and lead back to its page; 409 with the reason when it is held back."""
        name = await field(request, "name")
        if name is None or name not in self._board.entries:
            raise web.HTTPNotFound(reason="No such endpoint")
        reason = await self._probe(name)
        if reason is not None:
            way = tag("a", f"Back to {name}", href=address_of(name))
            return refusal(request, 409, f"Not probed: {reason}.", f"not probed: {reason}", way)
        return web.Response(status=303, headers={"Location": address_of(name)})


class ReloadHook:
    """Answers `POST /-/reload`."""

    def __init__(self, reload: Reload, problems: Callable[[], Sequence[str]] = tuple) -> None:
        self._reload = reload
        self._problems = problems

    async def post(self, _request: web.Request) -> web.Response:
        """Read the configuration again; 500 when it was refused, as Prometheus answers."""
        if await self._reload():
            return web.Response(text="configuration reloaded\n")
        return web.Response(status=500, text="\n".join(("configuration not reloaded", *self._problems(), "")))
