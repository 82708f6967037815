"""Positive evidence that this host itself is cut off.

Silence from one server proves nothing about this host, however many endpoints live on it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from exporter.model import ConnectFailure, ErrorClass, FollowUp, NameFailure, Observation, Phase, TimedOut

HEALTHY_WITHIN = 3600.0
LEAST_ENDPOINTS = 3
LEAST_HOSTS = 3
LEAST_NETWORKS = 2

_UP = 0x1  # IFF_UP of linux/if.h
_LOOPBACK = 0x8  # IFF_LOOPBACK


@dataclass(frozen=True, slots=True)
class LastHealth:
    """When an endpoint was last healthy, and at which address."""

    at: float
    ip: str


def could_be_offline(observation: Observation) -> bool:
    """Say whether this failure is one that a cut-off host shows: no name, no route, no answer to SYN."""
    symptom = observation.result.symptom
    if symptom is None:
        return False
    if symptom.phase is Phase.DNS:
        return isinstance(symptom.evidence, NameFailure | TimedOut)
    if symptom.phase is not Phase.CONNECT:
        return False
    if isinstance(symptom.evidence, ConnectFailure):
        return symptom.evidence.errno != "ECONNREFUSED"  # a refusal is an answer
    return isinstance(symptom.evidence, TimedOut)


def without_interface(classes: Path = Path("/sys/class/net")) -> FollowUp | None:
    """Return the finding that no interface beside loopback is up; None when one is, or nobody knows."""
    try:
        flags = [int((folder / "flags").read_text(), 16) for folder in classes.iterdir() if folder.is_dir()]
    except (OSError, ValueError):
        return None
    if not flags or any(flag & _UP and not flag & _LOOPBACK for flag in flags):
        return None
    return FollowUp(
        experiment="look at the network interfaces",
        target="this host",
        outcome="none but loopback is up",
        seconds=0.0,
        decides=ErrorClass.EXPORTER_OFFLINE,
    )


def everybody_fails(
    latest: Iterable[Observation], health: Mapping[str, LastHealth], now: float
) -> FollowUp | None:
    """Return the finding that all endpoints that were healthy within the hour cannot be reached now."""
    names, ips = 0, set()
    for observation in latest:
        known = health.get(observation.result.endpoint.name)
        if not could_be_offline(observation):
            return None  # somebody is reached: this host is online
        if known is not None and now - known.at <= HEALTHY_WITHIN:
            names += 1
            ips.add(known.ip)
    networks = {_network(ip) for ip in ips}
    if names < LEAST_ENDPOINTS or len(ips) < LEAST_HOSTS or len(networks) < LEAST_NETWORKS:
        return None
    return FollowUp(
        experiment="compare with the other endpoints",
        target=f"{names} endpoints on {len(ips)} hosts in {len(networks)} networks",
        outcome="all were healthy within the hour and none can be reached now",
        seconds=0.0,
        decides=ErrorClass.EXPORTER_OFFLINE,
    )


def _network(ip: str) -> str:
    """Return the network of an address: /24, or /48 for IPv6."""
    try:
        prefix = 48 if ":" in ip else 24
        return str(ipaddress.ip_network(f"{ip.partition('%')[0]}/{prefix}", strict=False))
    except ValueError:
        return ip
