"""The linter finds what it is there to find: each rule is shown a dashboard that breaks only it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from dashboards.source import FOLDER
from tests.dashboards.linter import RULES, lint, panels_of, variables_of

Model = dict[str, Any]
FLEET: Model = json.loads((FOLDER / "fleet.json").read_text())


def ask(expression: str) -> Callable[[Model], None]:
    """A change that puts this query into the first panel."""

    def change(model: Model) -> None:
        panels_of(model)[0]["targets"][0]["expr"] = expression

    return change


def variable(name: str, key: str, value: object) -> Callable[[Model], None]:
    """A change of one property of a variable."""

    def change(model: Model) -> None:
        variables_of(model)[name][key] = value

    return change


def panel(key: str, value: object) -> Callable[[Model], None]:
    """A change of one property of the first panel."""

    def change(model: Model) -> None:
        panels_of(model)[0][key] = value

    return change


def field(key: str, value: object) -> Callable[[Model], None]:
    """A change of one field default of the first panel."""

    def change(model: Model) -> None:
        panels_of(model)[0]["fieldConfig"]["defaults"][key] = value

    return change


def unused(model: Model) -> None:
    """A variable that nothing asks."""
    model["templating"]["list"].append({"name": "idle", "type": "custom", "query": "a,b"})


BOTH = 'job=~"$job", instance=~"$instance"'
ALL = f'{BOTH}, smtp_endpoint=~"$endpoint"'

BROKEN = [
    ("template-datasource-rule", variable("datasource", "label", "Source")),
    ("template-job-rule", variable("job", "multi", False)),
    ("template-job-rule", variable("job", "datasource", {"uid": "abc"})),
    ("template-instance-rule", variable("instance", "allValue", ".*")),
    ("template-label-promql-rule", variable("job", "query", {"query": "label_values(up{, job)"})),
    ("template-label-promql-rule", variable("job", "query", {"query": "values(up, job)"})),
    ("template-on-time-change-reload-rule", variable("job", "refresh", 1)),
    ("panel-datasource-rule", panel("datasource", {"type": "prometheus", "uid": "abc"})),
    ("panel-title-description-rule", panel("description", "")),
    ("panel-units-rule", field("unit", "apples")),
    ("panel-no-targets-rule", panel("targets", [])),
    ("target-promql-rule", ask(f"sum(smtp_probe_success{{{ALL}}}")),
    ("target-rate-interval-rule", ask(f"rate(smtp_probe_attempts_total{{{ALL}}}[5m])")),
    ("target-rate-interval-rule", ask(f"sum(irate(smtp_probe_attempts_total{{{ALL}}}[$__range]))")),
    ("target-job-rule", ask('up{instance=~"$instance"}')),
    ("target-job-rule", ask('up{job="$job", instance=~"$instance"}')),
    ("target-instance-rule", ask('1 - avg(up{job=~"$job"})')),
    ("target-counter-agg-rule", ask(f"sum(smtp_probe_attempts_total{{{ALL}}})")),
    ("target-counter-agg-rule", ask(f"max_over_time(smtp_probe_attempts_total{{{ALL}}}[$__range])")),
    ("uneditable-dashboard", lambda model: model.update(editable=True)),
    ("increase-window", ask(f"increase(smtp_probe_attempts_total{{{ALL}}}[10m])")),
    ("endpoint-matcher", ask(f"smtp_probe_success{{{BOTH}}}")),
    ("endpoint-matcher", ask(f'smtp_probe_success{{{BOTH}, smtp_endpoint="$endpoint"}}')),
    ("nan-aware", ask(f"sum(smtp_probe_tls_verified{{{ALL}}})")),
    ("nan-aware", ask(f"avg(smtp_probe_tls_verified{{{ALL}}}) >= 0")),
    ("nan-aware", ask(f"avg_over_time(smtp_probe_auth_success{{{ALL}}}[$__range])")),
    ("no-value", field("noValue", "")),
    ("variables-used", unused),
    ("core-panels", panel("type", "grafana-clock-panel")),
]


@pytest.mark.parametrize(
    ("rule", "change"), BROKEN, ids=[f"{i}-{rule}" for i, (rule, _) in enumerate(BROKEN)]
)
def test_each_rule_finds_its_fault(rule: str, change: Callable[[Model], None]) -> None:
    """One fault is found by the one rule that is about it."""
    model = copy.deepcopy(FLEET)
    change(model)
    assert {finding.partition(":")[0] for finding in lint(model)} == {rule}


def test_every_rule_is_shown_a_fault() -> None:
    """No rule is without a dashboard that breaks it."""
    assert {rule for rule, _ in BROKEN} == set(RULES)


def test_panels_inside_folded_rows_are_looked_at() -> None:
    """A row that is folded in hides nothing from the rules."""
    model = copy.deepcopy(FLEET)
    hidden = copy.deepcopy(panels_of(model)[0]) | {"description": "", "id": 99}
    model["panels"].append(
        {"type": "row", "id": 98, "title": "Folded", "collapsed": True, "panels": [hidden]}
    )
    assert [finding.partition(":")[0] for finding in lint(model)] == ["panel-title-description-rule"]
