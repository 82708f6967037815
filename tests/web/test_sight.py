"""How the pages look in a real browser: light and dark, wide and narrow, to axe and to a person."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.web.browser import Watched, window

pytestmark = pytest.mark.servers


def test_dark_mode_is_dark(browser: Browser, watched: Watched) -> None:
    """The page follows the system's choice, both ways."""
    grounds = {}
    for scheme in ("light", "dark"):
        with window(browser, watched.url, color_scheme=scheme) as seen:
            grounds[scheme] = seen.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert grounds == {"light": "rgb(255, 255, 255)", "dark": "rgb(18, 23, 29)"}


@pytest.mark.parametrize(
    ("path", "width", "scheme"),
    [
        ("", 1280, "light"),
        ("", 390, "dark"),
        ("", 390, "light"),
        ("", 1280, "dark"),
        ("endpoint?name=expired-certificate", 1280, "dark"),
        ("endpoint?name=expired-certificate", 390, "light"),
        ("endpoint?name=healthy-implicit", 390, "dark"),
        ("endpoint?name=healthy-implicit", 1280, "light"),
        ("errors", 390, "dark"),
        ("errors", 1280, "light"),
        ("?q=nothing-like-it", 390, "light"),
        ("?q=nothing-like-it", 1280, "dark"),
        ("?group=team", 390, "dark"),
    ],
)
def test_everybody_can_use_it(path: str, width: int, scheme: str, browser: Browser, watched: Watched) -> None:
    """Axe finds nothing, and nothing has to be scrolled sideways, wide or narrow, light or dark."""
    options = {"viewport": {"width": width, "height": 844}, "color_scheme": scheme}
    with window(browser, watched.url + path, **options) as seen:
        seen.page.locator("details").evaluate_all("all => all.forEach(one => one.open = true)")
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
        assert seen.violations() == []


ONE_LINE = (
    ".badge, .number, time, nav a, thead a, button, #tally a, .label, dt, .waterfall th, .waterfall td:nth-child(2)"
    ', #rows td[data-title="Took"], #rows td[data-title="Certificate"]'
)
"""What is short enough to be read at a glance."""
WRAPPED = """selector => Array.from(document.querySelectorAll(selector)).filter(one => {
    const range = document.createRange();
    range.selectNodeContents(one);
    const lines = Array.from(range.getClientRects()).filter(line => line.width);
    const high = Math.max(...lines.map(line => line.bottom)) - Math.min(...lines.map(line => line.top));
    return high > 1.6 * parseFloat(getComputedStyle(one).lineHeight);
}).map(one => one.textContent)"""
CUT = """() => Array.from(document.querySelectorAll("main *:not(caption, input, select, svg *)")).filter(
    one => one.clientWidth && one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).display != "inline"
).map(one => one.textContent)"""


# 640 is 1280 enlarged to 200 %.
@pytest.mark.parametrize("width", [390, 640, 768, 1024, 1200, 1440, 1920])
def test_nothing_wraps_or_is_cut(width: int, browser: Browser, watched: Watched) -> None:
    """States, times, figures, names of fields and buttons keep to one line, and everything keeps to its place."""
    with window(browser, "about:blank", viewport={"width": width, "height": 844}) as seen:
        for path in (
            *("", "?group=team", "?q=nothing-like-it", "errors"),
            *(f"endpoint?name={name}" for name in ("healthy-implicit", "app-password", "silent-port")),
        ):
            seen.page.goto(watched.url + path)
            assert seen.page.evaluate("document.documentElement.scrollWidth") <= width, path
            assert seen.page.evaluate(WRAPPED, ONE_LINE) == [], path
            assert seen.page.evaluate(CUT) == [], path
