"""The status page: every endpoint, what is wrong with it, whose problem it is and what to do first."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Sequence

from exporter.board import Board, Entry
from exporter.metrics import Runtime
from exporter.metrics.pace import Pace
from exporter.web.controls import controls, heading
from exporter.web.html import Html, join, tag
from exporter.web.layout import DOCTYPE, address_of, ago, footer, head, masthead
from exporter.web.parts import badge, certificate_life, configuration_notice, problem_name
from exporter.web.query import Query, State, state_of
from exporter.web.survey import Survey
from exporter.web.words import OWNERS, seconds_words, span_words

TITLE = "Mail submission endpoints"


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
        yield self._top(query, survey).encode()
        for group, members in survey.groups().items():
            if query.group:
                yield _group_row(query.group, group, len(members)).encode()
            for entry in members:
                yield self._row(entry, now).encode()
                if pace.over:
                    await pace.rest()
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
            _tally(survey),
            configuration_notice(self._runtime, self._problems()),
            controls(query, sorted(survey.labels)),
            tag("p", f"{survey.shown} shown", id="count", role="status", data_live=True),
            Html("<table>"),
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
            tag("td", _duration(entry), data_title="Last probe"),
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
            tag("p", "First: ", diagnosis.remedy[0]) if diagnosis.remedy else None,
        )


def _duration(entry: Entry) -> str:
    return seconds_words(entry.latest.result.seconds) if entry.latest is not None else "-"


def _tally(survey: Survey) -> Html:
    """Return how many are in which state and whose problems they have, each a link to those."""
    states = (
        tag("li", _count(survey.states[state], state, Query(state=state)), class_=state) for state in State
    )
    owners = (
        tag("li", _count(survey.owners[owner], f"for {words}", Query(owner=owner)))
        for owner, words in OWNERS.items()
        if survey.owners[owner]
    )
    return tag(
        "ul",
        *states,
        *owners,
        id="tally",
        aria_label="How many endpoints are in which state, and whose problems they have",
        data_live=True,
    )


def _count(number: int, words: str, view: Query) -> Html:
    return tag("a", tag("strong", str(number)), f" {words}", href=view.address())


def _group_row(label: str, value: str, members: int) -> Html:
    title = f"{label}={value} ({members})" if value else f"without {label} ({members})"
    return tag(
        "tr", tag("th", title, colspan="6", scope="colgroup"), class_="group", data_key=f"group {value}"
    )
