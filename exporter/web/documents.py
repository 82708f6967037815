"""Documents for other programs, and for whoever sets them up: configuration, targets, description."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable
from importlib import resources

from aiohttp import web

from exporter.board import Board
from exporter.metrics.pace import Pace
from exporter.model import Endpoint
from exporter.web.stream import stream
from exporter.web.turns import Turns

_TEXT = "text/plain; charset=utf-8"
_PIECE = 32 * 1024


class Configuration:
    """Answers `/config`: the configuration as it works, every default filled in and every secret left out."""

    def __init__(self, effective: Callable[[], str]) -> None:
        self._effective = effective
        self._turns = Turns()

    async def get(self, request: web.Request) -> web.StreamResponse:
        """YAML, in a form that a configuration file may have."""
        return await stream(request, _TEXT, self._pieces(), turns=self._turns)

    async def _pieces(self) -> AsyncGenerator[bytes]:
        text = self._effective()
        for start in range(0, len(text), _PIECE):
            yield text[start : start + _PIECE].encode()
        yield b""


class Targets:
    """Answers `/api/v1/sd`: what is probed, for Prometheus' HTTP service discovery."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._turns = Turns()

    async def get(self, request: web.Request) -> web.StreamResponse:
        """One group for each endpoint, described by `__meta_submission_*` labels."""
        # Prometheus insists on this very content type.
        return await stream(request, "application/json", self._pieces(), turns=self._turns)

    async def _pieces(self) -> AsyncGenerator[bytes]:
        pace = Pace()
        separator = b"[\n"
        for entry in self._board.entries.values():
            yield separator + json.dumps(_group(entry.endpoint)).encode()
            separator = b",\n"
            if pace.over:
                await pace.rest()
        yield b"\n]\n" if separator != b"[\n" else b"[]\n"


def _group(endpoint: Endpoint) -> dict[str, object]:
    labels = {
        "__meta_submission_endpoint": endpoint.name,
        "__meta_submission_module": endpoint.module,
        "__meta_submission_tls": str(endpoint.tls),
        "__meta_submission_until": str(endpoint.until),
    }
    own = {f"__meta_submission_label_{name}": value for name, value in endpoint.labels}
    return {"targets": [endpoint.target], "labels": labels | own}


class Description:
    """Answers `/api/v1/openapi.json`: the JSON addresses in OpenAPI 3.1."""

    def __init__(self, version: str) -> None:
        text = (resources.files("exporter.web") / "static" / "openapi.json").read_text("utf-8")
        document = json.loads(text)
        document["info"]["version"] = version
        self._body = json.dumps(document, indent=2).encode() + b"\n"

    async def get(self, _request: web.Request) -> web.Response:
        """The document."""
        return web.Response(body=self._body, content_type="application/json")
