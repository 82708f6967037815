"""Endpoints, what a probe of them came to, and a network that answers as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from exporter.diagnosis import diagnose
from exporter.followup import FollowUps
from exporter.model import (
    HEALTHY,
    Attempt,
    AttemptOutcome,
    ConnectFailure,
    Endpoint,
    Evidence,
    Observation,
    Phase,
    ProbeResult,
    Symptom,
    TimedOut,
    TlsMode,
)
from exporter.settings import FollowUpSettings


def endpoint(name: str = "e", host: str = "mail.example.com", port: int = 587) -> Endpoint:
    """An endpoint of which only name and place matter."""
    return Endpoint(
        name=name,
        host=host,
        port=port,
        tls=TlsMode.STARTTLS,
        until=Phase.EHLO,
        interval=60.0,
        timeout=10.0,
    )


def silent(target: Endpoint, ip: str = "192.0.2.1") -> Observation:
    """A connect time-out."""
    attempts = (Attempt(f"{ip}:{target.port}", AttemptOutcome.TIMEOUT, 10.0),)
    evidence = TimedOut(10.0)
    symptom = Symptom(
        phase=Phase.CONNECT, evidence=evidence, host=target.host, port=target.port, attempts=attempts
    )
    result = ProbeResult(
        endpoint=target, started=0.0, seconds=10.0, steps=(), symptom=symptom, attempts=attempts
    )
    return Observation(result=result, diagnosis=diagnose(symptom))


def refused(target: Endpoint) -> Observation:
    """A refused connection."""
    attempts = (Attempt(f"192.0.2.1:{target.port}", AttemptOutcome.REFUSED, 0.1, "ECONNREFUSED"),)
    symptom = Symptom(
        phase=Phase.CONNECT, evidence=ConnectFailure("ECONNREFUSED", attempts), attempts=attempts
    )
    result = ProbeResult(
        endpoint=target, started=0.0, seconds=0.1, steps=(), symptom=symptom, attempts=attempts
    )
    return Observation(result=result, diagnosis=diagnose(symptom))


def healthy(target: Endpoint, ip: str = "192.0.2.1") -> Observation:
    """A success at this address."""
    attempts = (Attempt(f"{ip}:{target.port}", AttemptOutcome.CONNECTED, 0.01),)
    result = ProbeResult(endpoint=target, started=0.0, seconds=0.1, steps=(), attempts=attempts)
    return Observation(result=result, diagnosis=HEALTHY)


def greetingless(target: Endpoint, ip: str = "192.0.2.1") -> Observation:
    """A connection on which nothing was said."""
    attempts = (Attempt(f"{ip}:{target.port}", AttemptOutcome.CONNECTED, 0.01),)
    evidence: Evidence = TimedOut(10.0)
    symptom = Symptom(phase=Phase.GREETING, evidence=evidence, host=target.host, port=target.port)
    result = ProbeResult(
        endpoint=target, started=0.0, seconds=10.0, steps=(), symptom=symptom, attempts=attempts
    )
    return Observation(result=result, diagnosis=diagnose(symptom))


class Network:
    """Answers experiments by port, and remembers when each was made."""

    def __init__(self, answers: dict[int, bool]) -> None:
        self.answers = answers
        self.made: list[tuple[float, str]] = []
        self.endpoints: list[Endpoint] = []
        self.seconds = 0.0

    async def run(self, target: Endpoint) -> ProbeResult:
        """Stand where the prober stands."""
        self.made.append((asyncio.get_running_loop().time(), target.target))
        self.endpoints.append(target)
        if self.seconds:
            await asyncio.sleep(self.seconds)
        if self.answers.get(target.port, False):
            return healthy(target).result
        return silent(target).result


def follow_ups(
    network: Network, latest: Callable[[], Iterable[Observation]] | None = None, **settings: object
) -> FollowUps:
    """The object under test over a network of our making."""
    return FollowUps(network, FollowUpSettings(**settings), latest=latest)  # type: ignore[arg-type]
