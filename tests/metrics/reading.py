"""Samples as plain values, for assertions."""

from __future__ import annotations

import asyncio

from prometheus_client.parser import text_string_to_metric_families

from exporter.board import Board
from exporter.metrics import Exposition, Renderer, Runtime
from exporter.metrics.endpoint import endpoint_blocks
from exporter.model import Endpoint, Observation
from tests.metrics.synthetic import StillRuntime, endpoint

Samples = dict[tuple[str, tuple[str, ...]], float]


def board_of(*observations: Observation, probed: Endpoint | None = None, **options: object) -> Board:
    """A board with one endpoint that made these observations."""
    board = Board(**options)  # type: ignore[arg-type]
    board.apply([observations[0].result.endpoint if observations else probed or endpoint()])
    for observation in observations:
        board.record(observation)
    return board


def samples_of(board: Board, runtime: Runtime | None = None) -> Samples:
    """The samples of the one endpoint, by name and label values in the order of the family's names."""
    (entry,) = board.entries.values()
    found: Samples = {}
    for shape, values in endpoint_blocks(entry, runtime or StillRuntime()):
        for series, value in zip(shape.series, values, strict=True):
            key = (shape.family.name + series.suffix, series.labels)
            assert key not in found
            found[key] = value
    return found


def names_of(samples: Samples) -> set[str]:
    """The names alone."""
    return {name for name, _ in samples}


def rendered(renderer: Renderer, exposition: Exposition = Exposition.TEXT) -> bytes:
    """All pieces of one scrape."""

    async def scrape() -> bytes:
        return b"".join([piece async for piece in renderer.chunks(exposition)])

    return asyncio.run(scrape())


def parsed(text: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """The samples of a text exposition, by name and sorted labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }
