"""What all the endpoints together tell: whether a crowd of hosts is lost, and whether everybody is."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass

from exporter.followup.hosts import host_of
from exporter.followup.offline import STEP, Known, everybody_fails, is_reached
from exporter.model import ConnectFailure, Dropped, FollowUp, NameFailure, Observation, TimedOut

CROWD = 0.3
"""The share of hosts that fail together beyond which no experiment tells anything."""
SMALLEST_CROWD = 4
"""Hosts that make a crowd; below it one dead server would be a third of the fleet."""

# In an outage of ten thousand endpoints a walk over all of them for each failure would hold up every probe.
_SMALL_FLEET = 100
_SECONDS_PER_ENDPOINT = 3e-4


@dataclass(frozen=True, slots=True)
class Survey:
    """The fleet at one moment."""

    crowd: bool
    """So many hosts are lost together that the cause is not at any one of them."""
    reached: bool
    """Somebody outside this host answers."""
    cut_off: FollowUp | None
    """The finding that everybody fails, if that proves something."""
    life: float
    """Seconds for which it counts: three for ten thousand endpoints."""


def survey(
    newest: Iterable[Observation], known: Callable[[Observation], Known], now: float
) -> Generator[None, None, Survey]:
    """Look at the newest observation of every endpoint, in steps."""
    hosts: dict[str, bool] = {}
    fleet: list[Known] = []
    count, reached, online = 0, False, False
    for count, observation in enumerate(newest, start=1):
        if count % STEP == 0:
            yield
        host = host_of(observation.result.endpoint)
        hosts[host] = hosts.get(host, True) and _is_lost(observation)
        if not online:
            one = known(observation)
            fleet.append(one)
            if is_reached(observation):
                reached, online = True, one.is_of_now(now)
    cut_off = None if online else (yield from everybody_fails(fleet, now))
    lost = sum(hosts.values())
    return Survey(
        crowd=lost >= SMALLEST_CROWD and lost >= CROWD * len(hosts),
        reached=reached,
        cut_off=cut_off,
        life=0.0 if count < _SMALL_FLEET else count * _SECONDS_PER_ENDPOINT,
    )


def _is_lost(observation: Observation) -> bool:
    """Say whether the host gave no answer; one that refuses a password is no sign of a common cause."""
    symptom = observation.result.symptom
    return symptom is not None and isinstance(
        symptom.evidence, NameFailure | ConnectFailure | TimedOut | Dropped
    )
