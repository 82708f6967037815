"""What answers a request that leads nowhere: a line for a program, a page with a way back for a person."""

from __future__ import annotations

from aiohttp import web

from exporter.web.html import Html, tag
from exporter.web.layout import DOCTYPE, head, masthead
from exporter.web.negotiation import accepts_html

_FOR_PEOPLE = frozenset((404, 405, 409))
"""Whom these meet was let in; a page for whoever was not would ask for its style sheet, which needs a login."""


def refusal(
    request: web.Request, status: int, words: str, line: str, way: Html | None = None
) -> web.Response:
    """Return `line` as text, or for a browser a page that says `words` and shows the `way` on."""
    if status not in _FOR_PEOPLE or not accepts_html(request.headers.get("Accept", "")):
        return web.Response(status=status, text=f"{line}\n")
    up = "../" * (request.path.count("/") - 1)
    body = tag(
        "body",
        masthead(up=up),
        tag(
            "main",
            tag("h1", words),
            tag("p", way or tag("a", "All endpoints", href=f"{up}./")),
            id="content",
        ),
    )
    document = tag("html", head(words, up=up, is_live=False), body, lang="en")
    return web.Response(status=status, text=DOCTYPE + document, content_type="text/html")
