"""Write every dashboard to its file."""

from __future__ import annotations

from dashboards.source import DASHBOARDS, FOLDER, text_of

for dashboard in DASHBOARDS:
    (FOLDER / dashboard.file).write_text(text_of(dashboard), encoding="utf-8")
