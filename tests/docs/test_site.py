"""The site is built without one warning."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.docs.reading import DOCS, ROOT


def test_the_site_builds_strictly(tmp_path: Path) -> None:
    """Pages, links and anchors are as MkDocs wants them; every page is in the navigation or a runbook."""
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=100,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    pages = {path.relative_to(DOCS).with_suffix("") for path in DOCS.rglob("*.md")}
    missing = {
        page
        for page in pages
        if not (
            tmp_path / (page.parent if page.name in {"index", "README"} else page) / "index.html"
        ).exists()
    }
    assert not missing


def test_the_site_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    """No script, style, font or picture of another host: readers are nobody's business."""
    subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(tmp_path)],
        check=True,
        capture_output=True,
        cwd=ROOT,
        timeout=100,
    )
    for page in tmp_path.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert 'src="http' not in text, page
        assert '<link rel="stylesheet" href="http' not in text, page
