"""What the board says, as Prometheus metrics."""

from exporter.metrics.collector import BoardCollector, OwnCollector, full_registry, own_registry
from exporter.metrics.exposition import Exposition
from exporter.metrics.render import Renderer
from exporter.metrics.runtime import BackingOff, Runtime

__all__ = [
    "BackingOff",
    "BoardCollector",
    "Exposition",
    "OwnCollector",
    "Renderer",
    "Runtime",
    "full_registry",
    "own_registry",
]
