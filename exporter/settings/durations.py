"""Durations as Prometheus writes them: whole numbers with units, the largest unit first.

The grammar is that of Prometheus' configuration documentation, `<duration>`.
"""

from __future__ import annotations

import re

from exporter.settings.problems import fault, quoted

PATTERN = "^(0|(?=[0-9])([0-9]+y)?([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?)$"
"""For the JSON Schema; the look-ahead keeps the empty text out."""

_UNITS = {
    "y": 365 * 86_400_000,
    "w": 7 * 86_400_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1000,
    "ms": 1,
}
"""Milliseconds; a year is 365 days, as in Prometheus."""

_DURATION = re.compile("".join(f"(?:([0-9]{{1,18}}){unit})?" for unit in _UNITS))
_LONGEST_MS = (2**63 - 1) // 1_000_000
"""Prometheus counts nanoseconds in 64 bits, which is 292 years."""

_LOOSE_UNITS = {
    **_UNITS,
    **dict.fromkeys(("year", "years"), _UNITS["y"]),
    **dict.fromkeys(("week", "weeks"), _UNITS["w"]),
    **dict.fromkeys(("day", "days"), _UNITS["d"]),
    **dict.fromkeys(("hr", "hrs", "hour", "hours"), _UNITS["h"]),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), _UNITS["m"]),
    **dict.fromkeys(("", "sec", "secs", "second", "seconds"), _UNITS["s"]),
    **dict.fromkeys(("msec", "msecs", "millis", "milliseconds"), _UNITS["ms"]),
}
_LOOSE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*([a-z]*)[\s,]*")


def parse_duration(text: str) -> float:
    """Seconds of a duration such as `1h30m`, `500ms` or `0`; raises ConfigError with a remedy."""
    if text == "0":
        return 0.0
    match = _DURATION.fullmatch(text)
    if match is None or not text:
        raise fault(f"{quoted(text)} is not a duration", _remedy(text))
    total = sum(int(count or 0) * unit for count, unit in zip(match.groups(), _UNITS.values(), strict=True))
    if total > _LONGEST_MS:
        raise fault(f"{quoted(text)} is longer than 292 years", "write a shorter duration")
    return total / 1000


def format_duration(seconds: float) -> str:
    """The shortest text that `parse_duration` reads back as `seconds`, to the millisecond.

    Days and longer units stand only for whole numbers of them, as in Prometheus: 25 hours are `25h`.
    """
    rest = round(seconds * 1000)
    if rest == 0:
        return "0s"
    text = ""
    for unit, size in _UNITS.items():
        exact_only = unit in "ywd"
        if exact_only and rest % size:
            continue
        count, rest = divmod(rest, size)
        if count:
            text += f"{count}{unit}"
    return text


def _remedy(text: str) -> str:
    """What to write instead, as exactly as the meaning of `text` can be guessed."""
    total = 0.0
    position = 0
    loose = text.strip().lower()
    if loose.isascii() and loose.isdigit() and int(loose[:18]) > 0:
        return f"write {loose[:18]}s"
    while loose and position < len(loose):
        match = _LOOSE.match(loose, position)
        if match is None or match[2] not in _LOOSE_UNITS:
            break
        total += float(match[1]) * _LOOSE_UNITS[match[2]]
        position = match.end()
    if total >= 1 and position == len(loose):
        return f"write {format_duration(total / 1000)}"
    return "write whole numbers with units, such as 30s, 5m or 1h30m"
