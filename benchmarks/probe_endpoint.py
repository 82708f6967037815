"""How many probes a second `/probe` makes for 64 scrapers at once, and how many blackbox_exporter makes.

    python -m benchmarks.probe_endpoint

Both run on the same core, one at a time, by turns; the scrapers ask back to back on connections that stay open.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks import command
from benchmarks.figures import Figure, quantile
from benchmarks.stand import MODULE, Ours, Peer, Submission, address, configuration, has_peer, papers
from benchmarks.traffic import Tally, probe_back_to_back, probe_path
from tests.servers.ports import free_ports

SCRAPERS = 64
SECONDS = 8.0
RUNS = 5
WANTED = 0.6


async def measure(directory: Path, brief: bool) -> tuple[Figure, ...]:
    """Let ours and the peer take turns."""
    documents = papers(directory)
    runs, seconds = (1, 1.0) if brief else (RUNS, SECONDS)
    ours: list[Tally] = []
    peer: list[Tally] = []
    (port,) = free_ports(1)
    with Submission(directory, documents.identity) as server:
        settings = configuration(server.port, documents, endpoints=0, interval=60)

        def path(worker: int) -> str:
            return probe_path(f"{address(worker)}:{server.port}", MODULE)

        with Ours(directory, settings) as exporter:
            if not has_peer():
                ours = [await _burst(exporter.url, path, seconds) for _ in range(runs)]
            else:
                with Peer(directory, documents, port) as blackbox:
                    for _ in range(runs):
                        ours.append(await _burst(exporter.url, path, seconds))
                        peer.append(await _burst(blackbox.url, path, seconds))
    return (
        Figure(
            what="probes a second",
            unit="/s",
            ours=tuple(len(tally.seconds) / seconds for tally in ours),
            peer=tuple(len(tally.seconds) / seconds for tally in peer),
            at_least=WANTED,
            relative=True,
        ),
        Figure(
            what="time of a request, p99",
            unit="ms",
            ours=tuple(quantile(tally.seconds, 0.99) * 1000 for tally in ours),
            peer=tuple(quantile(tally.seconds, 0.99) * 1000 for tally in peer),
        ),
    )


async def _burst(url: str, path: Callable[[int], str], seconds: float) -> Tally:
    tally = await probe_back_to_back(url, path, seconds=seconds, workers=SCRAPERS)
    if tally.failed:
        raise RuntimeError(f"{tally.failed} of {len(tally.seconds)} probes failed")
    return tally


if __name__ == "__main__":
    command.run("probe_endpoint", __doc__, measure)
