"""`classify`: explain a pasted error message: class, owner and fix."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

from exporter import startup
from exporter.diagnosis import classify_lines, diagnose, load_rules, parse
from exporter.model import Phase
from exporter.terminal import Style, diagnosis_text


def run(words: list[str], *, phase: str | None, output: str) -> int:
    """Explain `words`, or standard input when there are none; always 0 when the input could be read."""
    known = None
    if phase is not None:
        try:
            known = Phase(phase)
        except ValueError:
            print(f"classify: {phase!r} is no phase; it is one of {', '.join(Phase)}", file=sys.stderr)
            return 2
    if output == "json":
        load_rules()
        startup.over()
        for answer in classify_lines(_piped() if words in ([], ["-"]) else [" ".join(words)], phase=known):
            print(json.dumps(answer, ensure_ascii=False))
        return 0
    if words in ([], ["-"]):
        if sys.stdin.isatty():
            print("Paste the error message, then press Ctrl-D:", file=sys.stderr)
        text = sys.stdin.buffer.read().decode("utf-8", "replace")
    else:
        text = " ".join(words)
    if not text.strip():
        print("classify: nothing to explain; paste a message", file=sys.stderr)
        return 2
    print(diagnosis_text(diagnose(parse(text, phase=known)), Style(sys.stdout)))
    return 0


def _piped() -> Iterator[str]:
    """Yield the lines of standard input, whatever their bytes: one line in, one answer out."""
    for line in sys.stdin.buffer:
        yield line.decode("utf-8", "replace")
