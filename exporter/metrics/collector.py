"""The board as prometheus_client sees it: collectors for a registry of our own.

This is the definition of what `/metrics` says.  The incremental renderer writes the same bytes faster,
and a test holds it to that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from prometheus_client.core import Metric
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector, CollectorRegistry

from exporter.board import Board
from exporter.metrics.endpoint import endpoint_blocks
from exporter.metrics.families import ENDPOINT_FAMILIES, EXPORTER_FAMILIES, Family
from exporter.metrics.line import own_labels
from exporter.metrics.own import own_blocks
from exporter.metrics.runtime import Runtime
from exporter.metrics.series import Block


class BoardCollector(Collector):
    """The families of the endpoints on the board; a family without samples is left out."""

    def __init__(self, board: Board, runtime: Runtime) -> None:
        self._board = board
        self._runtime = runtime

    def collect(self) -> Iterator[Metric]:
        """Yield the families in the order of the table."""
        metrics = _empty(ENDPOINT_FAMILIES)
        for entry in self._board.entries.values():
            blocks = endpoint_blocks(entry, self._runtime)
            _add(metrics, blocks, dict(own_labels(entry.endpoint)))
        return _filled(metrics)


class OwnCollector(Collector):
    """The families of the exporter itself."""

    def __init__(self, board: Board, runtime: Runtime) -> None:
        self._board = board
        self._runtime = runtime

    def collect(self) -> Iterator[Metric]:
        """Yield the families in the order of the table."""
        metrics = _empty(EXPORTER_FAMILIES)
        _add(metrics, own_blocks(self._board, self._runtime), {})
        return _filled(metrics)


def own_registry(board: Board, runtime: Runtime) -> CollectorRegistry:
    """Return a registry of all that belongs to no endpoint, `process_*` and `python_info` included."""
    registry = CollectorRegistry()
    registry.register(OwnCollector(board, runtime))
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    return registry


def full_registry(board: Board, runtime: Runtime) -> CollectorRegistry:
    """Return a registry of everything that `/metrics` shows, endpoints first."""
    registry = CollectorRegistry()
    registry.register(BoardCollector(board, runtime))
    registry.register(own_registry(board, runtime))
    return registry


def _empty(families: tuple[Family, ...]) -> dict[Family, Metric]:
    return {family: Metric(family.name, family.help, family.kind) for family in families}


def _add(metrics: Mapping[Family, Metric], blocks: Iterable[Block], common: Mapping[str, str]) -> None:
    for shape, values in blocks:
        family = shape.family
        for (labels, suffix), value in zip(shape.series, values, strict=True):
            own = dict(zip(family.label_names(suffix), labels, strict=True))
            metrics[family].add_sample(family.name + suffix, {**common, **own}, value)


def _filled(metrics: Mapping[Family, Metric]) -> Iterator[Metric]:
    return (metric for metric in metrics.values() if metric.samples)
