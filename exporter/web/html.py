"""HTML that cannot be injected into: every text is escaped, except what was built here."""

from __future__ import annotations

import html

from exporter.inline_code import pieces

_VOID = frozenset(("br", "col", "hr", "img", "input", "link", "meta"))


class Html(str):
    """Markup that is safe to send: made by `tag`, never from foreign text."""

    __slots__ = ()


def tag(element: str, /, *children: str | None, **attributes: str | float | bool | None) -> Html:
    """Return an element.  Children that are not `Html` are escaped; None is left out.

    Attribute names are written with underscores (`data_state`, `class_`); None and False leave the
    attribute out, True gives it without a value.
    """
    written = "".join(
        _attribute(key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items()
    )
    if element in _VOID:
        return Html(f"<{element}{written}>")
    return Html(f"<{element}{written}>{join(*children)}</{element}>")


def join(*children: str | None) -> Html:
    """Return the children one after the other, escaped where they are not `Html`."""
    return Html(
        "".join(child if isinstance(child, Html) else text(child) for child in children if child is not None)
    )


def text(foreign: str) -> Html:
    """Return foreign text as it may stand in a page or an attribute.

    What does not print (NUL, escape sequences, bidirectional overrides) is written as a backslash
    escape; newlines and tabs stay.
    """
    return Html(html.escape(printable(foreign)))


def prose(sentence: str) -> Html:
    """Return a sentence of ours: what it has between backticks is code, all of it is escaped."""
    return join(*(tag("code", piece) if is_code else piece for is_code, piece in pieces(sentence)))


def printable(foreign: str) -> str:
    """Return `foreign` with everything that does not print, but newline and tab, as backslash escapes."""
    if foreign.isprintable():
        return foreign
    return "".join(
        character
        if character.isprintable() or character in "\n\t"
        else character.encode("unicode_escape").decode("ascii")
        for character in foreign
    )


def _attribute(name: str, value: str | float | bool | None) -> str:
    if value is None or value is False:
        return ""
    if value is True:
        return f" {name}"
    return f' {name}="{text(str(value))}"'
