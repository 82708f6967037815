"""The status page: every endpoint, what is wrong with it, whose problem it is and what to do first."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace
from itertools import islice

from exporter.board import Board, Entry
from exporter.metrics import Runtime
from exporter.metrics.pace import Pace
from exporter.web.controls import controls, heading
from exporter.web.html import Html, join, prose, tag
from exporter.web.layout import DOCTYPE, address_of, ago, footer, head, masthead
from exporter.web.parts import badge, certificate_life, configuration_notice, problem_name
from exporter.web.query import Query, State, state_of
from exporter.web.survey import Sorted, Survey
from exporter.web.words import OWNERS, seconds_words, span_words

TITLE = "Mail submission endpoints"
MOST_ROWS = 100
"""Rows that are shown unasked: nobody reads more, and thousands cost a browser a second at every change."""


class Fleet:
    """Writes the page of all endpoints in pieces, so that a long one delays no probe."""

    def __init__(
        self,
        board: Board,
        runtime: Runtime,
        help_url: str | None = None,
        problems: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        self._problems = problems
        self._board = board
        self._runtime = runtime
        self._help_url = help_url

    async def pieces(self, query: Query) -> AsyncGenerator[bytes]:
        """Yield the page of one view."""
        pace = Pace()
        now = time.time()
        survey = Survey(query)
        for entry in self._board.entries.values():
            survey.add(entry)
            if pace.over:
                await pace.rest()
        if query.group not in survey.labels:
            query = replace(query, group="")
        yield self._top(query, survey).encode()
        if not survey.found:
            yield _nothing_row(query, survey).encode()
        left = survey.found if query.is_long else MOST_ROWS
        # Of a group it is said how many there are; else those that are shown are enough.
        view = survey.in_order() if query.group else islice(survey.in_order(), left)
        groups: dict[str, list[Entry]] = {}
        in_order = Sorted[str]()
        for entry in view:
            group = dict(entry.endpoint.labels).get(query.group, "") if query.group else ""
            if group not in groups:
                groups[group] = []
                in_order.add(group, group)
            groups[group].append(entry)
            if pace.over:
                await pace.rest()
        for group in in_order:
            if not left:
                break
            members = groups[group]
            if query.group:
                yield _group_row(query.group, group, len(members), is_all=len(groups) == 1).encode()
            for entry in members[:left]:
                yield self._row(entry, now).encode()
                if pace.over:
                    await pace.rest()
            left -= len(members[:left])
        if survey.found > MOST_ROWS and not query.is_long:
            yield _rest_row(query, survey.found).encode()
        end = join(Html("</tbody></table></main>"), footer(self._runtime.version, now))
        yield f"{end}</body></html>\n".encode()

    def _top(self, query: Query, survey: Survey) -> Html:
        return join(
            DOCTYPE,
            Html('<html lang="en">'),
            head(TITLE),
            Html("<body>"),
            masthead("./"),
            Html('<main id="content">'),
            tag("h1", TITLE),
            _tally(query, survey),
            configuration_notice(self._runtime, self._problems()),
            controls(query, sorted(survey.labels)),
            tag("p", _count_words(query, survey), id="count", role="status", data_live=True),
            Html('<table class="fleet">'),
            tag("caption", "Endpoints, what is wrong, whose problem it is and what to do first"),
            tag("thead", tag("tr", *heading(query)), id="headings", data_live=True),
            Html('<tbody id="rows" data-rows>'),
        )

    def _row(self, entry: Entry, now: float) -> Html:
        endpoint, state = entry.endpoint, state_of(entry)
        labels = (tag("span", f"{name}={value}", class_="label") for name, value in endpoint.labels)
        return tag(
            "tr",
            tag("td", badge(state), data_title="State"),
            tag(
                "th",
                tag("a", endpoint.name, href=address_of(endpoint.name)),
                tag("span", endpoint.target, class_="minor") if endpoint.target != endpoint.name else None,
                *labels,
                scope="row",
            ),
            tag("td", self._problem(entry, now), data_title="Problem"),
            tag("td", ago(entry.since, now) if entry.since is not None else "-", data_title="Since"),
            tag("td", _duration(entry), data_title="Took"),
            tag("td", certificate_life(entry, now), data_title="Certificate"),
            data_key=endpoint.name,
            data_state=state,
        )

    def _problem(self, entry: Entry, now: float) -> Html:
        if entry.latest is None:
            due = self._runtime.next_run(entry.endpoint.name)
            words = "Not probed yet." if due is None else f"Not probed yet; due in {span_words(due - now)}."
            return tag("span", words, class_="minor")
        if entry.latest.result.success:
            return tag("span", "None.", class_="minor")
        diagnosis = entry.latest.diagnosis
        return join(
            tag("p", tag("strong", problem_name(diagnosis, self._help_url)), " ", diagnosis.summary),
            tag("p", "Whose problem: ", tag("strong", OWNERS[diagnosis.fault_domain]), "."),
            tag("p", "First: ", prose(diagnosis.remedy[0])) if diagnosis.remedy else None,
        )


def _duration(entry: Entry) -> str:
    return seconds_words(entry.latest.result.seconds) if entry.latest is not None else "-"


def _tally(query: Query, survey: Survey) -> Html:
    """Return how many are in which state and whose problems they have, each a link to those."""
    whole = query.unfiltered
    views = [
        *((replace(whole, state=state), survey.states[state], str(state)) for state in State),
        *(
            (replace(whole, owner=owner), survey.owners[owner], f"for {words}")
            for owner, words in OWNERS.items()
            if survey.owners[owner]
        ),
    ]
    return tag(
        "ul",
        *(
            tag(
                "li",
                tag(
                    "a",
                    tag("strong", str(number)),
                    f" {words}",
                    href=view.address(),
                    aria_current="true" if view == query else None,
                ),
                class_=view.state,
            )
            for view, number, words in views
        ),
        id="tally",
        aria_label="How many endpoints are in which state, and whose problems they have",
        data_live=True,
    )


def _count_words(query: Query, survey: Survey) -> str:
    whole = survey.states.total()
    found = f"{whole} shown" if survey.found == whole else f"{survey.found} of {whole} shown"
    return found if query.is_long or survey.found <= MOST_ROWS else f"the first {MOST_ROWS} of {found}"


def _rest_row(query: Query, found: int) -> Html:
    """Return the row below a view of which only the beginning is shown: how to see the rest."""
    way = tag("a", f"show all {found}", href=query.address(is_long=True))
    return _wide_row(join(f"{found - MOST_ROWS} more are not shown: search, filter, or ", way, "."))


def _wide_row(words: Html) -> Html:
    return tag("tr", tag("td", words, colspan="6"), class_="wide", data_key="")


def _nothing_row(query: Query, survey: Survey) -> Html:
    """Return the row of a view that nobody belongs to: why it is empty, and the way out."""
    whole = survey.states.total()
    if whole:
        words = join(
            f"No endpoint fits this view ({query.filter_words}). ",
            tag("a", f"Show all {whole}" if whole > 1 else "Show it", href=query.unfiltered.address()),
            ".",
        )
    else:
        words = join(
            "No endpoint is configured. Put some under ",
            tag("code", "endpoints"),
            " in the configuration file, or let Prometheus name the targets at ",
            tag("code", "/probe"),
            ".",
        )
    return _wide_row(words)


def _group_row(label: str, value: str, members: int, *, is_all: bool) -> Html:
    title = f"{label}={value}" if value else f"without {label}"
    count = f"all {members}" if is_all and members > 1 else str(members)
    return tag(
        "tr",
        tag("th", f"{title} ({count})", colspan="6", scope="colgroup"),
        class_="group",
        data_key=f"group {value}",
    )
