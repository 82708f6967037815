"""Debian's promtool on the shipped files: syntax, lint, and every unit test."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.rules.needed import recorded, write_needed
from tests.rules.promtool import promtool
from tests.rules.shipped import PROMETHEUS, RULE_FILES, TEST_FILES, alerts, read, seconds
from tests.rules.test_failed_scrapes import with_holes

pytestmark = pytest.mark.servers


def test_rules_are_clean() -> None:
    """Prometheus 2.42 loads every rule, and its linter has nothing to say."""
    output = promtool("check", "rules", "--lint=all", "--lint-fatal", *RULE_FILES)
    assert output.count("SUCCESS") == len(RULE_FILES) == 6


def test_the_scrape_example_is_a_configuration() -> None:
    """Both modes can be scraped as the example says, and it loads the shipped rules."""
    output = promtool("check", "config", PROMETHEUS / "prometheus.yml")
    assert f"{len(RULE_FILES)} rule files found" in output


@pytest.mark.parametrize("file", TEST_FILES, ids=lambda file: file.stem)
def test_unit_tests_pass(tmp_path: Path, file: Path) -> None:
    """Every unit test of the rules passes, beside the rules that its alerts rest on."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "tests").mkdir()
    groups = read(file)["tests"]
    asked = {check["alertname"] for group in groups for check in group["alert_rule_test"]}
    queries = [check["expr"] for group in groups for check in group.get("promql_expr_test", ())]
    write_needed(tmp_path / "rules", asked.union(*map(recorded, queries)))
    assert "SUCCESS" in promtool("test", "rules", shutil.copy(file, tmp_path / "tests"))


@pytest.mark.parametrize("file", TEST_FILES, ids=lambda file: file.stem)
def test_no_rule_fails_on_what_another_is_tested_with(tmp_path: Path, file: Path) -> None:
    """All rules can be evaluated on the series of every unit test, with holes or without: labels match one to one."""
    moments = {
        "rule_files": [str(one) for one in RULE_FILES],
        "evaluation_interval": "29m",
        "tests": [
            {
                "interval": group["interval"],
                "input_series": [with_holes(series) for series in group["input_series"]],
                "alert_rule_test": [
                    {"eval_time": check["eval_time"], "alertname": "None", "exp_alerts": []}
                    for check in group["alert_rule_test"]
                ],
            }
            for group in read(file)["tests"]
        ],
    }
    (tmp_path / "all.yml").write_text(json.dumps(moments))  # JSON is YAML
    assert "SUCCESS" in promtool("test", "rules", tmp_path / "all.yml")


@pytest.mark.parametrize("name", alerts())
def test_every_alert_is_tested_in_four_ways(name: str) -> None:
    """For each alert some test says: not yet, now, over again, and not for something else."""
    rises = others = 0
    for file in TEST_FILES:
        for group in read(file)["tests"]:
            story = sorted(
                (seconds(check["eval_time"]), bool(check["exp_alerts"]))
                for check in group["alert_rule_test"]
                if check["alertname"] == name
            )
            states = [firing for _, firing in story]
            if group["name"].startswith(f"{name} not for "):
                assert not any(states), group["name"]
                last = story[-1][0]
                # Silence proves something only when the alert would have had the time to fire.
                assert last >= seconds(alerts()[name].fields["for"]), group["name"]
                others += 1
            elif True in states:
                begins, ends = states.index(True), len(states) - 1 - states[::-1].index(True)
                rises += begins > 0 and ends < len(states) - 1
    assert rises >= 1, "no test with: not yet, now, over again"
    assert others >= 1, "no test of what it does not fire for"


@pytest.mark.parametrize("file", TEST_FILES, ids=lambda file: file.stem)
def test_unit_tests_are_about_the_alert_of_their_file(file: Path) -> None:
    """A test file names its alert, and every test in it asks for that alert."""
    name = file.stem.removesuffix("-silent").removesuffix("-steady")
    assert name in alerts()
    loaded = [(file.parent / rules).resolve() for rules in read(file)["rule_files"]]
    # In another order an alert would see what was recorded a minute before.
    assert read(file)["group_eval_order"] == [
        group["name"] for rules in loaded for group in read(rules)["groups"]
    ]
    for group in read(file)["tests"]:
        assert group["name"].startswith(name)
        assert name in {check["alertname"] for check in group["alert_rule_test"]}
