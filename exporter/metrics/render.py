"""`/metrics` in pieces: only what changed is written anew, and no piece holds the event loop for long.

The bytes are those of `Exposition.whole(full_registry(...))`.  The text of an endpoint is kept until
its entry changes; a scrape of ten thousand endpoints is then mostly a matter of copying.
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator
from struct import Struct

from exporter import garbage
from exporter.board import Board, Entry
from exporter.metrics.collector import own_registry
from exporter.metrics.endpoint import endpoint_blocks
from exporter.metrics.exposition import Exposition
from exporter.metrics.families import ENDPOINT_FAMILIES
from exporter.metrics.line import endpoint_text
from exporter.metrics.pace import Pace
from exporter.metrics.runtime import Runtime

CHUNK = 64 * 1024
"""Bytes of one piece, at least; compressing that many takes a fraction of a millisecond."""
_TOGETHER = 16
_DOSE = 250
"""Texts of endpoints after which garbage is collected: each is a tuple of dozens, and thousands at once take long."""
_STATE = Struct("=qdd??")
"""All that the text of an endpoint depends on.  In bytes, because a collection of garbage looks at every tuple, and
a scrape of ten thousand endpoints would leave it tens of thousands to look at."""


class Renderer:
    """Writes the whole of the metrics, remembering the text of each endpoint."""

    def __init__(self, board: Board, runtime: Runtime) -> None:
        self._board = board
        self._runtime = runtime
        self._own = own_registry(board, runtime)
        self._states: dict[str, bytes] = {}
        self._texts: dict[str, tuple[bytes, ...]] = {}
        self._written = 0  # since the last dose

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
            if self._written >= _DOSE:
                self._written = 0
                garbage.dose()
                await pace.rest()
            elif pace.over:
                await pace.rest()
        if len(self._texts) > len(entries):
            for name in list(self._texts):
                if name not in entries:  # another scrape may have been faster
                    self._texts.pop(name, None)
                    self._states.pop(name, None)
                if pace.over:
                    await pace.rest()
        return current

    def _current_text(self, entry: Entry) -> tuple[bytes, ...]:
        name = entry.endpoint.name
        state = self._state(name, entry.version)
        if self._states.get(name) == state:
            return self._texts[name]
        text = endpoint_text(entry.endpoint, endpoint_blocks(entry, self._runtime))
        self._states[name], self._texts[name] = state, text
        self._written += 1
        return text

    def _state(self, name: str, version: int) -> bytes:
        next_run, expiry = self._runtime.next_run(name), self._runtime.token_expiry(name)
        return _STATE.pack(
            version,
            math.nan if next_run is None else next_run,
            math.nan if expiry is None else expiry,
            *self._runtime.backing_off(name),
        )
