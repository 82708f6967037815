"""Puts the results into docs/performance.md, between its markers.

    python -m benchmarks.document

The table of results is made of the JSON files in benchmarks/results/, the table of series of a probe that is made
for it.  What stands outside the markers is written by hand.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.__main__ import GOALS
from benchmarks.figures import HEADINGS, RESULTS, Result, load
from benchmarks.series import HEALTHY_LIMIT, healthy_series
from benchmarks.stand import papers
from exporter.metrics.families import ENDPOINT_FAMILIES

DOCUMENT = Path(__file__).parent.parent / "docs" / "performance.md"


def results_text(results: Mapping[str, list[tuple[Result, dict[str, Any]]]]) -> str:
    """Return a table for each Python, with the machine it was measured on; `results` by version."""
    parts = []
    for version in sorted(results, key=lambda version: tuple(map(int, version.split(".")))):
        found = sorted(results[version], key=lambda pair: GOALS.index(pair[0].goal))
        where = found[0][1]
        rows = [row(HEADINGS), row(["---"] * len(HEADINGS))]
        rows += [row([result.goal, *figure.cells()]) for result, _ in found for figure in result.figures]
        parts.append(
            f"**Python {version}**, {where['openssl']}, {where['cpu']}, {where['cores']} cores, "
            f"Linux {where['kernel']}, {where['finished']}\n\n" + "\n".join(rows)
        )
    return "\n\n".join(parts)


def series_text(counts: Mapping[str, int]) -> str:
    """Return the table of the series of one healthy endpoint, in the order of `/metrics`."""
    help_texts = {family.exposed_name: family.help for family in ENDPOINT_FAMILIES}
    rows = [row(["metric", "series", "what it says"]), row(["---"] * 3)]
    rows += [row([f"`{name}`", str(count), help_texts[name]]) for name, count in counts.items()]
    rows.append(row(["**all**", f"**{sum(counts.values())}**", f"the budget is {HEALTHY_LIMIT}"]))
    return "\n".join(rows)


def row(cells: list[str] | tuple[str, ...]) -> str:
    """Return one row of a Markdown table."""
    return "| " + " | ".join(cells) + " |"


def replaced(text: str, name: str, content: str) -> str:
    """Return `text` with other content between the markers of that name; ValueError when they are missing."""
    before, begin, rest = text.partition(f"<!-- {name}: begin -->\n")
    _, end, after = rest.partition(f"<!-- {name}: end -->")
    if not begin or not end:
        raise ValueError(f"{DOCUMENT.name} has no place for {name}")
    return f"{before}{begin}{content}\n{end}{after}"


def between(text: str, name: str) -> str:
    """Return what stands between the markers of that name."""
    return text.partition(f"<!-- {name}: begin -->\n")[2].partition(f"\n<!-- {name}: end -->")[0]


async def measured_series() -> str:
    """Return the table of series of an endpoint that is probed for it."""
    with tempfile.TemporaryDirectory(prefix="submission-bench-") as directory:
        return series_text(await healthy_series(Path(directory), papers(Path(directory))))


def main() -> int:
    """Write the document anew."""
    results: dict[str, list[tuple[Result, dict[str, Any]]]] = defaultdict(list)
    for file in RESULTS.glob("*.json"):
        results[file.stem.rpartition("-")[2]].append(load(file))
    text = DOCUMENT.read_text()
    if results:
        text = replaced(text, "results", results_text(results))
    DOCUMENT.write_text(replaced(text, "series", asyncio.run(measured_series())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
