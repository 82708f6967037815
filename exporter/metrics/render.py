"""`/metrics` in pieces: only what changed is written anew, and no piece holds the event loop for long.

The bytes are those of `Exposition.whole(full_registry(...))`.  The text of an endpoint is kept until
its entry changes; a scrape of ten thousand endpoints is then mostly a matter of copying.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import NamedTuple

from exporter.board import Board, Entry
from exporter.metrics.collector import own_registry
from exporter.metrics.endpoint import endpoint_blocks
from exporter.metrics.exposition import Exposition
from exporter.metrics.families import ENDPOINT_FAMILIES
from exporter.metrics.line import endpoint_text
from exporter.metrics.pace import Pace
from exporter.metrics.runtime import BackingOff, Runtime

CHUNK = 64 * 1024
"""Bytes of one piece, at least; compressing that many takes a fraction of a millisecond."""
_TOGETHER = 16


class _State(NamedTuple):
    """All that the text of an endpoint depends on."""

    version: int
    next_run: float | None
    backing_off: BackingOff
    token_expiry: float | None


class Renderer:
    """Writes the whole of the metrics, remembering the text of each endpoint."""

    def __init__(self, board: Board, runtime: Runtime) -> None:
        self._board = board
        self._runtime = runtime
        self._own = own_registry(board, runtime)
        self._texts: dict[str, tuple[_State, tuple[bytes, ...]]] = {}

    async def chunks(self, exposition: Exposition) -> AsyncGenerator[bytes]:
        """Yield the text in pieces, resting between them; each endpoint is as of one moment."""
        pace = Pace()
        endpoints = await self._current(pace)
        piece: list[bytes] = []
        size = 0
        for position, family in enumerate(ENDPOINT_FAMILIES):
            header = exposition.header(family)
            for start in range(0, len(endpoints), _TOGETHER):
                lines = b"".join([texts[position] for texts in endpoints[start : start + _TOGETHER]])
                if lines:
                    piece += (header, lines)
                    size += len(lines)
                    header = b""
                if size >= CHUNK:
                    yield b"".join(piece)
                    piece, size = [], 0
                if pace.over:
                    await pace.rest()
        await pace.rest()
        yield b"".join((*piece, exposition.whole(self._own)))

    async def _current(self, pace: Pace) -> list[tuple[bytes, ...]]:
        """Return the texts of all endpoints, in the order of the board, and forget those that left it."""
        entries = self._board.entries
        current = []
        for entry in entries.values():
            current.append(self._current_text(entry))
            if pace.over:
                await pace.rest()
        if len(self._texts) > len(entries):
            for name in list(self._texts):
                if name not in entries:
                    self._texts.pop(name, None)  # another scrape may have been faster
                if pace.over:
                    await pace.rest()
        return current

    def _current_text(self, entry: Entry) -> tuple[bytes, ...]:
        name = entry.endpoint.name
        state = _State(
            entry.version,
            self._runtime.next_run(name),
            self._runtime.backing_off(name),
            self._runtime.token_expiry(name),
        )
        known = self._texts.get(name)
        if known is not None and known[0] == state:
            return known[1]
        text = endpoint_text(entry.endpoint, endpoint_blocks(entry, self._runtime))
        self._texts[name] = (state, text)
        return text
