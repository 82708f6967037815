"""The shipped configuration as one running whole, with every duration a hundredth of what it is."""

from __future__ import annotations

import contextlib
import copy
import json
import re
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.rules.shipped import ALERTMANAGER, PROMETHEUS, RULE_FILES, read, seconds
from tests.servers.alertmanager import Webhook, running_alertmanager, webhook
from tests.servers.ports import free_ports
from tests.servers.process import Daemon
from tests.servers.prometheus import PROMETHEUS as PROGRAM
from tests.servers.prometheus import Prometheus

FASTER = 100

_DURATION = r"(?:\d+[smhd])+"
_RANGE = re.compile(rf"\[({_DURATION})(?::({_DURATION}))?\]")


def shortened(duration: str) -> str:
    """The hundredth part of a duration, one second at least (scrapes and evaluations come every second)."""
    return f"{max(1, round(seconds(duration) / FASTER))}s"


def shortened_expression(expression: str) -> str:
    """An expression with every range, and the step of every subquery, shortened."""

    def one(match: re.Match[str]) -> str:
        step = f":{shortened(match[2])}" if match[2] else ""
        return f"[{shortened(match[1])}{step}]"

    return _RANGE.sub(one, expression)


def shortened_rules() -> dict[str, Any]:
    """All shipped rules in one document, their durations shortened and nothing else changed."""
    groups = [copy.deepcopy(group) for file in RULE_FILES for group in read(file)["groups"]]
    for group in groups:
        group.pop("interval", None)
        for rule in group["rules"]:
            rule["expr"] = shortened_expression(rule["expr"])
            for duration in rule.keys() & {"for", "keep_firing_for"}:
                rule[duration] = shortened(rule[duration])
    return {"groups": groups}


def alertmanager_configuration(url: str) -> dict[str, Any]:
    """The shipped example with its webhooks at `url`, its waiting times shortened."""
    text = ALERTMANAGER.read_text().replace("https://alerts.example.com", url)
    text = re.sub(r"(group_wait|group_interval): \w+", r"\1: 1s", text)
    configuration: dict[str, Any] = yaml.safe_load(text)
    return configuration


def prometheus_configuration(
    exporter: str, alertmanager: str, rules: Path, probed: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    """The shipped scrape example with other addresses and faster; `probed`: labels of each target of `/probe`."""
    configuration: dict[str, Any] = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    configuration["global"] = {
        "scrape_interval": "1s",
        "scrape_timeout": "1s",
        "evaluation_interval": "1s",
    }
    configuration["rule_files"] = [str(rules)]
    configuration["alerting"]["alertmanagers"] = [{"static_configs": [{"targets": [alertmanager]}]}]
    scheduled, on_demand = configuration["scrape_configs"]
    scheduled["static_configs"] = [{"targets": [exporter]}]
    on_demand |= configuration["global"]
    del on_demand["evaluation_interval"], on_demand["params"]  # the module is said of each target
    on_demand["static_configs"] = [
        {"targets": [target], "labels": dict(labels)} for target, labels in probed.items()
    ]
    on_demand["relabel_configs"][-1]["replacement"] = exporter
    return configuration


@contextlib.contextmanager
def running_pipeline(
    exporter: str, probed: Mapping[str, Mapping[str, str]] = {}
) -> Iterator[tuple[Prometheus, Webhook]]:
    """Prometheus that scrapes `exporter` (`host:port`), and the webhook at the other end of Alertmanager.

    `probed` are the targets that it has probed on demand, each with more labels.
    """
    with contextlib.ExitStack() as stack:
        hook = stack.enter_context(webhook())
        alertmanager = stack.enter_context(running_alertmanager(alertmanager_configuration(hook.url)))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="submission-rules-")))
        (folder / "rules.yml").write_text(json.dumps(shortened_rules()))  # JSON is YAML
        (folder / "prometheus.yml").write_text(
            json.dumps(prometheus_configuration(exporter, alertmanager.address, folder / "rules.yml", probed))
        )
        (port,) = free_ports(1)
        url = f"http://127.0.0.1:{port}/"
        daemon = Daemon(
            "Prometheus",
            [
                PROGRAM,
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--rules.alert.resend-delay=1s",
            ],
            folder / "prometheus.log",
        )
        stack.callback(daemon.stop)
        daemon.wait_until(lambda: _answers(f"{url}-/ready"), "its web page")
        yield Prometheus(url, daemon), hook


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False
