"""Debian's Prometheus scrapes a running exporter; what it stored is asked through its query API."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from exporter.board import Board
from exporter.metrics import Exposition, Renderer, full_registry
from exporter.model import ErrorClass, Phase, TlsMode
from exporter.web import WebServer, create_app
from tests.metrics.reading import board_of, rendered
from tests.metrics.synthetic import START, StillRuntime, endpoint, facts, failing, healthy
from tests.servers.background import in_background
from tests.servers.prometheus import Prometheus, check_metrics, running_prometheus

pytestmark = pytest.mark.servers

OPERATOR_LABELS = {
    "endpoint": "http",
    "namespace": "monitoring",
    "service": "submission-exporter",
    "pod": "submission-exporter-0",
    "container": "exporter",
}
"""What the Prometheus Operator puts on every target."""


def fleet() -> Board:
    """Endpoints of every kind, two of them failing."""
    board = Board(phase_latency=True)
    starttls = endpoint("starttls", labels=(("site", "fra1"),))
    implicit = endpoint("implicit", port=465, tls=TlsMode.IMPLICIT)
    refused = endpoint('odd "name" \\ of\na target')
    board.apply([starttls, implicit, refused, endpoint("never probed")])
    for number in range(3):
        board.record(healthy(starttls, number=number))
    board.record(
        failing(
            Phase.TLS,
            ErrorClass.CERT_EXPIRED,
            probed=implicit,
            tls=facts(verified=False, not_after=START - 60),
        )
    )
    board.record(failing(probed=refused))
    board.loop_lag.observe(0.0005)
    return board


@dataclass
class Scraped:
    """A running exporter with its board, and the Prometheus that scrapes it."""

    board: Board
    prometheus: Prometheus


@asynccontextmanager
async def exporting(board: Board) -> AsyncIterator[WebServer]:
    """An exporter of this board."""
    runtime = StillRuntime()
    runtime.next_runs.update(dict.fromkeys(board.entries, START + 60))
    server = WebServer(create_app(board, runtime, ready=lambda: True), "127.0.0.1:0")
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@pytest.fixture(scope="module")
def scraped() -> Iterator[Scraped]:
    """Prometheus after a few scrapes, with the target labels of the Operator."""
    board = fleet()
    with (
        in_background(lambda: exporting(board)) as server,
        running_prometheus({f"127.0.0.1:{server.port}": OPERATOR_LABELS}) as prometheus,
    ):
        prometheus.wait_for_scrapes(2)
        yield Scraped(board, prometheus)


def test_scrapes_succeed_and_warn_of_nothing(scraped: Scraped) -> None:
    """The target is up, and neither duplicates nor bad samples were found."""
    (target,) = scraped.prometheus.targets()
    assert target["health"] == "up"
    assert target["lastError"] == ""


def test_states_arrive(scraped: Scraped) -> None:
    """Success, failure and absence arrive as they are."""
    found = scraped.prometheus.values("smtp_probe_success", "smtp_endpoint")
    assert found == {"starttls": 1, "implicit": 0, 'odd "name" \\ of\na target': 0}


def test_nan_arrives_as_nan(scraped: Scraped) -> None:
    """A phase that was not reached is NaN in Prometheus too, and the others are numbers."""
    phases = scraped.prometheus.values('smtp_probe_phase_duration_seconds{smtp_endpoint="implicit"}', "phase")
    assert math.isnan(phases["auth"])
    assert phases["tls"] == 0.01


def test_expired_certificate_can_be_alerted_on(scraped: Scraped) -> None:
    """The end of an expired certificate is stored although it did not verify."""
    ended = scraped.prometheus.query(
        f'smtp_probe_certificate_not_after_timestamp_seconds{{certificate="leaf"}} < {START}'
    )
    assert [one["metric"]["smtp_endpoint"] for one in ended] == ["implicit"]


def test_owner_can_be_asked_for(scraped: Scraped) -> None:
    """Who is to act is one query away."""
    owners = scraped.prometheus.values("count by (fault_domain) (smtp_probe_failure == 1)", "fault_domain")
    assert owners == {"server": 2}


def test_error_budget_can_be_computed(scraped: Scraped) -> None:
    """1 - successes/attempts works for an endpoint that never succeeded."""
    lost = scraped.prometheus.values(
        "1 - smtp_probe_successes_total / smtp_probe_attempts_total", "smtp_endpoint"
    )
    assert lost["starttls"] == 0
    assert lost["implicit"] == 1


def test_latency_is_a_histogram_to_prometheus(scraped: Scraped) -> None:
    """Quantiles can be computed from the buckets."""
    quantile = 'histogram_quantile(0.5, smtp_probe_latency_seconds_bucket{smtp_endpoint="starttls"})'
    ((value),) = scraped.prometheus.values(quantile, "smtp_endpoint").values()
    assert 0.025 <= value <= 0.1


def test_types_and_help_arrive(scraped: Scraped) -> None:
    """Prometheus knows type and help of every family of ours."""
    known = scraped.prometheus._get("metadata", limit="1000")
    assert known["smtp_probe_success"][0]["type"] == "gauge"
    assert known["smtp_probe_latency_seconds"][0]["type"] == "histogram"
    assert known["smtp_probe_attempts"][0]["type"] == "counter"
    assert all(one[0]["help"] for name, one in known.items() if name.startswith(("smtp_", "submission_")))


def test_no_label_of_ours_is_pushed_aside(scraped: Scraped) -> None:
    """With the Operator's target labels nothing becomes `exported_*`, and nothing of the target is lost."""
    series = scraped.prometheus.query('{job="submission"}')
    labels = {label for one in series for label in one["metric"]}
    assert not {label for label in labels if label.startswith("exported_")}
    for one in series:
        assert {name: one["metric"][name] for name in OPERATOR_LABELS} == OPERATOR_LABELS


def test_removed_endpoint_is_stale_at_once(scraped: Scraped) -> None:
    """An endpoint that a reload dropped disappears from queries with the next scrape."""
    keep = [entry.endpoint for name, entry in scraped.board.entries.items() if name != "never probed"]
    before = scraped.prometheus.values("smtp_probe_endpoint_info", "smtp_endpoint")
    assert "never probed" in before
    scraped.board.apply(keep)  # as the service does, on one thread; nothing is scraped half-way
    scraped.prometheus.wait_for('absent(smtp_probe_endpoint_info{smtp_endpoint="never probed"})')


def test_promtool_finds_nothing_to_complain_about() -> None:
    """`promtool check metrics` is clean for our text and for prometheus_client's."""
    board = fleet()
    assert check_metrics(rendered(Renderer(board, StillRuntime()))) == ""
    assert check_metrics(Exposition.TEXT.whole(full_registry(board, StillRuntime()))) == ""
    assert check_metrics(rendered(Renderer(board_of(), StillRuntime()))) == ""


def test_promtool_is_awake() -> None:
    """The check above can fail: a counter without `_total` and without help is found."""
    assert "help" in check_metrics(b"# TYPE bad counter\nbad 1\n")
