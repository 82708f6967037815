"""The service stops: whatever kind of probe is running has its grace, then it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from exporter import service
from tests.servers.scripted import Connection, bye, ehlo, greet, hear, pause, scripted, stall
from tests.web.exporting import Answer, Exporter, exporting, run

MODULE = {"tls": "none", "until": "ehlo", "timeout": "30s", "allowed_targets": ["127.0.0.0/8"]}
Ask = Callable[[Exporter, str], Coroutine[Any, Any, Answer]]


async def on_demand(exporter: Exporter, target: str) -> Answer:
    """Ask for `/probe`."""
    return await exporter.probe(target, "open")


async def probe_now(exporter: Exporter, target: str) -> Answer:
    """Press the button."""
    return await exporter.ask("/probe-now", "POST", data={"name": target})


def stopped(tmp_path: Path, ask: Ask, *script: Any, known: bool) -> tuple[Answer, list[Connection]]:
    """Stop while a probe runs that was asked for; return its answer and what the server saw."""

    async def scenario() -> tuple[Answer, list[Connection]]:
        async with scripted(list(script)) as server:
            target = f"127.0.0.1:{server.port}"
            endpoints = [{"target": target, "interval": "1h", **MODULE}] if known else []
            for endpoint in endpoints:
                del endpoint["allowed_targets"]
            configuration = {"modules": {"open": MODULE}, "endpoints": endpoints}
            async with exporting(tmp_path, configuration) as exporter:
                asking = asyncio.create_task(ask(exporter, target))
                await exporter.until(lambda: any(c.lines for c in server.connections), "a probe")
                await exporter.service.stop()
                return await asking, server.connections

    return run(scenario())


@pytest.mark.parametrize(("ask", "known", "status"), [(on_demand, False, 503), (probe_now, True, 409)])
def test_a_probe_that_gets_no_answer_ends_after_the_grace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ask: Ask, known: bool, status: int
) -> None:
    """Whoever asked for it is told, and the connection is closed long before its timeout."""
    monkeypatch.setattr(service, "GRACE", 0.1)
    answer, connections = stopped(tmp_path, ask, greet(), hear(), stall(), known=known)
    assert answer.status == status
    assert len(connections) == 1


@pytest.mark.parametrize(("ask", "known", "status"), [(on_demand, False, 200), (probe_now, True, 303)])
def test_a_probe_that_ends_within_the_grace_is_answered(
    tmp_path: Path, ask: Ask, known: bool, status: int
) -> None:
    """It takes leave with QUIT."""
    answer, connections = stopped(tmp_path, ask, greet(), ehlo(), pause(0.2), bye(), known=known)
    assert answer.status == status
    assert [connection.verbs for connection in connections] == [["EHLO", "QUIT"]]
