"""What the rules ask for: metrics and labels that exist, no NaN in a sum, labels that survive."""

from __future__ import annotations

import re
from pathlib import Path

import promql_parser as promql
import pytest

from exporter.metrics.families import ENDPOINT_FAMILIES, ENDPOINT_LABEL, EXPORTER_FAMILIES
from exporter.metrics.handshake import CAPABILITIES_AFTER_TLS, CAPABILITIES_BEFORE_TLS
from exporter.model import ErrorClass, FaultDomain, Phase, TlsMode
from tests.cli.commands import running
from tests.dashboards.promql import nodes, selectors
from tests.rules.nan import CAN_BE_NAN, can_be_nan, careless
from tests.rules.shipped import Alert, Recording, alerts, recordings, rules

LABELS_OF = {
    family.name + suffix: {*family.label_names(suffix), ENDPOINT_LABEL}
    for family in (*ENDPOINT_FAMILIES, *EXPORTER_FAMILIES)
    for suffix in family.suffixes
}
"""Every name that the exporter exposes, with the labels of its own."""

OF_PROMETHEUS = frozenset(("up", "ALERTS"))

VALUES: dict[str, set[str]] = {
    "error_class": set(ErrorClass),
    "fault_domain": set(FaultDomain),
    "phase": set(Phase),
    "capability": {*CAPABILITIES_BEFORE_TLS, *CAPABILITIES_AFTER_TLS},
    "tls": {"before", "after", *TlsMode},
    "certificate": {"leaf", "earliest"},
    "scope": {"auth", "endpoint"},
    "reason": {"late", "overlap", "backoff"},
}
"""The closed sets that label values come from."""

LEVELS = "endpoint|endpoint_capability|endpoint_failure|endpoint_settings|job|job_fault_domain"


def names(expression: str) -> set[str]:
    """Every metric that an expression reads."""
    return {found.node.name for found in selectors(promql.parse(expression))}


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.name)
def test_every_metric_exists(rule: Alert | Recording) -> None:
    """A rule reads what the exporter exposes, what another rule records, or what Prometheus adds."""
    unknown = names(rule.expression) - LABELS_OF.keys() - recordings().keys() - OF_PROMETHEUS
    assert not unknown


@pytest.mark.servers
def test_a_live_exporter_emits_every_metric(tmp_path: Path) -> None:
    """The demo's /metrics has a series of each metric that any rule reads."""
    wanted = set().union(*(names(rule.expression) for rule in rules())) - recordings().keys() - OF_PROMETHEUS
    with running(tmp_path, "demo") as child:
        for name in sorted(wanted):
            child.wait_for_metric(rf"^{name}(\{{| )")


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.name)
def test_every_label_and_value_exists(rule: Alert | Recording) -> None:
    """A matcher names a label of its metric, and each alternative of its value is a value there is."""
    for found in selectors(promql.parse(rule.expression)):
        for matcher in found.node.matchers.matchers:
            if found.node.name in LABELS_OF:
                assert matcher.name in LABELS_OF[found.node.name]
            wanted = str(matcher.value).split("|") if matcher.name in VALUES else []
            for alternative in wanted:
                assert any(re.fullmatch(alternative, value) for value in VALUES[matcher.name]), alternative


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.name)
def test_no_rule_adds_up_nan(rule: Alert | Recording) -> None:
    """A gauge that can be NaN is compared (`>= 0`) before it is aggregated, recorded on the way or not."""
    suspects = can_be_nan({name: one.expression for name, one in recordings().items()})
    assert not careless(rule.expression, suspects)


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("avg by (job) (smtp_probe_tls_success)", True),
        ("avg by (job) (smtp_probe_tls_success >= 0)", False),
        ("avg_over_time(smtp_probe_auth_success[5m])", True),
        ("last_over_time((smtp_probe_auth_success >= 0)[30m:1m])", False),
        ("max(sum without (phase) (smtp_probe_phase_duration_seconds))", True),
        ("sum(smtp_probe_tls_verified >= bool 0)", True),
        ("smtp_probe_tls_verified == 0", False),
        ("sum(smtp_probe_success)", False),
        ("sum(smtp_probe_tls_verified != 0)", True),
        ("sum(2 * smtp_probe_tls_verified)", True),
        ("sum((smtp_probe_success >= 0) or smtp_probe_tls_verified)", True),
        ("predict_linear(smtp_probe_tls_success[5m], 60)", True),
        ("abs(smtp_probe_tls_success)", False),
        ('sum({__name__="smtp_probe_tls_verified"})', True),
        ('sum({__name__=~"smtp_probe_tls_.+", job="x"})', True),
        ('sum({__name__=~"smtp_probe_tls_.+"} >= 0)', False),
        ('count({__name__!~"smtp_probe_.+", job="x"})', False),
        ('count({job="x"})', True),
    ],
)
def test_the_rule_about_nan_is_awake(expression: str, found: bool) -> None:
    """It finds what it is there for, and nothing else."""
    assert bool(careless(expression)) is found


