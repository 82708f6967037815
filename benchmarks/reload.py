"""How long the event loop stands still while a configuration of 10,000 endpoints is read again.

    python -m benchmarks.reload

Every endpoint is probed once a minute; every tenth of them changes from one reload to the next.  From the signal
until some time after the reload has been told, each turn of the loop is timed, with all that ran in it: probes,
the reading thread's claims on the interpreter, garbage collection.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks import command
from benchmarks.figures import Figure
from benchmarks.scrape import everything_probed
from benchmarks.stand import Ours, Submission, configuration, papers

ENDPOINTS = 10_000
INTERVAL = 60.0
ROUNDS = 5
AFTERWARDS = 1.0
"""Seconds for which the loop is watched after a reload: what is let go then is its work, too."""
PAUSE = 2.0
LIMIT_MS = 10.0


async def measure(directory: Path, brief: bool) -> tuple[Figure, ...]:
    """Reload one exporter again and again."""
    documents = papers(directory)
    endpoints, interval, rounds = (100, 2.0, 1) if brief else (ENDPOINTS, INTERVAL, ROUNDS)
    seconds: list[float] = []
    with Submission(directory, documents.identity) as server:
        settings = configuration(server.port, documents, endpoints=endpoints, interval=interval)
        with Ours(directory, settings, recording=True) as exporter:
            await everything_probed(server, endpoints)
            for turn in range(1, rounds + 1):
                told = _reloads(exporter.log)
                _write(directory / "exporter.yml", settings, turn)
                exporter.toggle_watch(sleeping=True)
                began = time.monotonic()
                os.kill(exporter.pid, signal.SIGHUP)
                await _told(exporter.log, told + 1)
                seconds.append(time.monotonic() - began)
                await asyncio.sleep(AFTERWARDS)
                exporter.toggle_watch(sleeping=True)
                await asyncio.sleep(PAUSE)  # the exporter finds the new file by itself as well
            turns = exporter.turns()
    wall, cpu = (tuple(turn[kind] * 1000 for turn in turns) for kind in ("longest", "cpu"))
    return (
        # Other processes have no part in it; on an idle machine the two are the same.
        Figure(what="longest stall in a reload, CPU time", unit="ms", ours=cpu, at_most=LIMIT_MS),
        Figure(what="longest stall in a reload", unit="ms", ours=wall),
        Figure(what="a reload", unit="s", ours=tuple(seconds)),
    )


def _write(file: Path, settings: Mapping[str, Any], turn: int) -> None:
    changed = [
        endpoint | {"labels": {"turn": str(turn)}} if number % 10 == 0 else endpoint
        for number, endpoint in enumerate(settings["endpoints"])
    ]
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps({**settings, "endpoints": changed}))
    fresh.replace(file)


def _reloads(log: Path) -> int:
    return log.read_text(errors="replace").count('msg="configuration reloaded"')


async def _told(log: Path, times: int) -> None:
    """Wait until so many reloads are told in the log; RuntimeError when they never are."""
    end = time.monotonic() + 60
    while _reloads(log) < times:
        if time.monotonic() > end:
            raise RuntimeError(f"no reload within a minute: {log.read_text(errors='replace')[-2000:]}")
        await asyncio.sleep(0.05)


if __name__ == "__main__":
    command.run("reload", __doc__, measure, of_speed=True)
