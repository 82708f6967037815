"""docs/performance.md is kept in step with what is measured."""

from __future__ import annotations

import asyncio

import pytest

from benchmarks.document import DOCUMENT, between, measured_series, replaced, results_text
from benchmarks.figures import Figure, Result


def test_series_table_is_that_of_a_healthy_endpoint() -> None:
    """The table of the documentation is what `/metrics` of a healthy endpoint says, family by family.

    When it differs, `python -m benchmarks.document` writes it anew.
    """
    documented = between(DOCUMENT.read_text(), "series")
    assert documented == asyncio.run(measured_series())


def test_results_stand_by_python_and_in_the_order_of_the_goals() -> None:
    """3.9 goes before 3.13, and cost before start, whatever the order in which they were found."""
    figure = Figure(what="something", unit="s", ours=(1.0,))
    cost, start = (Result(goal=goal, figures=(figure,), seconds=1.0) for goal in ("cost", "start"))
    where = {"openssl": "OpenSSL", "cpu": "a CPU", "cores": 2, "kernel": "6", "finished": "2026-01-01"}
    text = results_text({"3.13": [(start, where), (cost, where)], "3.9": [(cost, where)]})
    assert text.index("Python 3.9") < text.index("Python 3.13")
    newer = text.partition("Python 3.13")[2]
    assert newer.index("| cost |") < newer.index("| start |")


def test_document_without_a_place_is_refused() -> None:
    """Markers that somebody deleted are missed loudly; nothing is written elsewhere instead."""
    marked = "a\n<!-- x: begin -->\nold\n<!-- x: end -->\nb\n"
    assert replaced(marked, "x", "new") == marked.replace("old", "new")
    with pytest.raises(ValueError, match="no place for y"):
        replaced(marked, "y", "new")
