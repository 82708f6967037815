"""Run one probe in a test: on asyncio or uvloop, with every socket accounted for."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvloop

from exporter.model import Auth, Endpoint, Message, Phase, ProbeResult, Secret, StepStatus, TlsConfig, TlsMode
from exporter.probe.prober import Prober
from exporter.probe.resolver import Resolver

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}


def endpoint(port: int, **changes: Any) -> Endpoint:
    """An endpoint on loopback: STARTTLS until ehlo within 5 s, unless `changes` say otherwise."""
    base = Endpoint(
        name="under-test",
        host="127.0.0.1",
        port=port,
        tls=TlsMode.STARTTLS,
        until=Phase.EHLO,
        interval=60.0,
        timeout=5.0,
    )
    return replace(base, **changes)


def login(username: str, password: str, **more: Any) -> Auth:
    """Credentials of a test."""
    return Auth(username=username, password=Secret(password), **more)


def trusting(ca_file: object, **more: Any) -> TlsConfig:
    """TLS settings that trust one CA file."""
    return TlsConfig(ca_file=str(ca_file), **more)


MESSAGE = Message(sender="probe@mail.test", recipient="postmaster@mail.test")


async def probe(target: Endpoint, **options: Any) -> ProbeResult:
    """Probe once with a resolver of its own."""
    resolver = Resolver()
    try:
        return await Prober(resolver).run(target, **options)
    finally:
        resolver.close()


PATIENCE_SECONDS = 5.0
"""For a socket that is still open to be closed: one that is lost stays open for ever."""


def run(
    scenario: Callable[[], Awaitable[Any]],
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> Any:
    """Run `scenario` on a fresh loop and fail if it leaves a socket open."""

    async def accounted() -> Any:
        result = await scenario()
        await asyncio.sleep(0)  # closing callbacks of the last transports
        return result

    with asyncio.Runner(loop_factory=loop_factory or asyncio.new_event_loop) as runner:
        runner.run(asyncio.sleep(0))
        before = open_sockets()
        result = runner.run(accounted())
        # A server in a thread of this process has its end of the connection until it gets its turn.
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (after := open_sockets()) != before and time.monotonic() < deadline:
            runner.run(asyncio.sleep(0.01))
    assert after == before, f"{after - before} sockets stayed open"
    return result


def open_sockets() -> int:
    """How many sockets this process holds (libuv keeps a spare descriptor of /dev/null as well)."""
    found = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # the listing's own descriptor is gone again
            found += str(descriptor.readlink()).startswith("socket:")
    return found


def outline(result: ProbeResult) -> str:
    """The steps in short: `dns connect greeting! -ehlo` (failed, skipped)."""
    mark = {StepStatus.PASSED: "{}", StepStatus.FAILED: "{}!", StepStatus.SKIPPED: "-{}"}
    return " ".join(mark[step.status].format(step.phase) for step in result.steps)
