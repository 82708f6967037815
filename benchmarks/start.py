"""How soon it works: from exec to the first probe with 100 endpoints, and `classify` of one line.

    python -m benchmarks.start

The first probe is there when the server accepts its connection.  A bare interpreter is told beside it.  The program
was started before, so its bytecode is there, as it is wherever it was installed.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path

from benchmarks import command
from benchmarks.child import CLIENT_CORE
from benchmarks.figures import Figure
from benchmarks.stand import Ours, Submission, configuration, papers

ENDPOINTS = 100
RUNS = 7
FIRST_PROBE_LIMIT, CLASSIFY_LIMIT = 0.6, 0.25
LINE = "535 5.7.8 Error: authentication failed: UGFzc3dvcmQ6"


async def measure(directory: Path, brief: bool) -> tuple[Figure, ...]:
    """Start each program several times, by turns."""
    documents = papers(directory)
    runs = 1 if brief else RUNS
    began: list[float] = []
    classify: list[float] = []
    bare: list[float] = []
    with Submission(directory, documents.identity, noting=True) as server:
        settings = configuration(server.port, documents, endpoints=ENDPOINTS, interval=60)
        with Ours(directory, settings):  # it leaves its bytecode behind
            _seconds("-m", "exporter", "classify", LINE)
        for _ in range(runs):
            with Ours(directory, settings) as exporter:
                began.append(exporter.began)
                await asyncio.sleep(0.5)
            classify.append(_seconds("-m", "exporter", "classify", LINE))
            bare.append(_seconds("-c", "pass"))
        accepted = [note["accepted"] for note in server.notes()]
    first = tuple(min(at for at in accepted if at > start) - start for start in began)
    return (
        Figure(what="exec to the first probe", unit="s", ours=first, at_most=FIRST_PROBE_LIMIT),
        Figure(what="classify of one line", unit="s", ours=tuple(classify), at_most=CLASSIFY_LIMIT),
        Figure(what="a bare interpreter", unit="s", ours=tuple(bare)),
    )


def _seconds(*arguments: str) -> float:
    began = time.monotonic()
    pinned = ("taskset", "--cpu-list", str(CLIENT_CORE))
    subprocess.run([*pinned, sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


if __name__ == "__main__":
    command.run("start", __doc__, measure, of_speed=True)
