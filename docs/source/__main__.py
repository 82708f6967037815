"""`python -m docs.source` writes every generated page of docs/reference/."""

from __future__ import annotations

from docs.source.pages import PAGES, REFERENCE

for name, page in PAGES.items():
    (REFERENCE / name).write_text(page(), encoding="utf-8")
