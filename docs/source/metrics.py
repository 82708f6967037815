"""The reference of the metrics, from the tables of families and what a healthy endpoint really exposes."""

from __future__ import annotations

import re

from benchmarks.document import DOCUMENT, between
from docs.source.markdown import code, document, table
from exporter.board import Board
from exporter.metrics.families import ENDPOINT_FAMILIES, ENDPOINT_LABEL, EXPORTER_FAMILIES, Family
from exporter.model import ErrorClass, FaultDomain, Phase

_INTRODUCTION = f"""\
Every series of an endpoint carries `{ENDPOINT_LABEL}`, the name of the endpoint, and the labels that the
configuration gives it. Further labels are closed sets: a banner, a reply text, an address or a queue id never becomes one.

A series that has no meaning now is **absent**: certificates and TLS when the last probe made no handshake, capabilities
when it read no EHLO reply, everything but `smtp_probe_endpoint_info` and `smtp_probe_next_run_timestamp_seconds` before
the first probe. NaN stands only where the table says so, for something that was planned and not reached. A rule that
aggregates such a series has to drop NaN first, as in `avg(smtp_probe_auth_success >= 0)`.

Both the text format and OpenMetrics are served, with gzip or without. There are no `_created` series."""

_BUDGET = """\
The column *series* counts those of one healthy endpoint with default settings (STARTTLS, login, a server that offers
PLAIN and LOGIN); a histogram counts each of its buckets. An endpoint that has failed in eight different ways has at most
95. Each login mechanism more that a server offers, of those that we know, is one series before TLS and one after it: with up
to four both limits hold. Configured labels add none. `global.phase_latency: true` adds ten for each phase."""

_SLO = """\
The service level is the share of attempts that succeeded. Both counters begin at 0 with the endpoint; a series of
`smtp_probe_failures_total` begins at 1 with the first failure of its kind, so that `increase()` misses that one.

```promql
sum by (smtp_endpoint) (increase(smtp_probe_successes_total[30d]))
  / sum by (smtp_endpoint) (increase(smtp_probe_attempts_total[30d]))
```

What is wrong now, and whose problem it is:

```promql
smtp_probe_failure == 1
```

Days until the first certificate of a chain ends:

```promql
(smtp_probe_certificate_not_after_timestamp_seconds{certificate="earliest"} - time()) / 86400
```"""

_PROBE = """\
`/probe` answers with the families of one endpoint, fresh for each request, `smtp_endpoint` being the target. What needs
a schedule is absent: `smtp_probe_interval_seconds` and `smtp_probe_next_run_timestamp_seconds`. Beside them stand the
names of blackbox_exporter, so that its dashboards, rules and the `Probe` resource of the Prometheus Operator go on
working."""

_BLACKBOX = (
    ("probe_success", "As `smtp_probe_success`."),
    ("probe_duration_seconds", "As `smtp_probe_duration_seconds`."),
    ("probe_timeout_seconds", "The deadline that the probe had."),
    ("probe_dns_lookup_time_seconds", "Seconds of the name look-up."),
    ("probe_ip_protocol", "4 or 6; 0 without a connection."),
    (
        "probe_ssl_earliest_cert_expiry",
        "End of the first certificate of the chain to end, also when it does not verify.",
    ),
    (
        "probe_ssl_last_chain_expiry_timestamp_seconds",
        "The same for a chain that verified; absent for others.",
    ),
    ("probe_tls_version_info", "The value is always 1; label `version`."),
)
BLACKBOX_NAMES = tuple(name for name, _ in _BLACKBOX)
"""The names that `/probe` adds."""

_RULES = """\
The rules in [config/prometheus/rules](../../config/prometheus/rules) record further series, named `level:metric:operation`;
[the alerts](../runbooks/README.md) read them."""


def page() -> str:
    """The whole page."""
    return document(
        "# Metrics",
        _INTRODUCTION,
        "## Of each endpoint",
        _BUDGET,
        _families(ENDPOINT_FAMILIES, counted_series()),
        "## Of the exporter",
        "Without `smtp_endpoint`.",
        _families(EXPORTER_FAMILIES, None),
        "## Values of the labels",
        _values(),
        "## Queries to begin with",
        _SLO,
        "## What /probe adds",
        _PROBE,
        table(("metric", "meaning"), ((code(name), meaning) for name, meaning in _BLACKBOX)),
        "## Recorded series",
        _RULES,
    )


def counted_series() -> dict[str, str]:
    """Return how many series of each family a healthy endpoint has, as docs/performance.md counted them."""
    rows = re.findall(
        r"^\| (?:`|\*\*)(\w+)(?:`|\*\*) \| (?:\*\*)?(\d+)",
        between(DOCUMENT.read_text(), "series"),
        re.MULTILINE,
    )
    return dict(rows)


def _families(families: tuple[Family, ...], series: dict[str, str] | None) -> str:
    rows = []
    for family in families:
        labels = ", ".join(map(code, family.labels)) or "-"
        row = [code(family.exposed_name), str(family.kind), labels, family.help]
        if series is not None:
            row.insert(3, series.get(family.exposed_name, "-"))
        rows.append(row)
    if series is not None:
        rows.append(["**all**", "", "", f"**{series['all']}**", "The budget is 70."])
    head = ("metric", "type", "labels", *(("series",) if series is not None else ()), "meaning")
    return table(head, rows)


def _values() -> str:
    classes = ", ".join(
        f"[`{name}`](../errors.md#{name})" for name in ErrorClass if name is not ErrorClass.NONE
    )
    rows = (
        (
            "phase",
            ", ".join(map(code, Phase))
            + "; of `smtp_probe_outcomes_total`: `connect` (DNS included), `tls`, `auth`",
        ),
        ("fault_domain", ", ".join(map(code, FaultDomain))),
        ("error_class", f"`none`, {classes}"),
        ("certificate", "`leaf`, the server's own; `earliest`, the one of its chain that ends first"),
        (
            "tls",
            "of offers: `before` and `after` encryption; of `smtp_probe_endpoint_info`: `starttls`, `implicit`, `none`",
        ),
        ("scope", "`auth`: logins are held back; `endpoint`: whole probes are"),
        ("reason", ", ".join(map(code, Board(history=1).skipped))),
    )
    return table(("label", "values"), ((code(label), values) for label, values in rows))
