"""Structured log lines: a JSON object becomes a text of its members, which is then read like any other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

_DEPTH = 6
_MEMBERS = 200
# about the log line itself, not about the failure
_ABOUT_THE_LINE = frozenset(
    {
        "level",
        "severity",
        "time",
        "timestamp",
        "@timestamp",
        "ts",
        "pid",
        "hostname",
        "v",
        "caller",
        "stack_trace",
    }
)


def object_as_text(line: str) -> str | None:
    """The members of the JSON object that a text is, or ends with, one a line; None when it is none."""
    start = line.find("{")
    if start < 0 or '"' not in line or not line.rstrip().endswith("}"):
        return None
    try:
        found = json.loads(line[start:])
    except (ValueError, RecursionError):
        return None
    return "\n".join([line[:start].strip(), *members_as_lines(found)]).strip()


def members_as_lines(found: object) -> list[str]:
    """Every string and number of an object, however deep, behind its key."""
    return [line for line, _ in zip(_members("", found, 0), range(_MEMBERS), strict=False)]


def _members(key: str, value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, dict) and depth < _DEPTH:
        for name, inner in value.items():
            if str(name).lower() not in _ABOUT_THE_LINE:
                yield from _members(str(name), inner, depth + 1)
    elif isinstance(value, list) and depth < _DEPTH:
        for inner in value:
            yield from _members(key, inner, depth + 1)
    elif isinstance(value, str) and value.strip():
        yield f"{key}: {value}" if key else value
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield f"{key}: {value}"
