"""Whether a name server that is dead for half of the endpoints delays the other half, or a mail server that hangs.

    python -m benchmarks.resolver

200 endpoints with names that are answered are probed every two seconds, alone and beside 200 of the same settings whose
names are never answered, or whose server accepts and says nothing: as many as may be at work at once wait for an answer
at any time.  The runs take turns.  A delay is the p99 of the answered half beside the dead one, less its p99 alone: of
the start, which is due an interval after the one before, of the look-up, and of the whole probe.
"""

from __future__ import annotations

import asyncio
import socket
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks import command
from benchmarks.figures import Figure, quantile
from benchmarks.stand import MODULE, Ours, Papers, Submission, address, configuration, papers
from tests.servers.dns import Answer, DnsServer, Silent

ENDPOINTS = 200
INTERVAL = 2.0
SECONDS = 15.0
RUNS = 3
LIMIT = 5.0


async def measure(directory: Path, brief: bool) -> tuple[Figure, ...]:
    """Let the answered half run alone and beside the dead one, by turns."""
    documents = papers(directory)
    runs, seconds, endpoints = (1, 8.0, 10) if brief else (RUNS, SECONDS, ENDPOINTS)
    alone: list[list[dict[str, Any]]] = []
    beside: list[list[dict[str, Any]]] = []
    hanging: list[list[dict[str, Any]]] = []
    zone = {f"a{n}.test": Answer(a=(address(n),)) for n in range(endpoints)} | {"*.dead.test": Silent()}
    with Submission(directory, documents.identity) as server, DnsServer(zone) as dns:
        unknown = [f"d{n}.dead.test:{server.port}" for n in range(endpoints)]
        for _ in range(runs):
            # Whoever connects stands in the queue of a listener that nobody attends to.
            with socket.create_server(("0.0.0.0", 0), backlog=4096) as listener:
                silent = [f"{address(n)}:{listener.getsockname()[1]}" for n in range(endpoints)]
                for dead, records in (([], alone), (unknown, beside), (silent, hanging)):
                    settings = _settings(server, documents, dns.nameserver, endpoints, dead)
                    records.append(await _records(directory, settings, seconds))
    return (
        *(
            Figure(
                what=f"delay of the {name}{where}, p99",
                unit="ms",
                ours=tuple(
                    tail(with_dead) - tail(without) for with_dead, without in zip(records, alone, strict=True)
                ),
                at_most=LIMIT,
            )
            for records, where in ((beside, ""), (hanging, " by servers that hang"))
            for name, tail in (("start", _late), ("look-up", _look_up), ("whole probe", _whole))
        ),
        Figure(what="start alone, p99", unit="ms", ours=tuple(map(_late, alone))),
        Figure(what="look-up alone, p99", unit="ms", ours=tuple(map(_look_up, alone))),
    )


def _settings(
    server: Submission, documents: Papers, nameserver: str, endpoints: int, dead: list[str]
) -> dict[str, Any]:
    settings = configuration(server.port, documents, endpoints=0, interval=INTERVAL)
    settings["global"]["resolver"] = {"nameservers": [nameserver]}
    settings["modules"][MODULE]["ip_protocol"] = "ip4"
    settings["endpoints"] = [
        {"name": f"alive-{n}", "target": f"a{n}.test:{server.port}", "module": MODULE}
        for n in range(endpoints)
    ] + [{"name": f"dead-{n}", "target": target, "module": MODULE} for n, target in enumerate(dead)]
    return settings


async def _records(directory: Path, settings: dict[str, Any], seconds: float) -> list[dict[str, Any]]:
    """Return what the answered half reported once the first two seconds were over."""
    with Ours(directory, settings, recording=True) as exporter:
        await asyncio.sleep(seconds)
        records = [note for note in exporter.records() if note["endpoint"].startswith("alive")]
    first = min(note["started"] for note in records)
    if failed := [note for note in records if not note["success"]]:
        raise RuntimeError(f"{len(failed)} of {len(records)} probes with an answered name failed")
    return [note for note in records if note["started"] >= first + min(2.0, seconds / 2)]


def _late(records: list[dict[str, Any]]) -> float:
    """Return the p99 of the milliseconds by which a start came later than an interval after the one before."""
    starts: dict[str, list[float]] = defaultdict(list)
    for note in records:
        starts[note["endpoint"]].append(note["started"])
    return _tail([b - a - INTERVAL for times in starts.values() for a, b in pairwise(times)])


def _look_up(records: list[dict[str, Any]]) -> float:
    return _tail([note["dns"] for note in records])


def _whole(records: list[dict[str, Any]]) -> float:
    return _tail([note["total"] for note in records])


def _tail(seconds: list[float]) -> float:
    return quantile(seconds, 0.99) * 1000


if __name__ == "__main__":
    command.run("resolver", __doc__, measure)
