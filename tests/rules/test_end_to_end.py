"""Real parts from end to end: Postfix, exporter, Prometheus, Alertmanager, webhook, all as shipped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.cli.commands import running
from tests.cli.test_check import configuration, of_postfix
from tests.rules.pipeline import running_pipeline, shortened_expression
from tests.servers.alertmanager import Webhook
from tests.servers.postfix import Postfix
from tests.servers.prometheus import Prometheus

pytestmark = pytest.mark.servers


@dataclass(frozen=True, slots=True)
class Watch:
    """Everything that stands between a mail server and whoever is called out."""

    postfix: Postfix
    exporter: str
    prometheus: Prometheus
    hook: Webhook

    def wait_for_health(self) -> None:
        """Wait until the endpoint succeeds, and the rules know that it did, and no alert is left.

        What is scraped is not yet recorded, and what is recorded not yet at a step of the rule that looks back.
        """
        self.prometheus.wait_for("endpoint_settings:smtp_probe_success:known")
        self.prometheus.wait_for("endpoint_settings:smtp_probe_auth:known")
        self.prometheus.wait_for('smtp_probe_success == 1 unless on () count(ALERTS{severity="critical"})')
        self.hook.forget()

    def pages(self) -> set[tuple[str, str]]:
        """Where Alertmanager has sent which alert, tickets left out."""
        sent = {(path, alert["labels"]["alertname"]) for path, alert in self.hook.received()}
        return {(path, name) for path, name in sent if path.endswith("/page")}

    def labels(self, name: str) -> dict[str, Any]:
        """The labels of a page about the endpoint."""
        return {
            "alertname": name,
            "job": "submission",
            "instance": self.exporter,
            "smtp_endpoint": "mail",
            "team": "postmasters",
            "severity": "critical",
            "fault_domain": "server",
        }


@pytest.fixture
def watch(postfix: Postfix, tmp_path: Path) -> Iterator[Watch]:
    """The whole of it, around one endpoint on a real Postfix, and with no past.

    Two outages within two hours are a service that comes and goes, which is a page of its own.
    """
    # Postfix keeps a connection waiting for a second after its smtpd has died.
    watched = of_postfix(postfix, name="mail", interval="2s", timeout="2s", labels={"team": "postmasters"})
    with running(tmp_path, "serve", "--config.file", configuration(tmp_path, watched)) as exporter:
        address = urlsplit(exporter.url).netloc
        with running_pipeline(address) as (prometheus, hook):
            yield Watch(postfix, address, prometheus, hook)


def test_a_stopped_server_calls_its_owner_and_nobody_else(watch: Watch) -> None:
    """Postfix stops: one page, to the mail team, with the labels to route by; it starts: all clear."""
    watch.wait_for_health()
    watch.postfix.stop()
    try:
        _, page = watch.hook.wait_for("MailSubmissionDown", "firing")
    finally:
        watch.postfix.start()
    assert page["labels"] == watch.labels("MailSubmissionDown")
    assert "connect_refused in phase connect" in page["annotations"]["description"]
    assert page["annotations"]["runbook_url"].endswith("/MailSubmissionDown.md")
    _, clear = watch.hook.wait_for("MailSubmissionDown", "resolved")
    assert clear["labels"] == page["labels"]
    assert watch.pages() == {("/mail/page", "MailSubmissionDown")}


def test_a_stopped_login_service_is_called_by_its_name(watch: Watch) -> None:
    """Dovecot stops, so that Postfix ends each session right after TLS: that is the page, not "down"."""
    watch.wait_for_health()
    with watch.postfix.without_auth():
        _, page = watch.hook.wait_for("MailSubmissionLoginBackendFailing", "firing")
    assert page["labels"] == watch.labels("MailSubmissionLoginBackendFailing")
    watch.hook.wait_for("MailSubmissionLoginBackendFailing", "resolved")
    assert watch.pages() == {("/mail/page", "MailSubmissionLoginBackendFailing")}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("increase(a[1h]) > 1", "increase(a[36s]) > 1"),
        ("max_over_time(a[1d:5m])", "max_over_time(a[864s:3s])"),
        ("a[1m]", "a[1s]"),
        ('a{b=~"v[01]"} > 3600', 'a{b=~"v[01]"} > 3600'),
    ],
)
def test_durations_are_shortened(expression: str, expected: str) -> None:
    """Ranges and steps become a hundredth of themselves; numbers stay."""
    assert shortened_expression(expression) == expected
