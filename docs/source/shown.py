"""The output that pages show under commands of ours which need no server, as the program gives it now."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"(?<=^```console\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)
_PART = re.compile(r"^\$ (?P<line>.*)\n(?P<output>(?:(?!\$ ).*\n)*)", re.MULTILINE)
_OURS = re.compile(r"(?:^|(?<= ))(?:\.venv/bin/)?submission-exporter(?= (?:classify|validate) )")


def pages() -> Iterator[Path]:
    """Yield the pages that may show output."""
    yield from sorted(ROOT.glob("*.md"))
    yield from sorted((ROOT / "docs").rglob("*.md"))


def renewed(text: str) -> str:
    """Return the text of a page with every such output as it is now."""
    return _BLOCK.sub(lambda block: _PART.sub(_part, block[0]), text)


def count(text: str) -> int:
    """Return how many outputs of a page are kept in step."""
    parts = (part for block in _BLOCK.findall(text) for part in _PART.finditer(block))
    return sum(1 for part in parts if _OURS.search(part["line"]))


def _part(part: re.Match[str]) -> str:
    if not _OURS.search(part["line"]):
        return part[0]
    line = _OURS.sub(lambda _: f"{sys.executable} -m exporter", part["line"])
    # Whoever renews it sits at a terminal of another width and language.
    environment = os.environ | {"COLUMNS": "100", "PYTHONUTF8": "1"}
    ran = subprocess.run(  # noqa: S602 - the line is one of this repository's own pages
        line, shell=True, check=False, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=60
    )
    return f"$ {part['line']}\n{(ran.stdout + ran.stderr).strip(chr(10))}\n"
