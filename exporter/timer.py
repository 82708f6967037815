"""One endpoint's standing in the schedule; kept by the scheduler, and by nobody else."""

from __future__ import annotations

from exporter.grid import Course
from exporter.model import Endpoint


class Timer:
    """What is to become of one endpoint."""

    __slots__ = ("began", "course", "endpoint", "overrun", "slot", "turn")

    def __init__(self, endpoint: Endpoint, slot: int) -> None:
        self.endpoint = endpoint
        self.slot = slot
        self.course: Course | None = None  # until the start
        self.turn: Turn | None = None  # what it waits with, in the line or for its cancelled run to end
        self.began = 0.0  # its last run
        self.overrun: float | None = None  # when it was due, while the run before had not ended


class Turn:
    """One run that is to come; void once its timer has another or none."""

    __slots__ = ("due", "timer")

    def __init__(self, timer: Timer, due: float | None) -> None:
        self.timer = timer
        self.due = due  # None: asked for by `run_now`
