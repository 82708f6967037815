"""The dashboards against the types that Grafana generates for its own code."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboards.source import DASHBOARDS, FOLDER

SOURCES = Path(__file__).parent / "types"
CACHE = Path(__file__).parents[2] / ".cache"
NODE = CACHE / "chart-venv" / "bin" / "node"
TOOLS = CACHE / "dashboards" / "types"
COMPILER = TOOLS / "node_modules" / "typescript" / "bin" / "tsc"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder below the tools, so that imports find them, with the types in it."""
    if not COMPILER.exists():
        pytest.fail(f"{COMPILER} is not there: run `make tools`", pytrace=False)
    with tempfile.TemporaryDirectory(dir=TOOLS, prefix="check-") as directory:
        for name in ("dashboard.ts", "tsconfig.json"):
            shutil.copy(SOURCES / name, directory)
        yield Path(directory)


def complaints(folder: Path, **texts: str) -> list[str]:
    """What the compiler says about these dashboards, each the text of its JSON."""
    for name, text in texts.items():
        literal = f"import type {{ Dashboard }} from './dashboard';\nexport const it: Dashboard = {text};\n"
        (folder / f"{name}.ts").write_text(literal)
    ran = subprocess.run(
        [NODE, COMPILER, "--project", folder], check=False, capture_output=True, text=True, timeout=100
    )
    assert bool(ran.returncode) == bool(ran.stdout), ran.stderr
    return [line for line in ran.stdout.splitlines() if ": error TS" in line]


def test_every_dashboard_is_one_to_grafana(folder: Path) -> None:
    """No property of any dashboard is misspelt, misplaced or of the wrong type."""
    texts = {dashboard.file.removesuffix(".json"): dashboard.file for dashboard in DASHBOARDS}
    assert complaints(folder, **{name: (FOLDER / file).read_text() for name, file in texts.items()}) == []


def test_the_types_are_awake(folder: Path) -> None:
    """A misspelt property and a value that Grafana does not know are found, each in its place."""
    text = (FOLDER / "fleet.json").read_text()
    wrong = {
        "property": ('"refresh":', '"refrehs":'),
        "value": ('"graphMode": "none"', '"graphMode": "nine"'),
        "override": ('"id": "custom.width"', '"id": "custom.widht"'),
        "query": ('"refId": "A"', '"refid": "A"'),
    }
    assert all(old in text for old, _ in wrong.values())
    found = complaints(folder, **{name: text.replace(old, new) for name, (old, new) in wrong.items()})
    assert {line.rpartition("/")[2].partition(".ts(")[0] for line in found} == set(wrong)
