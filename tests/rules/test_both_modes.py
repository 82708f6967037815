"""The same servers, watched on a schedule and asked for by Prometheus (`/probe`): the same alerts."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from exporter.demo import DemoServers, configuration
from exporter.model import Endpoint
from tests.cli.commands import Child, running
from tests.rules.pipeline import running_pipeline
from tests.rules.shipped import alerts, seconds
from tests.servers.background import in_background
from tests.servers.prometheus import Prometheus

pytestmark = pytest.mark.servers

SCHEDULED, ON_DEMAND = "submission", "submission-probe"
"""The two jobs of the shipped scrape example."""
SOON = frozenset(name for name, alert in alerts().items() if seconds(alert.fields["for"]) <= 900)
PATIENCE_SECONDS = 90.0

FIRING: dict[str, set[str]] = {
    "healthy-starttls": set(),
    "healthy-implicit": set(),
    "healthy-plaintext": set(),
    "expired-certificate": {
        "MailSubmissionCertificateInvalid",
        "MailSubmissionCertificateExpiryImminent",
    },
    "wrong-name": {"MailSubmissionCertificateInvalid"},
    "rejected-password": {"MailSubmissionCredentialsRejected"},
    "app-password": {"MailSubmissionCredentialsRejected"},
    "busy": {"MailSubmissionDown"},
    "silent-port": {"MailSubmissionDown"},
    # It never worked, so that it is not the server's word against ours.
    "closed-port": {"MailSubmissionSettingsWrong"},
    "masked-starttls": {"MailSubmissionTlsTampered"},
}
"""What is to be firing about each server of the demo, of all that does within a quarter of an hour."""


@dataclass(frozen=True, slots=True)
class Watch:
    """The exporter, and the Prometheus that knows it in both ways."""

    endpoints: tuple[Endpoint, ...]
    exporter: Child
    prometheus: Prometheus

    def firing(self, job: str) -> dict[str, set[str]]:
        """The alerts that fire about each server, by its name, however the job calls it."""
        names = {one.name if job == SCHEDULED else one.target: one.name for one in self.endpoints}
        found: dict[str, set[str]] = {name: set() for name in names.values()}
        for one in self.prometheus.query(f'ALERTS{{alertstate="firing", job="{job}", smtp_endpoint!=""}}'):
            if one["metric"]["alertname"] in SOON:
                found[names[one["metric"]["smtp_endpoint"]]].add(one["metric"]["alertname"])
        return found


def file_for(endpoints: tuple[Endpoint, ...]) -> str:
    """A configuration with every endpoint on a schedule, and with a module that probes it likewise."""
    body = yaml.safe_load(configuration(endpoints))
    body["global"] = {"backoff": {"initial": "3s", "max": "36s"}}  # a hundredth, as all is
    of_endpoint = ("name", "target", "interval", "labels")
    body["modules"] = {
        one["name"]: {
            **{key: value for key, value in one.items() if key not in of_endpoint},
            "allowed_targets": [one["target"]],
        }
        for one in body["endpoints"]
    }
    return yaml.safe_dump(body)


@asynccontextmanager
async def demo() -> AsyncIterator[tuple[Endpoint, ...]]:
    """The servers of the demo."""
    servers = DemoServers(interval=1, timeout=1)
    await servers.start()
    try:
        yield servers.endpoints
    finally:
        await servers.stop()


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watch]:
    """Both jobs of the example, a hundred times faster, around the demo."""
    folder = Path(tmp_path_factory.mktemp("modes"))
    with contextlib.ExitStack() as stack:
        endpoints = stack.enter_context(in_background(demo))
        file = folder / "submission-exporter.yml"
        file.write_text(file_for(endpoints))
        exporter = stack.enter_context(running(folder, "serve", "--config.file", str(file)))
        probed = {one.target: {"__param_module": one.name, "team": one.name} for one in endpoints}
        prometheus, _ = stack.enter_context(running_pipeline(urlsplit(exporter.url).netloc, probed))
        yield Watch(endpoints, exporter, prometheus)


@pytest.mark.parametrize("job", [SCHEDULED, ON_DEMAND])
def test_the_same_alerts_fire_in_both_modes(watch: Watch, job: str) -> None:
    """For every kind of trouble the alert that names it, and silence about what is well."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (found := watch.firing(job)) != FIRING and time.monotonic() < deadline:
        time.sleep(0.5)
    assert found == FIRING


def test_a_target_is_its_own_endpoint(watch: Watch) -> None:
    """By relabelling: `smtp_endpoint` and `instance` are the target, its labels stay, and nothing gives way."""
    series = watch.prometheus.wait_for(f'smtp_probe_success{{job="{ON_DEMAND}"}}', len(watch.endpoints))
    modules = {one.target: one.name for one in watch.endpoints}
    assert {one["metric"]["smtp_endpoint"] for one in series} == modules.keys()
    for one in watch.prometheus.query(f'{{job="{ON_DEMAND}", __name__=~"(endpoint:)?smtp_.+"}}'):
        labels = one["metric"]
        assert labels["smtp_endpoint"] == labels["instance"]
        assert labels["team"] == modules[labels["instance"]]
        assert not [name for name in labels if name.startswith("exported_")]


def test_an_exporter_that_is_gone_is_missed_in_both_modes(watch: Watch) -> None:
    """Targets of `/probe` that cannot be asked for are the exporter's trouble, and no server's."""
    assert watch.exporter.stop() == 0
    missed = 'count by (job) (ALERTS{alertname="SubmissionExporterTargetDown", alertstate="firing"})'
    counted = {one["metric"]["job"]: one["value"][1] for one in watch.prometheus.wait_for(missed, 2)}
    assert counted.keys() == {SCHEDULED, ON_DEMAND}
    watch.prometheus.wait_for('ALERTS{alertname="SubmissionExporterAbsent", alertstate="firing"}')
    watch.prometheus.wait_for('absent(ALERTS{alertname="MailSubmissionDown", alertstate="firing"})')
