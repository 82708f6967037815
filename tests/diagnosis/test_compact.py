"""What the program reads at its start is in step with the YAML that people write."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from exporter.diagnosis import diagnose, parse
from exporter.diagnosis.compact import compact
from exporter.diagnosis.rulebook import Rulebook, built_in_rules, default_rulebook
from exporter.diagnosis.shipped import FOLDER, shipped


def test_the_files_are_in_step():
    """`python -m exporter.diagnosis.compact` would change nothing."""
    written = {name: (FOLDER / name).read_text(encoding="utf-8") for name in compact()}
    assert written == compact()
    assert {str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.json")} == written.keys()


@pytest.mark.parametrize("name", ["classes", "presets", "parsing/sentences"])
def test_nothing_is_lost_on_the_way(name: str):
    """JSON holds what the YAML says: no key or value becomes another."""
    assert shipped(name) == yaml.safe_load((FOLDER / f"{name}.yml").read_bytes())


def test_no_field_of_a_rule_is_lost_on_the_way():
    """Every rule of every file is there as it was written."""
    entries = [
        [path.name, entry]
        for path in sorted(Path(FOLDER, "rules").glob("*.yml"))
        for entry in yaml.safe_load(path.read_bytes())
    ]
    assert json.loads(json.dumps(entries)) == entries == [rule[:2] for rule in shipped("rules")]


def test_the_index_is_that_of_the_rules():
    """A book that knows the places of its rules finds what one finds that has read them all."""
    assert default_rulebook()._index == Rulebook(built_in_rules())._index


def test_the_shipped_rules_need_no_yaml():
    """A start does not wait for PyYAML, unless there are rule files of the operator's."""
    program = (
        "import sys; from exporter.diagnosis import diagnose, parse; "
        "print(diagnose(parse('535 5.7.8 no')).rule, 'yaml' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.split() == [diagnose(parse("535 5.7.8 no")).rule, "False"]
