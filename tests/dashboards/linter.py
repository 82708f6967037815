"""The rules of Grafana's public dashboard linter, without exclusions, and stricter ones of our own.

The first fourteen and `uneditable` go by the names of the public rules; what ours add stands behind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import promql_parser as promql

from tests.dashboards.promql import (
    RANGE,
    RATE_INTERVAL,
    matchers,
    nodes,
    parse,
    parse_variable,
    selectors,
)
from tests.dashboards.units import UNITS

Dashboard = dict[str, Any]
Rule = Callable[[Dashboard], Iterator[str]]

COUNTED = ("rate", "irate", "increase")
ALERT_WINDOWS = (timedelta(hours=1), timedelta(hours=6), timedelta(days=3))
"""Windows of the burn rate alerts: `increase` over them shows what an alert saw."""
MAY_BE_NAN = (
    "smtp_probe_phase_duration_seconds",
    "smtp_probe_tls_success",
    "smtp_probe_tls_verified",
    "smtp_probe_auth_success",
)


def lint(dashboard: Dashboard) -> list[str]:
    """Every finding of every rule, as `rule: what and where`."""
    return [f"{name}: {finding}" for name, rule in RULES.items() for finding in rule(dashboard)]


def panels_of(dashboard: Dashboard) -> list[dict[str, Any]]:
    """Every panel, those inside rows included, rows excluded."""
    inside = [panel for row in dashboard["panels"] for panel in row.get("panels", ())]
    return [panel for panel in (*dashboard["panels"], *inside) if panel["type"] != "row"]


def variables_of(dashboard: Dashboard) -> dict[str, dict[str, Any]]:
    """The variables by name."""
    return {variable["name"]: variable for variable in dashboard["templating"]["list"]}


def numbers_of(dashboard: Dashboard) -> dict[str, str]:
    """The variables that stand for a number in a query, with their present value."""
    chosen = {name: one.get("current", {}).get("value") for name, one in variables_of(dashboard).items()}
    return {name: value for name, value in chosen.items() if isinstance(value, str) and _is_number(value)}


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _targets(dashboard: Dashboard) -> Iterator[tuple[str, str]]:
    for panel in panels_of(dashboard):
        for target in panel.get("targets", ()):
            yield f"{panel['title']} {target['refId']}", target["expr"]


def _trees(dashboard: Dashboard) -> Iterator[tuple[str, Any]]:
    for where, expression in _targets(dashboard):
        try:
            yield where, parse(expression, numbers_of(dashboard))
        except ValueError:  # target-promql-rule tells
            continue


# --------------------------------------------------------------------------- the public rules


def _template_datasource(dashboard: Dashboard) -> Iterator[str]:
    sources = [one for one in variables_of(dashboard).values() if one["type"] == "datasource"]
    if [(one["name"], one["label"], one["query"]) for one in sources] != [
        ("datasource", "Data source", "prometheus")
    ]:
        yield "there must be one data source variable, `datasource`, labelled `Data source`"


def _template(name: str) -> Rule:
    wanted = {"type": "query", "label": name.title(), "multi": True, "allValue": ".+"}

    def rule(dashboard: Dashboard) -> Iterator[str]:
        variable = variables_of(dashboard).get(name, {})
        for key, value in wanted.items():
            if variable.get(key) != value:
                yield f"variable {name}: {key} is {variable.get(key)!r}, not {value!r}"
        if variable.get("datasource", {}).get("uid") != "${datasource}":
            yield f"variable {name} does not use the data source variable"

    return rule


def _template_label_promql(dashboard: Dashboard) -> Iterator[str]:
    for name, variable in variables_of(dashboard).items():
        if variable["type"] == "query":
            try:
                parse_variable(variable["query"]["query"])
            except ValueError as error:
                yield f"variable {name}: {error}"


def _template_on_time_change_reload(dashboard: Dashboard) -> Iterator[str]:
    for name, variable in variables_of(dashboard).items():
        if variable["type"] == "query" and variable["refresh"] != 2:
            yield f"variable {name} is not refreshed when the time range changes"


def _panel_datasource(dashboard: Dashboard) -> Iterator[str]:
    for panel in panels_of(dashboard):
        for place in (panel, *panel.get("targets", ())):
            if place.get("datasource", {}).get("uid") != "${datasource}":
                yield f"{panel['title']} does not use the data source variable"


def _panel_title_description(dashboard: Dashboard) -> Iterator[str]:
    for panel in panels_of(dashboard):
        if not panel.get("title") or not panel.get("description"):
            yield f"panel {panel['id']} lacks a title or a description"


def _panel_units(dashboard: Dashboard) -> Iterator[str]:
    for panel in panels_of(dashboard):
        config = panel["fieldConfig"]
        used = [config["defaults"].get("unit")]
        used += [p["value"] for one in config["overrides"] for p in one["properties"] if p["id"] == "unit"]
        for unit in used:
            if unit not in UNITS:
                yield f"{panel['title']} has no unit, or one that Grafana does not know: {unit}"


def _panel_no_targets(dashboard: Dashboard) -> Iterator[str]:
    for panel in panels_of(dashboard):
        if not panel.get("targets"):
            yield f"{panel['title']} asks for nothing"


def _target_promql(dashboard: Dashboard) -> Iterator[str]:
    for where, expression in _targets(dashboard):
        try:
            parse(expression, numbers_of(dashboard))
        except ValueError as error:
            yield f"{where}: {error}: {expression}"


def _target_rate_interval(dashboard: Dashboard) -> Iterator[str]:
    for where, tree in _trees(dashboard):
        for found in nodes(tree):
            if (
                isinstance(found.node, promql.MatrixSelector)
                and found.call in ("rate", "irate")
                and found.node.range != RATE_INTERVAL
            ):
                yield f"{where}: {found.call}() over something else than $__rate_interval"


def _target_matcher(label: str) -> Rule:
    def rule(dashboard: Dashboard) -> Iterator[str]:
        for where, tree in _trees(dashboard):
            for found in selectors(tree):
                if matchers(found.node).get(label) != ("=~", f"${label}"):
                    yield f'{where}: {found.node.name} without {label}=~"${label}"'

    return rule


def _target_counter_agg(dashboard: Dashboard) -> Iterator[str]:
    for where, tree in _trees(dashboard):
        for found in selectors(tree):
            if not (found.node.name or "").endswith("_total"):
                continue
            above = found.above[-2:]
            if len(above) < 2 or not (
                isinstance(above[1], promql.MatrixSelector)
                and isinstance(above[0], promql.Call)
                and above[0].func.name in COUNTED
            ):
                yield f"{where}: {found.node.name} outside of rate, irate and increase"


def _uneditable(dashboard: Dashboard) -> Iterator[str]:
    if dashboard.get("editable") is not False:
        yield "the dashboard can be edited"


# --------------------------------------------------------------------------- ours


def _increase_window(dashboard: Dashboard) -> Iterator[str]:
    """`increase` is over the step, over all that is shown, or over the window of an alert."""
    for where, tree in _trees(dashboard):
        for found in nodes(tree):
            if (
                isinstance(found.node, promql.MatrixSelector)
                and found.call == "increase"
                and found.node.range not in (RATE_INTERVAL, RANGE, *ALERT_WINDOWS)
            ):
                yield f"{where}: increase() over {found.node.range}"


def _endpoint_matcher(dashboard: Dashboard) -> Iterator[str]:
    """Every series of an endpoint is chosen by the endpoint variable, exactly where it holds one name."""
    variable = variables_of(dashboard).get("endpoint")
    if variable is None:
        return
    wanted = ("=~" if variable["multi"] else "=", "$endpoint")
    for where, tree in _trees(dashboard):
        for found in selectors(tree):
            if found.node.name.startswith("smtp_") and matchers(found.node).get("smtp_endpoint") != wanted:
                yield f'{where}: {found.node.name} without smtp_endpoint{wanted[0]}"$endpoint"'


def _nan_aware(dashboard: Dashboard) -> Iterator[str]:
    """One NaN makes an aggregate NaN, so what can be NaN is compared before."""
    for where, tree in _trees(dashboard):
        for found in selectors(tree):
            if found.node.name in MAY_BE_NAN:
                parent = found.above[-1] if found.above else None
                if not isinstance(parent, promql.BinaryExpr) or f"{parent.op} {parent.rhs}" != ">= 0":
                    yield f"{where}: {found.node.name} without `>= 0`"


def _no_value(dashboard: Dashboard) -> Iterator[str]:
    """Every panel says what it means when there is nothing to show; in tables empty cells may be empty."""
    for panel in panels_of(dashboard):
        text = panel["fieldConfig"]["defaults"].get("noValue")
        if text is None or (not text and panel["type"] != "table"):
            yield f"{panel['title']} has no text for no value"


def _variables_used(dashboard: Dashboard) -> Iterator[str]:
    """No variable is shown that changes nothing."""
    rest = str([dashboard["panels"], dashboard["links"], dashboard["templating"]])
    for name, variable in variables_of(dashboard).items():
        used = any(f"{form}" in rest for form in (f"${name}", f"${{{name}}}", f"${{{name}:"))
        if not used and variable["type"] != "adhoc":
            yield f"variable {name} is used nowhere"


def _core_panels(dashboard: Dashboard) -> Iterator[str]:
    """Nothing has to be installed, and nothing is Angular."""
    core = {"stat", "timeseries", "bargauge", "table", "state-timeline"}
    for panel in panels_of(dashboard):
        if panel["type"] not in core:
            yield f"{panel['title']} is a {panel['type']}"


RULES: dict[str, Rule] = {
    "template-datasource-rule": _template_datasource,
    "template-job-rule": _template("job"),
    "template-instance-rule": _template("instance"),
    "template-label-promql-rule": _template_label_promql,
    "template-on-time-change-reload-rule": _template_on_time_change_reload,
    "panel-datasource-rule": _panel_datasource,
    "panel-title-description-rule": _panel_title_description,
    "panel-units-rule": _panel_units,
    "panel-no-targets-rule": _panel_no_targets,
    "target-promql-rule": _target_promql,
    "target-rate-interval-rule": _target_rate_interval,
    "target-job-rule": _target_matcher("job"),
    "target-instance-rule": _target_matcher("instance"),
    "target-counter-agg-rule": _target_counter_agg,
    "uneditable-dashboard": _uneditable,
    "increase-window": _increase_window,
    "endpoint-matcher": _endpoint_matcher,
    "nan-aware": _nan_aware,
    "no-value": _no_value,
    "variables-used": _variables_used,
    "core-panels": _core_panels,
}
