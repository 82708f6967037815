"""What several dashboards show alike: links to follow, colours of values, columns of tables."""

from __future__ import annotations

from dashboards.source.dashboard import ERRORS, RUNBOOKS
from dashboards.source.panel import Override, link, thresholds
from dashboards.source.words import (
    CAUSES,
    DOMAINS,
    ENDED,
    GREEN,
    GREY,
    ORANGE,
    OVERSPENT,
    RED,
    STATE,
    YELLOW,
    Json,
    Word,
    missing,
)

_VARIABLES = "${__url_time_range}&var-datasource=${datasource}&var-exporter_url=${exporter_url:percentencode}"


def to_endpoint(value: str) -> Json:
    """Return the link to an endpoint's dashboard; `value` is where its labels are found."""
    chosen = "".join(
        f"&var-{variable}=${{{value}.{label}:percentencode}}"
        for variable, label in (("job", "job"), ("instance", "instance"), ("endpoint", "smtp_endpoint"))
    )
    return link("Look at this endpoint", f"/d/submission-endpoint?{_VARIABLES}{chosen}")


def to_status_page(value: str) -> Json:
    """Return the link to what the exporter itself tells about an endpoint."""
    name = f"${{{value}.smtp_endpoint:percentencode}}"
    return link("Open it on the exporter's page", f"${{exporter_url}}/endpoint?name={name}", new_tab=True)


def to_cause(value: str) -> Json:
    """Return the link to what an error class means and what to do about it."""
    return link("What this means and what to do", f"{ERRORS}#${{{value}.error_class}}", new_tab=True)


def to_runbook(alert: str) -> Json:
    """Return the link to what to do when this alert goes off."""
    return link("What to do", f"{RUNBOOKS}/{alert}.md", new_tab=True)


ROW = "__data.fields"
SERIES = "__field.labels"
"""Where a data link finds the labels: in the other columns of a table, or at the series."""

GOOD_ABOVE = thresholds((None, RED), (0.99, ORANGE), (0.995, GREEN))
"""Colours of an availability."""
BUDGET = thresholds((None, RED), (0, ORANGE), (0.25, YELLOW), (0.5, GREEN))
LIFE = thresholds((None, RED), (0.1, ORANGE), (0.25, GREEN))
"""A certificate is renewed when a third of its life is left; below a quarter nobody did."""
DAYS = thresholds((None, RED), (3, ORANGE), (14, GREEN))
BURN = thresholds((None, GREEN), (1, YELLOW), (6, ORANGE), (14.4, RED))
"""1 spends the budget in its own window; 6 and 14.4 are the rates of the usual slow and fast alerts."""
NONE_IS_GOOD = thresholds((None, GREEN), (1, RED))
SLOW = thresholds((None, GREEN), (1, YELLOW), (5, RED))
"""Seconds of a whole probe."""

COLORED_CELL: tuple[str, object] = ("custom.cellOptions", {"type": "color-background", "mode": "basic"})
FILTERABLE: tuple[str, object] = ("custom.filterable", True)
COLORED_TEXT: tuple[str, object] = ("custom.cellOptions", {"type": "color-text"})


def width(pixels: int) -> tuple[str, object]:
    """Return the width of a column."""
    return ("custom.width", pixels)


def endpoint_column(pixels: int = 210) -> Override:
    """Return the column of names, from which two links lead on."""
    return Override(
        field="Endpoint",
        properties=(("links", [to_endpoint(ROW), to_status_page(ROW)]), FILTERABLE, width(pixels)),
    )


STATE_COLUMN = Override(
    field="State",
    properties=(("mappings", [STATE, missing(Word("no data", GREY))]), COLORED_CELL, width(85)),
)
CAUSE_COLUMN = Override(
    field="Cause", properties=(("mappings", [CAUSES]), ("links", [to_cause(ROW)]), FILTERABLE, width(410))
)
OWNER_COLUMN = Override(
    field="Who is to act", properties=(("mappings", [DOMAINS]), COLORED_TEXT, FILTERABLE, width(160))
)
SINCE_COLUMN = Override(
    field="Since",
    properties=(("unit", "dateTimeFromNow"), ("noValue", "before the time shown"), width(180)),
)
AVAILABILITY_COLUMN = Override(
    field="Succeeded",
    properties=(
        ("unit", "percentunit"),
        ("decimals", 2),
        ("thresholds", GOOD_ABOVE),
        COLORED_TEXT,
        width(100),
    ),
)
BUDGET_COLUMN = Override(
    field="Budget left",
    properties=(
        ("unit", "percentunit"),
        ("decimals", 0),
        ("thresholds", BUDGET),
        ("mappings", [OVERSPENT]),
        COLORED_TEXT,
        width(100),
    ),
)
DURATION_COLUMN = Override(
    field="Last probe",
    properties=(("unit", "s"), ("thresholds", SLOW), COLORED_TEXT, width(95)),
)
DAYS_COLUMN = Override(
    field="Days left",
    properties=(
        ("decimals", 0),
        ("thresholds", DAYS),
        ("mappings", [ENDED, missing(Word("none seen", GREY))]),
        COLORED_TEXT,
        width(95),
    ),
)
