"""Rules and dashboards: the project's own, unchanged but for what the values say."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.rendering import CHART, ROOT, Manifest, of_kind, render
from tests.servers.prometheus import PROMTOOL

RULES = [
    group
    for path in sorted((ROOT / "config" / "prometheus").rglob("*.yml"), key=lambda path: path.name)
    for group in (yaml.safe_load(path.read_text()) or {}).get("groups", ())
]
HOSTED = "https://github.com/submission-exporter/submission-exporter"
ALERTS = [rule["alert"] for group in RULES for rule in group["rules"] if "alert" in rule]


def rendered(**values: Any) -> list[dict[str, Any]]:
    """The groups of the PrometheusRule with these values."""
    (rule,) = of_kind(render({"prometheusRule": {"enabled": True, **values}}), "PrometheusRule")
    groups: list[dict[str, Any]] = rule["spec"]["groups"]
    return groups


def alerts(groups: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Alerts by name."""
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}


def test_the_rules_are_the_project_s_own() -> None:
    """Without further values nothing is added, left out or changed."""
    assert len(ALERTS) >= 15
    assert rendered() == RULES


@pytest.mark.parametrize("example", ["rules", "rules-changed"])
def test_prometheus_takes_the_rules(example: str, tmp_path: Path) -> None:
    """`promtool check rules` with every lint finds nothing."""
    (rule,) = of_kind(render(CHART / "ci" / f"{example}-values.yaml"), "PrometheusRule")
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump(rule["spec"]))
    done = subprocess.run(
        [PROMTOOL, "check", "rules", "--lint=all", "--lint-fatal", file],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_can_be_switched_off() -> None:
    """One by one, and without touching the others."""
    off = {name: {"enabled": False} for name in ALERTS[::2]}
    assert set(alerts(rendered(alerts=off))) == set(ALERTS) - set(off)
    none = rendered(alerts={name: {"enabled": False} for name in ALERTS})
    assert alerts(none) == {}
    assert all(group["rules"] for group in none)


def test_no_alert_is_there_that_could_not_fire() -> None:
    """Without recording rules what reads them is left out; where somebody else records, all alerts stay."""
    recorded = {rule["record"] for group in RULES for rule in group["rules"] if "record" in rule}
    without, elsewhere = (rendered(recordingRules=how) for how in (False, "elsewhere"))
    for groups in (without, elsewhere):
        assert not any("record" in rule for group in groups for rule in group["rules"])
    assert list(alerts(elsewhere)) == ALERTS
    left = {
        name
        for name, rule in alerts(elsewhere).items()
        if not recorded & set(re.findall(r"[a-zA-Z_:][a-zA-Z0-9_:]*", rule["expr"]))
    }
    assert set(alerts(without)) == left
    assert len(left) >= 9
    assert left < set(ALERTS)


PROBE = {"enabled": True, "jobName": 'a "job"', "groups": [{"name": "g", "targets": ["a:25"]}]}


@pytest.mark.parametrize(
    ("more", "reads"),
    [
        ({}, "submission_exporter_build_info"),
        ({"probe": PROBE, "serviceMonitor": {"enabled": True}}, "submission_exporter_build_info"),
        ({"probe": PROBE}, "up"),
    ],
    ids=["nothing", "both", "probes alone"],
)
def test_an_exporter_is_absent_only_when_it_is(more: dict[str, Any], reads: str, tmp_path: Path) -> None:
    """Where Prometheus asks for /probe alone, the exporter is there as long as a probe is answered."""
    (rule,) = of_kind(render({"prometheusRule": {"enabled": True}, **more}), "PrometheusRule")
    absent = alerts(rule["spec"]["groups"])["SubmissionExporterAbsent"]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(rule["spec"]))
    series = {
        "submission_exporter_build_info": 'submission_exporter_build_info{job="x"}',
        "up": 'up{job="a \\"job\\"", instance="a:25"}',
    }[reads]
    expected = {"exp_labels": absent["labels"], "exp_annotations": absent["annotations"]}
    when = [("5m", []), ("25m", [expected])]
    case = {
        "interval": "1m",
        "input_series": [{"series": series, "values": "1x5 _x30" if reads != "up" else "1x5 0x30"}],
        "alert_rule_test": [
            {"eval_time": time, "alertname": "SubmissionExporterAbsent", "exp_alerts": alerts_}
            for time, alerts_ in when
        ],
    }
    (tmp_path / "test.yml").write_text(yaml.safe_dump({"rule_files": ["rules.yml"], "tests": [case]}))
    done = subprocess.run(
        [PROMTOOL, "test", "rules", tmp_path / "test.yml"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_alert_can_be_changed() -> None:
    """Duration, severity, labels and annotations; the expression stays."""
    before = alerts(rendered())
    name = next(name for name in ALERTS if "for" in before[name])
    change = {
        "for": "42m",
        "keepFiringFor": "43m",
        "severity": "info",
        "labels": {"route": "night"},
        "annotations": {"summary": "Ours."},
    }
    after = alerts(rendered(alerts={name: change}, alertLabels={"team": "mail", "route": "day"}))
    assert after[name]["expr"] == before[name]["expr"]
    assert (after[name]["for"], after[name]["keep_firing_for"]) == ("42m", "43m")
    assert after[name]["labels"] == {
        **before[name]["labels"],
        "severity": "info",
        "route": "night",
        "team": "mail",
    }
    assert after[name]["annotations"] == {**before[name]["annotations"], "summary": "Ours."}
    for other in set(ALERTS) - {name}:
        assert after[other]["labels"]["route"] == "day"
        assert after[other]["annotations"] == before[other]["annotations"]


def test_links_lead_to_the_operator_s_own_pages() -> None:
    """Runbooks by a pattern or below an address, dashboards at the operator's Grafana."""
    before = alerts(rendered())
    plain = alerts(rendered(runbookUrl="https://wiki.example.com/r/", grafanaUrl="https://g.example.com/"))
    pattern = alerts(rendered(runbookUrl="https://wiki.example.com/{alert}.html"))
    for name in ALERTS:
        assert plain[name]["annotations"]["runbook_url"] == f"https://wiki.example.com/r/{name}"
        assert pattern[name]["annotations"]["runbook_url"] == f"https://wiki.example.com/{name}.html"
        if "dashboard_url" in before[name]["annotations"]:
            path = before[name]["annotations"]["dashboard_url"].split("/", 3)[3]
            assert plain[name]["annotations"]["dashboard_url"] == f"https://g.example.com/{path}"


def test_the_documentation_may_lie_elsewhere() -> None:
    """One value leads every link of alerts and dashboards to a copy; nothing else of the project's address stays."""
    docs, copy = f"{HOSTED}/blob/main/docs", "https://wiki.example.com/mail"
    values = {"prometheusRule": {"enabled": True}, "dashboards": {"enabled": True}}
    before = json.dumps(render(values))
    after = json.dumps(render({**values, "documentationUrl": copy}))
    assert before.count(docs) > 30
    assert after == before.replace(docs, copy)
    assert HOSTED not in after


def config_maps(manifests: list[Manifest]) -> dict[str, Manifest]:
    """ConfigMaps with a dashboard, by file name."""
    return {
        name: one for one in of_kind(manifests, "ConfigMap") for name in one["data"] if name.endswith(".json")
    }


def test_the_dashboards_are_the_project_s_own() -> None:
    """One ConfigMap each, byte by byte, with the label that Grafana's sidecar looks for."""
    files = sorted((ROOT / "dashboards").glob("*.json"))
    found = config_maps(render({"dashboards": {"enabled": True, "annotations": {"grafana_folder": "Mail"}}}))
    assert sorted(found) == [file.name for file in files]
    assert len(files) >= 5
    for file in files:
        config_map = found[file.name]
        assert json.loads(config_map["data"][file.name]) == json.loads(file.read_text())
        assert config_map["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert config_map["metadata"]["annotations"]["grafana_folder"] == "Mail"
        # The API server's own limit for an object.
        assert len(config_map["data"][file.name]) < 1_000_000


def test_dashboards_can_be_left_out() -> None:
    """By the names of their files."""
    names = [file.stem for file in (ROOT / "dashboards").glob("*.json")]
    found = config_maps(render({"dashboards": {"enabled": True, "exclude": names[:2]}}))
    assert set(found) == {f"{name}.json" for name in names[2:]}
