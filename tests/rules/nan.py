"""The rule about NaN: one of them makes every sum, average and quantile NaN, so it is compared away first.

A comparison (`x >= 0`) drops NaN, since NaN compares false with everything.
"""

from __future__ import annotations

from typing import Any

import promql_parser as promql

from exporter.metrics.families import ENDPOINT_FAMILIES
from tests.dashboards.promql import selectors

CAN_BE_NAN = frozenset(family.exposed_name for family in ENDPOINT_FAMILIES if "NaN" in family.help)
"""The families table says so in the help of each."""

COMPARISONS = frozenset(("==", "!=", ">", "<", ">=", "<="))
PER_SERIES = ("_over_time", "rate", "changes", "deriv", "delta", "increase")


def careless(expression: str) -> list[str]:
    """The metrics that may be NaN when an aggregation, or a function of a range, takes them in."""
    return [
        found.node.name
        for found in selectors(promql.parse(expression))
        if found.node.name in CAN_BE_NAN and _is_taken_in(found.above)
    ]


def _is_taken_in(above: tuple[Any, ...]) -> bool:
    for node in reversed(above):
        match node:
            case promql.BinaryExpr() if str(node.op) in COMPARISONS and not _keeps_all(node):
                return False
            case promql.AggregateExpr():
                return True
            case promql.Call() if node.func.name.endswith(PER_SERIES):
                return True
            case _:
                pass
    return False


def _keeps_all(comparison: promql.BinaryExpr) -> bool:
    """`> bool 0` gives 0 or 1 for every series and drops none: NaN becomes 0, which is worse."""
    return comparison.modifier is not None and comparison.modifier.return_bool
