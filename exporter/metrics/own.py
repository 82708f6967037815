"""The series of the exporter itself: build, configuration, schedule, event loop."""

from __future__ import annotations

import platform

from exporter.board import Board
from exporter.metrics import families
from exporter.metrics.runtime import Runtime
from exporter.metrics.series import Block, block, blocks, histogram_block


def own_blocks(board: Board, runtime: Runtime) -> list[Block]:
    """Return every series that belongs to no endpoint."""
    return [
        block(families.BUILD_INFO, 1, runtime.version, platform.python_version()),
        block(families.RELOAD_SUCCESSFUL, float(runtime.config_reload_ok)),
        block(families.RELOAD_TIME, runtime.config_reload_time),
        histogram_block(families.SCHEDULE_LAG, board.schedule_lag),
        histogram_block(families.LOOP_LAG, board.loop_lag),
        block(families.IN_FLIGHT, runtime.in_flight),
        block(families.IN_FLIGHT_LIMIT, runtime.limit),
        block(families.WAITING, runtime.waiting),
        *blocks(families.SKIPPED, [((reason,), count) for reason, count in board.skipped.items()]),
        block(families.BUGS, board.bugs),
    ]
