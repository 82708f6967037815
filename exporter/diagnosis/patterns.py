"""Regular expressions of rule files: only those whose time has a known, small bound.

Python's matcher tries one way after another.  So the ways of a pattern are counted on its syntax tree:
every repetition and every alternative multiplies or adds, and what can multiply without end (a repetition
of something that is itself of several lengths, a back-reference) is refused.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser as syntax  # type: ignore[attr-defined]
from typing import Any, Final

READ: Final = 2048
"""Characters of the folded text that a pattern is tried on."""
_LONGEST = 300
_MOST_WAYS = 5000  # from one position of the text: at most ten million steps, a tenth of a second
_FEW = 8  # of a fixed repetition: as if it were written out
_ONE_CHARACTER = frozenset({op.LITERAL, op.NOT_LITERAL, op.IN, op.ANY, op.CATEGORY, op.RANGE})
_REPEATS = frozenset({op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT})


class BadPatternError(ValueError):
    """Why a pattern cannot be used, and what to write instead."""

    def __init__(self, what: str, remedy: str) -> None:
        self.what = what
        self.remedy = remedy
        super().__init__(what)


def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern, ready to search; `BadPatternError` when it is none, or could take long."""
    if len(pattern) > _LONGEST:
        raise BadPatternError("is too long", f"use at most {_LONGEST} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ready = re.compile(pattern)
            tree = syntax.parse(pattern)
    except (re.error, OverflowError, RecursionError) as problem:
        said = str(problem) or "too deep"
        raise BadPatternError(
            f"is no regular expression ({said})", "mend it, or look for `words` instead"
        ) from problem
    if _ways(tree) > _MOST_WAYS:
        raise BadPatternError(
            "could take long", "bound what repeats, as in `.{0,60}`, and repeat in fewer places"
        )
    return ready


def _ways(tree: Iterable[tuple[Any, Any]]) -> int:
    """How many ways a matcher can go from one position, at most; past `_MOST_WAYS` only that it is more."""
    ways = 1
    for kind, detail in tree:
        ways = min(ways * _ways_of(kind, detail), _MOST_WAYS + 1)
    return ways


def _ways_of(kind: Any, detail: Any) -> int:
    if kind in _ONE_CHARACTER or kind is op.AT:
        return 1
    if kind is op.SUBPATTERN:
        return _ways(detail[-1])
    if kind is op.ATOMIC_GROUP:
        return _ways(detail)
    if kind in {op.ASSERT, op.ASSERT_NOT}:
        return _ways(detail[1])
    if kind is op.BRANCH:
        return sum(_ways(alternative) for alternative in detail[1])
    if kind in _REPEATS:
        least, most, body = detail
        if most <= 1:
            return 1 + _ways(body)
        width = _width(body)
        if width is None:
            raise BadPatternError(
                "repeats something that is of several lengths itself",
                "repeat single characters alone, as in `[a-z ]{0,60}`, and bound the repetition",
            )
        return 1 if least == most <= _FEW else int(min(most, READ)) * width + 1
    raise BadPatternError("refers back to what it found", "write out what may stand there")


def _width(body: Iterable[tuple[Any, Any]]) -> int | None:
    """The number of characters of a body that can match in one way only."""
    width = 0
    for kind, detail in body:
        if kind in _ONE_CHARACTER:
            width += 1
        elif kind is op.SUBPATTERN and (inner := _width(detail[-1])) is not None:
            width += inner
        else:
            return None
    return width or None
