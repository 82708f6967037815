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
    Auth,
    Endpoint,
    ErrorClass,
    Evidence,
    Observation,
    Phase,
    ProbeResult,
    Reply,
    Secret,
    StepStatus,
    Symptom,
    TimedOut,
    TlsMode,
)
from exporter.settings import BackoffSettings
from tests.backoff.living import endpoint as living_endpoint
from tests.backoff.living import exporter, reload
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
        auth = Auth(username="probe", password=Secret("right"))
        pauses, target = Pauses(SETTINGS), endpoint(until=Phase.AUTH, auth=auth)
        limited = Reply(454, (b"4.7.0 Too many login attempts, please try again later",), "4.7.0")
        pauses.note(observed(target, limited, Phase.AUTH))
        heard = pauses.remaining(target)
        pauses.note(observed(target, limited, Phase.AUTH, auth_withheld=True))
        assert heard
        return pauses.remaining(target)

    assert run_virtual(scenario()) == 0


SAME: list[dict[str, Any]] = [
    {"labels": (("team", "mail"),)},
    {"interval": 30.0},
    {"timeout": 1.0},
    {"module": "other"},
    {"helo": "probe.example.com"},
    {"host": "MAIL.example.com."},
]
OTHER: list[dict[str, Any]] = [
    {"host": "other.example.com"},
    {"port": 2587},
    {"tls": TlsMode.NONE},
    {"auth": Auth(username="probe", password=Secret("right")), "until": Phase.AUTH},
    {"until": Phase.CONNECT},
]


@pytest.mark.parametrize("change", SAME, ids=str)
def test_a_reload_that_a_server_does_not_see_ends_no_pause(change: dict[str, Any]) -> None:
    """Host, port, encryption and user are who we are to it; the rest is ours."""

    async def scenario() -> None:
        pauses, target = Pauses(SETTINGS), endpoint()
        pauses.note(observed(target, UNAVAILABLE))
        pauses.use(SETTINGS, {"e"})
        assert pauses.remaining(replace(target, **change)) == 120

    run_virtual(scenario())


@pytest.mark.parametrize("change", OTHER, ids=str)
def test_another_server_or_user_is_not_held_back(change: dict[str, Any]) -> None:
    """Nor is a probe that does not go as far as where the limit was met."""

    async def scenario() -> None:
        pauses, target = Pauses(SETTINGS), endpoint()
        pauses.note(observed(target, UNAVAILABLE))
        assert pauses.remaining(replace(target, **change)) == 0
        assert pauses.standing(replace(target, **change), on_demand=True) is None
        assert pauses.remaining(target) == 120

    run_virtual(scenario())


def test_another_name_keeps_the_pause_of_one_that_is_gone() -> None:
    """It is the same client to the server; endpoints side by side do not hold each other back."""

    async def scenario() -> None:
        pauses, target = Pauses(SETTINGS), endpoint()
        pauses.use(SETTINGS, {"e", "f"})
        pauses.note(observed(target, UNAVAILABLE))
        assert pauses.remaining(endpoint(name="f")) == 0
        pauses.use(SETTINGS, {"f"})
        assert pauses.remaining(endpoint(name="f")) == 120

    run_virtual(scenario())


def test_new_settings_hold_from_the_next_pause_on() -> None:
    """The one that has begun goes on."""

    async def scenario() -> None:
        pauses, target = Pauses(SETTINGS), endpoint()
        pauses.note(observed(target, UNAVAILABLE))
        pauses.use(BackoffSettings(initial=10.0, max=10.0), {"e"})
        assert pauses.remaining(target) == 120
        pauses.note(observed(target, UNAVAILABLE))
        assert pauses.remaining(target) == 0  # ten seconds are less than half an interval

    run_virtual(scenario())


def test_a_probe_on_demand_keeps_every_pause_and_holds_back_no_endpoint() -> None:
    """It is answered with the verdict that stands, all phases skipped; its own limits count for its kind."""

    async def scenario() -> None:
        pauses, target = Pauses(SETTINGS), endpoint()
        asked = endpoint(name="mail.example.com:587", module="m")
        pauses.note(observed(target, TOO_MANY))
        standing = pauses.standing(asked, on_demand=True)
        assert standing is not None
        assert standing.result.endpoint == asked
        assert standing.result.held_back
        assert not standing.result.success
        assert standing.diagnosis.error_class is ErrorClass.CONNECTION_LIMIT
        assert {step.status for step in standing.result.steps} == {StepStatus.SKIPPED}
        await asyncio.sleep(121)
        assert pauses.standing(asked, on_demand=True) is None
        pauses.note(observed(target, None))
        pauses.note(observed(asked, TOO_MANY), on_demand=True)
        assert pauses.standing(asked, on_demand=True) is not None
        assert pauses.remaining(target) == 0

    run_virtual(scenario())


def test_new_labels_hide_nothing(workshop: Workshop) -> None:
    """An endpoint that is relabelled during its pause shows what is wrong, and the server is left alone."""

    async def scenario() -> None:
        replies = {"greeting": "421 4.7.0 Too many connections from your IP"}
        async with submission_server(context=workshop.valid().context(), replies=replies) as server:
            probed = living_endpoint("submission", server, workshop.ca_file)
            async with exporter(probed) as running:
                for number in range(10):
                    await running.until(2.0 * number + 1.0)
                    await reload(running, replace(probed, labels=(("generation", str(number)),)))
                await running.until(20.0)
                metrics = await running.metrics()
            assert len(server.sessions) == 1
        assert metrics("smtp_probe_success", generation="9") == 0
        assert metrics("smtp_probe_backing_off", scope="endpoint", generation="9") == 1

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
