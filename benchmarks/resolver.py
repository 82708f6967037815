"""Whether a name server that is dead for half of the endpoints delays the other half.

    python -m benchmarks.resolver

200 endpoints with names that are answered are probed every two seconds, alone and beside 200 endpoints whose names are
never answered; the runs take turns.  A delay is the p99 of the answered half beside the dead one, less its p99
alone: of the look-up, and of the whole probe.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from benchmarks import command
from benchmarks.figures import Figure, quantile
from benchmarks.stand import MODULE, Ours, Papers, Submission, address, configuration, papers
from tests.servers.dns import Answer, DnsServer, Silent

ENDPOINTS = 200
SECONDS = 15.0
RUNS = 3
LIMIT = 5.0


async def measure(directory: Path, brief: bool) -> tuple[Figure, ...]:
    """Let the answered half run alone and beside the dead one, by turns."""
    documents = papers(directory)
    runs, seconds, endpoints = (1, 4.0, 10) if brief else (RUNS, SECONDS, ENDPOINTS)
    alone: list[list[dict[str, Any]]] = []
    beside: list[list[dict[str, Any]]] = []
    zone = {f"a{n}.test": Answer(a=(address(n),)) for n in range(endpoints)} | {"*.dead.test": Silent()}
    with Submission(directory, documents.identity) as server, DnsServer(zone) as dns:
        for _ in range(runs):
            for dead, records in ((0, alone), (endpoints, beside)):
                settings = _settings(server, documents, dns.nameserver, endpoints, dead)
                records.append(await _records(directory, settings, seconds))
    return (
        *(
            Figure(
                what=f"delay of the {name}, p99",
                unit="ms",
                ours=tuple(
                    _tail(with_dead, key) - _tail(without, key)
                    for with_dead, without in zip(beside, alone, strict=True)
                ),
                at_most=LIMIT,
            )
            for name, key in (("look-up", "dns"), ("whole probe", "total"))
        ),
        Figure(what="look-up alone, p99", unit="ms", ours=tuple(_tail(notes, "dns") for notes in alone)),
    )


def _settings(
    server: Submission, documents: Papers, nameserver: str, endpoints: int, dead: int
) -> dict[str, Any]:
    settings = configuration(server.port, documents, endpoints=0, interval=2.0)
    settings["global"]["resolver"] = {"nameservers": [nameserver]}
    settings["modules"][MODULE]["ip_protocol"] = "ip4"
    settings["endpoints"] = [
        {"name": f"alive-{n}", "target": f"a{n}.test:{server.port}", "module": MODULE}
        for n in range(endpoints)
    ] + [
        {"name": f"dead-{n}", "target": f"d{n}.dead.test:{server.port}", "module": MODULE}
        | {"interval": "6s", "timeout": "5s"}
        for n in range(dead)
    ]
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


def _tail(records: list[dict[str, Any]], key: str) -> float:
    return quantile([note[key] for note in records], 0.99) * 1000


if __name__ == "__main__":
    command.run("resolver", __doc__, measure, of_speed=True)
