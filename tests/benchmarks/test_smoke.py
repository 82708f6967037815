"""Every benchmark runs, briefly: whether its figures are good is none of a test's business."""

from __future__ import annotations

import subprocess
import sys

import pytest

from benchmarks.__main__ import GOALS
from benchmarks.figures import HEADINGS
from tests.servers.process import require

pytestmark = pytest.mark.servers


@pytest.mark.parametrize("goal", GOALS)
def test_benchmark_measures_something(goal: str) -> None:
    """Each goal's command ends well and prints a table whose rows are its own; failed probes would end it."""
    require("blackbox_exporter", "/usr/bin/prometheus-blackbox-exporter")
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{goal}", "--smoke"],
        check=False,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    headings, *rows = done.stdout.splitlines()
    assert headings.split() == list(HEADINGS)
    assert rows
    assert all(row.split()[0] == goal for row in rows)
