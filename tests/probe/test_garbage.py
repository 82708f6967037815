"""A probe leaves nothing for the collector of garbage, however it ends."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator

import pytest
import uvloop

from exporter.demo import DemoServers
from exporter.probe.prober import Prober
from exporter.probe.resolver import Resolver


@pytest.fixture
def no_collections() -> Iterator[None]:
    """Leave all garbage where it is."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collections")
def test_probe_leaves_no_cycles() -> None:
    """Whatever the end of a probe, its objects are gone with it: ten thousand endpoints would fill the memory."""

    async def scenario() -> dict[str, int]:
        found: dict[str, int] = {}
        servers, resolver = DemoServers(), Resolver()
        await servers.start()
        try:
            prober = Prober(resolver)
            for endpoint in servers.endpoints:
                if endpoint.name == "silent-port":
                    continue  # it takes as long as its timeout
                await prober.run(endpoint)  # contexts, verdicts and caches are made once
                await asyncio.sleep(0)
                gc.collect()
                await prober.run(endpoint)
                await asyncio.sleep(0)
                found[endpoint.name] = gc.collect()
        finally:
            resolver.close()
            await servers.stop()
        return found

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        found = runner.run(scenario())
    assert len(found) >= 9
    assert {name: count for name, count in found.items() if count} == {}
