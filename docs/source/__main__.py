"""`python -m docs.source` writes every generated page of docs/reference/, and renews output that is shown."""

from __future__ import annotations

from docs.source import shown
from docs.source.pages import PAGES, REFERENCE

for name, page in PAGES.items():
    (REFERENCE / name).write_text(page(), encoding="utf-8")
for path in shown.pages():
    before = path.read_text(encoding="utf-8")
    if (now := shown.renewed(before)) != before:
        path.write_text(now, encoding="utf-8")