def test_nan_is_followed_through_recording_rules() -> None:
    """What is recorded out of such a gauge, however often, is such a gauge unless a comparison stands between."""
    recorded = {
        "a:once": "smtp_probe_tls_success",
        "a:twice": "a:once * 2",
        "a:dropped": "a:twice >= 0",
        "a:kept": "a:twice != 0",
        "a:other": "smtp_probe_success",
    }
    suspects = can_be_nan(recorded)
    assert suspects - CAN_BE_NAN == {"a:once", "a:twice", "a:kept"}
    assert careless("sum(a:twice)", suspects) == ["a:twice"]
    assert not careless("sum(a:dropped)", suspects)


def test_which_gauges_can_be_nan() -> None:
    """The families table names the four of the metrics contract."""
    assert {
        "smtp_probe_phase_duration_seconds",
        "smtp_probe_tls_success",
        "smtp_probe_tls_verified",
        "smtp_probe_auth_success",
    } == CAN_BE_NAN


@pytest.mark.parametrize("name", recordings())
def test_recorded_names_follow_the_convention(name: str) -> None:
    """level:metric:operation, with a metric of ours or a part of its name."""
    assert re.fullmatch(rf"(?:{LEVELS}):smtp_probe_[a-z_]+:[a-z0-9_]+", name)


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.name)
def test_labels_of_endpoints_survive(rule: Alert | Recording) -> None:
    """What is about one endpoint is aggregated `without` labels of ours, so team and site stay.

    Where all endpoints of an exporter are looked at, what is found stays on the other side of `on (job, instance)`.
    """
    if rule.name.startswith("job"):
        return
    for found in nodes(promql.parse(rule.expression)):
        if isinstance(found.node, promql.AggregateExpr) and str(found.node.op) != "group":
            assert found.node.modifier is not None
            of_the_exporter = found.node.modifier.labels == ["job", "instance"]
            if not of_the_exporter:
                assert found.node.modifier.type == promql.AggModifierType.Without, rule.expression


@pytest.mark.parametrize("name", recordings())
def test_what_is_recorded_is_read(name: str) -> None:
    """A recorded series serves an alert or another rule, or a person who looks at fleet or objective."""
    read = set().union(*(names(rule.expression) for rule in rules()))
    assert name in read or name.startswith("job") or name.endswith(":ratio30d")


def test_objectives_are_counted_by_attempts_and_successes() -> None:
    """The failure counter, whose series are born at 1 and can go, is only read for what is to be subtracted."""
    readers = {rule.name for rule in rules() if "smtp_probe_failures_total" in names(rule.expression)}
    assert readers == {
        "endpoint:smtp_probe_failures:excused_total",
        "endpoint:smtp_probe_failures:settings_total",
    }
    for name in ("endpoint:smtp_probe_failures:total", "endpoint:smtp_probe_failures:seen_total"):
        assert {"smtp_probe_attempts_total", "smtp_probe_successes_total"} <= names(
            recordings()[name].expression
        )
    assert len(alerts()) == 30
