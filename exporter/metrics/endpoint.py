"""Which series one endpoint has now: absent, NaN, 0 or a value, by the rules of the metrics contract.

A pure function of the entry and of three answers of the runtime.  Nothing here knows how a series is
written down, so the same blocks feed prometheus_client and the incremental renderer.
"""

from __future__ import annotations

import math

from exporter.board import Entry, failure_key
from exporter.metrics import families
from exporter.metrics.handshake import handshake_blocks
from exporter.metrics.runtime import Runtime
from exporter.metrics.series import Block, block, blocks, histogram_block, own_block
from exporter.model import AttemptOutcome, Endpoint, Observation, Phase, ProbeResult


def endpoint_blocks(entry: Entry, runtime: Runtime) -> list[Block]:
    """Return every series of one endpoint, those of one family together.

    Before the first probe only who is probed and when are known.
    """
    endpoint = entry.endpoint
    found = [own_block(families.ENDPOINT_INFO, 1, *_identity(endpoint))]
    next_run = runtime.next_run(endpoint.name)
    if next_run is not None:
        found.append(block(families.NEXT_RUN, next_run))
    if entry.latest is None:
        return found
    held = runtime.backing_off(endpoint.name)
    found += _last_probe(entry.latest.result)
    found += _counters(entry, entry.latest)
    found += handshake_blocks(entry.latest, varies=entry.certificate_varies, mechanisms=entry.mechanisms)
    found += (
        block(families.INTERVAL, endpoint.interval),
        block(families.TIMEOUT, endpoint.timeout),
        *blocks(families.BACKING_OFF, ((("auth",), float(held.auth)), (("endpoint",), float(held.endpoint)))),
    )
    token_expiry = runtime.token_expiry(endpoint.name)
    if token_expiry is not None:
        found.append(block(families.TOKEN_EXPIRY, token_expiry))
    return found


def _identity(endpoint: Endpoint) -> tuple[str, ...]:
    return (endpoint.host, str(endpoint.port), endpoint.tls, endpoint.module, endpoint.until)


def _last_probe(result: ProbeResult) -> list[Block]:
    spent: dict[Phase, float] = {}
    for step in result.steps:
        if step.seconds is None:
            spent.setdefault(step.phase, math.nan)
        else:  # both EHLOs together
            before = spent.get(step.phase, 0.0)
            spent[step.phase] = step.seconds if math.isnan(before) else before + step.seconds
    found = [
        block(families.SUCCESS, float(result.success)),
        block(families.DURATION, result.seconds),
        block(families.LAST_RUN, result.started),
        *blocks(families.PHASE_DURATION, [((phase,), seconds) for phase, seconds in spent.items()]),
        block(families.REPLY_CODE, result.reply.code if result.reply is not None else 0),
    ]
    if result.tcp_rtt is not None:
        found.append(block(families.TCP_RTT, result.tcp_rtt))
    if result.ip_version is not None:
        found.append(block(families.IP_PROTOCOL, result.ip_version))
    if result.attempts:
        # An address that stayed silent until the next one answered counts: its backend may be dead.
        failed = sum([attempt.outcome is not AttemptOutcome.CONNECTED for attempt in result.attempts])
        found.append(block(families.CONNECT_ATTEMPTS_FAILED, failed))
    return found


def _counters(entry: Entry, latest: Observation) -> list[Block]:
    now = failure_key(latest)
    found = [
        block(families.ATTEMPTS, entry.attempts),
        block(families.SUCCESSES, entry.successes),
        histogram_block(families.CONNECT_LATENCY, entry.connect_latency),
        histogram_block(families.LATENCY, entry.latency),
        *[
            histogram_block(families.PHASE_LATENCY, histogram, phase)
            for phase, histogram in entry.phase_latency.items()
        ],
        *blocks(families.FAILURES, entry.failures.items()),
        *blocks(families.OUTCOMES, entry.outcomes.items()),
        *blocks(families.FAILURE, [(failure, float(failure == now)) for failure in entry.recent_failures]),
        *blocks(families.FOLLOWUPS, [((result,), count) for result, count in entry.follow_ups.items()]),
    ]
    if entry.endpoint.until is Phase.DATA:
        found.append(block(families.DATA_UNCERTAIN, entry.data_uncertain))
    return found
