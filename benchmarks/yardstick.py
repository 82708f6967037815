"""How fast this machine is now, by what a probe costs the peer: limits of time and of CPU are those of a machine.

The goals were set on one on which the peer took 0.95 ms of CPU a probe.  A machine of the same name takes two to four
times as long, from day to day and within minutes, for whatever program it runs.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from benchmarks.child import Child
from benchmarks.stand import MODULE, Papers, Peer, Submission, address, has_peer, papers
from benchmarks.traffic import probe_at_pace, probe_path
from tests.servers.ports import free_ports

REFERENCE_MS = 0.95
"""CPU of a probe of blackbox_exporter 0.23 where the goals were set: STARTTLS, AUTH PLAIN, leaf and intermediate."""
RATE, SECONDS = 200.0, 5.0


async def slowness(directory: Path) -> tuple[float, ...]:
    """Return how many times slower than the machine of the goals this one is now; nothing without the peer."""
    if not has_peer():
        return ()
    documents = papers(directory)
    with Submission(directory, documents.identity) as server:
        return (await cost_of_peer(directory, documents, server, RATE, SECONDS) / REFERENCE_MS,)


async def cost_of_peer(
    directory: Path, documents: Papers, server: Submission, rate: float, interval: float
) -> float:
    """Return the milliseconds of CPU that blackbox_exporter spends for a probe, at `rate` for `interval` seconds."""
    (port,) = free_ports(1)
    with Peer(directory, documents, port) as peer:

        async def drive(seconds: float) -> None:
            tally = await probe_at_pace(
                peer.url,
                lambda worker: probe_path(f"{address(worker)}:{server.port}", MODULE),
                rate=rate,
                seconds=seconds,
                workers=16,
            )
            if tally.failed:
                raise RuntimeError(f"{tally.failed} probes of the peer failed")

        await drive(min(2.0, interval))
        traffic = asyncio.create_task(drive(interval))
        cost = await cpu_per_session(peer, server, interval)
        await traffic
    return cost


async def cpu_per_session(client: Child, server: Submission, seconds: float) -> float:
    """Return the milliseconds of CPU that `client` spends for each session of the server."""
    sessions, cpu = server.sessions, client.cpu_seconds()
    end = time.monotonic() + seconds
    await asyncio.sleep(end - time.monotonic())
    return (client.cpu_seconds() - cpu) / (server.sessions - sessions) * 1000
