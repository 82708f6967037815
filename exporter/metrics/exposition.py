"""The two formats in which metrics are served."""

from __future__ import annotations

from enum import Enum
from typing import assert_never

from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as CONTENT_TYPE_OPENMETRICS
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.registry import Collector

from exporter.metrics.families import Family


class Exposition(Enum):
    """How samples are written down.  Only family headers and the end differ, not the sample lines."""

    TEXT = "text"
    """Prometheus' text format 0.0.4, which every client reads."""
    OPENMETRICS = "openmetrics"
    """OpenMetrics 1.0.0."""

    @property
    def content_type(self) -> str:
        """What the response says it is."""
        match self:
            case Exposition.TEXT:
                return CONTENT_TYPE_PLAIN_0_0_4
            case Exposition.OPENMETRICS:
                return f"{CONTENT_TYPE_OPENMETRICS}; escaping=underscores"
            case _:
                assert_never(self)

    def header(self, family: Family) -> bytes:
        """The lines that stand before the samples of a family."""
        name = family.exposed_name if self is Exposition.TEXT else family.name
        return f"# HELP {name} {family.help}\n# TYPE {name} {family.kind}\n".encode()

    def whole(self, registry: Collector) -> bytes:
        """All of a registry at once, as prometheus_client writes it."""
        generate = generate_latest if self is Exposition.TEXT else generate_openmetrics
        text: bytes = generate(registry)
        return text
