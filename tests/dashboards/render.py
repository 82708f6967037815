"""Draws every dashboard from live data with Grafana's panel components: `python -m tests.dashboards.render`.

It is not Grafana: frames, tables, numbers, bars and curves are Grafana's own components and its own
formatting, while the grid, the variables and the state timeline are ours.  The pictures go to docs/images.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from dashboards.source import DASHBOARDS, FOLDER
from tests.dashboards.rig import TROUBLED, TURN, exporting
from tests.servers.background import in_background
from tests.servers.prometheus import Prometheus, running_prometheus

SOURCES = Path(__file__).parent / "render"
ROOT = Path(__file__).parents[2]
NODE = ROOT / ".cache" / "chart-venv" / "bin" / "node"
TOOLS = ROOT / ".cache" / "dashboards" / "render"
IMAGES = ROOT / "docs" / "images"
CHROMIUM = "/usr/bin/chromium"
SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
WIDTH = 1920
"""Pixels.  The window is higher than any dashboard, because a table below its edge is not drawn."""
PICTURES = (
    ("fleet", "dark", ".+"),
    ("fleet", "light", ".+"),
    ("endpoint", "dark", TURN),
    ("tls", "dark", ".+"),
    ("slo", "dark", ".+"),
    ("exporter", "dark", ".+"),
)


def build() -> Path:
    """Build the page that draws; return its folder."""
    for name in ("index.html", "vite.config.mjs", "src"):
        source, target = SOURCES / name, TOOLS / name
        if source.is_dir():
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target)
        else:
            shutil.copy(source, target)
    vite = TOOLS / "node_modules" / ".bin" / "vite"
    subprocess.run([NODE, vite, "build", "--logLevel", "error"], check=True, cwd=TOOLS)
    icons = TOOLS / "node_modules" / "@grafana" / "ui" / "dist" / "public" / "img"
    shutil.copytree(icons, TOOLS / "dist" / "public" / "build" / "img")
    return TOOLS / "dist"


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """A web server for the page and the dashboards; its address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def translate_path(self, path: str) -> str:
            """Return the file; dashboards come from the checkout."""
            if path.startswith("/dashboards/"):
                return str(FOLDER / Path(path).name)
            return super().translate_path(path)

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def watched(seconds: int) -> Iterator[Prometheus]:
    """A Prometheus that has watched the troubled exporter for so long, with one outage in the middle."""
    with (
        tempfile.TemporaryDirectory(prefix="submission-dashboards-") as directory,
        in_background(lambda: exporting(Path(directory))) as exporters,
        running_prometheus(
            {
                f"127.0.0.1:{exporters.services[TROUBLED].web.port}": {
                    "job": "submission",
                    "instance": "fra1:10587",
                }
            },
            scrape_interval="2s",
            scrape_timeout="2s",
        ) as prometheus,
    ):
        for part, worse in ((0.5, True), (0.2, False), (0.3, None)):
            time.sleep(seconds * part)
            if worse is not None:
                exporters.turn(worse=worse)
        yield prometheus


def draw(browser: Browser, address: str, file: Path, query: dict[str, str]) -> list[str]:
    """Take one picture; return what went wrong on the page."""
    page = browser.new_page(viewport={"width": WIDTH, "height": 2200})
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(f"{address}?{urllib.parse.urlencode(query)}")
    page.wait_for_function(
        "document.querySelectorAll('[data-state]').length > 0"
        " && !document.querySelector('[data-state=loading]')",
        timeout=60_000,
    )
    page.wait_for_timeout(1_500)  # curves are drawn with the next frames
    problems += _found(page, "[data-state=error]", "error in")
    page.locator("[data-board]").screenshot(path=file)
    page.close()
    return problems


def _found(page: Page, selector: str, what: str) -> list[str]:
    found = page.locator(selector).all()
    return [f"{what} {one.get_attribute('data-panel')}: {one.inner_text()}" for one in found]


def main() -> int:
    """Build, watch, draw; 1 when a panel could not be drawn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=240, help="how long Prometheus watches before")
    parser.add_argument("--images", type=Path, default=IMAGES)
    parser.add_argument("--no-build", action="store_true")
    options = parser.parse_args()
    folder = TOOLS / "dist" if options.no_build else build()
    options.images.mkdir(parents=True, exist_ok=True)
    problems = []
    with watched(options.seconds) as prometheus, serving(folder) as address, sync_playwright() as playwright:
        prometheus.wait_for("up == 1")  # a scrape that a busy machine has missed leaves nothing to draw
        now = int(time.time())
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        for dashboard, theme, endpoint in PICTURES:
            name = f"dashboard-{dashboard}{'-light' if theme == 'light' else ''}.png"
            query = {
                "dashboard": dashboard,
                "theme": theme,
                "prometheus": prometheus.url.rstrip("/"),
                "from": str(now - options.seconds + 5),
                "to": str(now),
                "job": "submission",
                "endpoint": endpoint,
            }
            problems += [
                f"{name}: {problem}" for problem in draw(browser, address, options.images / name, query)
            ]
        browser.close()
    print(  # noqa: T201 - a command prints
        "\n".join(problems) or f"{len(PICTURES)} pictures of {len(DASHBOARDS)} dashboards in {options.images}"
    )
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
