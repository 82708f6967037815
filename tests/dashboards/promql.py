"""Queries of a dashboard as syntax trees, with what stands for Grafana's variables put in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import promql_parser as promql

RATE_INTERVAL = timedelta(seconds=1_111)
RANGE = timedelta(seconds=1_113)
STAND_INS = {
    "$__rate_interval": "1111s",
    "$__interval": "1112s",
    "$__range": "1113s",
}
"""Durations that nobody would write by hand, so that a tree still shows which variable stood there."""

OPERATORS = {"MatchOp.Equal": "=", "MatchOp.NotEqual": "!=", "MatchOp.Re": "=~", "MatchOp.NotRe": "!~"}

VARIABLE = re.compile(r'("\$|\$)(\w+)')
FUNCTION = re.compile(r"\s*(label_names|label_values|metrics|query_result)\((.+)\)\s*")


@dataclass(frozen=True)
class Found:
    """A node of a tree and the nodes above it, the nearest last."""

    node: Any
    above: tuple[Any, ...]

    @property
    def call(self) -> str:
        """The function that is called with this node; empty where it is not an argument."""
        parent = self.above[-1] if self.above else None
        return str(parent.func.name) if isinstance(parent, promql.Call) else ""


def parse(expression: str, variables: Mapping[str, str]) -> Any:
    """The tree of a query.  ValueError: it is not PromQL."""
    return promql.parse(filled_in(expression, variables))


def filled_in(expression: str, variables: Mapping[str, str]) -> str:
    """The query with durations for Grafana's own variables, and a value for each of `variables`.

    A variable that begins a string is left alone, because the value is data there and no syntax.
    """
    for variable, stand_in in STAND_INS.items():
        expression = expression.replace(variable, stand_in)

    def put(match: re.Match[str]) -> str:
        return match[0] if match[1] != "$" else variables.get(match[2], match[0])

    return VARIABLE.sub(put, expression)


def parse_variable(query: str) -> Any:
    """The tree of what a variable asks for.  ValueError: not a function of the data source, or not PromQL."""
    asked = FUNCTION.fullmatch(query)
    if asked is None:
        raise ValueError(f"not a query of the Prometheus data source: {query}")
    selector = asked[2].rpartition(",")[0] or asked[2] if asked[1] == "label_values" else asked[2]
    return promql.parse(selector)


def nodes(tree: Any, above: tuple[Any, ...] = ()) -> Iterator[Found]:
    """Every node, the tree itself first."""
    yield Found(tree, above)
    for child in _children(tree):
        yield from nodes(child, (*above, tree))


def selectors(tree: Any) -> Iterator[Found]:
    """Every selector of a metric, those with a range included."""
    return (found for found in nodes(tree) if isinstance(found.node, promql.VectorSelector))


def matchers(selector: Any) -> dict[str, tuple[str, str]]:
    """The operator and the value for each label that a selector asks for."""
    return {one.name: (OPERATORS[str(one.op)], one.value) for one in selector.matchers.matchers}


def _children(node: Any) -> tuple[Any, ...]:
    match node:
        case promql.AggregateExpr():
            return (node.expr,) if node.param is None else (node.param, node.expr)
        case promql.BinaryExpr():
            return (node.lhs, node.rhs)
        case promql.Call():
            return tuple(node.args)
        case promql.MatrixSelector():
            return (node.vector_selector,)
        case promql.ParenExpr() | promql.SubqueryExpr() | promql.UnaryExpr():
            return (node.expr,)
        case _:
            return ()
