"""What all the endpoints together tell: whether a crowd of hosts is lost, and whether everybody is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from exporter.followup.hosts import host_of
from exporter.followup.offline import Known, everybody_fails, is_reached
from exporter.model import ConnectFailure, Dropped, FollowUp, NameFailure, Observation, TimedOut

CROWD = 0.3
"""The share of hosts that fail together beyond which no experiment tells anything."""
SMALLEST_CROWD = 4
"""Hosts that make a crowd; below it one dead server would be a third of the fleet."""

# In an outage of ten thousand endpoints a walk over all of them for each failure would hold up every probe.
_SMALL_FLEET = 100
_SECONDS_PER_ENDPOINT = 1e-4


@dataclass(frozen=True, slots=True)
class Survey:
    """The fleet at one moment."""

    crowd: bool
    """So many hosts are lost together that the cause is not at any one of them."""
    reached: bool
    """Somebody outside this host answers."""
    cut_off: FollowUp | None
    """The finding that everybody fails, if that proves something."""
    until: float
    """How long it counts, on the clock of the event loop: a second for ten thousand endpoints."""


def survey(newest: Iterable[Observation], known: Callable[[Observation], Known], now: float) -> Survey:
    """Look at the newest observation of every endpoint."""
    observations = tuple(newest)
    life = 0.0 if len(observations) < _SMALL_FLEET else len(observations) * _SECONDS_PER_ENDPOINT
    return Survey(
        crowd=_is_crowd(observations),
        reached=any(map(is_reached, observations)),
        cut_off=everybody_fails(map(known, observations), now),
        until=now + life,
    )


def _is_crowd(observations: Iterable[Observation]) -> bool:
    hosts: dict[str, bool] = {}
    for observation in observations:
        host = host_of(observation.result.endpoint)
        hosts[host] = hosts.get(host, True) and _is_lost(observation)
    failing = sum(hosts.values())
    return failing >= SMALLEST_CROWD and failing >= CROWD * len(hosts)


def _is_lost(observation: Observation) -> bool:
    """Say whether the host gave no answer; one that refuses a password is no sign of a common cause."""
    symptom = observation.result.symptom
    return symptom is not None and isinstance(
        symptom.evidence, NameFailure | ConnectFailure | TimedOut | Dropped
    )
