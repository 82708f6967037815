"""The commands that a person copies out of a runbook at night exist, with these options and metrics."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from exporter.cli import _parser
from tests.rules.shipped import RUNBOOKS, recordings
from tests.rules.test_expressions import LABELS_OF, OF_PROMETHEUS

PAGES = tuple(sorted(RUNBOOKS.glob("*.md")))
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)

SWAKS = "/usr/bin/swaks"
_BLOCK = re.compile(r"```sh\n(.+?)```", re.DOTALL)
_ALTERNATIVES = re.compile(r"(\w+)\(([\w|]+)\)(\w*)")
"""What grep -E is given: `smtp_probe_(last|next)_run`."""
_END = re.compile(r"[;|&]|>/dev/null|</dev/null|2>")


def commands(page: Path, program: str) -> list[list[str]]:
    """The calls of a program in the code blocks of a page, as words."""
    lines = [line for block in _BLOCK.findall(page.read_text()) for line in block.splitlines()]
    call = re.compile(rf"(?:^\s*|[;|&(] *|\bdo ){program} (?=\S)")
    starts = [line[match.end() :] for line in lines for match in call.finditer(line)]
    return [shlex.split(_outside_quotes(start)) for start in starts]


def _outside_quotes(line: str) -> str:
    """The line up to what the shell takes as the end of the command."""
    quoted = re.sub(r"'[^']*'|\"[^\"]*\"", lambda match: "_" * len(match[0]), line)
    end = _END.search(quoted)
    return line[: end.start()] if end else line


@every_page
def test_our_own_commands_are_accepted(page: Path) -> None:
    """The command line takes every option of ours as it is written."""
    for words in commands(page, "submission-exporter"):
        if words != ["--version"]:
            _parser().parse_args(words)


@pytest.mark.servers
def test_options_of_other_tools_exist() -> None:
    """Swaks and openssl s_client know every option that a runbook gives them."""
    # Its --help is a manual page, which a machine without `man` does not show.
    swaks = subprocess.run(["pod2text", SWAKS], check=True, capture_output=True, text=True, timeout=60)
    openssl = subprocess.run(
        ["openssl", "s_client", "-help"], check=False, capture_output=True, text=True, timeout=60
    )
    used = 0
    for page in PAGES:
        for program, known in (
            ("swaks", swaks.stdout),
            ("openssl s_client", openssl.stdout + openssl.stderr),
        ):
            for words in commands(page, program):
                for option in (word for word in words if word.startswith("-")):
                    assert re.search(rf"(?<!\S){re.escape(option)}\b", known), (
                        f"{page.name}: {program} {option}"
                    )
                    used += 1
    assert used > 50


@every_page
def test_metrics_in_the_text_exist(page: Path) -> None:
    """A runbook names no metric that neither the exporter nor a rule has."""
    text = _ALTERNATIVES.sub(
        lambda found: " ".join(f"{found[1]}{one}{found[3]}" for one in found[2].split("|")), page.read_text()
    )
    named = re.findall(r"\b(?:endpoint:)?(?:smtp_probe|submission_exporter)_[a-z0-9_:]*[a-z0-9]", text)
    known = LABELS_OF.keys() | recordings().keys() | OF_PROMETHEUS
    for name in named:
        assert any(one == name or one.startswith(f"{name}_") for one in known), name
