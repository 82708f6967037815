"""A server that says 421, or that we come to too often, is left alone for a while, and not for long."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Any

import pytest

from exporter.backoff import Pauses
from exporter.diagnosis import diagnose
from exporter.model import (
    HEALTHY,
    Endpoint,
    ErrorClass,
    Evidence,
    Observation,
    Phase,
    ProbeResult,
    Reply,
    Symptom,
    TimedOut,
    TlsMode,
)
from exporter.settings import BackoffSettings
from tests.backoff.living import endpoint as living_endpoint
from tests.backoff.living import exporter
from tests.servers.certificates import Workshop
from tests.servers.submission import submission_server
from tests.virtual_time import run_virtual

SETTINGS = BackoffSettings(initial=300.0, max=3600.0)
UNAVAILABLE = Reply(421, (b"4.3.2 Service shutting down",), "4.3.2")
TOO_MANY = Reply(421, (b"4.7.0 Too many connections from your IP",), "4.7.0")
SLOW_DOWN = Reply(450, (b"4.7.1 Error: too much mail from your IP, slow down",), "4.7.1")


def endpoint(interval: float = 60.0, **changes: Any) -> Endpoint:
    """An endpoint of which only name and interval matter."""
    base = Endpoint(
        name="e",
        host="mail.example.com",
        port=587,
        tls=TlsMode.STARTTLS,
        until=Phase.EHLO,
        interval=interval,
        timeout=5.0,
    )
    return replace(base, **changes)


def observed(
    target: Endpoint, evidence: Evidence | None, phase: Phase = Phase.GREETING, **result: Any
) -> Observation:
    """A probe of `target` that failed by `evidence`, or was healthy."""
    symptom = (
        None if evidence is None else Symptom(phase=phase, evidence=evidence, host=target.host, port=587)
    )
    found = ProbeResult(endpoint=target, started=0.0, seconds=0.1, steps=(), symptom=symptom, **result)
    return Observation(result=found, diagnosis=HEALTHY if symptom is None else diagnose(symptom))


def probes(target: Endpoint, evidence: list[Evidence | None], seconds: float) -> list[float]:
    """When a server is probed that answers by `evidence`, the last of which it repeats."""

    async def scenario() -> list[float]:
        pauses, loop, times = Pauses(SETTINGS), asyncio.get_running_loop(), []
        for number in range(int(seconds / target.interval)):
            await asyncio.sleep(number * target.interval - loop.time())
            if not pauses.remaining(target):
                times.append(loop.time())
                await asyncio.sleep(0.2)
                pauses.note(observed(target, evidence[min(len(times), len(evidence)) - 1]))
        return times

    return run_virtual(scenario())


def test_one_hiccup_costs_one_probe() -> None:
    """After a single 421 the probe that is due next is left out, and no other."""
    assert probes(endpoint(), [UNAVAILABLE, None], 400) == [0, 120, 180, 240, 300]


def test_a_server_that_is_down_is_asked_every_few_minutes() -> None:
    """Two intervals, four, then `backoff.initial`: its recovery is seen within five minutes."""
    assert probes(endpoint(), [UNAVAILABLE], 1800) == [0, 120, 360, 660, 960, 1260, 1560]


def test_a_limit_of_ours_lets_the_pause_grow_to_its_maximum() -> None:
    """Who is told to come less often does."""
    times = probes(endpoint(), [TOO_MANY], 6 * 3600)
    assert times[:5] == [0, 120, 360, 840, 1800]
    assert max(b - a for a, b in zip(times, times[1:], strict=False)) == 3600  # noqa: RUF007 - shorter


def test_a_long_interval_is_pause_enough() -> None:
    """A probe every 15 minutes is never left out after the first 421."""
    assert probes(endpoint(900.0), [UNAVAILABLE, None], 3600) == [0, 900, 1800, 2700]


@pytest.mark.parametrize("evidence", [UNAVAILABLE, TOO_MANY, SLOW_DOWN])
@pytest.mark.parametrize("after", [None, TimedOut(5.0), Reply(554, (b"no",))])
def test_any_other_outcome_ends_it(evidence: Evidence, after: Evidence | None) -> None:
    """Health and other failures begin a new count."""
    assert probes(endpoint(), [evidence, after, evidence, after], 420) == [0, 120, 180, 300, 360]


@pytest.mark.parametrize(
    "evidence", [TimedOut(5.0), Reply(554, (b"5.7.1 no",)), Reply(451, (b"4.3.0 try later",))]
)
def test_nothing_else_begins_a_pause(evidence: Evidence) -> None:
    """Other failures are looked at with every probe."""
    assert probes(endpoint(), [evidence], 300) == [0, 60, 120, 180, 240]


def test_the_classes_of_these_replies() -> None:
    """What the tests above are about."""
    found = [observed(endpoint(), reply).diagnosis.error_class for reply in (UNAVAILABLE, TOO_MANY)]
    assert found == [ErrorClass.SERVICE_UNAVAILABLE, ErrorClass.CONNECTION_LIMIT]
    slow = observed(endpoint(), SLOW_DOWN, Phase.MAIL).diagnosis.error_class
    assert slow is ErrorClass.RATE_LIMITED


def test_a_refusal_that_only_stands_begins_none() -> None:
    """A login that was held back heard nothing now."""

    async def scenario() -> float:
        pauses, target = Pauses(SETTINGS), endpoint()
        limited = Reply(454, (b"4.7.0 Too many login attempts, please try again later",), "4.7.0")
        pauses.note(observed(target, limited, Phase.AUTH))
        heard = pauses.remaining(target)
        pauses.note(observed(target, limited, Phase.AUTH, auth_withheld=True))
        assert heard
        return pauses.remaining(target)

    assert run_virtual(scenario()) == 0


def test_a_reload_forgets_what_it_takes_away() -> None:
    """An endpoint that is gone or changed is not held back; an unchanged one still is, by new settings."""

    async def scenario() -> None:
        pauses, target = Pauses(SETTINGS), endpoint()
        pauses.note(observed(target, UNAVAILABLE))
        assert pauses.remaining(endpoint(30.0)) == 0
        pauses.use(BackoffSettings(initial=10.0, max=10.0), {"e"})
        assert pauses.remaining(target) == 120
        pauses.note(observed(target, UNAVAILABLE))
        assert pauses.remaining(target) == 0  # ten seconds are less than half an interval
        pauses.use(SETTINGS, set())
        assert pauses.remaining(target) == 0

    run_virtual(scenario())


def test_the_running_exporter_skips_counts_and_says_so_once(
    workshop: Workshop, caplog: pytest.LogCaptureFixture
) -> None:
    """The last observation stays; skips are counted by reason; the page's button tells how long."""
    caplog.set_level(logging.INFO, logger="exporter")

    async def scenario() -> None:
        replies = {"greeting": "421 4.3.2 Service shutting down"}
        async with submission_server(context=workshop.valid().context(), replies=replies) as server:
            probed = living_endpoint("submission", server, workshop.ca_file)
            async with exporter(probed) as running:
                await running.until(20.0)
                metrics = await running.metrics()
                refusal = await running.service._probe_now("submission")
                await running.until(100.0)
                replies["greeting"] = "220 mail.test ESMTP"
                await running.until(250.0)
                after = await running.metrics()
        assert metrics("smtp_probe_backing_off", scope="endpoint") == 1
        assert metrics("submission_exporter_probes_skipped_total", None, reason="backoff") == 1
        assert metrics("smtp_probe_attempts_total") == 1
        assert metrics("smtp_probe_success") == 0
        assert {error_class for error_class, _, _ in metrics.wrong()} == {"service_unavailable"}
        assert refusal is not None
        assert "patience" in refusal
        assert after("smtp_probe_success") == 1
        assert after("smtp_probe_backing_off", scope="endpoint") == 0

    run_virtual(scenario())
    assert [record.message for record in caplog.records].count("probes held back") == 1
