"""What a benchmark found: figures with their limits, as a table for people and as JSON for the documentation."""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from OpenSSL import SSL

RESULTS = Path(__file__).parent / "results"
_OF_SPEED = {"s", "ms", "%"}
HEADINGS = ("goal", "figure", "ours", "peer", "ratio", "runs", "spread", "wanted", "verdict")


class Verdict(StrEnum):
    """What becomes of a limit."""

    MET = "met"
    MET_AT_SPEED = "met at the goals' speed"
    """Missed here, and kept once the value is divided by how many times slower this machine is."""
    MISSED = "NOT MET"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured quantity, a value for each run; without a limit it is told and not judged."""

    what: str
    unit: str
    ours: tuple[float, ...]
    peer: tuple[float, ...] = ()
    """The peer's value of the same run, at the same place."""
    at_most: float | None = None
    at_least: float | None = None
    relative: bool = False
    """The limit is one of the ratio, not of our value."""
    slowness: tuple[float, ...] = ()
    """How many times slower than the machine of the goals this one was, where the limit is one of speed."""

    @property
    def ratios(self) -> tuple[float, ...]:
        """Ours by the peer's, run by run."""
        return (
            tuple(ours / peer for ours, peer in zip(self.ours, self.peer, strict=True)) if self.peer else ()
        )

    @property
    def judged(self) -> tuple[float, ...]:
        """What the limit is for, run by run."""
        return self.ratios if self.relative else self.ours

    @property
    def is_limited(self) -> bool:
        """Whether there is a limit."""
        return self.at_most is not None or self.at_least is not None

    @property
    def verdict(self) -> Verdict | None:
        """Whether the median keeps the limit; None when there is nothing to compare."""
        if not self.judged or not self.is_limited:
            return None
        value = statistics.median(self.judged)
        if self._keeps(value):
            return Verdict.MET
        # The fastest moment counts, and only what takes time or CPU is slow on a slow machine.
        slower = min(self.slowness, default=1.0) if self.unit in _OF_SPEED and self.at_least is None else 1.0
        return Verdict.MET_AT_SPEED if slower > 1 and self._keeps(value / slower) else Verdict.MISSED

    def _keeps(self, value: float) -> bool:
        low = -float("inf") if self.at_least is None else self.at_least
        high = float("inf") if self.at_most is None else self.at_most
        return low <= value <= high

    def cells(self) -> tuple[str, ...]:
        """Return the texts of this figure's row, without the goal."""
        spread = self.ratios or self.ours
        limit = "-"
        if self.is_limited:
            sign, value = ("<=", self.at_most) if self.at_most is not None else (">=", self.at_least)
            assert value is not None
            limit = f"{sign} {value:g}" + (" x" if self.relative else f" {self.unit}".rstrip())
        return (
            self.what,
            _quantity(statistics.median(self.ours), self.unit),
            _quantity(statistics.median(self.peer), self.unit) if self.peer else "-",
            f"{statistics.median(self.ratios):.2f}" if self.peer else "-",
            str(len(self.ours)),
            f"{min(spread):.3g} to {max(spread):.3g}" if len(spread) > 1 else "-",
            limit,
            self.verdict or "-",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """All figures of one benchmark."""

    goal: str
    """The name of the benchmark's module."""
    figures: tuple[Figure, ...]
    seconds: float
    """How long the benchmark took."""
    notes: tuple[str, ...] = ()

    @property
    def met(self) -> bool:
        """No limit was missed, at the speed of this machine or at that of the goals' machine."""
        return all(figure.verdict is not Verdict.MISSED for figure in self.figures)

    @property
    def unjudged(self) -> bool:
        """A limit is one of a ratio to a peer that was not there."""
        return any(figure.is_limited and figure.verdict is None for figure in self.figures)

    def save(self) -> None:
        """Write the result where the documentation looks for it; one file for each Python."""
        RESULTS.mkdir(exist_ok=True)
        content = {**asdict(self), "environment": environment(), "finished": time.strftime("%Y-%m-%d")}
        saved(self.goal).write_text(json.dumps(content, indent=1) + "\n")


def saved(goal: str) -> Path:
    """Return the file that `save` writes for the Python that runs."""
    return RESULTS / f"{goal}-{'.'.join(map(str, sys.version_info[:3]))}.json"


def load(file: Path) -> tuple[Result, dict[str, Any]]:
    """Read one file of `save`: the result, and where it was measured."""
    content = json.loads(file.read_text())
    figures = tuple(
        Figure(**{name: tuple(value) if isinstance(value, list) else value for name, value in figure.items()})
        for figure in content["figures"]
    )
    result = Result(
        goal=content["goal"],
        figures=figures,
        seconds=content["seconds"],
        notes=tuple(content["notes"]),
    )
    return result, {**content["environment"], "finished": content["finished"]}


def environment() -> dict[str, Any]:
    """Return what a reader has to know of the machine."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    return {
        "python": platform.python_version(),
        "openssl": SSL.OpenSSL_version(SSL.OPENSSL_VERSION).decode(),
        "cpu": model,
        "cores": os.cpu_count(),
        "kernel": platform.release(),
    }


def table(results: Iterable[Result]) -> str:
    """Return the table of all figures, in columns."""
    rows: list[Sequence[str]] = [HEADINGS]
    rows += [(result.goal, *figure.cells()) for result in results for figure in result.figures]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def conclusion(results: Sequence[Result]) -> str:
    """Return in words what became of the goals, each named that is not simply met."""
    slow = [result for result in results if Verdict.MET_AT_SPEED in {f.verdict for f in result.figures}]
    missed = [result for result in results if not result.met]
    unjudged = [result for result in results if result.unjudged]
    told = (
        ("not met", missed),
        ("at the speed of the machine on which the goals were set", slow),
        ("not judged, for there is no peer", unjudged),
    )
    lines = [f"{words}: {', '.join(result.goal for result in found)}" for words, found in told if found]
    if not missed:
        lines.insert(0, "every other goal is met" if unjudged else "every goal is met")
    return "\n".join(lines)


def quantile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that `share` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _quantity(value: float, unit: str) -> str:
    return f"{value:.3g} {unit}".rstrip() if value < 1000 else f"{value:,.0f} {unit}".rstrip()
