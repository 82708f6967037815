"""What every alert carries, and the runbook behind it."""

from __future__ import annotations

import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.rules.shipped import ROOT, RUNBOOKS, Alert, alerts, seconds

RUNBOOK_BASE = "https://github.com/submission-exporter/submission-exporter/blob/main/docs/runbooks/"
DASHBOARD_BASE = "https://grafana.example.com/d/"
SECTIONS = ["Meaning", "Impact", "Diagnosis", "Mitigation", "False positives", "Escalation"]

every_alert = pytest.mark.parametrize("alert", alerts().values(), ids=lambda alert: alert.name)


@every_alert
def test_name_says_whose_it_is(alert: Alert) -> None:
    """SubmissionExporter… is about the exporter, MailSubmission… about an endpoint."""
    assert re.fullmatch(r"(?:SubmissionExporter|MailSubmission)(?:[A-Z][A-Za-z]+)", alert.name)


@every_alert
def test_durations_are_set(alert: Alert) -> None:
    """Each waits for a blip to pass, and does not flap when it ends."""
    assert 60 <= seconds(alert.fields["for"]) <= 3600
    assert 60 <= seconds(alert.fields["keep_firing_for"]) <= 3600


@every_alert
def test_labels_route_it(alert: Alert) -> None:
    """Severity from the closed set; the fault domain from the rule or from the failure itself."""
    assert alert.severity in {"critical", "warning", "info"}
    labels = alert.fields["labels"]
    assert labels.keys() <= {"severity", "fault_domain"}
    if "fault_domain" not in labels:
        assert "fault_domain" in alert.expression
    if alert.name.startswith("SubmissionExporter"):
        assert labels["fault_domain"] == "local"


@every_alert
def test_texts_are_sentences(alert: Alert) -> None:
    """The summary is the same for every instance; the description names the instance it is about."""
    texts = alert.annotations
    assert texts.keys() == {"summary", "description", "runbook_url", "dashboard_url"}
    assert texts["summary"][0].isupper()
    assert texts["summary"].endswith(".")
    assert "{{" not in texts["summary"]
    assert texts["description"].endswith(".")
    assert "\n" not in texts["description"].strip()
    subject = "smtp_endpoint" if alert.name.startswith("MailSubmission") else "instance"
    if alert.name != "SubmissionExporterAbsent":
        assert f"$labels.{subject}" in texts["description"] or "$labels.smtp_endpoint" in texts["description"]


@every_alert
def test_dashboard_exists(alert: Alert) -> None:
    """The link leads to a shipped dashboard, and sets variables that it has."""
    link = urlsplit(alert.annotations["dashboard_url"])
    assert alert.annotations["dashboard_url"].startswith(DASHBOARD_BASE)
    uid = link.path.removeprefix("/d/")
    dashboard = json.loads((ROOT / f"dashboards/{uid.removeprefix('submission-')}.json").read_text())
    assert dashboard["uid"] == uid
    variables = {f"var-{variable['name']}" for variable in dashboard["templating"]["list"]}
    assert parse_qs(link.query).keys() <= variables
    assert all(value == [f"{{{{ $labels.{label} | urlquery }}}}"] for value, label in _values(link.query))


def _values(query: str) -> list[tuple[list[str], str]]:
    """The values of a link with the label that each has to come from."""
    label = {"var-endpoint": "smtp_endpoint", "var-instance": "instance"}
    return [(value, label[name]) for name, value in parse_qs(query).items()]


@every_alert
def test_runbook_url_leads_to_its_page(alert: Alert) -> None:
    """One page an alert, named after it."""
    assert alert.annotations["runbook_url"] == f"{RUNBOOK_BASE}{alert.name}.md"
    assert (RUNBOOKS / f"{alert.name}.md").is_file()


def test_no_page_without_an_alert() -> None:
    """Every page but the list of pages belongs to an alert, and the list has all of them."""
    pages = {page.stem for page in RUNBOOKS.glob("*.md")} - {"README"}
    assert pages == alerts().keys()
    listed = re.findall(r"\]\((\w+)\.md\)", (RUNBOOKS / "README.md").read_text())
    assert sorted(listed) == sorted(alerts())


@every_alert
def test_runbook_is_complete(alert: Alert) -> None:
    """The title, what the alert says of itself, and the six sections in order, none of them empty."""
    page = (RUNBOOKS / f"{alert.name}.md").read_text()
    assert page.startswith(f"# {alert.name}\n")
    domain = alert.fields["labels"].get("fault_domain")
    assert f"**{alert.severity}**" in page
    assert domain is None or f"**{domain}**" in page
    parts = re.split(r"^## (.+)$", page, flags=re.MULTILINE)
    assert parts[1::2] == SECTIONS
    assert all(len(text.split()) >= 8 for text in parts[2::2])


@every_alert
def test_diagnosis_has_commands(alert: Alert) -> None:
    """There is something to copy and paste, and it is about this product or its protocols."""
    page = (RUNBOOKS / f"{alert.name}.md").read_text()
    diagnosis = page.split("## Diagnosis")[1].split("## Mitigation")[0]
    commands = re.findall(r"```sh\n(.+?)```", diagnosis, flags=re.DOTALL)
    assert commands
    tools = r"submission-exporter|swaks|openssl|dig|curl|promtool|ip |ss |journalctl|kubectl|chronyc|nc "
    assert all(re.search(tools, block) for block in commands)
