"""The steps of one session: told as they end, and in the order of the plan afterwards."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

from exporter.model import Evidence, Phase, Step, StepStatus

OnStep = Callable[[Step], None]


class Record:
    """What became of each phase of a plan."""

    def __init__(self, plan: tuple[Phase, ...], on_step: OnStep | None) -> None:
        self._plan = plan
        self._on_step = on_step
        self._steps: list[Step] = []
        self.open: tuple[Phase, float] | None = None
        """The phase that is under way, and when it began."""

    def begin(self, phase: Phase) -> None:
        """Note that a phase is under way."""
        self.open = (phase, perf_counter())

    def close(self, phase: Phase, seconds: float, evidence: Evidence | None = None, note: str = "") -> None:
        """Note that a phase has ended: passed, or failed by `evidence`."""
        status = StepStatus.PASSED if evidence is None else StepStatus.FAILED
        self.add(Step(phase, status, max(0.0, seconds), evidence, note))

    def add(self, step: Step) -> None:
        """Note a step and tell whoever watches."""
        self.open = None
        self._steps.append(step)
        if self._on_step is not None:
            self._on_step(step)

    def steps(self) -> tuple[Step, ...]:
        """Return the steps in plan order, those that were never reached as skipped."""
        if tuple(step.phase for step in self._steps) == self._plan:
            return tuple(self._steps)
        steps: list[Step] = []
        for place, phase in enumerate(self._plan):
            taken = [step for step in self._steps if step.phase is phase]
            nth = self._plan[:place].count(phase)
            if nth >= len(taken):
                steps.append(Step(phase, StepStatus.SKIPPED, None, note="not reached"))
            elif phase not in self._plan[place + 1 :]:
                steps.append(taken[-1])  # a late alert turns a passed handshake into a failed one
            else:
                steps.append(taken[nth])
        return tuple(steps)
