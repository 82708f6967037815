"""Scrapes that fail now and then hide nothing: the unit tests of the alerts, with holes in what was scraped."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.rules.needed import write_needed
from tests.rules.promtool import promtool
from tests.rules.shipped import TEST_FILES, alerts, read, seconds

pytestmark = pytest.mark.servers

ABOUT_SCRAPES = ("SubmissionExporterTargetDown", "SubmissionExporterAbsent")
UNTIL_THE_LAST_PROBE = ("MailSubmissionNearTimeout",)
"""How long it stands depends on which slow probe was the last to be seen, so it may end a scrape earlier."""
HOLE = 7
"""Of so many scrapes the last one fails."""

_NUMBER = r"-?[\d.]+(?:e[+-]?\d+)?|NaN"
_RUN = re.compile(rf"(?P<start>_|stale|{_NUMBER})(?P<step>[+-][\d.]+)?(?:x(?P<times>\d+))?")


def samples(values: str) -> Iterator[str]:
    """The samples of a series in promtool's notation, one by one."""
    for part in values.split():
        run = _RUN.fullmatch(part)
        assert run, part
        times = int(run["times"] or 0)
        if run["start"] in {"_", "stale", "NaN"}:
            yield from [run["start"]] * (times if run["start"] == "_" and run["times"] else times + 1)
        else:
            first, step = float(run["start"]), float(run["step"] or 0)
            yield from (repr(first + step * number) for number in range(times + 1))


def with_holes(series: dict[str, str]) -> dict[str, str]:
    """A series as it is when scrapes fail: what was there is stale, and the target is not up."""
    failed = "0" if series["series"].startswith("up{") else "stale"
    found = [
        failed if index % HOLE == HOLE - 1 and value != "_" else value
        for index, value in enumerate(samples(series["values"]))
    ]
    return {**series, "values": " ".join(found)}


def about(file: Path) -> dict[str, Any]:
    """The tests of a file in which its alert fires, each asked at the last moment at which it says so."""
    name = file.stem
    firing_series = f'ALERTS{{alertname="{name}", alertstate="firing"}}'
    if name in UNTIL_THE_LAST_PROBE:
        firing_series = f"last_over_time({firing_series}[1h])"
    tests = []
    for test in read(file)["tests"]:
        firing = [
            check["eval_time"]
            for check in test["alert_rule_test"]
            if check["alertname"] == name and check["exp_alerts"]
        ]
        # Every five minutes and more rarely, one scrape that fails is a gap that the rules do not bridge.
        if firing and seconds(test["interval"]) < 150:
            tests.append(
                {
                    "name": test["name"],
                    "interval": test["interval"],
                    "input_series": [with_holes(series) for series in test["input_series"]],
                    "promql_expr_test": [
                        {
                            "expr": f"group({firing_series})",
                            "eval_time": max(firing, key=seconds),
                            "exp_samples": [{"labels": "{}", "value": 1}],
                        }
                    ],
                }
            )
    return {**read(file), "tests": tests}


@pytest.mark.parametrize(
    "file",
    [file for file in TEST_FILES if file.stem in alerts() and file.stem not in ABOUT_SCRAPES],
    ids=lambda file: file.stem,
)
def test_an_alert_fires_although_scrapes_fail(tmp_path: Path, file: Path) -> None:
    """No `for` is started again by a scrape that failed."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "tests").mkdir()
    write_needed(tmp_path / "rules", [file.stem])
    holes = tmp_path / "tests/holes.yml"
    holes.write_text(json.dumps(about(file)))  # JSON is YAML
    promtool("test", "rules", holes)
