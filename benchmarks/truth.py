"""Whether the times that are reported are the server's: greeting, login and the whole, against its own log.

    python -m benchmarks.truth

The server waits 50 ms before the greeting and 20 ms before each reply and notes when it really sent each.  300
probes a second are made while the metrics of 2,000 endpoints are scraped every second.  An error is what is
reported, less what passed at the server: for the greeting from the accepted connection, for the login from the
arrival of the command, for the whole from the accepted connection to the 221.  blackbox_exporter reports the
whole only.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import command
from benchmarks.figures import Figure, quantile
from benchmarks.stand import MODULE, Ours, Papers, Peer, Submission, address, configuration, has_peer, papers
from benchmarks.traffic import probe_at_pace, probe_path, scrape_regularly
from tests.servers.ports import free_ports

RATE = 300.0
ENDPOINTS = 2000
SECONDS = 20.0
RUNS = 2
WORKERS = 120
"""Enough that a request of the peer never waits: 300 a second of 0.2 s each."""
MEDIAN_LIMIT, TAIL_LIMIT = 0.5, 2.5


@dataclass(slots=True)
class Errors:
    """Milliseconds reported too much, by what was measured, probe by probe."""

    greeting: list[float] = field(default_factory=list)
    auth: list[float] = field(default_factory=list)
    total: list[float] = field(default_factory=list)


async def measure(directory: Path, brief: bool) -> tuple[Figure, ...]:
    """Let ours and the peer take turns."""
    documents = papers(directory)
    runs, rate, seconds, endpoints = (1, 30.0, 2.0, 60) if brief else (RUNS, RATE, SECONDS, ENDPOINTS)
    ours: list[Errors] = []
    peer: list[Errors] = []
    for _ in range(runs):
        ours.append(await _ours(directory, documents, rate, seconds, endpoints))
        if has_peer():
            peer.append(await _peer(directory, documents, rate, seconds))
    return (
        *_judged("greeting", [errors.greeting for errors in ours]),
        *_judged("auth", [errors.auth for errors in ours]),
        *(
            Figure(
                what=f"error of the total, {name}",
                unit="ms",
                ours=tuple(quantile(errors.total, share) for errors in ours),
                peer=tuple(quantile(errors.total, share) for errors in peer),
            )
            for name, share in (("p50", 0.5), ("p99", 0.99))
        ),
    )


def _judged(what: str, runs: Sequence[Sequence[float]]) -> tuple[Figure, ...]:
    return tuple(
        Figure(
            what=f"error of {what}, {name}",
            unit="ms",
            ours=tuple(quantile(errors, share) for errors in runs),
            at_most=limit,
        )
        for name, share, limit in (("p50", 0.5, MEDIAN_LIMIT), ("p99", 0.99, TAIL_LIMIT))
    )


async def _ours(directory: Path, documents: Papers, rate: float, seconds: float, endpoints: int) -> Errors:
    interval = endpoints / rate
    with Submission(directory, documents.identity, greeting_ms=50, reply_ms=20, noting=True) as server:
        settings = configuration(server.port, documents, endpoints=endpoints, interval=interval, timeout=5.0)
        with Ours(directory, settings, recording=True) as exporter:
            scraper = asyncio.create_task(scrape_regularly(exporter.url, 1.0))
            await asyncio.sleep(interval + seconds)
            scraper.cancel()
            await asyncio.gather(scraper, return_exceptions=True)
            records = exporter.records()
        notes = server.notes()
    names = {f"e{number}": address(number) for number in range(endpoints)}
    begin = min(record["started"] for record in records) + interval  # the first round is for warming up
    if failed := [record for record in records if not record["success"]]:
        raise RuntimeError(f"{len(failed)} of our {len(records)} probes failed")
    sessions = _by_address(notes)
    errors = Errors()
    for record in sorted(records, key=lambda record: record["started"]):
        queue = sessions[names[record["endpoint"]]]
        while queue and queue[0]["accepted_unix"] < record["started"] - 0.005:
            queue.popleft()
        if not queue or record["started"] < begin:
            continue
        note = queue.popleft()
        errors.greeting.append((record["greeting"] - (note["sent greeting"] - note["accepted"])) * 1000)
        errors.auth.append((record["auth"] - (note["sent AUTH"] - note["received AUTH"])) * 1000)
        errors.total.append((record["total"] - (note["sent QUIT"] - note["accepted"])) * 1000)
    return errors


async def _peer(directory: Path, documents: Papers, rate: float, seconds: float) -> Errors:
    (port,) = free_ports(1)
    with Submission(directory, documents.identity, greeting_ms=50, reply_ms=20, noting=True) as server:
        with Peer(directory, documents, port) as peer:
            tally = await probe_at_pace(
                peer.url,
                lambda worker: probe_path(f"{address(worker)}:{server.port}", MODULE),
                rate=rate,
                seconds=seconds,
                workers=WORKERS,
                values=True,
            )
        if tally.failed:
            raise RuntimeError(f"{tally.failed} probes of the peer failed")
        sessions = _by_address(server.notes())
    errors = Errors()
    for worker, reported in tally.values:
        note = sessions[address(worker)].popleft()
        errors.total.append((reported - (note["sent QUIT"] - note["accepted"])) * 1000)
    return errors


def _by_address(notes: Iterable[dict[str, Any]]) -> dict[str, deque[dict[str, Any]]]:
    """Return the complete sessions of each address, in the order of their beginning."""
    sessions: dict[str, deque[dict[str, Any]]] = defaultdict(deque)
    for note in notes:
        if "sent QUIT" in note:
            sessions[note["address"]].append(note)
    return sessions


if __name__ == "__main__":
    command.run("truth", __doc__, measure)
