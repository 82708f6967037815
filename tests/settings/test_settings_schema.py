"""The JSON Schema for editors, and the documented example."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from exporter.model import IpProtocol, Mechanism, TlsMode, TlsVersion
from exporter.settings import json_schema, load
from exporter.settings.__main__ import main

CONFIG = Path(__file__).parents[2] / "config"
SCHEMA_FILE = CONFIG / "submission-exporter.schema.json"
EXAMPLE = CONFIG / "submission-exporter.yml"
VALIDATOR = jsonschema.Draft202012Validator(json_schema())


def test_the_committed_schema_is_the_one_that_is_generated():
    """Renew it with `python -m exporter.settings schema > config/submission-exporter.schema.json`."""
    assert json.loads(SCHEMA_FILE.read_text(encoding="utf-8")) == json_schema()


def test_the_schema_is_printed_as_it_is_committed():
    """To the byte."""
    printed = subprocess.run(
        [sys.executable, "-m", "exporter.settings", "schema"], capture_output=True, check=True, text=True
    ).stdout
    assert printed == SCHEMA_FILE.read_text(encoding="utf-8")


def test_anything_but_schema_is_wrong_usage(capsys: pytest.CaptureFixture[str]):
    """Exit code 2, and how to call it."""
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == json_schema()
    assert main([]) == 2
    assert "python -m exporter.settings schema" in capsys.readouterr().err


def test_the_schema_is_a_schema():
    """Of the draft that it names."""
    jsonschema.Draft202012Validator.check_schema(json_schema())


def test_the_schema_accepts_the_example():
    """As editors read it, by YAML's core schema."""
    VALIDATOR.validate(yaml.safe_load(EXAMPLE.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "document",
    [
        {"interval": "30s"},
        {"global": {"intervall": "30s"}},
        {"global": {"interval": 60}},
        {"global": {"interval": "1.5m"}},
        {"global": {"follow_up": {"ports": [0]}}},
        {"endpoints": [{"name": "no target"}]},
        {"endpoints": [{"target": "smtp.example.com"}]},
        {"endpoints": [{"target": "a.example:25", "allowed_targets": ["*"]}]},
        {"endpoints": [{"target": "a.example:25", "tls": "off"}]},
        {"endpoints": [{"target": "a.example:25", "until": "quit"}]},
        {"endpoints": [{"target": "a.example:25", "auth": {"password": 4711}}]},
        {"endpoints": [{"target": "a.example:25", "auth": {"user": "probe"}}]},
        {"endpoints": [{"target": "a.example:25", "auth": {"oauth2": {"client": "me"}}}]},
        {"modules": {"m": {"interval": "30s"}}},
    ],
)
def test_the_schema_refuses_what_load_refuses(document: dict[str, Any]):
    """Unknown keys first of all."""
    assert not VALIDATOR.is_valid(document)


def keys_of(schema: dict[str, Any]) -> set[str]:
    """Every key that any section of the schema knows."""
    return {key for section in [schema, *schema["$defs"].values()] for key in section.get("properties", {})}


def test_every_key_is_described():
    """An editor shows what a key is for."""
    schema = json_schema()
    for section in [schema, *schema["$defs"].values()]:
        for key, value in section.get("properties", {}).items():
            # A description that repeats the section's own is left to the section.
            refers_to = schema["$defs"].get(value.get("$ref", "").rpartition("/")[2], {})
            assert value.get("description", refers_to.get("description")), key


def test_choices_are_those_of_the_model():
    """A new mode, version or mechanism cannot be forgotten here."""
    definitions = json_schema()["$defs"]
    assert definitions["TlsMode"]["enum"] == list(TlsMode)
    assert definitions["TlsVersion"]["enum"] == list(TlsVersion)
    assert definitions["IpProtocol"]["enum"] == list(IpProtocol)
    assert definitions["AuthSection"]["properties"]["mechanism"]["enum"] == ["auto", *Mechanism]


def test_the_example_loads_as_it_stands():
    """Without a secret file or a variable being there."""
    settings = load(EXAMPLE)
    assert [endpoint.name for endpoint in settings.endpoints] == [
        "gmail",
        "smtp.example.com:465",
        "relay",
        "relay with a message",
    ]
    assert settings.watched_files == (EXAMPLE,)


def test_the_example_speaks_of_every_key():
    """Commented out where it needs something that only the reader has."""
    text = EXAMPLE.read_text(encoding="utf-8")
    written = set(re.findall(r"(?:^|[\s#{,-])([a-z_0-9]+)(?=:|,| or |$|\s)", text, re.MULTILINE))
    assert keys_of(json_schema()) <= written
    assert text.startswith("# yaml-language-server: $schema=./submission-exporter.schema.json\n")
