"""`python -m tests.battery`: start every server, check them all at once, print the table."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.battery.table import BY_NAME, table

LIMIT_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one `check` of the whole table printed, and how long it took."""

    found: list[dict[str, Any]]
    seconds: float
    code: int
    errors: str

    @property
    def wrong(self) -> list[str]:
        """A sentence for every case with another verdict than the right one."""
        return [
            f"{o['endpoint']}: expected {BY_NAME[o['endpoint']].verdict}, got {verdict(o)} by {o['rule']}"
            for o in self.found
            if verdict(o) != BY_NAME[o["endpoint"]].verdict
        ]

    @property
    def summary(self) -> str:
        """How many were right, and the time."""
        right = len(self.found) - len(self.wrong)
        return f"{len(self.found)} servers, {right} right, {self.seconds:.1f} s of {LIMIT_SECONDS:.0f} s"

    def lines(self) -> list[str]:
        """The table."""
        rows = [("case", "class", "domain", "phase", "seconds", "follow-ups")]
        rows += [
            (
                o["endpoint"],
                o["error_class"],
                o["fault_domain"],
                o["phase"] or "-",
                f"{o['duration_seconds']:.3f}",
                "; ".join(f"{f['experiment']}: {f['outcome']}" for f in o["follow_up"]),
            )
            for o in self.found
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        return [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]


def verdict(observation: dict[str, Any]) -> tuple[str, str, str | None]:
    """Class, domain and phase of one object of `check --output json`."""
    return observation["error_class"], observation["fault_domain"], observation["phase"]


def check_all(folder: Path) -> Outcome:
    """Open the table in `folder` and run `submission-exporter check` on all of it."""
    with table(folder) as opened:
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "exporter", "check", "--config.file", opened.file, "--output", "json"],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Outcome(
            json.loads(done.stdout or "[]"), time.perf_counter() - began, done.returncode, done.stderr
        )


def main() -> int:
    """Print the table; 0 when every verdict is right and all came in time."""
    with tempfile.TemporaryDirectory(prefix="submission-battery-") as folder:
        outcome = check_all(Path(folder))
    sys.stderr.write(outcome.errors)
    sys.stdout.writelines(f"{line}\n" for line in (*outcome.lines(), *outcome.wrong, outcome.summary))
    return 0 if outcome.found and not outcome.wrong and outcome.seconds < LIMIT_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
