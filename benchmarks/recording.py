"""Our exporter, unchanged, that also writes down each probe's own figures, and how long its loop stood still.

    python -m benchmarks.recording FILE serve --config.file …

Every argument after FILE is the exporter's own.  At the end FILE holds one JSON object for each probe.  SIGUSR1
begins to watch the event loop, and the next SIGUSR1 ends it and adds a line to FILE.turns: while it is watched
the loop never sleeps, so that every turn is seen.  SIGUSR2 is the same with a millisecond of sleep in each turn:
for what runs in another thread, which a loop that never sleeps would starve.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from functools import wraps
from pathlib import Path
from typing import Any

from exporter import cli
from exporter.model import Endpoint, Phase, ProbeResult
from exporter.probe.prober import Prober

LONG_TURN = 0.002
"""Seconds; turns that are longer are counted."""
SLEEP = 0.001
"""Seconds of sleep in each turn that SIGUSR2 watches; they count as part of the turn."""


def record_probes(file: Path) -> list[dict[str, Any]]:
    """Let every probe of this process leave a note in the list that is returned."""
    notes: list[dict[str, Any]] = []
    run = Prober.run
    watch = TurnWatch(file.with_name(file.name + ".turns"))
    ready = False

    @wraps(run)
    async def recorded(self: Prober, endpoint: Endpoint, **keywords: Any) -> ProbeResult:
        nonlocal ready
        if not ready:
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGUSR1, watch.toggle, 0.0)
            loop.add_signal_handler(signal.SIGUSR2, watch.toggle, SLEEP)
            ready = True
        result = await run(self, endpoint, **keywords)
        note: dict[str, Any] = {"endpoint": endpoint.name, "started": result.started}
        note |= {"total": result.seconds, "success": result.success}
        for phase in (Phase.DNS, Phase.GREETING, Phase.AUTH):
            note[phase] = result.phase_seconds(phase)
        notes.append(note)
        return result

    Prober.run = recorded  # type: ignore[method-assign]
    return notes


class TurnWatch:
    """Measures every turn of the running loop between two calls of `toggle`."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._watching = False
        self._sleep = 0.0
        self._last = self._longest = 0.0
        self._last_cpu = self._longest_cpu = 0.0
        self._turns = self._long = 0

    def toggle(self, sleep: float) -> None:
        """Begin, or end and write down the longest turn (seconds) and how many were too long.

        `cpu` is the longest by the process's own time, in which other processes have no part.
        """
        self._watching, self._sleep = not self._watching, sleep
        if self._watching:
            self._longest, self._longest_cpu, self._turns, self._long = 0.0, 0.0, 0, 0
            self._last, self._last_cpu = time.perf_counter(), time.process_time()
            asyncio.get_running_loop().call_soon(self._turn)
        else:
            found = {
                "longest": self._longest,
                "cpu": self._longest_cpu,
                "turns": self._turns,
                "long": self._long,
            }
            with self._file.open("a") as output:
                output.write(json.dumps(found) + "\n")

    def _turn(self) -> None:
        if self._watching:
            now, cpu = time.perf_counter(), time.process_time()
            turn, self._last = now - self._last, now
            self._longest_cpu, self._last_cpu = max(self._longest_cpu, cpu - self._last_cpu), cpu
            self._turns += 1
            self._long += turn > LONG_TURN
            self._longest = max(self._longest, turn)
            loop = asyncio.get_running_loop()
            if self._sleep:
                loop.call_later(self._sleep, self._turn)
            else:
                loop.call_soon(self._turn)


def main() -> int:
    """Run the exporter's own command line."""
    file = Path(sys.argv[1])
    notes = record_probes(file)
    code = cli.main(sys.argv[2:])
    file.write_text("".join(json.dumps(note) + "\n" for note in notes))
    return code


if __name__ == "__main__":
    sys.exit(main())
