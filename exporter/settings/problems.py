"""What is wrong with a configuration: all of it at once, each fault with its place and its remedy."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

Place = tuple[str | int, ...]
"""The way from the top of a document to a value: keys and list positions."""

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_LONGEST_QUOTE = 80


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault and how to mend it; neither sentence ever holds a secret.

    `file` is empty and `line` None when the value came from elsewhere, such as the command line.
    """

    file: str
    line: int | None
    """From 1."""
    path: str
    """Dotted, list positions from 0: `endpoints[3].auth.password_file`; empty for the whole file."""
    message: str
    remedy: str

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        head = ": ".join(part for part in (where, self.path, self.message) if part)
        return f"{head}; {self.remedy}"


class ConfigError(Exception):
    """A configuration that cannot be used; its text is one line for each problem."""

    def __init__(self, problems: Iterable[Problem], *, watched: Iterable[Path] = ()) -> None:
        self.problems = tuple(problems)
        self.watched_files = tuple(watched)
        """The files whose change may mend it."""
        super().__init__("\n".join(str(problem) for problem in self.problems))


def fault(message: str, remedy: str, *, path: str = "") -> ConfigError:
    """An error about one value, before anybody knows in which file it stands."""
    return ConfigError([Problem(file="", line=None, path=path, message=message, remedy=remedy)])


def relocated(error: ConfigError, *, file: str, line: int | None, path: str) -> Iterator[Problem]:
    """The problems of `error`, now that the place of the value is known."""
    return (replace(problem, file=file, line=line, path=path) for problem in error.problems)


def dotted(place: Place) -> str:
    """`place` as a person writes it: `modules.submission.tls`, `endpoints[0].labels["a b"]`."""
    text = ""
    for step in place:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN_KEY.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f"[{quoted(step)}]"
    return text


def quoted(text: str) -> str:
    """`text` in quotation marks on one line, shortened, without characters that move a cursor."""
    short = text if len(text) <= _LONGEST_QUOTE else text[: _LONGEST_QUOTE - 1] + "…"
    return printable(json.dumps(short, ensure_ascii=False))


def printable(text: str) -> str:
    """`text` with every character that does not print written as an escape."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escape(ord(char)) for char in text)


def _escape(code: int) -> str:
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def listed(words: Iterable[str], last: str = "or") -> str:
    """`a, b or c`."""
    *head, tail = words
    return f"{', '.join(head)} {last} {tail}" if head else tail


def nearest(word: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """The known word that `word` was most likely meant to be; None when none is near.

    `cutoff` is the least likeness, from 0 to 1.
    """
    by_folded = {name.casefold(): name for name in known}
    folded = word[:_LONGEST_QUOTE].casefold()
    close = difflib.get_close_matches(folded, by_folded, n=1, cutoff=cutoff)
    return by_folded[close[0]] if close else None
