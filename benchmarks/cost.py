"""What a probe costs: CPU of the whole exporter for each full probe, and that of blackbox_exporter.

    python -m benchmarks.cost

Both probe the same server at the same pace: STARTTLS, EHLO, AUTH PLAIN, QUIT, full verification.  Ours is
scraped every 15 s, and each endpoint is probed once between two scrapes, so that every probe is also rendered
once, as it is in the peer.  The runs take turns.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from benchmarks import command
from benchmarks.figures import Figure
from benchmarks.stand import Ours, Papers, Submission, configuration, has_peer, papers
from benchmarks.traffic import scrape_regularly
from benchmarks.yardstick import cost_of_peer, cpu_per_session

RATE = 200.0
"""Probes a second."""
INTERVAL = 15.0
"""Seconds between two probes of one endpoint, and between two scrapes."""
RUNS = 5


async def measure(directory: Path, brief: bool) -> tuple[Figure, ...]:
    """Let ours and the peer take turns."""
    runs, rate, interval = (1, 30.0, 1.5) if brief else (RUNS, RATE, INTERVAL)
    documents = papers(directory)
    ours: list[float] = []
    peer: list[float] = []
    with Submission(directory, documents.identity) as server:
        for _ in range(runs):
            ours.append(await _ours(directory, documents, server, rate, interval))
            if has_peer():
                peer.append(await cost_of_peer(directory, documents, server, rate, interval))
    return (
        Figure(
            what="CPU per probe",
            unit="ms",
            ours=tuple(ours),
            peer=tuple(peer),
            at_most=1.0,
            relative=True,
        ),
    )


async def _ours(
    directory: Path, documents: Papers, server: Submission, rate: float, interval: float
) -> float:
    settings = configuration(server.port, documents, endpoints=int(rate * interval), interval=interval)
    with Ours(directory, settings) as exporter:
        scraper = asyncio.create_task(scrape_regularly(exporter.url, interval))
        # The first round is denser than the others and meets cold caches.
        await asyncio.sleep(interval + 1)
        cost = await cpu_per_session(exporter, server, interval)
        scraper.cancel()
        await asyncio.gather(scraper, return_exceptions=True)
    return cost


if __name__ == "__main__":
    command.run("cost", __doc__, measure)
