"""The example for Alertmanager: who gets what, by amtool; what silences what, by a running Alertmanager."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.rules.shipped import ALERTMANAGER, alerts, read
from tests.servers.alertmanager import AMTOOL, Alertmanager, running_alertmanager

pytestmark = pytest.mark.servers

ENDPOINT = {"job": "submission", "instance": "exporter:10587", "smtp_endpoint": "mx"}
EXPORTER = {"job": "submission", "instance": "exporter:10587"}


def amtool(*arguments: str) -> str:
    """What amtool prints; the test fails when it finds a fault."""
    done = subprocess.run([AMTOOL, *arguments], check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def receiver(**labels: str) -> str:
    """Who gets an alert with these labels."""
    pairs = [f"{name}={value}" for name, value in labels.items()]
    return amtool("config", "routes", "test", f"--config.file={ALERTMANAGER}", *pairs).strip()


def test_the_example_is_a_configuration() -> None:
    """Amtool accepts the file."""
    assert "SUCCESS" in amtool("check-config", str(ALERTMANAGER))


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ("alertname=MailSubmissionDown severity=critical fault_domain=server", "mail-pager"),
        ("alertname=MailSubmissionDown severity=critical fault_domain=network", "network-pager"),
        ("alertname=MailSubmissionPortBlocked severity=critical fault_domain=network", "network-pager"),
        ("alertname=MailSubmissionSlow severity=warning fault_domain=server", "mail-tickets"),
        ("alertname=MailSubmissionSettingsWrong severity=warning fault_domain=settings", "mail-tickets"),
        (
            "alertname=MailSubmissionSettingsWrong severity=warning fault_domain=settings team=printers",
            "printers-tickets",
        ),
        (
            "alertname=MailSubmissionCertificateInvalid severity=critical fault_domain=settings team=printers",
            "mail-pager",
        ),
        ("alertname=SubmissionExporterOffline severity=info fault_domain=local", "nobody"),
        ("alertname=SubmissionExporterStillOffline severity=critical fault_domain=local", "monitoring-pager"),
        ("alertname=SubmissionExporterBugs severity=warning fault_domain=local", "monitoring-tickets"),
        ("alertname=SomebodyElse severity=critical", "default"),
    ],
)
def test_route(labels: str, expected: str) -> None:
    """By fault domain and severity, and by team where a team looks after its own settings."""
    assert receiver(**dict(pair.split("=") for pair in labels.split())) == expected


@pytest.mark.parametrize("name", alerts())
def test_severity_decides_how_loud(name: str) -> None:
    """A page for critical and for nothing else; nobody is told what is only to be shown."""
    labels = alerts()[name].fields["labels"]
    domains = [labels["fault_domain"]] if "fault_domain" in labels else ["server", "network", "settings"]
    loud = {"critical": "-pager", "warning": "-tickets", "info": "nobody"}[labels["severity"]]
    for domain in domains:
        got = receiver(alertname=name, severity=labels["severity"], fault_domain=domain)
        assert got.endswith(loud)


def test_silencers_and_silenced_exist() -> None:
    """Every inhibition rule names shipped alerts on both sides, and none silences itself."""
    for rule in read(ALERTMANAGER)["inhibit_rules"]:
        sources, targets = (_named(rule[side]) for side in ("source_matchers", "target_matchers"))
        assert sources
        assert targets
        assert not sources & targets
        assert {"job", "instance"} <= set(rule["equal"])


def _named(matchers: list[str]) -> set[str]:
    """The shipped alerts that matchers on `alertname` choose; each alternative has to choose some."""
    (matcher,) = matchers
    found = re.fullmatch(r'alertname=~?"(.+)"', matcher)
    assert found is not None
    branches = re.search(r"\((.+)\)", found[1])
    for part in branches[1].split("|") if branches else found[1].split("|"):
        assert any(re.search(part, name) for name in alerts()), part
    return {name for name in alerts() if re.fullmatch(found[1], name)}


def named(name: str, labels: Mapping[str, str], **more: str) -> dict[str, str]:
    """The labels of an alert."""
    return {"alertname": name, **labels, **more}


@pytest.fixture(scope="module")
def alertmanager() -> Iterator[Alertmanager]:
    """A real Alertmanager with the shipped inhibition rules, whose receivers go nowhere."""
    shipped: dict[str, Any] = read(ALERTMANAGER)
    quiet = [{"name": one["name"]} for one in shipped["receivers"]]
    with running_alertmanager({**shipped, "receivers": quiet}) as running:
        yield running


@pytest.mark.parametrize(
    ("source", "target", "silenced"),
    [
        (named("SubmissionExporterOffline", EXPORTER), named("MailSubmissionDown", ENDPOINT), True),
        (named("SubmissionExporterOffline", EXPORTER), named("SubmissionExporterHostFault", ENDPOINT), True),
        (
            named("SubmissionExporterOffline", EXPORTER),
            named("SubmissionExporterStillOffline", EXPORTER),
            False,
        ),
        (
            named("SubmissionExporterOffline", {**EXPORTER, "instance": "other:10587"}),
            named("MailSubmissionDown", ENDPOINT),
            False,
        ),
        (named("SubmissionExporterTargetDown", EXPORTER), named("MailSubmissionDown", ENDPOINT), True),
        (named("MailSubmissionLoginBackendFailing", ENDPOINT), named("MailSubmissionDown", ENDPOINT), True),
        (
            named("MailSubmissionLoginBackendFailing", {**ENDPOINT, "smtp_endpoint": "other"}),
            named("MailSubmissionDown", ENDPOINT),
            False,
        ),
        (named("MailSubmissionDown", ENDPOINT), named("MailSubmissionErrorBudgetBurnFast", ENDPOINT), True),
        (named("MailSubmissionDown", ENDPOINT), named("MailSubmissionSettingsWrong", ENDPOINT), True),
        (
            named("MailSubmissionDown", ENDPOINT),
            named("MailSubmissionCertificateExpiryImminent", ENDPOINT),
            False,
        ),
        (
            named("MailSubmissionCertificateExpiryImminent", ENDPOINT),
            named("MailSubmissionCertificateExpiringSoon", ENDPOINT),
            True,
        ),
        (named("SubmissionExporterEventLoopLag", EXPORTER), named("MailSubmissionSlow", ENDPOINT), True),
        (named("SubmissionExporterEventLoopLag", EXPORTER), named("MailSubmissionDown", ENDPOINT), False),
        (named("MailSubmissionCredentialsRejected", ENDPOINT), named("MailSubmissionDown", ENDPOINT), False),
    ],
    ids=lambda value: value["alertname"] if isinstance(value, dict) else str(value),
)
def test_inhibition(
    source: dict[str, str], target: dict[str, str], silenced: bool, alertmanager: Alertmanager, request: Any
) -> None:
    """The cause silences what follows from it, for the same endpoint or exporter, and nothing else."""
    # A job of its own keeps the alerts of one case apart from those of the others.
    job = request.node.name
    alertmanager.post([{**source, "job": job}, {**target, "job": job}])

    def states() -> dict[str, str]:
        mine = [one for one in alertmanager.alerts() if one["labels"]["job"] == job]
        return {one["labels"]["alertname"]: one["status"]["state"] for one in mine}

    wanted = {source["alertname"]: "active", target["alertname"]: "suppressed" if silenced else "active"}
    alertmanager.wait_until(lambda: states() == wanted, f"{wanted} instead of {states()}")
