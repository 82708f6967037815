"""What a scrape of 10,000 endpoints takes, and how long the event loop stands still meanwhile.

    python -m benchmarks.scrape

The exporter probes 10,000 endpoints once a minute and is scraped every 15 s, in turn as plain text, as text with
gzip and as OpenMetrics with gzip, so that a quarter of the endpoints changed since the scrape before.  During a
scrape, and for a second before it, the loop is watched turn by turn; a turn holds whatever ran in it, probes and
garbage collection included.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks import command
from benchmarks.figures import Figure
from benchmarks.stand import Ours, Submission, configuration, papers
from benchmarks.traffic import ACCEPT, Answer, Connection

ENDPOINTS = 10_000
INTERVAL = 60.0
PAUSE = 15.0
ROUNDS = 3
OPENMETRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
FORMATS = (("text", ACCEPT, False), ("text, gzip", ACCEPT, True), ("OpenMetrics, gzip", OPENMETRICS, True))
SECONDS_LIMIT = 1.0
STALL_LIMIT = 2.0


async def measure(directory: Path, brief: bool) -> tuple[Figure, ...]:
    """Scrape one exporter in each format, round after round."""
    documents = papers(directory)
    endpoints, interval, pause, rounds = (60, 2.0, 0.5, 1) if brief else (ENDPOINTS, INTERVAL, PAUSE, ROUNDS)
    seconds: dict[str, list[float]] = {name: [] for name, _, _ in FORMATS}
    with Submission(directory, documents.identity) as server:
        settings = configuration(server.port, documents, endpoints=endpoints, interval=interval)
        with Ours(directory, settings, recording=True) as exporter:
            await everything_probed(server, endpoints)
            first = await _scrape(exporter, "text", ACCEPT, gzip=False)
            for _ in range(rounds):
                for name, accept, gzip in FORMATS:
                    await asyncio.sleep(pause / 2)
                    exporter.toggle_watch()
                    await asyncio.sleep(min(1.0, pause / 2))
                    exporter.toggle_watch()
                    await asyncio.sleep(max(0.0, pause / 2 - 1.0))
                    exporter.toggle_watch()
                    answer = await _scrape(exporter, name, accept, gzip=gzip)
                    exporter.toggle_watch()
                    seconds[name].append(answer.seconds)
            await asyncio.sleep(0.1)
            watched = exporter.turns()
    calm, busy = watched[0::2], watched[1::2]
    return (
        *(
            Figure(what=f"scrape, {name}", unit="s", ours=tuple(taken), at_most=SECONDS_LIMIT)
            for name, taken in seconds.items()
        ),
        Figure(what="first scrape, nothing rendered yet", unit="s", ours=(first.seconds,)),
        Figure(
            what="longest turn of the loop in a scrape",
            unit="ms",
            ours=_longest(busy, "longest"),
            at_most=STALL_LIMIT,
        ),
        Figure(what="the same in CPU time", unit="ms", ours=_longest(busy, "cpu")),
        Figure(what="without a scrape, for a second", unit="ms", ours=_longest(calm, "longest")),
        Figure(what="the same in CPU time", unit="ms", ours=_longest(calm, "cpu")),
        Figure(what="size of the text", unit="MB", ours=(len(first.body) / 1e6,)),
    )


def _longest(watched: Sequence[Mapping[str, float]], clock: str) -> tuple[float, ...]:
    return tuple(turns[clock] * 1000 for turns in watched)


async def everything_probed(server: Submission, endpoints: int) -> None:
    """Wait until the first round is over; RuntimeError when it never is."""
    end = time.monotonic() + 90
    while server.sessions < endpoints:
        if time.monotonic() > end:
            raise RuntimeError(f"only {server.sessions} of {endpoints} endpoints were probed")
        await asyncio.sleep(0.1)


async def _scrape(exporter: Ours, name: str, accept: str, *, gzip: bool) -> Answer:
    connection = Connection(exporter.url, accept=accept, gzip=gzip)
    try:
        answer = await connection.get("/metrics")
    finally:
        await connection.close()
    wanted = "application/openmetrics-text" if name.startswith("Open") else "text/plain"
    packed = answer.headers.get("content-encoding") == "gzip"
    if answer.status != 200 or not answer.headers["content-type"].startswith(wanted) or packed != gzip:
        raise RuntimeError(f"{name}: {answer.status} {answer.headers}")
    return answer


if __name__ == "__main__":
    command.run("scrape", __doc__, measure, of_speed=True)
