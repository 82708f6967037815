"""Logins with one account are made one by one, and nobody pays for the wait with a verdict."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from exporter.model import Auth, Phase, ProbeResult, Secret, StepStatus, Symptom, TlsMode
from tests.backoff.living import endpoint, exporter, knowing, logins
from tests.probe import probing
from tests.servers.certificates import Workshop
from tests.servers.scripted import Step, answer, bye, drop, ehlo, expect, greet, pause, say, scripted, stall
from tests.servers.submission import PASSWORD, submission_server
from tests.virtual_time import run_virtual


class Slow:
    """A gate before which one waits."""

    is_open = False

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.calls: list[str] = []

    def held(self) -> str | None:
        """Hold nothing back."""
        return None

    async def enter(self) -> str | None:
        """Wait."""
        await asyncio.sleep(self.seconds)
        return None

    def leave(self, failure: Symptom | None, *, told: bool) -> None:
        """Note it."""
        self.calls.append(f"leave {failure.phase if failure else 'accepted'} {told}")

    def abandon(self) -> None:
        """Note it."""
        self.calls.append("abandon")


def probed(gate: Slow, *script: Step, timeout: float = 0.4) -> ProbeResult:
    """A probe with a login in clear against `script`."""

    async def scenario() -> ProbeResult:
        async with scripted(script) as server:
            target = probing.endpoint(
                server.port,
                tls=TlsMode.NONE,
                until=Phase.AUTH,
                timeout=timeout,
                auth=Auth(username="probe", password=Secret("secret"), allow_plaintext=True),
            )
            return await probing.probe(target, gate=gate)

    result: ProbeResult = probing.run(scenario)
    return result


def test_the_wait_counts_in_no_duration_and_against_no_deadline() -> None:
    """It may be longer than all the time that the probe has."""
    gate = Slow(0.8)
    result = probed(gate, greet(), ehlo("AUTH PLAIN"), answer("AUTH", "235 2.7.0 Welcome"), bye())
    assert result.success
    assert result.seconds < gate.seconds / 2
    assert sum(step.seconds or 0.0 for step in result.steps) < gate.seconds / 2
    assert gate.calls == ["leave accepted True"]


def test_what_the_server_takes_after_the_wait_does_count() -> None:
    """A server that is silent then has used up the deadline, and the wait is not in the seconds."""
    gate = Slow(0.8)
    result = probed(gate, greet(), ehlo("AUTH PLAIN"), expect("AUTH"), stall())
    assert probing.outline(result).endswith("auth! -quit")
    assert result.seconds < gate.seconds
    assert (result.phase_seconds(Phase.AUTH) or 0.0) < gate.seconds
    assert gate.calls == ["leave auth True"]


@pytest.mark.parametrize(
    "meanwhile",
    [[say("421 4.4.2 Idle for too long")], [drop()], [say("421 4.4.2 Idle for too long"), drop()]],
)
def test_a_server_that_does_not_wait_with_us_is_not_blamed(meanwhile: list[Step]) -> None:
    """The login is left out when the idle connection ends, and the probe has not failed."""
    gate = Slow(0.3)
    result = probed(gate, greet(), ehlo("AUTH PLAIN"), pause(0.05), *meanwhile, timeout=2.0)
    assert result.success
    assert result.auth_withheld
    (step,) = [step for step in result.steps if step.phase is Phase.AUTH]
    assert step.status is StepStatus.SKIPPED
    assert "the connection ended" in step.note
    assert gate.calls == ["abandon"]


def test_the_next_login_is_made_as_soon_as_the_exchange_is_over(workshop: Workshop) -> None:
    """What follows after the login is nothing that others wait for."""

    async def scenario() -> None:
        context = workshop.valid().context()
        pauses = {"QUIT": 1.9, "MAIL": 3.0}
        async with submission_server(context=context, pauses=pauses) as server:
            same = [
                endpoint(f"e{number}", server, workshop.ca_file, auth=knowing(PASSWORD), interval=600.0)
                for number in range(4)
            ]
            async with exporter(*same) as running:
                await running.until(20.0)
                loop = asyncio.get_running_loop()
                began = loop.time()
                await asyncio.gather(*(running.service._probe_now(one.name) for one in same))
                assert loop.time() - began < 2.5
            assert logins(server) == 8

    run_virtual(scenario())


def lived_beside(workshop: Workshop, slow: Callable[[dict[str, Any]], Any], seconds: float = 300.0) -> Any:
    """A healthy endpoint beside one of the same account whose server is slow."""

    async def scenario() -> tuple[Any, int]:
        context = workshop.valid().context()
        async with (
            submission_server(context=context) as good,
            submission_server(context=context, **slow({})) as bad,
        ):
            healthy = endpoint("healthy", good, workshop.ca_file, timeout=5.0)
            sick = [
                replace(endpoint("sick", bad, workshop.ca_file, timeout=5.0), name=f"sick{number}")
                for number in range(3)
            ]
            async with exporter(healthy, *sick) as running:
                await running.until(seconds)
                for _ in range(3):
                    names = ["healthy", *(one.name for one in sick)]
                    await asyncio.gather(*(running.service._probe_now(name) for name in reversed(names)))
                metrics = await running.metrics()
            return metrics, logins(good)

    return run_virtual(scenario())


@pytest.mark.parametrize("verb", ["AUTH", "EHLO", "QUIT", "greeting"])
def test_a_slow_server_makes_no_healthy_endpoint_of_its_account_fail(workshop: Workshop, verb: str) -> None:
    """Whatever phase is slow, the other endpoint logs in and stays healthy."""
    metrics, made = lived_beside(workshop, lambda _: {"pauses": {verb: 4.5}})
    assert metrics.all("smtp_probe_failures_total", "healthy") == {}
    assert metrics("smtp_probe_success", "healthy") == 1
    assert made > 10


def test_a_server_that_is_silent_after_auth_does_no_harm_either(workshop: Workshop) -> None:
    """Its logins time out; those of the same account elsewhere go on."""
    metrics, made = lived_beside(workshop, lambda _: {"pauses": {"AUTH": 60.0}})
    assert metrics.all("smtp_probe_failures_total", "healthy") == {}
    assert metrics("smtp_probe_success", "healthy") == 1
    assert made > 1


def test_a_wrong_password_is_not_tried_behind_a_slow_server(workshop: Workshop) -> None:
    """A server that takes its time to refuse, longer than the probe has, is tried twice in ten minutes."""

    async def scenario() -> None:
        context = workshop.valid().context()
        async with submission_server(context=context, pauses={"AUTH": 8.0}) as server:
            wrong = [
                endpoint(f"e{number}", server, workshop.ca_file, auth=knowing("wrong"), timeout=5.0)
                for number in range(3)
            ]
            async with exporter(*wrong) as running:
                await running.until(599.0)
                metrics = await running.metrics()
            assert logins(server) == 2
        for one in wrong:
            assert metrics("smtp_probe_success", one.name) == 0
            assert metrics("smtp_probe_backing_off", one.name, scope="auth") == 1

    run_virtual(scenario())
