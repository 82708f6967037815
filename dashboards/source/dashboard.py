"""A dashboard: its variables, links and annotations, and where its panels stand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dashboards.source.panel import DATASOURCE, Panel, Query
from dashboards.source.promql import NONE
from dashboards.source.variables import Variable
from dashboards.source.words import Json

TAG = "submission-exporter"
SCHEMA_VERSION = 39
"""The model that Grafana 10.4 writes and every later one reads."""
COLUMNS = 24

REPOSITORY = "https://github.com/submission-exporter/submission-exporter/blob/main"
RUNBOOKS = f"{REPOSITORY}/docs/runbooks"
ERRORS = f"{REPOSITORY}/docs/errors.md"

RELOADS = Query(
    expr=f"{NONE('submission_exporter_config_last_reload_success_timestamp_seconds')} * 1000",
    legend="configuration loaded",
)
"""The time of each reload is the value, in milliseconds."""


@dataclass(frozen=True, slots=True)
class Row:
    """A heading that the panels below it can be folded into."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """One dashboard; `uid` and `file` stay the same for ever, because links point at them."""

    uid: str
    title: str
    description: str
    file: str
    variables: tuple[Variable, ...]
    rows: tuple[Row, ...]
    """The first row has no heading when its title is empty."""
    shown: str = "now-6h"

    @property
    def panels(self) -> tuple[Panel, ...]:
        """Every panel, in the order of reading."""
        return tuple(panel for row in self.rows for panel in row.panels)

    def json(self) -> Json:
        """Return the dashboard as Grafana's provisioning and import read it."""
        return {
            "id": None,
            "uid": self.uid,
            "title": self.title,
            "description": self.description,
            "tags": [TAG, "prometheus", "smtp"],
            "schemaVersion": SCHEMA_VERSION,
            "version": 1,
            "editable": False,
            "graphTooltip": 1,
            "fiscalYearStartMonth": 0,
            "liveNow": False,
            "refresh": "30s",
            "time": {"from": self.shown, "to": "now"},
            "timepicker": {},
            "timezone": "",
            "weekStart": "",
            "links": _links(),
            "annotations": {"list": [_built_in(), _reloads()]},
            "templating": {"list": [variable.json() for variable in self.variables]},
            "panels": list(self._placed()),
        }

    def _placed(self) -> Iterator[Json]:
        """Yield rows and panels, each panel at the first place from the top and from the left where it fits."""
        number = bottom = 0
        for row in self.rows:
            if row.title:
                number += 1
                yield _heading(number, row.title, bottom)
                bottom += 1
            taken = [bottom] * COLUMNS
            for panel in row.panels:
                number += 1
                y, x = min((max(taken[x : x + panel.width]), x) for x in range(COLUMNS - panel.width + 1))
                taken[x : x + panel.width] = [y + panel.height] * panel.width
                yield panel.json(number, x, y)
            bottom = max(taken)


def _heading(number: int, title: str, y: int) -> Json:
    return {
        "id": number,
        "type": "row",
        "title": title,
        "collapsed": False,
        "gridPos": {"x": 0, "y": y, "w": COLUMNS, "h": 1},
        "panels": [],
    }


def _links() -> list[Json]:
    common: Json = {"asDropdown": False, "icon": "external link", "tags": []}
    elsewhere: Json = {**common, "type": "link", "targetBlank": True, "includeVars": False, "keepTime": False}
    return [
        {
            **common,
            "type": "dashboards",
            "title": "Mail submission",
            "tooltip": "The other dashboards, with the same variables and time",
            "asDropdown": True,
            "tags": [TAG],
            "includeVars": True,
            "keepTime": True,
            "targetBlank": False,
            "url": "",
        },
        {
            **elsewhere,
            "title": "Status page",
            "tooltip": "The exporter's own page: every phase, reply and transcript",
            "url": "${exporter_url}",
        },
        {**elsewhere, "title": "Causes", "tooltip": "What each cause means and what to do", "url": ERRORS},
        {**elsewhere, "title": "Runbooks", "tooltip": "One page for each alert", "url": RUNBOOKS},
    ]


def _built_in() -> Json:
    return {
        "builtIn": 1,
        "datasource": {"type": "grafana", "uid": "-- Grafana --"},
        "enable": True,
        "hide": True,
        "iconColor": "rgba(0, 211, 255, 1)",
        "name": "Annotations & Alerts",
        "type": "dashboard",
    }


def _reloads() -> Json:
    return {
        "datasource": DATASOURCE,
        "enable": True,
        "expr": RELOADS.expr,
        "iconColor": "blue",
        "name": "Configuration loaded",
        "step": "60s",
        "tagKeys": "instance",
        "textFormat": "The exporter {{instance}} loaded its configuration",
        "titleFormat": "Configuration loaded",
        "useValueForTime": True,
    }
