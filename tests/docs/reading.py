"""The documentation as text: its pages, code blocks, commands and headings."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = (
    *sorted(ROOT.glob("*.md")),
    *sorted(DOCS.rglob("*.md")),
    *sorted(
        path for folder in ("config", "helm", "packaging") for path in (ROOT / folder).rglob("README.md")
    ),
)
"""Every page that a user reads."""

_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL
)
_SHELL = frozenset(("sh", "console"))
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block of code."""

    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@cache
def blocks(*languages: str) -> tuple[Block, ...]:
    """Return the code blocks of all pages that are in one of the languages."""
    return tuple(block for page in PAGES for block in _blocks(page) if block.language in languages)


def _blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        body = re.sub(rf"^{found['indent']}", "", found["text"], flags=re.MULTILINE)
        yield Block(page, text.count("\n", 0, found.start()) + 2, found["language"], body)


def prose(page: Path) -> str:
    """Return a page without its code blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """Return what `#anchor` may follow a link to the page, by the rules of GitHub and of MkDocs."""
    found: set[str] = set()
    for heading in _HEADING.findall(prose(page)):
        words = re.sub(r"[`*]|\]\([^)]*\)", "", heading).strip().lower()
        slug = re.sub(r"[^\w\- ]", "", words)
        # GitHub keeps two dashes in a row, Python-Markdown makes them one.
        found |= {slug.replace(" ", "-"), re.sub(r"[-\s]+", "-", slug)}
    return found


@cache
def command_lines() -> tuple[tuple[Block, str], ...]:
    """Return every line that a reader may copy into a shell; continued lines are joined."""
    found = []
    for block in blocks(*_SHELL):
        lines = block.text.replace("\\\n", " ").splitlines()
        if block.language == "console":
            lines = [line[2:] for line in lines if line.startswith(("$ ", "# "))]
        found += [(block, line) for line in _without_documents(lines)]
    return tuple(found)


def _without_documents(lines: list[str]) -> Iterator[str]:
    """Leave out what is fed to a command: `<<'END'` up to END."""
    end = None
    for line in lines:
        if end is not None:
            end = None if line.strip() == end else end
            continue
        found = re.search(r"<<-?'?(\w+)'?", line)
        if found is not None:
            end = found[1]
        yield line


def calls(program: str) -> Iterator[tuple[Block, list[str]]]:
    """Yield the words behind every call of a program, wherever it is said to lie."""
    start = re.compile(rf"(?:^\s*|[;|&(] *|\b(?:do|sudo|exec) )(?:[\w./-]*/)?{re.escape(program)}(?= |$)")
    for block, line in command_lines():
        for found in start.finditer(line):
            yield block, shlex.split(_to_the_end(line[found.end() :]), comments=True)


def _to_the_end(text: str) -> str:
    """Cut where the shell ends the command or begins to redirect it."""
    hidden = re.sub(r"'[^']*'|\"[^\"]*\"", lambda quoted: "_" * len(quoted[0]), text)
    end = re.search(r"[;|&<>]|\d>", hidden)
    return text[: end.start()] if end is not None else text
