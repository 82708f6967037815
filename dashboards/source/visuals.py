"""The six kinds of panel that the dashboards are made of, all of them core panels of Grafana 10 and later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dashboards.source.panel import Override, Panel, Query, thresholds
from dashboards.source.words import GREY, Json, Word, missing

PLAIN = thresholds((None, "text"))


def stat(
    title: str,
    description: str,
    *queries: Query,
    width: int = 4,
    height: int = 4,
    unit: str = "none",
    no_value: str = "no data",
    decimals: int | None = None,
    steps: Json = PLAIN,
    mappings: Iterable[Json] = (),
    links: Iterable[Json] = (),
    field: str = "",
    filled: bool = False,
) -> Panel:
    """Return one number or word; `field` names the label of a table to be shown in place of a number.

    Where nothing to show means that nothing is known, it is grey: without a mapping Grafana paints it in the
    colour of the lowest threshold, which is often that of "all is well".
    """
    unknown = () if any(query.empty_when for query in queries) else (missing(Word(no_value, GREY)),)
    defaults: Json = {
        "color": {"mode": "thresholds"},
        "thresholds": steps,
        "mappings": [*mappings, *unknown],
        "links": list(links),
    }
    if decimals is not None:
        defaults["decimals"] = decimals
    return Panel(
        kind="stat",
        title=title,
        description=description,
        queries=queries,
        width=width,
        height=height,
        unit=unit,
        no_value=no_value,
        defaults=defaults,
        options={
            "colorMode": "background" if filled else "value",
            "graphMode": "none",
            "justifyMode": "auto",
            "orientation": "auto",
            "percentChangeColorMode": "standard",
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": field, "values": False},
            "showPercentChange": False,
            "textMode": "auto",
            "wideLayout": True,
        },
    )


def lines(
    title: str,
    description: str,
    *queries: Query,
    width: int = 12,
    height: int = 8,
    unit: str = "none",
    no_value: str = "no data",
    stacked: bool = False,
    bars: bool = False,
    low: float | None = None,
    high: float | None = None,
    decimals: int | None = None,
    steps: Json = PLAIN,
    threshold_lines: bool = False,
    mappings: Iterable[Json] = (),
    links: Iterable[Json] = (),
    overrides: tuple[Override, ...] = (),
    calcs: tuple[str, ...] = (),
    min_interval: str | None = None,
    legend_on_the_right: bool = False,
) -> Panel:
    """Return curves over time; `calcs` makes the legend a table of these values."""
    defaults: Json = {
        "color": {"mode": "palette-classic"},
        "thresholds": steps,
        "mappings": list(mappings),
        "links": list(links),
        "custom": {
            "drawStyle": "bars" if bars else "line",
            "lineInterpolation": "linear",
            "lineWidth": 0 if bars else 1,
            "fillOpacity": 80 if bars else 30 if stacked else 8,
            "gradientMode": "none",
            "showPoints": "never",
            "pointSize": 5,
            "spanNulls": 300_000,
            "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
            "thresholdsStyle": {"mode": "dashed" if threshold_lines else "off"},
            "axisPlacement": "auto",
            "axisLabel": "",
            "hideFrom": {"legend": False, "tooltip": False, "viz": False},
        },
    }
    for key, value in (("min", low), ("max", high), ("decimals", decimals)):
        if value is not None:
            defaults[key] = value
    return Panel(
        kind="timeseries",
        title=title,
        description=description,
        queries=queries,
        width=width,
        height=height,
        unit=unit,
        no_value=no_value,
        defaults=defaults,
        overrides=overrides,
        min_interval=min_interval,
        options={
            "legend": {
                "displayMode": "table" if calcs else "list",
                "placement": "right" if legend_on_the_right else "bottom",
                "calcs": list(calcs),
                "showLegend": True,
            },
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
    )


def gauges(
    title: str,
    description: str,
    *queries: Query,
    width: int = 6,
    height: int = 8,
    unit: str = "none",
    no_value: str = "no data",
    low: float = 0,
    high: float | None = None,
    decimals: int | None = None,
    steps: Json = PLAIN,
    mappings: Iterable[Json] = (),
    links: Iterable[Json] = (),
    overrides: tuple[Override, ...] = (),
    transformations: tuple[Json, ...] = (),
) -> Panel:
    """Return one horizontal bar for each series, its value written behind it."""
    defaults: Json = {
        "color": {"mode": "thresholds"},
        "thresholds": steps,
        "mappings": list(mappings),
        "links": list(links),
        "min": low,
    }
    if high is not None:
        defaults["max"] = high
    if decimals is not None:
        defaults["decimals"] = decimals
    return Panel(
        kind="bargauge",
        title=title,
        description=description,
        queries=queries,
        width=width,
        height=height,
        unit=unit,
        no_value=no_value,
        defaults=defaults,
        overrides=overrides,
        transformations=transformations,
        options={
            "displayMode": "basic",
            "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": False},
            "maxVizHeight": 34,
            "minVizHeight": 16,
            "minVizWidth": 8,
            "namePlacement": "left",
            "orientation": "horizontal",
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "showUnfilled": True,
            "sizing": "manual",
            "text": {"titleSize": 13, "valueSize": 15},
            "valueMode": "text",
        },
    )


def timeline(
    title: str,
    description: str,
    *queries: Query,
    width: int = 12,
    height: int = 6,
    no_value: str = "no data",
    steps: Json = PLAIN,
    mappings: Iterable[Json] = (),
    links: Iterable[Json] = (),
    overrides: tuple[Override, ...] = (),
) -> Panel:
    """Return one band for each series that says in which state it was when; the words stand in the band."""
    return Panel(
        kind="state-timeline",
        title=title,
        description=description,
        queries=queries,
        width=width,
        height=height,
        no_value=no_value,
        overrides=overrides,
        defaults={
            "color": {"mode": "thresholds"},
            "thresholds": steps,
            "mappings": list(mappings),
            "links": list(links),
            "custom": {"fillOpacity": 80, "lineWidth": 0},
        },
        options={
            "alignValue": "left",
            "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": False},
            "mergeValues": True,
            "rowHeight": 0.85,
            "showValue": "auto",
            "tooltip": {"mode": "single", "sort": "none"},
        },
    )


def table(
    title: str,
    description: str,
    *queries: Query,
    columns: Mapping[str, str],
    hidden: tuple[str, ...] = (),
    width: int = 12,
    height: int = 8,
    no_value: str = "no data",
    sort: tuple[str, bool] | None = None,
    overrides: tuple[Override, ...] = (),
    before: tuple[Json, ...] = ({"id": "merge", "options": {}},),
    points: int | None = None,
) -> Panel:
    """Return a table of labels and values.

    `columns` names the fields to show, in order, and their headings; `hidden` names the rest.  `sort` is
    a heading and whether the largest comes first.  `before` joins the results of the queries.
    """
    organize: Json = {
        "id": "organize",
        "options": {
            "excludeByName": dict.fromkeys(("Time", *hidden), True),
            "indexByName": {field: place for place, field in enumerate(columns)},
            "renameByName": dict(columns),
        },
    }
    return Panel(
        kind="table",
        title=title,
        description=description,
        queries=queries,
        width=width,
        height=height,
        no_value=no_value,
        overrides=overrides,
        points=points,
        transformations=(*before, organize),
        defaults={
            "color": {"mode": "thresholds"},
            "thresholds": PLAIN,
            "mappings": [],
            "custom": {
                "align": "left",
                "cellOptions": {"type": "auto"},
                "filterable": False,
                "inspect": False,
            },
        },
        options={
            "cellHeight": "sm",
            "frameIndex": 0,
            "showHeader": True,
            "sortBy": [] if sort is None else [{"displayName": sort[0], "desc": sort[1]}],
        },
    )
