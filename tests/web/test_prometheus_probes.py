"""Debian's Prometheus finds targets by HTTP-SD and scrapes `/probe` for them, over TLS and with a login."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bcrypt
import pytest

from tests.servers.background import in_background
from tests.servers.certificates import Workshop
from tests.servers.ports import free_ports
from tests.servers.prometheus import Prometheus, running_prometheus
from tests.servers.submission import submission_server
from tests.web.exporting import exporting

pytestmark = pytest.mark.servers

PASSWORD = "scrape & see"


@dataclass
class Scraped:
    """Where the exporter and its targets are, and the Prometheus that probes through it."""

    healthy: str
    dead: str
    prometheus: Prometheus


@pytest.fixture(scope="module")
def scraped(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scraped]:
    """Prometheus after some scrapes of an exporter that probes nothing by itself."""
    folder: Path = tmp_path_factory.mktemp("probed")
    certified = workshop.valid()
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    web = (
        f"tls_server_config: {{cert_file: {certified.certificate_file}, key_file: {certified.key_file}}}\n"
        f"basic_auth_users: {{prometheus: {hashed}}}\n"
    )
    (port,) = free_ports(1)
    dead = f"127.0.0.1:{port}"
    module = {"tls": "none", "until": "ehlo", "allowed_targets": ["127.0.0.0/8"]}
    access = {
        "scheme": "https",
        "tls_config": {"ca_file": workshop.ca_file, "server_name": "localhost"},
        "basic_auth": {"username": "prometheus", "password": PASSWORD},
    }

    @asynccontextmanager
    async def both() -> AsyncIterator[tuple[str, str]]:
        async with submission_server() as server:
            healthy = f"127.0.0.1:{server.port}"
            configuration = {
                "modules": {"open": module},
                "endpoints": [
                    {
                        "name": name,
                        "target": target,
                        "module": "open",
                        "interval": "1h",
                        "labels": {"team": "mail"},
                    }
                    for name, target in (("alive", healthy), ("dead", dead))
                ],
            }
            async with exporting(folder, configuration, web=web) as exporter:
                yield healthy, exporter.service.web.url.removeprefix("https://").rstrip("/")

    with in_background(both) as (healthy, exporter):
        discovery = {
            "static_configs": [],
            "http_sd_configs": [
                {"url": f"https://{exporter}/api/v1/sd", "refresh_interval": "1s", **_client(access)}
            ],
            "metrics_path": "/probe",
            "relabel_configs": [
                {"source_labels": ["__address__"], "target_label": "__param_target"},
                {"source_labels": ["__meta_submission_module"], "target_label": "__param_module"},
                {"source_labels": ["__meta_submission_endpoint"], "target_label": "instance"},
                {"source_labels": ["__meta_submission_label_team"], "target_label": "team"},
                {"target_label": "__address__", "replacement": exporter},
            ],
            **access,
        }
        with running_prometheus({}, **discovery) as prometheus:
            prometheus.wait_for("probe_success", 2)
            yield Scraped(healthy, dead, prometheus)


def _client(access: dict[str, Any]) -> dict[str, Any]:
    """The same access for service discovery, whose URL has the scheme already."""
    return {key: value for key, value in access.items() if key != "scheme"}


def test_targets_are_found_and_scraped(scraped: Scraped) -> None:
    """Both targets are up: a dead mail server is a result and no failed scrape."""
    targets = scraped.prometheus.targets()
    assert {target["labels"]["instance"] for target in targets} == {"alive", "dead"}
    assert [target["lastError"] for target in targets] == ["", ""]
    assert {target["labels"]["team"] for target in targets} == {"mail"}


def test_dashboards_of_both_kinds_find_their_series(scraped: Scraped) -> None:
    """blackbox_exporter's names and ours tell the same story."""
    values = scraped.prometheus.values
    assert values("probe_success", "instance") == {"alive": 1, "dead": 0}
    assert values("smtp_probe_success", "smtp_endpoint") == {scraped.healthy: 1, scraped.dead: 0}
    assert values("smtp_probe_failure == 1", "error_class") == {"connect_refused": 1}
    assert values("probe_timeout_seconds", "instance") == {"alive": 0.5, "dead": 0.5}
