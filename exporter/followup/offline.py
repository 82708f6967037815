"""Positive evidence that this host itself is cut off.

Silence from one server proves nothing about this host, however many endpoints live on it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import assert_never

from exporter.followup.hosts import Machines, host_of
from exporter.followup.kernel import ROUTES, no_default_route
from exporter.model import (
    Attempt,
    AttemptOutcome,
    ConnectFailure,
    Endpoint,
    ErrorClass,
    FollowUp,
    NameFailure,
    NameFailureKind,
    Observation,
    Phase,
    Symptom,
    TimedOut,
)

HEALTHY_WITHIN = 3600.0
NOW = 900.0
"""Seconds after which no observation tells of now, however rarely its endpoint is probed."""
STEP = 50
"""Endpoints that are looked at before the event loop gets its turn: half a millisecond or so."""
LEAST_ENDPOINTS = 3
LEAST_HOSTS = 3
LEAST_NETWORKS = 2

# What a host without a network gets for a name: nothing, or the excuse of a forwarder on this host.
_NO_NAMES = frozenset(
    {
        NameFailureKind.TIMEOUT,
        NameFailureKind.UNREACHABLE,
        NameFailureKind.SERVFAIL,
        NameFailureKind.REFUSED,
    }
)
_ANSWERED = frozenset({AttemptOutcome.CONNECTED, AttemptOutcome.REFUSED, AttemptOutcome.RESET})


class Standing(Enum):
    """What one observation tells of the network of this host."""

    REACHED = "somebody outside answered"
    SILENT = "as from a host that is cut off"
    NOTHING = "neither"


@dataclass(frozen=True, slots=True)
class LastHealth:
    """When an endpoint was last healthy, on the clock of the event loop, and at which addresses."""

    at: float
    ip: str
    """The address that answered."""
    ips: frozenset[str] = frozenset()
    """All that were tried."""


@dataclass(frozen=True, slots=True)
class Known:
    """The newest observation of an endpoint, when it was made, and when the endpoint was last healthy."""

    observation: Observation
    at: float
    """On the clock of the event loop."""
    health: LastHealth | None = None

    @property
    def endpoint(self) -> Endpoint:
        """What was observed."""
        return self.observation.result.endpoint

    def is_of_now(self, now: float) -> bool:
        """Say whether it is younger than two rounds of its endpoint."""
        return now - self.at <= min(NOW, 2 * self.endpoint.interval + self.endpoint.timeout)


def standing_of(observation: Observation) -> Standing:
    """Return what this observation tells of the network of this host.

    Loopback works without one, and the answer that a name does not exist may come from a cache.
    """
    symptom = observation.result.symptom
    attempts = observation.result.attempts or (_attempts(symptom) if symptom is not None else ())
    by_loopback = all(_is_loopback(ip_of(attempt)) for attempt in attempts)
    if symptom is not None and symptom.phase is Phase.DNS:
        evidence = symptom.evidence
        unanswered = isinstance(evidence, TimedOut) or (
            isinstance(evidence, NameFailure) and evidence.kind in _NO_NAMES
        )
        if unanswered:
            return Standing.SILENT
        return Standing.NOTHING if by_loopback else Standing.REACHED
    if attempts and by_loopback:
        return Standing.NOTHING
    if (
        symptom is not None
        and symptom.phase is Phase.CONNECT
        and isinstance(symptom.evidence, ConnectFailure | TimedOut)
        and not any(attempt.outcome in _ANSWERED for attempt in _attempts(symptom))
    ):
        return Standing.SILENT
    return Standing.REACHED


def could_be_offline(observation: Observation) -> bool:
    """Say whether this failure is one that a cut-off host shows: no name, no route, no answer to SYN."""
    return standing_of(observation) is Standing.SILENT


def _attempts(symptom: Symptom) -> tuple[Attempt, ...]:
    evidence = symptom.evidence
    return symptom.attempts or (evidence.attempts if isinstance(evidence, ConnectFailure) else ())


def _is_loopback(ip: str) -> bool:
    # RFC 1122 3.2.1.3 and RFC 4291 2.5.3.  The addresses are in their shortest form, and there are very many.
    return ip.startswith("127.") or ip == "::1"


def ip_of(attempt: Attempt) -> str:
    """Return the address of an attempt alone: without port, brackets and zone."""
    return attempt.address.rpartition(":")[0].strip("[]").partition("%")[0]


def without_route(observation: Observation, *, reached: bool, tables: Path = ROUTES) -> FollowUp | None:
    """Return the finding that the kernel knew no way out: none to this target, none to the world.

    An isolated network needs no default route: while anybody else is `reached` the answer is None.
    """
    if reached or not _has_no_way(observation):
        return None
    return no_default_route(tables)


def _has_no_way(observation: Observation) -> bool:
    symptom = observation.result.symptom
    assert symptom is not None
    if isinstance(symptom.evidence, NameFailure):
        return symptom.evidence.kind is NameFailureKind.UNREACHABLE
    attempts = _attempts(symptom)
    return bool(attempts) and all(attempt.errno in {"ENETUNREACH", "ENETDOWN"} for attempt in attempts)


def is_reached(observation: Observation) -> bool:
    """Say whether somebody outside this host answered."""
    return standing_of(observation) is Standing.REACHED


def everybody_fails(latest: Iterable[Known], now: float) -> Generator[None, None, FollowUp | None]:
    """Return the finding that all endpoints that were healthy within the hour cannot be reached now, in steps.

    `now` is on the clock of the event loop.  What failed before anybody was last reached, or too long ago,
    tells nothing of now; one host is one however many names, addresses and ports it has.
    """
    reached = float("-inf")
    failing: list[tuple[Known, LastHealth]] = []
    for count, one in enumerate(latest, start=1):
        if count % STEP == 0:
            yield
        if one.health is not None and not _is_loopback(one.health.ip):
            reached = max(reached, one.health.at)
        match standing_of(one.observation):
            case Standing.NOTHING:
                continue
            case Standing.REACHED:
                if one.is_of_now(now):
                    return None  # this host is online
                reached = max(reached, one.at)
            case Standing.SILENT:
                if one.is_of_now(now) and one.health is not None and now - one.health.at <= HEALTHY_WITHIN:
                    failing.append((one, one.health))
            case unknown:
                assert_never(unknown)
    lost = [(one, health) for one, health in failing if one.at >= reached]
    machines, networks = Machines(), set()
    for count, (one, health) in enumerate(lost, start=1):
        if count % STEP == 0:
            yield
        machines.add(host_of(one.endpoint), _addresses(one, health))
        networks.add(_network(health.ip))
    if len(lost) < LEAST_ENDPOINTS or machines.count < LEAST_HOSTS or len(networks) < LEAST_NETWORKS:
        return None
    return FollowUp(
        experiment="compare with the other endpoints",
        target=f"{len(lost)} endpoints on {machines.count} hosts in {len(networks)} networks",
        outcome="all were healthy within the hour and none can be reached now",
        seconds=0.0,
        decides=ErrorClass.EXPORTER_OFFLINE,
    )


def _addresses(one: Known, health: LastHealth) -> frozenset[str]:
    symptom = one.observation.result.symptom
    attempts: Sequence[Attempt] = _attempts(symptom) if symptom is not None else ()
    return frozenset((health.ip, *health.ips, *map(ip_of, (*attempts, *one.observation.result.attempts))))


def _network(ip: str) -> str:
    """Return the network of an address: /24, or /48 for IPv6."""
    if ":" not in ip:
        return ip.rpartition(".")[0]
    try:
        return str(ipaddress.ip_network(f"{ip}/48", strict=False))
    except ValueError:
        return ip
