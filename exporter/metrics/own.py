"""The samples of the exporter itself: build, configuration, schedule, event loop."""

from __future__ import annotations

import platform
from collections.abc import Iterator

from exporter.board import Board
from exporter.metrics import families
from exporter.metrics.runtime import Runtime
from exporter.metrics.sample import Sample, counter, histogram_samples


def own_samples(board: Board, runtime: Runtime) -> Iterator[Sample]:
    """Yield every sample that belongs to no endpoint."""
    yield Sample(families.BUILD_INFO, 1, (runtime.version, platform.python_version()))
    yield Sample(families.RELOAD_SUCCESSFUL, float(runtime.config_reload_ok))
    yield Sample(families.RELOAD_TIME, runtime.config_reload_time)
    yield from histogram_samples(families.SCHEDULE_LAG, board.schedule_lag)
    yield from histogram_samples(families.LOOP_LAG, board.loop_lag)
    yield Sample(families.IN_FLIGHT, runtime.in_flight)
    yield Sample(families.IN_FLIGHT_LIMIT, runtime.limit)
    for reason, count in board.skipped.items():
        yield counter(families.SKIPPED, count, reason)
    yield counter(families.BUGS, board.bugs)
