"""YAML as values that remember their lines, whichever of PyYAML's two parsers is there."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.settings import yaml_source
from exporter.settings.files import unreadable
from exporter.settings.yaml_source import YamlError, line_of, read_yaml
from tests.settings.settings_folder import BAD

Told = list[tuple[int | None, str, str]]


def read(text: str) -> tuple[Any, Told]:
    """What `text` holds, and everything that is wrong with it."""
    told: Told = []
    try:
        data = read_yaml(
            text,
            lambda _place, line, message, remedy: told.append((line, message, remedy)),
            may_be_empty=frozenset(),
        )
    except YamlError as error:
        return None, [*told, (error.line, error.message, error.remedy)]
    return data, told


@pytest.mark.parametrize("file", sorted(BAD.glob("*.yml")), ids=lambda file: file.stem)
def test_the_slow_parser_says_the_same(file: Path, monkeypatch: pytest.MonkeyPatch):
    """Without libyaml the same values come, and the same words about the same lines."""
    text = file.read_bytes().decode("utf-8", errors="replace")
    data, told = read(text)
    monkeypatch.setattr(yaml_source, "_Loader", yaml.SafeLoader)
    slow_data, slow_told = read(text)
    assert slow_data == data
    assert [without_column(fault) for fault in slow_told] == [without_column(fault) for fault in told]


def without_column(fault: tuple[int | None, str, str]) -> tuple[int | None, str, str]:
    """The parsers count columns differently inside of an escape."""
    line, message, remedy = fault
    return line, message.partition(" (column")[0], remedy


def test_half_a_character_is_no_text(monkeypatch: pytest.MonkeyPatch):
    """The slow parser lets a lone surrogate pass, which no encoding could write out again."""
    monkeypatch.setattr(yaml_source, "_Loader", yaml.SafeLoader)
    assert read('a:\n  "\\ud83d"')[1] == [
        (2, "half of a surrogate pair stands here", "write the character itself")
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("~", None),
        ("null", None),
        ("true", True),
        ("TRUE", True),
        ("yes", "yes"),
        ("off", "off"),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("+5", 5),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("2001-01-01", "2001-01-01"),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("1.2.3", "1.2.3"),
        (".inf", float("inf")),
        ('"5"', "5"),
        ("'true'", "true"),
        ("!!str 5", "5"),
        ("!!str", ""),
        ("|\n  two\n  lines\n", "two\nlines\n"),
    ],
)
def test_scalars_are_read_by_the_core_schema(text: str, value: object):
    """YAML 1.2, 10.3: only true and false are booleans, only digits are numbers."""
    data, told = read(f"- {text}\n")
    assert (data, told) == ([value], [])
    assert type(data[0]) is type(value)


def test_lines_are_found_by_place():
    """Of keys and of items; what is absent has the line of what is around it."""
    data, _ = read("a:\n  b:\n    - c\n    - d: e\n")
    assert line_of(data, ()) is None
    assert line_of(data, ("a",)) == 1
    assert line_of(data, ("a", "b", 0)) == 3
    assert line_of(data, ("a", "b", 1, "d")) == 4
    assert line_of(data, ("a", "b", 2)) == 2
    assert line_of(data, ("a", "x", "y")) == 1
    assert line_of(data, ("x",)) is None


def test_a_merged_key_keeps_its_line():
    """Where it is written, not where it is merged."""
    data, _ = read("a: &a\n  x: 1\nb:\n  <<: *a\n  y: 2\n")
    assert data["b"] == {"x": 1, "y": 2}
    assert line_of(data, ("b", "x")) == 2


def test_an_alias_shares_its_value():
    """Nothing is copied."""
    data, _ = read("a: &a [1]\nb: *a\n")
    assert data["a"] is data["b"]


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            PermissionError(errno.EACCES, "Permission denied"),
            "cannot read x: Permission denied; let the user that the exporter runs as read it",
        ),
        (OSError(errno.EIO, "Input/output error"), "cannot read x: Input/output error; name a readable file"),
        (OSError("odd"), "cannot read x: OSError; name a readable file"),
    ],
)
def test_what_cannot_be_read_has_a_remedy(error: OSError, text: str):
    """By the kind of refusal."""
    assert str(unreadable("x", error)) == text
