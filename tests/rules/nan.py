"""The rule about NaN: one of them makes every sum, average and quantile NaN, so it is compared away first.

A comparison (`x >= 0`) drops NaN, since NaN compares false with everything; but for `!=`, which keeps it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import promql_parser as promql

from exporter.metrics.families import ENDPOINT_FAMILIES
from tests.dashboards.promql import Found, matchers, selectors

CAN_BE_NAN = frozenset(family.exposed_name for family in ENDPOINT_FAMILIES if "NaN" in family.help)
"""The families table says so in the help of each."""

DROPPING = frozenset(("==", ">", "<", ">=", "<="))


def careless(expression: str, suspects: Collection[str] = CAN_BE_NAN) -> list[str]:
    """Those of `suspects` that an aggregation, or a function of a range, takes in as they are."""
    return [name for name, found in _suspected(expression, suspects) if _is_taken_in(found.above)]


def can_be_nan(recorded: Mapping[str, str]) -> frozenset[str]:
    """The gauges that can be NaN, and the recording rules (name to expression) that pass it on."""
    known: frozenset[str] = CAN_BE_NAN
    while True:
        more = known | {
            name
            for name, expression in recorded.items()
            if any(not any(map(_drops, found.above)) for _, found in _suspected(expression, known))
        }
        if more == known:
            return known
        known = more


def _suspected(expression: str, suspects: Collection[str]) -> Iterator[tuple[str, Found]]:
    """The selectors that may find a suspect, also when they ask for a pattern of names."""
    for found in selectors(promql.parse(expression)):
        by_name = ("=", found.node.name) if found.node.name else ("=~", ".+")
        operator, value = matchers(found.node).get("__name__", by_name)
        for name in suspects:
            same = name == value if operator in {"=", "!="} else re.fullmatch(value, name) is not None
            if same == (operator in {"=", "=~"}):
                yield name, found


def _is_taken_in(above: tuple[Any, ...]) -> bool:
    of_range = False
    for node in reversed(above):
        match node:
            case promql.BinaryExpr() if _drops(node):
                return False
            case promql.AggregateExpr():
                return True
            case promql.MatrixSelector() | promql.SubqueryExpr():
                of_range = True
            case promql.Call() if of_range:
                return True
            case _:
                pass
    return False


def _drops(node: Any) -> bool:
    """`> bool 0` gives 0 or 1 for every series and drops none: NaN becomes 0, which is worse."""
    return (
        isinstance(node, promql.BinaryExpr)
        and str(node.op) in DROPPING
        and not (node.modifier is not None and node.modifier.return_bool)
    )
