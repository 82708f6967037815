"""The rules as they are shipped: recording rules, alerts, their unit tests and their runbooks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "config/prometheus"
ALERTMANAGER = ROOT / "config/alertmanager/alertmanager.yml"
RUNBOOKS = ROOT / "docs/runbooks"

RULE_FILES = tuple(sorted((PROMETHEUS / "rules").glob("*.yml")))
TEST_FILES = tuple(sorted((PROMETHEUS / "tests").glob("*.yml")))

_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION_PART = re.compile(r"(\d+)(ms|[smhdw])")


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording rule."""

    name: str
    expression: str


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert."""

    name: str
    expression: str
    fields: dict[str, Any]
    """All of the rule, as it stands in the file."""

    @property
    def severity(self) -> str:
        """What a person does: critical, warning or info."""
        return str(self.fields["labels"]["severity"])

    @property
    def annotations(self) -> dict[str, str]:
        """The texts."""
        found: dict[str, str] = self.fields["annotations"]
        return found


@cache
def rules() -> tuple[Recording | Alert, ...]:
    """Every rule of every file."""
    found: list[Recording | Alert] = []
    for file in RULE_FILES:
        for group in read(file)["groups"]:
            for rule in group["rules"]:
                if "alert" in rule:
                    found.append(Alert(rule["alert"], rule["expr"], rule))
                else:
                    found.append(Recording(rule["record"], rule["expr"]))
    return tuple(found)


def alerts() -> dict[str, Alert]:
    """The alerts by name."""
    return {rule.name: rule for rule in rules() if isinstance(rule, Alert)}


def recordings() -> dict[str, Recording]:
    """The recording rules by name."""
    return {rule.name: rule for rule in rules() if isinstance(rule, Recording)}


@cache
def read(file: Path) -> Any:
    """A YAML file."""
    return yaml.load(file.read_text(), Loader=yaml.CSafeLoader)


def seconds(duration: str) -> float:
    """A duration of Prometheus (`1h30m`) in seconds.  ValueError: it is none."""
    if not re.fullmatch(rf"(?:{_DURATION_PART.pattern})+|0", duration):
        raise ValueError(f"not a duration: {duration}")
    return sum(float(number) * _SECONDS[unit] for number, unit in _DURATION_PART.findall(duration))
