"""The page that explains an error line, and every error class at an anchor of its name."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache

from aiohttp import web

from exporter.diagnosis import ClassNotes, class_notes
from exporter.model import Diagnosis, ErrorClass
from exporter.web.forms import field
from exporter.web.html import Html, join, prose, tag
from exporter.web.layout import DOCTYPE, facts, footer, head, masthead
from exporter.web.parts import problem_name, reasons, what_to_do
from exporter.web.words import OWNERS, class_words

TITLE = "What an error means"
LONGEST_LINE = 2000
"""Characters of a pasted error that are read: more takes longer than a probe should wait, and says nothing new."""
Explain = Callable[[str], Diagnosis]
"""Tells what an error line means."""
_PLACES = {"outlook": "In Outlook", "thunderbird": "In Thunderbird", "logs": "In logs"}


class ErrorsPage:
    """Answers `/errors`."""

    def __init__(self, version: str, explain: Explain) -> None:
        self._version = version
        self._explain = explain

    async def get(self, _request: web.Request) -> web.Response:
        """Everything that is known about each class, from the file that the diagnosis reads too."""
        return self._page("", None)

    async def post(self, request: web.Request) -> web.Response:
        """The same, below what one pasted line means.  Not by GET: such lines hold names and addresses."""
        line = (await field(request, "line") or "").strip()[:LONGEST_LINE]
        return self._page(line, self._explain(line) if line else None)

    def _page(self, line: str, diagnosis: Diagnosis | None) -> web.Response:
        body = tag(
            "body",
            masthead("errors"),
            tag(
                "main",
                tag("h1", TITLE),
                _form(line),
                _answer(diagnosis) if diagnosis is not None else None,
                _classes(),
                id="content",
            ),
            footer(self._version, time.time()),
        )
        return web.Response(
            text=DOCTYPE + tag("html", head(TITLE), body, lang="en"), content_type="text/html"
        )


def _form(line: str) -> Html:
    return tag(
        "form",
        tag(
            "label",
            "An error, as the mail program, the server or a log shows it",
            tag("textarea", line, name="line", rows=3, maxlength=LONGEST_LINE, required=True),
        ),
        tag("button", "Explain", type="submit"),
        method="post",
        action="errors",
        id="explain",
    )


def _answer(diagnosis: Diagnosis) -> Html:
    return tag(
        "section",
        tag("p", tag("strong", problem_name(diagnosis, "")), " ", diagnosis.summary),
        what_to_do(diagnosis),
        reasons(diagnosis),
        id="answer",
        aria_label="What it means",
    )


@cache
def _classes() -> Html:
    notes = class_notes()
    contents = (
        tag("li", tag("a", class_words(error_class), href=f"#{error_class}"), f" ({OWNERS[note.domain]})")
        for error_class, note in notes.items()
    )
    return join(
        tag("h2", "All error classes"),
        tag("p", "The owner in brackets is the usual one; a diagnosis may know better."),
        tag("ul", *contents, class_="columns"),
        *(_chapter(error_class, note) for error_class, note in notes.items()),
    )


def _chapter(error_class: ErrorClass, note: ClassNotes) -> Html:
    alike = [join(tag("a", class_words(other), href=f"#{other}"), " ") for other in note.confused_with]
    return tag(
        "section",
        tag("h2", note.title),
        tag("p", tag("code", error_class)),
        tag("p", prose(note.meaning)),
        tag("ol", *(tag("li", prose(remedy)) for remedy in note.remedy)),
        facts(
            ("Whose problem", OWNERS[note.domain]),
            *((_PLACES.get(where, where), prose(how)) for where, how in note.looks),
            ("Outlook shows", ", ".join(note.outlook) or None),
            ("Looks like", join(*alike) if alike else None),
            ("To confirm", tag("pre", "\n".join(note.confirm)) if note.confirm else None),
        ),
        id=error_class,
    )
