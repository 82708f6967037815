"""One probe as metrics of its own: our families, and beside them the names of blackbox_exporter.

Dashboards, alerts and the `Probe` resource that were made for that exporter work with these names.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry

from exporter.board import Board
from exporter.metrics import BackingOff, Exposition, Runtime, families
from exporter.metrics.endpoint import endpoint_blocks
from exporter.metrics.line import endpoint_text
from exporter.model import Observation, Phase

_MEANINGLESS = frozenset((families.INTERVAL,))
"""Whoever asks sets the interval."""


class OnceOnly(Runtime):
    """What is known of the schedule of a probe that has none."""

    version = ""
    in_flight = 0
    waiting = 0
    limit = 0
    config_reload_ok = True
    config_reload_time = 0.0

    def __init__(self, observation: Observation) -> None:
        held = observation.result.auth_withheld and observation.failed_phase is Phase.AUTH
        self._held = BackingOff(auth=held, endpoint=observation.result.held_back)

    def next_run(self, name: str) -> float | None:  # noqa: ARG002 - nobody has planned it
        """None."""
        return None

    def backing_off(self, name: str) -> BackingOff:  # noqa: ARG002 - there is one
        """Whether the login was held back, or all of it."""
        return self._held

    def token_expiry(self, name: str) -> float | None:  # noqa: ARG002 - not asked
        """None."""
        return None


def exposed(observation: Observation, exposition: Exposition) -> bytes:
    """Return the metrics of this one observation, ours first."""
    endpoint = observation.result.endpoint
    board = Board(history=1)
    board.apply([endpoint])
    board.record(observation)
    texts = endpoint_text(endpoint, endpoint_blocks(board.entries[endpoint.name], OnceOnly(observation)))
    ours = [
        exposition.header(family) + text
        for family, text in zip(families.ENDPOINT_FAMILIES, texts, strict=True)
        if text and family not in _MEANINGLESS
    ]
    theirs = CollectorRegistry()
    theirs.register(_Blackbox(observation))
    return b"".join((*ours, exposition.whole(theirs)))


class _Blackbox(Collector):
    def __init__(self, observation: Observation) -> None:
        self._observation = observation

    def collect(self) -> Iterator[Metric]:
        """Yield the names of blackbox_exporter."""
        return _blackbox_families(self._observation)


def _blackbox_families(observation: Observation) -> Iterator[Metric]:
    result = observation.result
    yield _gauge("probe_success", "The probe succeeded.", float(result.success))
    yield _gauge("probe_duration_seconds", "Duration of the whole probe.", result.seconds)
    yield _gauge("probe_timeout_seconds", "Deadline of the probe.", result.endpoint.timeout)
    yield _gauge(
        "probe_dns_lookup_time_seconds",
        "Duration of the name look-up.",
        result.phase_seconds(Phase.DNS) or 0.0,
    )
    yield _gauge(
        "probe_ip_protocol",
        "Version of IP that was connected with, 4 or 6; 0 without a connection.",
        result.ip_version or 0,
    )
    facts = result.tls
    if facts is None:
        return
    ends = [end for end in (facts.not_after, facts.earliest_not_after) if end is not None]
    if ends:
        yield _gauge(
            "probe_ssl_earliest_cert_expiry",
            "End of the certificate of the chain that ends first, Unix time.",
            min(ends),
        )
    if facts.verified and facts.earliest_not_after is not None:
        yield _gauge(
            "probe_ssl_last_chain_expiry_timestamp_seconds",
            "End of the verified chain, Unix time.",
            facts.earliest_not_after,
        )
    version = GaugeMetricFamily("probe_tls_version_info", "Version of TLS in use.", labels=["version"])
    version.add_metric([facts.version.replace("TLSv1", "TLS 1")], 1)
    yield version


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)
