"""Whatever fails, and whosever it is: somebody is told, and only what is worth it calls anybody out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from itertools import product
from pathlib import Path

import pytest

from exporter.diagnosis.classes import class_notes
from exporter.model import ErrorClass, FaultDomain
from tests.rules.promtool import promtool
from tests.rules.shipped import RULE_FILES

pytestmark = pytest.mark.servers

THROTTLED = frozenset(
    (
        ErrorClass.RATE_LIMITED,
        ErrorClass.AUTH_RATE_LIMITED,
        ErrorClass.CONNECTION_LIMIT,
        ErrorClass.QUOTA_EXCEEDED,
    )
)
ONLY_US = frozenset(
    (
        ErrorClass.CLIENT_BLOCKED,
        ErrorClass.GREYLISTED,
        ErrorClass.MESSAGE_REJECTED,
        ErrorClass.MAILBOX_FULL,
        ErrorClass.OAUTH_TOKEN_UNAVAILABLE,
    )
)
PROVEN = frozenset(
    (
        ErrorClass.PORT_BLOCKED,
        ErrorClass.STARTTLS_STRIPPED,
        ErrorClass.STARTTLS_INJECTION,
        ErrorClass.TLS_INTERCEPTED,
        ErrorClass.CERT_EXPIRED,
        ErrorClass.CERT_NOT_YET_VALID,
        ErrorClass.CERT_HOSTNAME_MISMATCH,
        ErrorClass.CERT_UNTRUSTED,
    )
)
"""These are what they are, whatever the endpoint did before."""

Failure = tuple[ErrorClass, FaultDomain]

FAILURES: tuple[Failure, ...] = tuple(
    product(
        (one for one in ErrorClass if one is not ErrorClass.NONE),
        (domain for domain in FaultDomain if domain is not FaultDomain.NONE),
    )
)


def calls_out(failure: Failure, *, worked: bool) -> bool:
    """Whether somebody is to be woken up for a failure that lasts."""
    error_class, domain = failure
    if error_class is ErrorClass.EXPORTER_OFFLINE:
        return True
    if error_class in THROTTLED | ONLY_US | {ErrorClass.EXPORTER_ERROR} or domain is FaultDomain.LOCAL:
        return False
    if error_class in PROVEN or domain in {FaultDomain.SERVER, FaultDomain.NETWORK}:
        return True
    # Settings with which an endpoint worked an hour ago are not what is wrong with it.
    return domain is FaultDomain.SETTINGS and worked


def instance(failure: Failure) -> str:
    """An instance of its own for each, as /probe targets have."""
    return "/".join(failure)


def check(
    folder: Path,
    failures: Iterable[Failure],
    series: Callable[[Failure], dict[str, str]],
    queries: Iterable[tuple[str, set[str]]],
    *,
    interval: str,
) -> None:
    """Let all fail at once and compare, for each query after 45 minutes, the instances in its answer."""
    tests = {
        "rule_files": [str(file) for file in RULE_FILES],
        "evaluation_interval": interval,
        "tests": [
            {
                "interval": interval,
                "input_series": [
                    {"series": name, "values": values}
                    for failure in failures
                    for name, values in series(failure).items()
                ],
                "promql_expr_test": [
                    {
                        "expr": f"group by (instance) ({query})",
                        "eval_time": "45m",
                        "exp_samples": [
                            {"labels": f"{{instance={json.dumps(name)}}}", "value": 1}
                            for name in sorted(names)
                        ],
                    }
                    for query, names in queries
                ],
            }
        ],
    }
    file = folder / "every-failure.yml"
    file.write_text(json.dumps(tests))  # JSON is YAML
    promtool("test", "rules", file)


@pytest.mark.parametrize("worked", [True, False], ids=["worked before", "never worked"])
def test_every_failure_that_lasts_finds_its_owner(worked: bool, tmp_path: Path) -> None:
    """For each class and domain an alert fires; a page for what deserves one, and exactly one."""

    def series(failure: Failure) -> dict[str, str]:
        labels = f'job="j", instance="{instance(failure)}", smtp_endpoint="e"'
        of_failure = f'phase="ehlo", error_class="{failure[0]}", fault_domain="{failure[1]}"'
        return {
            f'smtp_probe_endpoint_info{{{labels}, host="h", port="587", tls="starttls", module="", until="auth"}}': "1x9",
            f"smtp_probe_success{{{labels}}}": "1x1 0x7" if worked else "0x9",
            f"smtp_probe_failure{{{labels}, {of_failure}}}": "_x2 1x7" if worked else "1x9",
            f'up{{job="j", instance="{instance(failure)}"}}': "1x46",
        }

    firing = 'ALERTS{alertstate="firing"}'
    pages = 'ALERTS{alertstate="firing", severity="critical", instance!=""}'
    # Beside the cause: that no rule knows it, and that its budget is burning.
    beside = "MailSubmissionUnclassified|MailSubmissionErrorBudgetBurnSlow"
    tickets = f'ALERTS{{alertstate="firing", severity="warning", instance!="", alertname!~"{beside}"}}'
    paged = {instance(failure) for failure in FAILURES if calls_out(failure, worked=worked)}
    check(
        tmp_path,
        FAILURES,
        series,
        [
            (f"smtp_probe_success unless on (instance) {firing}", set()),
            (pages, paged),
            (f"count by (instance) ({pages}) > 1", set()),
            (f"count by (instance) ({tickets}) > 1", set()),
        ],
        interval="5m",
    )


def test_one_failed_probe_disturbs_nobody(tmp_path: Path) -> None:
    """A single failure of whatever class leads to no page and no ticket, bugs of the exporter excepted."""

    def series(failure: Failure) -> dict[str, str]:
        labels = f'job="j", instance="{instance(failure)}", smtp_endpoint="e"'
        of_failure = f'phase="ehlo", error_class="{failure[0]}", fault_domain="{failure[1]}"'
        return {
            f"smtp_probe_success{{{labels}}}": "1x25 0 1x19",
            f"smtp_probe_failure{{{labels}, {of_failure}}}": "_x26 1 0x19",
            f'up{{job="j", instance="{instance(failure)}"}}': "1x46",
        }

    failures = [(error_class, notes.domain) for error_class, notes in class_notes().items()]
    bugs = {instance(failure) for failure in failures if failure[0] is ErrorClass.EXPORTER_ERROR}
    check(tmp_path, failures, series, [('ALERTS{alertstate="firing", instance!=""}', bugs)], interval="1m")
