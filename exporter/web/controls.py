"""Search, filter and order of the status page: a plain form and plain links, which the script makes live."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from exporter.model import FaultDomain
from exporter.web.html import Html, tag
from exporter.web.query import Column, Query, State
from exporter.web.words import OWNERS

_HEADINGS = {
    Column.STATE: "State",
    Column.NAME: "Endpoint",
    Column.OWNER: "Problem",
    Column.SINCE: "Since",
    Column.DURATION: "Took",
    Column.CERTIFICATE: "Certificate",
}


def controls(query: Query, labels: Sequence[str]) -> Html:
    """Return the form that chooses a view; `labels` are what the fleet can be grouped by."""
    owners = [owner for owner in FaultDomain if owner is not FaultDomain.NONE]
    return tag(
        "form",
        tag("label", "Search ", tag("input", type="search", name="q", value=query.text, autocomplete="off")),
        _choice("State", "state", "any", [(state, state) for state in State], query.state),
        _choice("Owner", "owner", "anyone", [(owner, OWNERS[owner]) for owner in owners], query.owner),
        _choice("Group by", "group", "nothing", [(name, name) for name in labels], query.group)
        if labels
        else None,
        tag("input", type="hidden", name="sort", value=query.sort),
        tag("input", type="hidden", name="rows", value="all") if query.is_long else None,
        tag("button", "Show", type="submit"),
        _way_back(query),
        method="get",
        role="search",
        id="view",
    )


def _way_back(query: Query) -> Html:
    """Return the link to the whole fleet, where something narrows the view."""
    whole = query.unfiltered
    return tag(
        "span",
        tag("a", "Clear the filter", href=whole.address()) if whole != query else None,
        id="clear",
        data_live=True,
    )


def _choice(title: str, name: str, nothing: str, options: list[tuple[str, str]], chosen: str | None) -> Html:
    return tag(
        "label",
        f"{title} ",
        tag(
            "select",
            tag("option", nothing, value=""),
            *(tag("option", words, value=value, selected=value == chosen) for value, words in options),
            name=name,
        ),
    )


def heading(query: Query) -> Iterator[Html]:
    """Yield the column headings; each is a link that orders by it, the present one turns round."""
    for column, title in _HEADINGS.items():
        current = column is query.column
        address = query.address(column=column, descending=current and not query.descending)
        direction = ("descending" if query.descending else "ascending") if current else None
        yield tag("th", tag("a", title, href=address), scope="col", aria_sort=direction)
