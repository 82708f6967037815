"""Every command that is shown can be typed as it stands."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from docs.source.http import PAGES as FOR_BROWSERS
from docs.source.http import openapi
from exporter.cli import _parser
from tests.docs.reading import ROOT, Block, blocks, calls, command_lines

MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = frozenset(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))

_OURS = r"(?:^|(?<= ))(?:\.venv/bin/)?submission-exporter"

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


def _answered() -> list[tuple[Block, str, str]]:
    """Our own commands that need no server, with the output that the page shows under them."""
    found = []
    for block in blocks("console"):
        for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
            line, _, output = part.partition("\n")
            if re.search(rf"{_OURS} (?:classify|validate) ", line):
                found.append((block, line, output))
    return found


@pytest.mark.parametrize(("block", "line", "output"), _answered(), ids=lambda value: str(value)[:40])
def test_output_that_is_shown_is_the_real_one(block: Block, line: str, output: str) -> None:
    """To the letter."""
    program = f"{sys.executable} -m exporter"
    shell = re.sub(_OURS, program, line)
    ran = subprocess.run(
        ["sh", "-c", shell], check=False, capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert (ran.stdout + ran.stderr).rstrip() == output.rstrip(), f"{block}"


def test_some_output_is_shown() -> None:
    """The test above has something to do, JSON among it."""
    shown = [output for _, _, output in _answered()]
    assert len(shown) >= 3
    assert any(_is_json(output) for output in shown)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
