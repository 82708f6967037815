"""The labelled failures under tests/data/corpus, and how well a rulebook reads them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exporter.diagnosis import Rulebook, classify_lines

CORPUS = Path(__file__).parents[1] / "data" / "corpus"
Row = dict[str, Any]

_FIELDS = ("phase", "code", "enhanced", "text", "errno")


@dataclass(frozen=True)
class Score:
    """How many rows were read right, and what was taken for what."""

    rows: int
    classes: int
    domains: int
    confusions: tuple[tuple[tuple[str, str, str], int], ...]
    """(id, wanted, got) of every row whose class is wrong, and how often."""

    @property
    def class_share(self) -> float:
        """Share of rows with the right class, or one that is right too."""
        return self.classes / self.rows

    @property
    def domain_share(self) -> float:
        """Share of rows with the right owner."""
        return self.domains / self.rows

    def __str__(self) -> str:
        lines = [f"{self.rows} rows: class {self.class_share:.1%}, domain {self.domain_share:.1%}"]
        lines += [f"  {name}: {wanted} read as {got}" for (name, wanted, got), _ in self.confusions]
        return "\n".join(lines)


def rows(name: str) -> list[Row]:
    """The rows of one file."""
    with (CORPUS / name).open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def undisputed(found: Iterable[Row]) -> list[Row]:
    """The rows whose label reasonable people do not dispute."""
    return [row for row in found if not row.get("arguable")]


def line_of(row: Row) -> str:
    """The row as `classify` reads it: what was seen, without the labels."""
    return json.dumps({name: row.get(name) for name in _FIELDS})


def score(found: list[Row], rulebook: Rulebook | None = None) -> Score:
    """How well the rulebook reads the rows."""
    answers = list(classify_lines(map(line_of, found), rulebook))
    right = [
        answer["error_class"] in {row["error_class"], *row["also"]}
        for row, answer in zip(found, answers, strict=True)
    ]
    owners = sum(a["fault_domain"] == r["fault_domain"] for r, a in zip(found, answers, strict=True))
    wrong = Counter(
        (row["id"], row["error_class"], answer["error_class"])
        for row, answer, good in zip(found, answers, right, strict=True)
        if not good
    )
    return Score(len(found), sum(right), owners, tuple(wrong.most_common()))
