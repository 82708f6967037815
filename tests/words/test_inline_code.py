"""Inline code in our own sentences."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.inline_code import pieces, quoted


@pytest.mark.parametrize(
    ("sentence", "text"),
    [
        ("Wait.", "Wait."),
        ("Set `a.b` or `c`.", "Set “a.b” or “c”."),
        ("`a``b`", "“a”“b”"),
        ("a ` b", "a ` b"),
        ("``", "``"),
        ("`a` and `b", "“a” and `b"),
    ],
)
def test_code_is_quoted_in_plain_text(sentence: str, text: str) -> None:
    """What stands between two backticks is code; a backtick alone is a backtick."""
    assert quoted(sentence) == text


@given(st.text("ab` \n"))
def test_nothing_is_lost(sentence: str) -> None:
    """The parts, put together as Markdown would write them, are the sentence."""
    assert "".join(f"`{piece}`" if is_code else piece for is_code, piece in pieces(sentence)) == sentence
