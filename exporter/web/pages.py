"""The pages for a person: the fleet, and one endpoint."""

from __future__ import annotations

from aiohttp import web

from exporter.board import Board
from exporter.web.detail import Detail
from exporter.web.fleet import Fleet
from exporter.web.query import Query
from exporter.web.stream import stream
from exporter.web.turns import Turns

HTML = "text/html; charset=utf-8"


class Pages:
    """Answers `/` and `/endpoint?name=NAME`."""

    def __init__(self, board: Board, fleet: Fleet, detail: Detail) -> None:
        self._board = board
        self._fleet = fleet
        self._detail = detail
        self._turns = Turns()

    async def fleet(self, request: web.Request) -> web.StreamResponse:
        """The status page; its address holds search, filter and order."""
        return await stream(request, HTML, self._fleet.pieces(Query.read(request.query)), turns=self._turns)

    async def endpoint(self, request: web.Request) -> web.StreamResponse:
        """The page of one endpoint."""
        entry = self._board.entries.get(request.query.get("name", ""))
        if entry is None:
            raise web.HTTPNotFound(reason="No such endpoint")
        return web.Response(text=self._detail.page(entry), content_type="text/html")
