"""Pictures of the pages for the documentation, of the demo after a minute of probing.

python -m tests.web.screenshots docs/images [SECONDS]
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Literal

from playwright.sync_api import ViewportSize

from tests.cli.commands import running
from tests.web.browser import chromium

WIDE, NARROW = ViewportSize(width=1280, height=860), ViewportSize(width=390, height=844)
PICTURES: tuple[tuple[str, str, ViewportSize, Literal["light", "dark"]], ...] = (
    ("fleet", "", WIDE, "light"),
    ("fleet-dark", "", WIDE, "dark"),
    ("fleet-narrow", "", NARROW, "light"),
    ("endpoint", "endpoint?name=expired-certificate", WIDE, "light"),
    ("endpoint-narrow", "endpoint?name=app-password", NARROW, "dark"),
)


def main() -> None:
    """Take every picture anew."""
    folder = Path(sys.argv[1])
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 60.0
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as scratch,
        running(Path(scratch), "demo") as demo,
        chromium() as browser,
    ):
        time.sleep(seconds)
        for name, path, viewport, scheme in PICTURES:
            context = browser.new_context(viewport=viewport, color_scheme=scheme)
            page = context.new_page()
            page.goto(demo.url + path)
            page.screenshot(path=folder / f"{name}.png", full_page=path != "")
            context.close()


if __name__ == "__main__":
    main()
