"""The page that explains every error class, at an anchor of its name: what a link of a failure leads to."""

from __future__ import annotations

import time
from functools import cache

from aiohttp import web

from exporter.diagnosis import ClassNotes, class_notes
from exporter.model import ErrorClass
from exporter.web.html import Html, join, tag
from exporter.web.layout import DOCTYPE, facts, footer, head, masthead
from exporter.web.words import OWNERS, class_words

TITLE = "What each error class means"
_PLACES = {"outlook": "In Outlook", "thunderbird": "In Thunderbird", "logs": "In logs"}


class ErrorsPage:
    """Answers `/errors`."""

    def __init__(self, version: str) -> None:
        self._version = version

    async def get(self, _request: web.Request) -> web.Response:
        """Everything that is known about each class, from the file that the diagnosis reads too."""
        body = tag(
            "body",
            masthead("errors"),
            tag("main", _content(), id="content"),
            footer(self._version, time.time()),
        )
        return web.Response(
            text=DOCTYPE + tag("html", head(TITLE), body, lang="en"), content_type="text/html"
        )


@cache
def _content() -> Html:
    notes = class_notes()
    contents = (
        tag("li", tag("a", class_words(error_class), href=f"#{error_class}"), f" ({OWNERS[note.domain]})")
        for error_class, note in notes.items()
    )
    return join(
        tag("h1", TITLE),
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
        tag("p", note.meaning),
        tag("ol", *(tag("li", remedy) for remedy in note.remedy)),
        facts(
            ("Whose problem", OWNERS[note.domain]),
            *((_PLACES.get(where, where), how) for where, how in note.looks),
            ("Outlook shows", ", ".join(note.outlook) or None),
            ("Looks like", join(*alike) if alike else None),
            ("To confirm", tag("pre", "\n".join(note.confirm)) if note.confirm else None),
        ),
        id=error_class,
    )
