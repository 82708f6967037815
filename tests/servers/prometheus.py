"""Debian's real Prometheus, scraping targets of a test every second; asked through its query API."""

from __future__ import annotations

import contextlib
import json
import subprocess
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.servers.ports import free_ports
from tests.servers.process import Daemon

PROMETHEUS = "/usr/bin/prometheus"
PROMTOOL = "/usr/bin/promtool"


class Prometheus:
    """A running server and its query API."""

    def __init__(self, url: str, daemon: Daemon) -> None:
        self.url = url
        self._daemon = daemon

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The vector of an instant query: `{"metric": labels, "value": [time, text]}` each."""
        found: list[dict[str, Any]] = self._get("query", query=expression)["result"]
        return found

    def values(self, expression: str, label: str) -> dict[str, float]:
        """The vector of an instant query as one number for each value of a label."""
        return {one["metric"].get(label, ""): float(one["value"][1]) for one in self.query(expression)}

    def targets(self) -> list[dict[str, Any]]:
        """The active targets with their health and last error."""
        found: list[dict[str, Any]] = self._get("targets", state="active")["activeTargets"]
        return found

    def wait_for(self, expression: str, size: int = 1) -> list[dict[str, Any]]:
        """The vector of a query once it has that many elements."""
        self._daemon.wait_until(lambda: len(self.query(expression)) >= size, f"`{expression}` x {size}")
        return self.query(expression)

    def wait_for_scrapes(self, count: int) -> None:
        """Wait until every target has been scraped that often with success."""
        self._daemon.wait_until(
            lambda: (
                bool(self.targets())
                and all(one["value"][1] == "1" for one in self.query("up"))
                and len(self.query(f"count_over_time(up[1h]) >= {count}")) == len(self.targets())
            ),
            f"{count} good scrapes of {self.targets()}",
        )

    def _get(self, path: str, **parameters: str) -> Any:
        address = f"{self.url}api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(address, timeout=10) as answer:
            return json.load(answer)["data"]


@contextlib.contextmanager
def running_prometheus(targets: Mapping[str, Mapping[str, str]], **scrape: object) -> Iterator[Prometheus]:
    """A Prometheus that scrapes `targets` (`host:port` to target labels) each second.

    `scrape` holds more fields of the scrape configuration, such as `metrics_path`.
    """
    if not Path(PROMETHEUS).exists():
        pytest.fail(f"{PROMETHEUS} is not installed: run `make packages` as root", pytrace=False)
    job = {
        "job_name": "submission",
        "scrape_interval": "1s",
        "scrape_timeout": "1s",
        "static_configs": [
            {"targets": [target], "labels": dict(labels)} for target, labels in targets.items()
        ],
        **scrape,
    }
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory(prefix="submission-prometheus-") as directory:
        folder = Path(directory)
        (folder / "prometheus.yml").write_text(json.dumps({"scrape_configs": [job]}))
        url = f"http://127.0.0.1:{port}/"
        daemon = Daemon(
            "Prometheus",
            [
                PROMETHEUS,
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            folder / "prometheus.log",
        )
        try:
            daemon.wait_until(lambda: _answers(f"{url}-/ready"), "its web page")
            yield Prometheus(url, daemon)
        finally:
            daemon.stop()


def check_metrics(text: bytes) -> str:
    """What `promtool check metrics` says about an exposition; empty when it is clean."""
    checked = subprocess.run(
        [PROMTOOL, "check", "metrics"], check=False, input=text, capture_output=True, timeout=60
    )
    complaints = (checked.stdout + checked.stderr).decode()
    return complaints or ("" if checked.returncode == 0 else f"exit code {checked.returncode}")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False
