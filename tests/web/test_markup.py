"""HTML that cannot be injected into."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from exporter.web.html import Html, join, printable, prose, tag, text
from tests.web.browsing import Page

anything = st.text(st.characters(codec=None, exclude_categories=()), max_size=80)


@given(foreign=anything)
def test_text_never_becomes_markup(foreign: str) -> None:
    """Whatever stands in a text or an attribute, the page has the elements that were meant, and the text."""
    page = Page.read(tag("div", foreign, tag("b", foreign), title=foreign))
    assert [name for name, _ in page.elements] == ["div", "b"]
    assert page.text == printable(foreign) * 2
    assert page.elements[0][1] == {"title": printable(foreign)}


@given(foreign=anything)
def test_what_does_not_print_is_written_out(foreign: str) -> None:
    """Control characters, overrides and lone surrogates are escapes; newlines and tabs stay."""
    shown = printable(foreign)
    assert all(character.isprintable() or character in "\n\t" for character in shown)
    shown.encode()


def test_elements_and_attributes() -> None:
    """None is left out, True has no value, underscores become hyphens, void elements have no end."""
    assert tag("p", "a", None, tag("br"), class_="x", data_live=True, hidden=False, id=None, colspan=2) == (
        '<p class="x" data-live colspan="2">a<br></p>'
    )
    assert tag("input", name="q", value="\"<&>'") == '<input name="q" value="&quot;&lt;&amp;&gt;&#x27;">'


def test_only_markup_of_ours_is_kept() -> None:
    """Markup put together as plain text is escaped: the safe mistake."""
    assert join(Html("<b>"), "<b>") == "<b>&lt;b&gt;"
    assert tag("p", Html("<b>") + "x") == "<p>&lt;b&gt;x</p>"
    assert text("\x1b[31m<\x00") == r"\x1b[31m&lt;\x00"


@given(foreign=anything)
def test_code_in_prose_never_becomes_markup(foreign: str) -> None:
    """A sentence has no element but `code`, and loses nothing but the backticks around it."""
    page = Page.read(prose(foreign))
    assert {name for name, _ in page.elements} <= {"code"}
    assert page.text.replace("`", "") == printable(foreign).replace("`", "")


def test_backticks_in_prose_are_code() -> None:
    """What stands between backticks is code, escaped like the rest."""
    assert prose("Set `a<b` & `c`.") == "Set <code>a&lt;b</code> &amp; <code>c</code>."
    assert prose("a ` b") == "a ` b"
