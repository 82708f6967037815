"""Phrases: the words that rules look for, and how they are found.

A phrase is a run of words in lower case.  It is found where its first word begins a word of the
text; its last word may go on (`connection` finds `connections`), unless a full stop ends it (`rbl.`).
` + ` joins phrases that must all be there, in any order.  Chinese, Japanese, Korean and Thai do not
separate words, so a phrase in one of them is found anywhere.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise

from exporter.diagnosis import text

# the scripts that do not separate words; a pattern of them takes milliseconds to compile
_UNSEPARATED = (("\u0e00", "\u0e7f"), ("\u3040", "\u30ff"), ("\u3400", "\u9fff"), ("\uac00", "\ud7af"))
_PLAIN = re.compile(r"[a-z0-9]{2,40}(?: [a-z0-9]{1,40}){0,12}")
_BEGINNINGS = (2, 3, 4, 7)
_SECOND = 3


@dataclass(frozen=True, slots=True)
class Phrase:
    """One alternative of a rule's words."""

    written: str
    needles: tuple[str, ...]
    """What must all occur in the squashed text."""
    length: int
    """Letters that a match rests on: of two matches the longer is the more specific."""
    key: str | None
    """What a text with it has among its `word_keys`, for the index; None for one that is found anywhere,
    which only a text beyond ASCII can hold."""

    def found(self, squashed: str) -> bool:
        """The phrase occurs in a text that `text.squash` made."""
        for needle in self.needles:  # noqa: SIM110 - the hot path: all() with a generator takes three times as long
            if needle not in squashed:
                return False
        return True


@dataclass(frozen=True)
class Phrases:
    """A set of alternatives, found by the beginnings of the words that a text holds."""

    members: tuple[Phrase, ...] = ()
    _by_key: dict[str, tuple[Phrase, ...]] = field(init=False, repr=False, compare=False)
    _anywhere: tuple[Phrase, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_key: defaultdict[str, list[Phrase]] = defaultdict(list)
        for member in self.members:
            if member.key is not None:
                by_key[member.key].append(member)
        object.__setattr__(self, "_by_key", {key: tuple(found) for key, found in by_key.items()})
        object.__setattr__(self, "_anywhere", tuple(m for m in self.members if m.key is None))

    def __bool__(self) -> bool:
        return bool(self.members)

    def __iter__(self) -> Iterator[Phrase]:
        return iter(self.members)

    def longest(self, squashed: str, keys: AbstractSet[str]) -> int:
        """The length of the longest member that occurs, 0 when none does.

        `keys` are those of the text: `word_keys(squashed)`.
        """
        best = 0
        for key in self._by_key.keys() & keys:
            for member in self._by_key[key]:
                if member.length > best and member.found(squashed):
                    best = member.length
        if self._anywhere and not squashed.isascii():
            for member in self._anywhere:
                if member.length > best and member.found(squashed):
                    best = member.length
        return best


NO_PHRASES = Phrases()


def phrase(written: str) -> Phrase:
    """Compile one phrase; ValueError when it holds no word, or none long enough to mean something."""
    if _PLAIN.fullmatch(written):
        # nearly all of the thousands: what the rest of this function would make of them, and faster
        words = written.split(" ")
        return Phrase(written, (f" {written}",), len(written), _key([words]))
    needles: list[str] = []
    runs: list[list[str]] = []
    for part in written.split(" + "):
        bare = text.squash(part).strip()
        if not bare:
            raise ValueError(f"{written!r} has a part without a word")
        if not part.isascii() and any(low <= char <= high for char in part for low, high in _UNSEPARATED):
            needles.append(bare)
            continue
        needles.append(f" {bare} " if part.endswith(".") else f" {bare}")
        runs.append(bare.split())
    length = sum(len(needle.strip()) for needle in needles)
    if length < _BEGINNINGS[0]:
        raise ValueError(f"{written!r} is too short to mean anything")
    key = _key(runs)
    if key is None and written.isascii():
        raise ValueError(f"{written!r} is too short to mean anything")
    return Phrase(written, tuple(needles), length, key)


def _key(runs: list[list[str]]) -> str | None:
    """The rarest of the keys that every text with these runs of words must have.

    All words but the last of a run stand there whole, with the next one behind them.
    """
    pairs = [
        f"{first} {second[:_SECOND]}"
        for run in runs
        for at, (first, second) in enumerate(pairwise(run))
        if len(second) >= _SECOND or at + 2 < len(run)
    ]
    if pairs:
        return max(pairs, key=len)
    word = max((word for run in runs for word in run), key=len, default="")
    return next((word[:length] for length in reversed(_BEGINNINGS) if length <= len(word)), None)


def phrases(written: str) -> Phrases:
    """Compile a list with commas between the phrases; ValueError as in `phrase`."""
    return Phrases(tuple(phrase(one.strip()) for one in written.split(",")))


@lru_cache(4)  # a pasted text is asked for its sentences and then for its rules
def word_keys(squashed: str) -> frozenset[str]:
    """The beginnings of the words of a squashed text and its pairs of words, as `Phrase.key` has them."""
    words = squashed.split()
    keys = {f"{first} {second[:_SECOND]}" for first, second in pairwise(words)}
    for word in set(words):
        for length in _BEGINNINGS:
            keys.add(word[:length])
    return frozenset(keys)
