"""A panel and its queries, as values, and the JSON that Grafana wants of them."""

from __future__ import annotations

from dataclasses import dataclass
from string import ascii_uppercase

from dashboards.source.words import Json

DATASOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One PromQL query of a panel, and when it is right that nothing comes back."""

    expr: str
    legend: str = ""
    """How a series is called; empty for tables, where labels become columns."""
    table: bool = False
    """One row for each series, taken now."""
    now: bool = False
    """One value for each series, taken now."""
    empty_when: str = ""
    """Why a fleet without trouble gives nothing; empty when there must be data."""
    scheduled_only: bool = False
    """It needs what only `/metrics` has: counters that grow, and the schedule."""

    def json(self, number: int) -> Json:
        """Return the target; `number` counts the targets of a panel from 0."""
        now = self.now or self.table
        return {
            "refId": ascii_uppercase[number],
            "datasource": DATASOURCE,
            "editorMode": "code",
            "expr": self.expr,
            "format": "table" if self.table else "time_series",
            "instant": now,
            "range": not now,
            "legendFormat": self.legend or "__auto",
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """Properties of one column or series that differ from the panel's."""

    field: str
    """The name, or a regular expression between slashes."""
    properties: tuple[tuple[str, object], ...]

    def json(self) -> Json:
        """Return the override."""
        pattern = self.field.startswith("/")
        return {
            "matcher": {"id": "byRegexp" if pattern else "byName", "options": self.field},
            "properties": [{"id": name, "value": value} for name, value in self.properties],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel; its place follows from the order of the panels and from their sizes."""

    kind: str
    title: str
    description: str
    queries: tuple[Query, ...]
    width: int
    """Of the 24 columns of a dashboard."""
    height: int
    """In units of 38 pixels; about 23 of them fit on a 1080p screen without scrolling."""
    unit: str = "none"
    no_value: str = "no data"
    options: Json
    defaults: Json
    """Of the field configuration, beside unit and text for no value."""
    overrides: tuple[Override, ...] = ()
    transformations: tuple[Json, ...] = ()
    min_interval: str | None = None
    """The shortest step, where a shorter one would fall between two probes."""
    points: int | None = None
    """At most so many steps, where each costs much."""

    def json(self, number: int, x: int, y: int) -> Json:
        """Return the panel with this id, at this place."""
        found: Json = {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.description,
            "datasource": DATASOURCE,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": self.height},
            "fieldConfig": {
                "defaults": self.defaults | {"unit": self.unit, "noValue": self.no_value},
                "overrides": [override.json() for override in self.overrides],
            },
            "options": self.options,
            "targets": [query.json(index) for index, query in enumerate(self.queries)],
        }
        if self.transformations:
            found["transformations"] = list(self.transformations)
        if self.min_interval is not None:
            found["interval"] = self.min_interval
        if self.points is not None:
            found["maxDataPoints"] = self.points
        return found


def link(title: str, url: str, *, new_tab: bool = False) -> Json:
    """Return a data link; `url` may use the variables of the dashboard and of the value clicked on."""
    return {"title": title, "url": url, "targetBlank": new_tab}


def thresholds(*steps: tuple[float | None, str]) -> Json:
    """Return thresholds from pairs of lower bound and colour; the first bound is None."""
    return {"mode": "absolute", "steps": [{"value": value, "color": color} for value, color in steps]}
