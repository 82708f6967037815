"""Which samples one endpoint has now: absent, NaN, 0 or a value, by the rules of the metrics contract.

A pure function of the entry and of three answers of the runtime.  Nothing here knows how a sample is
written down, so the same samples feed prometheus_client and the incremental renderer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from exporter.board import Entry, failure_key
from exporter.metrics import families
from exporter.metrics.handshake import handshake_samples
from exporter.metrics.runtime import Runtime
from exporter.metrics.sample import Sample, counter, histogram_samples
from exporter.model import AttemptOutcome, Endpoint, Observation, Phase, ProbeResult


def endpoint_samples(entry: Entry, runtime: Runtime) -> Iterator[Sample]:
    """Yield every sample of one endpoint, samples of one family together.

    Before the first probe only who is probed and when are known.
    """
    endpoint = entry.endpoint
    yield Sample(families.ENDPOINT_INFO, 1, _identity(endpoint))
    next_run = runtime.next_run(endpoint.name)
    if next_run is not None:
        yield Sample(families.NEXT_RUN, next_run)
    if entry.latest is None:
        return
    result = entry.latest.result
    yield from _last_probe(result)
    yield from _counters(entry, entry.latest)
    yield from handshake_samples(entry.latest, varies=entry.certificate_varies, mechanisms=entry.mechanisms)
    yield Sample(families.INTERVAL, endpoint.interval)
    yield Sample(families.TIMEOUT, endpoint.timeout)
    held = runtime.backing_off(endpoint.name)
    yield Sample(families.BACKING_OFF, float(held.auth), ("auth",))
    yield Sample(families.BACKING_OFF, float(held.endpoint), ("endpoint",))
    token_expiry = runtime.token_expiry(endpoint.name)
    if token_expiry is not None:
        yield Sample(families.TOKEN_EXPIRY, token_expiry)


def _identity(endpoint: Endpoint) -> tuple[str, ...]:
    return (endpoint.host, str(endpoint.port), endpoint.tls, endpoint.module, endpoint.until)


def _last_probe(result: ProbeResult) -> Iterator[Sample]:
    yield Sample(families.SUCCESS, float(result.success))
    yield Sample(families.DURATION, result.seconds)
    yield Sample(families.LAST_RUN, result.started)
    spent: dict[Phase, float] = {}
    for step in result.steps:
        if step.seconds is None:
            spent.setdefault(step.phase, math.nan)
        else:  # both EHLOs together
            before = spent.get(step.phase, 0.0)
            spent[step.phase] = step.seconds if math.isnan(before) else before + step.seconds
    for phase, seconds in spent.items():
        yield Sample(families.PHASE_DURATION, seconds, (phase,))
    yield Sample(families.REPLY_CODE, result.reply.code if result.reply is not None else 0)
    if result.tcp_rtt is not None:
        yield Sample(families.TCP_RTT, result.tcp_rtt)
    if result.ip_version is not None:
        yield Sample(families.IP_PROTOCOL, result.ip_version)
    if result.attempts:
        # An address that stayed silent until the next one answered counts: its backend may be dead.
        failed = sum(attempt.outcome is not AttemptOutcome.CONNECTED for attempt in result.attempts)
        yield Sample(families.CONNECT_ATTEMPTS_FAILED, failed)


def _counters(entry: Entry, latest: Observation) -> Iterator[Sample]:
    yield counter(families.ATTEMPTS, entry.attempts)
    yield counter(families.SUCCESSES, entry.successes)
    yield from histogram_samples(families.CONNECT_LATENCY, entry.connect_latency)
    yield from histogram_samples(families.LATENCY, entry.latency)
    for phase, histogram in entry.phase_latency.items():
        yield from histogram_samples(families.PHASE_LATENCY, histogram, phase)
    for (phase, error_class, fault_domain), count in entry.failures.items():
        yield counter(families.FAILURES, count, phase, error_class, fault_domain)
    for (phase, error_class), count in entry.outcomes.items():
        yield counter(families.OUTCOMES, count, phase, error_class)
    now = failure_key(latest)
    for failure in entry.recent_failures:
        yield Sample(families.FAILURE, float(failure == now), failure)
    for result, count in entry.follow_ups.items():
        yield counter(families.FOLLOWUPS, count, result)
    if entry.endpoint.until is Phase.DATA:
        yield counter(families.DATA_UNCERTAIN, entry.data_uncertain)
