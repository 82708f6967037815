"""The knowledge as the program reads it: `python -m exporter.diagnosis.compact` writes the JSON files from the YAML.

A test tells when they are not in step.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import yaml

from exporter.diagnosis.rulebook import places_of
from exporter.diagnosis.shipped import FOLDER
from exporter.diagnosis.written import read_rule

_AS_THEY_ARE = ("classes", "presets", "parsing/sentences")


def compact() -> dict[str, str]:
    """The text of each JSON file, by its name in this folder."""
    texts = {name: json.dumps(_data(name), ensure_ascii=False, indent=1) for name in _AS_THEY_ARE}
    rules = ",\n".join(json.dumps(rule, ensure_ascii=False) for rule in _rules())
    return {f"{name}.json": f"{text}\n" for name, text in (*texts.items(), ("rules", f"[\n{rules}\n]"))}


def _rules() -> Iterator[tuple[str, Any, Any]]:
    """Yield the file, the fields and the places in the index of each rule."""
    for file in sorted(FOLDER.glob("rules/*.yml")):
        for entry in _data(f"rules/{file.stem}"):
            # sorted: the members of a set come in another order in every process
            yield file.name, entry, sorted(places_of(read_rule(entry, file.name)), key=str)


def _data(name: str) -> Any:
    return yaml.load(FOLDER.joinpath(f"{name}.yml").read_bytes(), Loader=yaml.CSafeLoader)


if __name__ == "__main__":
    for name, text in compact().items():
        FOLDER.joinpath(name).write_text(text, encoding="utf-8")
