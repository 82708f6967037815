"""`null` takes a default away: what can be done without is done without, and the rest is asked for by its name."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.chart.rendering import CHART, HELMS, RefusedError, Validator, render
from tests.chart.test_schema import VALUES

EVERYTHING: dict[str, Any] = yaml.safe_load((CHART / "ci" / "everything-values.yaml").read_text())
NEEDED = re.findall(r'"([a-zA-Z.]+)"', (CHART / "templates" / "_present.tpl").read_text().split("list", 1)[1])
NEEDED = [path for path in NEEDED if path.split(".")[0] in VALUES]
# Below these everything is Kubernetes' own or the exporter's own.
OTHERS = ("config.", "podSecurityContext.", "securityContext.", "configReloader.securityContext.")


def _paths(values: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        yield f"{above}{name}", value
        if isinstance(value, dict):
            yield from _paths(value, f"{above}{name}.")


def _is_empty(value: Any) -> bool:
    return value is False or value in ("", [], {})


OWN = {path: value for path, value in _paths(VALUES) if not path.startswith(OTHERS)}


def _without(*paths: str) -> dict[str, Any]:
    values = copy.deepcopy(EVERYTHING)
    for path in paths:
        *above, last = path.split(".")
        room = values
        for name in above:
            room = room.setdefault(name, {})
        room[last] = None
    return values


def test_nothing_is_what_empty_is() -> None:
    """Every value that is empty by default may be null, all of them at once."""
    given = {path for path, _ in _paths(EVERYTHING)}
    empty = [path for path, value in OWN.items() if _is_empty(value) and path not in NEEDED]
    empty = [path for path in empty if path not in given]
    assert len(empty) > 80
    for version in HELMS:
        assert render(_without(*empty), version) == render(EVERYTHING, version)


@pytest.mark.parametrize("path", NEEDED)
def test_what_is_needed_is_asked_for(path: str) -> None:
    """By its name, whatever else is null with it, and before a template stumbles over it."""
    with pytest.raises(RefusedError, match=rf"submission-exporter: {path} is null; give it a value"):
        render(_without(path), HELMS[len(path) % len(HELMS)])


def test_the_rest_can_be_done_without(validator: Validator) -> None:
    """Whatever is neither empty nor needed: Kubernetes, or nobody, takes its place."""
    rest = [path for path, value in OWN.items() if not _is_empty(value) and path not in NEEDED]
    rest = [
        path for path in rest if path not in {"enabled", "global"} and not path.endswith("basicAuth.enabled")
    ]
    assert len(rest) > 15
    for path in rest:
        assert validator.complaints(render(_without(path)), "1.31") == [], path
