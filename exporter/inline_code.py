"""Inline code in our own sentences: written between backticks, as Markdown has it, and told apart here."""

from __future__ import annotations

import re
from collections.abc import Iterator

_CODE = re.compile(r"`([^`]+)`")


def pieces(sentence: str) -> Iterator[tuple[bool, str]]:
    """Yield the parts of a sentence in order, each with whether it is code; a lone backtick is text."""
    end = 0
    for found in _CODE.finditer(sentence):
        yield False, sentence[end : found.start()]
        yield True, found[1]
        end = found.end()
    yield False, sentence[end:]


def quoted(sentence: str) -> str:
    """Return the sentence for plain text: what is code stands in quotation marks."""
    return "".join(f"“{piece}”" if is_code else piece for is_code, piece in pieces(sentence))
