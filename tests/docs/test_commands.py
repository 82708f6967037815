"""Every command that is shown can be typed as it stands."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from docs.source import shown
from docs.source.http import PAGES as FOR_BROWSERS
from docs.source.http import openapi
from exporter.cli import _parser
from tests.docs.reading import ROOT, calls, command_lines

MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = frozenset(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))

_HELP = {
    "prometheus": ["/usr/bin/prometheus", "--help"],
    "prometheus-alertmanager": ["/usr/bin/prometheus-alertmanager", "--help"],
    "promtool": ["/usr/bin/promtool", "--help-long"],
    "amtool": ["/usr/bin/amtool", "--help-long"],
}


def test_our_own_commands_are_accepted() -> None:
    """The command line takes every word of ours as it is written."""
    seen = 0
    for block, words in calls("submission-exporter"):
        if words in (["--version"], ["--help"]):
            continue
        try:
            _parser().parse_args(words)
        except SystemExit:
            pytest.fail(f"{block}: {words}")
        seen += 1
    assert seen > 30


def test_make_has_every_target() -> None:
    """That a page tells to make."""
    seen = 0
    for block, words in calls("make"):
        for word in words:
            if "=" not in word:
                assert word in TARGETS, f"{block}: make {word}"
                seen += 1
    assert seen > 5


@pytest.mark.servers
@pytest.mark.parametrize("program", _HELP)
def test_options_of_prometheus_and_its_tools_exist(program: str) -> None:
    """As Debian's packages have them."""
    shown = subprocess.run(_HELP[program], check=False, capture_output=True, text=True, timeout=60)
    known = shown.stdout + shown.stderr
    for block, words in calls(program):
        for option in (word.partition("=")[0] for word in words if word.startswith("--")):
            assert re.search(rf"(?<!\S){re.escape(option)}\b", known), f"{block}: {program} {option}"


def test_python_modules_exist() -> None:
    """That `python -m` is told to run."""
    for block, words in (*calls("python"), *calls("python3")):
        if words[:1] == ["-m"] and words[1] not in {"venv", "pip"}:
            path = ROOT / words[1].replace(".", "/")
            assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), f"{block}: {words}"


def test_addresses_of_the_exporter_exist() -> None:
    """What is fetched from port 10587 is a path that is served."""
    served = {*openapi()["paths"], *FOR_BROWSERS}
    for block, line in command_lines():
        for path in re.findall(r":10587(/[\w./-]*)", line):
            known = any(re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", one), path) for one in served)
            assert known, f"{block}: {path}"


def test_files_of_the_repository_that_commands_name_exist() -> None:
    """Below the folders that nobody else has."""
    for block, line in command_lines():
        for path in re.findall(
            r"(?<![\w/.-])((?:config|dashboards|docs|exporter|helm|lock|packaging|tests)/[\w./-]*\w)", line
        ):
            assert (ROOT / path).exists(), f"{block}: {path}"


@pytest.mark.parametrize("page", list(shown.pages()), ids=lambda page: str(page.relative_to(ROOT)))
def test_output_that_is_shown_is_the_real_one(page: Path) -> None:
    """To the letter, for commands that need no server; `make docs-files` renews it."""
    text = page.read_text(encoding="utf-8")
    assert shown.renewed(text) == text


def test_some_output_is_shown() -> None:
    """The test above has something to do."""
    assert sum(shown.count(page.read_text(encoding="utf-8")) for page in shown.pages()) >= 3


def test_output_that_is_out_of_step_is_renewed() -> None:
    """And what stands around it stays."""
    before = "```console\n$ ls\nfile\n$ submission-exporter classify --output json '535'\nold\n```\n"
    after = shown.renewed(before)
    assert after.startswith("```console\n$ ls\nfile\n$ submission-exporter classify")
    assert "old" not in after
    assert after.endswith("\n```\n")
