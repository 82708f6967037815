"""No link of the documentation leads nowhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.reading import DOCS, PAGES, ROOT, anchors, prose

_LINK = re.compile(r"!?\[[^\]]*\]\(<?(?P<to>[^)>\s]+)>?\)")
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


@every_page
def test_files_and_anchors_that_are_linked_exist(page: Path) -> None:
    """As they are read in the repository: relative to the page, with the anchors of its headings."""
    for found in _LINK.finditer(prose(page)):
        path, _, anchor = found["to"].partition("#")
        if "://" in path or path.startswith("mailto:"):
            continue
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), found["to"]
        if anchor:
            readme = target / "README.md" if target.is_dir() else target
            assert anchor in anchors(readme), found["to"]


def test_every_page_can_be_reached_from_the_first() -> None:
    """README leads to docs/, and from its pages to all others."""
    seen: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen:
            continue
        seen.add(page)
        for found in _LINK.finditer(prose(page)):
            path = found["to"].partition("#")[0]
            if path and "://" not in path and (target := (page.parent / path).resolve()).suffix == ".md":
                waiting.append(target)
    assert set(DOCS.rglob("*.md")) <= seen


def test_every_picture_is_shown_or_a_variant_of_one_that_is() -> None:
    """A picture that no page shows goes stale unseen."""
    shown = {Path(found["to"]).name for page in PAGES for found in _LINK.finditer(prose(page))}
    pictures = {path.name for path in (DOCS / "images").glob("*.png")}
    unseen = {name for name in pictures - shown if not re.search(r"-(?:dark|light|narrow)\.png$", name)}
    assert not unseen
