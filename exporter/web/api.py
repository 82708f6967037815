"""JSON for machines: the objects of `check --output json`, with what is remembered beside them."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from typing import Any

from aiohttp import web

from exporter.board import Board, Entry, Row
from exporter.metrics import Runtime
from exporter.metrics.pace import Pace
from exporter.model import Endpoint
from exporter.report import observation_json, timestamp
from exporter.web.stream import stream
from exporter.web.turns import Turns

JSON = "application/json; charset=utf-8"


class Api:
    """Answers `/api/v1/endpoints` and `/api/v1/endpoints/NAME`."""

    def __init__(self, board: Board, runtime: Runtime) -> None:
        self._board = board
        self._runtime = runtime
        self._turns = Turns()

    async def endpoints(self, request: web.Request) -> web.StreamResponse:
        """All endpoints, each as its last probe saw it."""
        return await stream(request, JSON, self._list(), turns=self._turns)

    async def endpoint(self, request: web.Request) -> web.StreamResponse:
        """One endpoint, with the probes and failures that are kept."""
        entry = self._board.entries.get(request.match_info["name"])
        if entry is None:
            raise web.HTTPNotFound(reason="No such endpoint")
        return web.json_response(
            self._object(entry) | {"history": _history(entry)}, content_type="application/json"
        )

    async def _list(self) -> AsyncGenerator[bytes]:
        pace = Pace()
        separator = b"[\n"
        for entry in self._board.entries.values():
            yield separator + json.dumps(self._object(entry)).encode()
            separator = b",\n"
            if pace.over:
                await pace.rest()
        yield b"\n]\n" if separator != b"[\n" else b"[]\n"

    def _object(self, entry: Entry) -> dict[str, Any]:
        next_run = self._runtime.next_run(entry.endpoint.name)
        latest = pending_json(entry.endpoint) if entry.latest is None else observation_json(entry.latest)
        return latest | {
            "since": timestamp(entry.since) if entry.since is not None else None,
            "next_run": timestamp(next_run) if next_run is not None else None,
            "attempts_total": entry.attempts,
            "successes_total": entry.successes,
        }


def pending_json(endpoint: Endpoint) -> dict[str, Any]:
    """Return the object of an endpoint that was not probed yet: who it is, and nothing that is not known."""
    unknown = (
        *("started", "success", "phase", "error_class", "fault_domain", "rule", "confidence", "runner_up"),
        *("summary", "outlook_code", "duration_seconds", "reply", "tls", "auth"),
    )
    return {
        "endpoint": endpoint.name,
        "target": endpoint.target,
        "labels": dict(endpoint.labels),
        **dict.fromkeys(unknown),
        **{name: [] for name in ("remedy", "steps", "attempts", "follow_up", "transcript")},
    }


def _history(entry: Entry) -> dict[str, Any]:
    return {
        "probes": [_row(row) for row in entry.history.rows()],
        "transitions": [_row(row) for row in entry.history.transitions()],
        "failures": [observation_json(failure) for failure in entry.history.failures()],
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        "started": timestamp(row.started),
        "duration_seconds": round(row.seconds, 6),
        "success": row.success,
        "phase": row.phase,
        "error_class": row.error_class,
        "fault_domain": row.fault_domain,
    }
