"""The frame of every page."""

from __future__ import annotations

import platform
from urllib.parse import urlencode

from exporter.web.html import Html, join, tag
from exporter.web.words import machine_time, moment, span_words

_WAYS = {
    "./": "Endpoints",
    "errors": "Explain an error",
    "metrics": "Metrics",
    "api/v1/endpoints": "JSON",
    "config": "Configuration",
}

DOCTYPE = Html("<!doctype html>\n")


def head(title: str, *, up: str = "", is_live: bool = True) -> Html:
    """Return the head of a document; addresses are relative, so a proxy may serve us below a path.

    `up` leads from the page to our root; one that is not live does not keep itself fresh.
    """
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("link", rel="icon", href=f"{up}static/icon.svg", type="image/svg+xml"),
        tag("link", rel="stylesheet", href=f"{up}static/page.css"),
        tag("script", src=f"{up}static/page.js", defer=True) if is_live else None,
    )


def masthead(here: str = "", *, up: str = "") -> Html:
    """Return the bar on top: what this is, and the ways out of it.  `here` is the address of this page."""
    home = here == "./"
    name = tag("strong", "submission-exporter")
    return tag(
        "header",
        tag("a", "Skip to content", class_="skip", href="#content"),
        name if home else tag("a", name, href=f"{up}./"),
        tag(
            "nav",
            *(
                tag("a", words, href=up + address, aria_current="page" if address == here else None)
                for address, words in _WAYS.items()
            ),
            aria_label="Site",
        ),
    )


def footer(version: str, now: float) -> Html:
    """Return the line at the bottom."""
    return tag(
        "footer",
        tag(
            "p",
            id="stale",
            role="alert",
            hidden=True,
            data_silent="The exporter does not answer; what you see may be old.",
            data_refused="The exporter refuses to answer; what you see may be old.",
            data_gone="This endpoint is not watched any more; what you see is old.",
        ),
        tag(
            "p",
            f"submission-exporter {version} on Python {platform.python_version()}, as of ",
            when(now),
            id="clock",
            data_live=True,
        ),
    )


def when(unix: float) -> Html:
    """Return a point in time."""
    return tag("time", moment(unix), datetime=machine_time(unix))


def ago(unix: float, now: float) -> Html:
    """Return how long ago something was; the exact time shows when pointed at."""
    return tag("time", f"{span_words(now - unix)} ago", datetime=machine_time(unix), title=moment(unix))


def facts(*pairs: tuple[str, str | None]) -> Html:
    """Return a list of names and values; pairs without a value are left out."""
    rows = (join(tag("dt", name), tag("dd", value)) for name, value in pairs if value is not None)
    return tag("dl", *rows)


def address_of(name: str) -> str:
    """Return the relative address of an endpoint's page."""
    return "endpoint?" + urlencode({"name": name})


def section(title: str, *content: Html | None) -> Html:
    """Return a part of the page that the script keeps fresh."""
    return tag("section", tag("h2", title), *content, id=title.casefold().replace(" ", "-"), data_live=True)
