"""What a text says that came without the name of its character set: UTF-8, or what its bytes look like."""

from __future__ import annotations

import re

_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
_FEWEST = 4  # bytes above ASCII; fewer are a word with an accent
# In Latin-1 letters with an accent stand one by one among those without.
_SHORTEST_RUN = 2.0


def decoded(data: bytes) -> str:
    """Return `data` as text: UTF-8, else Cyrillic, Japanese or Chinese if it looks like that, else Latin-1."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    try:
        return data.decode(_encoding_of(data))
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _encoding_of(data: bytes) -> str:
    runs = _HIGH_RUN.findall(data)
    high = b"".join(runs)
    if len(high) < max(_FEWEST, _SHORTEST_RUN * len(runs)):
        return "latin-1"
    # Characters of two bytes come in even runs; words of one-byte letters hardly all do.
    enough = 0.75 if any(len(run) % 2 for run in runs) else 0.95
    if sum(byte >= 0xC0 for byte in high) >= enough * len(high):
        return max(("cp1251", "koi8-r"), key=lambda encoding: _frequent(high, encoding))
    if sum(0x81 <= byte <= 0x9F for byte in high) >= 0.25 * len(high):
        return "shift_jis"
    # Two bytes a character, and the first one of a common character lies in this range.
    pairs = [byte for run in runs for byte in run[::2]]
    common = sum(0xA1 <= byte <= 0xD7 for byte in pairs)
    return "gb18030" if common >= 0.8 * len(pairs) else "latin-1"


def _frequent(letters: bytes, encoding: str) -> int:
    """Return how many of `letters` are of those that make up two thirds of a Russian text."""
    return sum(character in "оеаинтсрвл" for character in letters.decode(encoding, "replace").lower())
