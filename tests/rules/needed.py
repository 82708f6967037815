"""The rules that an alert rests on: no other one can change what it says, and each costs time in every minute."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

import promql_parser as promql

from tests.dashboards.promql import matchers, selectors
from tests.rules.shipped import RULE_FILES, read, rules


def needed(names: Collection[str]) -> frozenset[str]:
    """These rules, and every rule whose series they read, however many rules lie between."""
    reads = {rule.name: recorded(rule.expression) for rule in rules()}
    known = frozenset(names)
    while (more := known.union(*(reads[name] for name in known))) != known:
        known = more
    return known


def recorded(expression: str) -> frozenset[str]:
    """The rules whose series an expression reads, an alert's being `ALERTS`.

    ValueError: which rules these are, the expression does not say.
    """
    found = set()
    for selector in selectors(promql.parse(expression)):
        name = selector.node.name
        if name == "ALERTS":
            operator, name = matchers(selector.node).get("alertname", ("", ""))
            if operator != "=":
                raise ValueError(f"which alert is meant: {expression}")
        elif not name:
            raise ValueError(f"which metric is meant: {expression}")
        found.add(name)
    return frozenset(found & {rule.name for rule in rules()})


def write_needed(folder: Path, names: Collection[str]) -> None:
    """Write into `folder` all rule files under their names, with every group and no rule that is not needed."""
    keep = needed(names)
    for file in RULE_FILES:
        groups = [
            group
            | {"rules": [rule for rule in group["rules"] if (rule.get("record") or rule["alert"]) in keep]}
            for group in read(file)["groups"]
        ]
        (folder / file.name).write_text(json.dumps({"groups": groups}))  # JSON is YAML
