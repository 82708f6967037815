"""The variables at the top of a dashboard."""

from __future__ import annotations

from dataclasses import dataclass, field

from dashboards.source.words import Json


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable; `body` is what its kind needs beside name, label and kind."""

    name: str
    label: str
    kind: str
    description: str
    body: Json = field(default_factory=dict)

    @property
    def query(self) -> str:
        """The `label_values(…)` of a query variable; empty for the other kinds."""
        query = self.body.get("query")
        return str(query["query"]) if isinstance(query, dict) else ""

    def json(self) -> Json:
        """Return the variable."""
        return {
            "name": self.name,
            "label": self.label,
            "type": self.kind,
            "description": self.description,
            "hide": 0,
            "skipUrlSync": False,
            **self.body,
        }


DATASOURCE = Variable(
    "datasource",
    "Data source",
    "datasource",
    "The Prometheus that scrapes the exporter.",
    {
        "query": "prometheus",
        "refresh": 1,
        "regex": "",
        "multi": False,
        "includeAll": False,
        "current": {"selected": False, "text": "default", "value": "default"},
        "options": [],
    },
)


def _query(name: str, label: str, description: str, query: str, *, many: bool = True) -> Variable:
    everything: Json = {"selected": True, "text": ["All"], "value": ["$__all"]}
    body: Json = {
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "query": {"query": query, "refId": "variable"},
        "refresh": 2,
        "regex": "",
        "sort": 1,
        "multi": many,
        "includeAll": many,
        "options": [],
    }
    if many:
        body |= {"allValue": ".+", "current": everything}
    return Variable(name, label, "query", description, body)


def job(metric: str) -> Variable:
    """Return the choice of scrape jobs that have this metric."""
    return _query("job", "Job", "The scrape job of the exporter.", f"label_values({metric}, job)")


def instance(metric: str) -> Variable:
    """Return the choice of instances that have this metric."""
    query = f'label_values({metric}{{job=~"$job"}}, instance)'
    return _query("instance", "Instance", "The exporter; behind /probe, what it probed.", query)


def endpoint(*, many: bool) -> Variable:
    """Return the choice of endpoints: several, or exactly one."""
    query = 'label_values(smtp_probe_endpoint_info{job=~"$job", instance=~"$instance"}, smtp_endpoint)'
    return _query("endpoint", "Endpoint", "The probed endpoint, by its name.", query, many=many)


OBJECTIVE = Variable(
    "objective",
    "Objective",
    "custom",
    "The share of probes that has to succeed; the rest is the error budget.",
    {
        "query": "99 % : 0.99, 99.5 % : 0.995, 99.9 % : 0.999, 99.95 % : 0.9995",
        "multi": False,
        "includeAll": False,
        "current": {"selected": True, "text": "99.5 %", "value": "0.995"},
        "options": [
            {"selected": value == "0.995", "text": text, "value": value}
            for text, value in (
                ("99 %", "0.99"),
                ("99.5 %", "0.995"),
                ("99.9 %", "0.999"),
                ("99.95 %", "0.9995"),
            )
        ],
    },
)

EXPORTER_URL = Variable(
    "exporter_url",
    "Exporter URL",
    "textbox",
    "Where the exporter's own page is, without a slash at the end; the links to it use this.",
    {
        "query": "http://localhost:10587",
        "current": {"selected": True, "text": "http://localhost:10587", "value": "http://localhost:10587"},
        "options": [{"selected": True, "text": "http://localhost:10587", "value": "http://localhost:10587"}],
    },
)

FILTERS = Variable(
    "filters",
    "Filter",
    "adhoc",
    "Any label of yours, such as team or site.",
    {"datasource": {"type": "prometheus", "uid": "${datasource}"}},
)

ENDPOINT_METRIC = "smtp_probe_endpoint_info"
EXPORTER_METRIC = "submission_exporter_build_info"

OF_A_FLEET = (
    DATASOURCE,
    job(ENDPOINT_METRIC),
    instance(ENDPOINT_METRIC),
    endpoint(many=True),
    OBJECTIVE,
    EXPORTER_URL,
    FILTERS,
)
"""The variables of every dashboard that shows several endpoints."""
