"""How problems are told."""

from __future__ import annotations

import pytest

from exporter.settings import ConfigError, Problem
from exporter.settings.problems import dotted, listed, nearest, quoted


def test_a_problem_is_one_line():
    """File, line, path, what is wrong and what to do."""
    problem = Problem(
        file="my.yml",
        line=12,
        path="endpoints[3].auth.password_file",
        message="cannot read /run/x: No such file or directory",
        remedy="create it, or correct the path",
    )
    assert str(problem) == (
        "my.yml:12: endpoints[3].auth.password_file: cannot read /run/x: No such file or directory; "
        "create it, or correct the path"
    )


def test_what_is_not_known_is_left_out():
    """Neither file nor line nor path leaves a trace."""
    problem = Problem(file="", line=None, path="", message="no", remedy="do")
    assert str(problem) == "no; do"
    assert str(ConfigError([problem, problem])) == "no; do\nno; do"


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ((), ""),
        (("endpoints", 3, "auth", "password_file"), "endpoints[3].auth.password_file"),
        (("modules", "my module", "tls"), 'modules["my module"].tls'),
        (("modules", "a\x1b[2J"), 'modules["a\\u001b[2J"]'),
        ((0, "target"), "[0].target"),
    ],
)
def test_a_place_is_written_as_a_path(place: tuple[str | int, ...], text: str):
    """Keys that are no plain words stand in quotes."""
    assert dotted(place) == text


def test_long_texts_are_cut():
    """Eighty characters are enough to find it."""
    assert quoted("x" * 500) == f'"{"x" * 79}…"'


def test_words_are_listed_and_compared():
    """Near is near whatever the case."""
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"], "and") == "a, b and c"
    assert nearest("PASWORD", ["username", "password"]) == "password"
    assert nearest("x", ["username", "password"]) is None
