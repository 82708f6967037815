"""A module that /probe can never use is a fault of the configuration, not of each request."""

from __future__ import annotations

from pathlib import Path

import pytest

from exporter.settings import ConfigError, load


def _problems(folder: Path, text: str) -> list[str]:
    file = folder / "my.yml"
    file.write_text(text)
    try:
        load(file)
    except ConfigError as error:
        return [str(problem).removeprefix(str(folder)) for problem in error.problems]
    return []


@pytest.mark.parametrize("until", ["mail", "rcpt", "data"])
@pytest.mark.parametrize("allowed", ["", "    allowed_targets: ['*.example.com:587']\n"])
def test_a_module_that_sends_needs_an_envelope(until: str, allowed: str, tmp_path: Path) -> None:
    """Said with line and path, whatever the depth."""
    (problem,) = _problems(tmp_path, f"modules:\n  deep:\n    until: {until}\n{allowed}endpoints: []\n")
    assert problem.startswith("/my.yml:3: modules.deep.until: ")
    assert "message" in problem


def test_a_module_that_logs_in_needs_credentials(tmp_path: Path) -> None:
    """`until: auth` alone is of no use to /probe either."""
    (problem,) = _problems(tmp_path, "modules:\n  deep: {until: auth}\n")
    assert problem.startswith("/my.yml:2: modules.deep.until: ")


@pytest.mark.parametrize("where", ["here", "file"])
def test_endpoints_may_add_what_their_module_lacks(where: str, tmp_path: Path) -> None:
    """A module that endpoints build on may leave the envelope to them, unless /probe may use it as well."""
    endpoint = (
        "{target: 'a.example.com:587', module: deep, message: {from: a@example.com, to: b@example.com}}"
    )
    (tmp_path / "more.yml").write_text(f"- {endpoint}\n")
    rest = f"endpoints: [{endpoint}]\n" if where == "here" else "global: {endpoint_files: [more.yml]}\n"
    assert _problems(tmp_path, f"modules:\n  deep: {{until: rcpt}}\n{rest}") == []
    (problem,) = _problems(
        tmp_path, f"modules:\n  deep: {{until: rcpt, allowed_targets: ['*.example.com']}}\n{rest}"
    )
    assert "modules.deep.until" in problem


def test_an_envelope_that_is_wrong_is_not_called_missing(tmp_path: Path) -> None:
    """One problem, at its own place."""
    (problem,) = _problems(tmp_path, "modules:\n  deep: {until: mail, message: {from: nobody}}\n")
    assert "modules.deep.message" in problem
