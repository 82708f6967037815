"""How the exporter carries 10,000 endpoints on one core, and whether a probe costs the same at any number.

    python -m benchmarks.scale

100, 1,000 and 10,000 endpoints with intervals of 0.6, 6 and 60 s: always 167 probes a second, four scrapes an
interval.  Lag, CPU and memory are those of the largest fleet, in a window that begins when the first, denser
round is over and the grid is reached; blackbox_exporter's CPU at the same pace stands beside it.  The smaller fleets
are measured three times each, before and after the largest: the speed of a machine changes within minutes, and one
disturbance of some seconds must not decide.
"""

from __future__ import annotations

import asyncio
import re
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks import command
from benchmarks.figures import Figure
from benchmarks.stand import Ours, Papers, Submission, configuration, has_peer, papers
from benchmarks.traffic import Connection, scrape_regularly
from benchmarks.yardstick import REFERENCE_MS, cost_of_peer

RATE = 10_000 / 60
LARGEST = 10_000
ORDER = (100, 1_000, 100, LARGEST, 1_000, 100, 1_000)
BRIEF_RATE, BRIEF_LARGEST, BRIEF_ORDER = 20.0, 40, (20, 40, 20)
SETTLING = 42.0
"""Seconds until every pace is steady: a first round of 10 s at most, and half an interval of 60 s."""
WINDOW = 40.0
SMALL_WINDOW = 15.0
"""Seconds for which a smaller fleet is measured, each time."""
LAG_LIMIT, CPU_LIMIT, MEMORY_LIMIT, FLATNESS = 50.0, 25.0, 300.0, 1.15


@dataclass(frozen=True, slots=True)
class Load:
    """What one fleet cost."""

    cost_ms: float
    cpu_percent: float
    lag_p99_ms: float
    """The upper bound of the bucket that holds it."""
    resident_mib: float


async def measure(directory: Path, brief: bool) -> tuple[Figure, ...]:
    """Measure one fleet after the other."""
    documents = papers(directory)
    rate, most, order = (BRIEF_RATE, BRIEF_LARGEST, BRIEF_ORDER) if brief else (RATE, LARGEST, ORDER)
    small, large = (2.0, 2.0) if brief else (SMALL_WINDOW, WINDOW)
    loads: dict[int, list[Load]] = {endpoints: [] for endpoints in sorted(order)}
    peer: tuple[float, ...] = ()
    with Submission(directory, documents.identity) as server:
        for endpoints in order:
            window = large if endpoints == most else small
            load = await _load(directory, documents, server, endpoints, rate=rate, window=window, brief=brief)
            loads[endpoints].append(load)
            if endpoints == most and has_peer():
                peer = (await cost_of_peer(directory, documents, server, rate, small) * rate / 10,)
    (largest,) = loads[most]
    costs = {endpoints: tuple(load.cost_ms for load in measured) for endpoints, measured in loads.items()}
    medians = [statistics.median(measured) for measured in costs.values()]
    return (
        Figure(what="schedule lag p99", unit="ms", ours=(largest.lag_p99_ms,), at_most=LAG_LIMIT),
        Figure(
            what="CPU of one core",
            unit="%",
            ours=(largest.cpu_percent,),
            peer=peer,
            at_most=CPU_LIMIT,
            slowness=tuple(percent / (REFERENCE_MS * rate / 10) for percent in peer),
        ),
        Figure(what="resident memory", unit="MiB", ours=(largest.resident_mib,), at_most=MEMORY_LIMIT),
        *(
            Figure(what=f"CPU per probe, {endpoints} endpoints", unit="ms", ours=measured)
            for endpoints, measured in costs.items()
        ),
        Figure(
            what="dearest by cheapest fleet",
            unit="",
            ours=(max(medians) / min(medians),),
            at_most=FLATNESS,
        ),
    )


async def _load(
    directory: Path,
    documents: Papers,
    server: Submission,
    endpoints: int,
    *,
    rate: float,
    window: float,
    brief: bool,
) -> Load:
    interval = endpoints / rate
    settling = 1.0 if brief else min(SETTLING, 3 * interval + 5)
    settings = configuration(server.port, documents, endpoints=endpoints, interval=interval)
    with Ours(directory, settings) as exporter:
        scraper = asyncio.create_task(scrape_regularly(exporter.url, interval / 4))
        await asyncio.sleep(settling)
        before = await _lag(exporter)
        sessions, cpu, began = server.sessions, exporter.cpu_seconds(), time.monotonic()
        await asyncio.sleep(window)
        taken, made = time.monotonic() - began, server.sessions - sessions
        cpu = exporter.cpu_seconds() - cpu
        resident = exporter.resident_mib()
        scraper.cancel()
        await asyncio.gather(scraper, return_exceptions=True)
        after = await _lag(exporter)
    return Load(cpu / made * 1000, cpu / taken * 100, quantile_bound(before, after, 0.99) * 1000, resident)


async def _lag(exporter: Ours) -> dict[float, int]:
    """Return the cumulative buckets of the schedule lag."""
    connection = Connection(exporter.url)
    try:
        text = (await connection.get("/metrics")).body.decode()
    finally:
        await connection.close()
    pattern = r'^submission_exporter_schedule_lag_seconds_bucket\{le="(.*?)"\} (\S+)$'
    return {float(bound): int(float(count)) for bound, count in re.findall(pattern, text, re.MULTILINE)}


def quantile_bound(before: dict[float, int], after: dict[float, int], share: float) -> float:
    """Return the upper bound of the bucket that holds the quantile of what came between."""
    counts = {bound: count - before[bound] for bound, count in after.items()}
    total = counts[float("inf")]
    return next(bound for bound, count in sorted(counts.items()) if count >= share * total)


if __name__ == "__main__":
    command.run("scale", __doc__, measure)
