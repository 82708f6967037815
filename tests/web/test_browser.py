"""The pages in a real browser, of a running exporter."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, expect

from exporter.web.fleet import MOST_ROWS
from tests.servers.background import in_background
from tests.web.browser import Watched, watching, window

pytestmark = pytest.mark.servers

PERIOD_MS = 10_000
"""How often the page asks for news."""


def until(holds: Callable[[], object]) -> None:
    """Wait for what the page's policy lets no script wait for."""
    deadline = time.monotonic() + 15
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_change_is_seen_without_reloading(browser: Browser, watched: Watched) -> None:
    """A server that dies and comes back changes its row while somebody watches, who keeps their place."""
    options = {"viewport": {"width": 1280, "height": 300}}
    with window(browser, watched.url + "?sort=name", **options) as seen:
        page = seen.page
        page.evaluate("window.mark = 'the same document'")
        assert seen.state("mortal") == "healthy"
        page.mouse.wheel(0, 400)
        until(lambda: page.evaluate("scrollY") > 0)
        before = page.evaluate("scrollY")
        page.clock.install()
        page.reload()
        page.evaluate("window.mark = 'the same document'")
        page.evaluate(f"scrollTo(0, {before})")
        watched.kill()
        try:
            watched.probe("mortal")
            page.clock.fast_forward(PERIOD_MS)
            row = page.locator('#rows tr[data-key="mortal"]')
            expect(row).to_have_attribute("data-state", "failing")
            expect(row).to_contain_text("Connect refused.")
            expect(row).to_contain_text("First: ")
        finally:
            watched.revive()
        watched.probe("mortal")
        page.clock.fast_forward(PERIOD_MS)
        expect(row).to_have_attribute("data-state", "healthy")
        assert page.evaluate("window.mark") == "the same document"
        assert page.evaluate("scrollY") == before


def test_failing_stand_on_top_with_owner_and_fix(browser: Browser, watched: Watched) -> None:
    """The first rows are what needs a person: class, owner and first step in plain words."""
    with window(browser, watched.url) as seen:
        states = [seen.state(name) for name in seen.names()]
        assert states == sorted(states)  # type: ignore[type-var]
        row = seen.page.locator('#rows tr[data-key="expired-certificate"]')
        expect(row).to_contain_text("Certificate expired.")
        expect(row).to_contain_text("Whose problem: the server.")
        row.get_by_role("link", name="Certificate expired.").click()
        expect(seen.page).to_have_url(re.compile("errors#cert_expired$"))
        assert seen.page.locator("#cert_expired").is_visible()


def test_typing_filters_at_once(browser: Browser, watched: Watched) -> None:
    """What is typed narrows the list and the address, keeps the focus, and can be gone back to."""
    with window(browser, watched.url) as seen:
        page = seen.page
        page.get_by_role("searchbox").press_sequentially("billing")
        expect(page.locator("#count")).to_have_text("2 of 12 shown")
        assert set(seen.names()) == {"rejected-password", "app-password"}
        expect(page).to_have_url(re.compile(r"\?q=billing$"))
        assert page.evaluate("document.activeElement.name") == "q"
        page.get_by_role("searchbox").fill("")
        page.locator("select[name=owner]").select_option(label="the network between")
        expect(page.locator('#rows tr[data-key="mortal"]')).to_have_count(0)
        expect(page.locator("#count")).not_to_have_text("2 of 12 shown")
        page.locator("select[name=owner]").select_option(label="anyone")
        page.locator("select[name=state]").select_option("healthy")
        expect(page.locator("#rows tr[data-state=failing]")).to_have_count(0)
        assert "healthy-starttls" in seen.names()
        page.locator("select[name=state]").select_option(label="any")
        page.locator("select[name=group]").select_option("team")
        expect(page.locator("#rows tr.group").first).to_contain_text("team=billing (2)")


def test_headings_sort_without_reloading(browser: Browser, watched: Watched) -> None:
    """A click orders, another one turns the order round; the heading says so to those who hear it."""
    with window(browser, watched.url) as seen:
        page = seen.page
        page.evaluate("window.mark = 'the same document'")
        page.locator("#headings a", has_text="Endpoint").click()
        expect(page.locator("#rows tr").first).to_have_attribute("data-key", "app-password")
        expect(page.locator("#headings th", has_text="Endpoint")).to_have_attribute("aria-sort", "ascending")
        page.locator("#headings a", has_text="Endpoint").click()
        expect(page.locator("#rows tr").first).to_have_attribute("data-key", "wrong-name")
        assert seen.names() == sorted(seen.names(), reverse=True)
        assert page.evaluate("window.mark") == "the same document"


def test_endpoint_shows_its_last_probe(browser: Browser, watched: Watched) -> None:
    """Waterfall, history, certificate, capabilities and transcript of one endpoint."""
    with window(browser, watched.url) as seen:
        page = seen.page
        page.get_by_role("link", name="healthy-starttls").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("healthy-starttls")
        phases = page.locator("table.waterfall tbody tr")
        assert [phases.nth(n).locator("th").inner_text() for n in range(phases.count())] == [
            *(
                "name look-up",
                "connect",
                "greeting",
                "EHLO",
                "STARTTLS",
                "TLS handshake",
                "EHLO",
                "login",
                "QUIT",
            ),
        ]
        lefts = page.locator("table.waterfall rect").evaluate_all(
            "all => all.map(one => one.getBoundingClientRect().left)"
        )
        assert lefts == sorted(lefts)
        assert page.locator("svg.history rect.passed").count() >= 1
        expect(page.locator("#certificate")).to_contain_text("d left")
        expect(page.locator("#capabilities")).to_contain_text("PIPELINING")
        assert not page.locator("#lines pre").is_visible()
        page.locator("#lines summary").click()
        expect(page.locator("#lines pre")).to_contain_text("C: AUTH PLAIN <secret>")


def test_unfolded_transcript_stays_unfolded(browser: Browser, watched: Watched) -> None:
    """What somebody reads is not taken away by the next refresh, which shows the next probe."""
    with window(browser, "about:blank") as seen:
        page = seen.page
        page.clock.install()
        page.goto(watched.url + "endpoint?name=mortal")
        page.locator("#lines summary").click()
        before = page.locator("#last-probe time").first.get_attribute("datetime")
        time.sleep(1.1)  # the page tells whole seconds
        watched.probe("mortal")
        page.clock.fast_forward(PERIOD_MS)
        expect(page.locator("#last-probe time").first).not_to_have_attribute("datetime", before or "")
        assert page.locator("#lines pre").is_visible()


def test_button_probes_now(browser: Browser, watched: Watched) -> None:
    """The button makes a probe and shows the page with it."""
    entry = watched.service._board.entries["mortal"]
    with window(browser, watched.url + "endpoint?name=mortal") as seen:
        before = entry.attempts
        with seen.page.expect_navigation():
            seen.page.get_by_role("button", name="Probe now").click()
        assert entry.attempts == before + 1
        expect(seen.page).to_have_url(watched.url + "endpoint?name=mortal")
        expect(seen.page.locator("#last-probe")).to_contain_text("Made 0 s ago")


def test_empty_view_leads_to_everything(browser: Browser, watched: Watched) -> None:
    """A search that finds nothing says so while one types; its link shows all again and empties the field."""
    with window(browser, watched.url + "?sort=name") as seen:
        page = seen.page
        page.get_by_role("searchbox").press_sequentially("zzz")
        expect(page.locator("#rows")).to_have_text("No endpoint fits this view (“zzz”). Show all 12.")
        assert page.get_by_role("link", name="Clear the filter").is_visible()
        page.get_by_role("link", name="Show all 12").click()
        expect(page.locator("#rows tr[data-state]")).to_have_count(12)
        assert page.get_by_role("searchbox").input_value() == ""
        assert page.url.endswith("?sort=name")
        expect(page.get_by_role("link", name="Clear the filter")).to_have_count(0)


def test_pasted_error_is_explained(browser: Browser, watched: Watched) -> None:
    """An error in hand is pasted, explained in place by keyboard alone, and what it is called leads on."""
    with window(browser, watched.url) as seen:
        page = seen.page
        page.get_by_role("link", name="Explain an error").click()
        page.get_by_role("textbox").fill("Socket Error: 10061, Error Number: 0x800CCC0E")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.locator("#answer")).to_contain_text("Connect refused.")
        expect(page.get_by_role("textbox")).to_have_value("Socket Error: 10061, Error Number: 0x800CCC0E")
        assert seen.violations() == []
        page.locator("#answer").get_by_role("link", name="Connect refused.").click()
        expect(page).to_have_url(re.compile("errors#connect_refused$"))


def test_lost_browser_finds_back(browser: Browser, watched: Watched) -> None:
    """An address that is not there has a page in our own style with a way back, at any depth."""
    context = browser.new_context()
    try:
        page = context.new_page()
        for path in ("nowhere", "api/v1/endpoints/nobody", "endpoint?name=nobody"):
            page.goto(watched.url + path)
            assert page.evaluate("getComputedStyle(document.body).margin") == "0px"
            page.get_by_role("link", name="All endpoints").click()
            expect(page).to_have_url(watched.url)
    finally:
        context.close()


def test_refresh_keeps_what_somebody_is_at(browser: Browser, watched: Watched) -> None:
    """News change the page around the focus and the selection, which stay where they are."""
    with window(browser, "about:blank") as seen:
        page = seen.page
        page.clock.install()
        page.goto(watched.url + "?sort=name")
        page.locator('#rows tr[data-key="mortal"] a').first.focus()
        page.evaluate("window.row = document.activeElement.closest('tr')")
        before = page.locator("#clock time").get_attribute("datetime") or ""
        time.sleep(1.1)  # the page tells whole seconds
        page.clock.fast_forward(PERIOD_MS)
        expect(page.locator("#clock time")).not_to_have_attribute("datetime", before)
        assert page.evaluate("document.activeElement.textContent") == "mortal"
        assert page.evaluate("window.row.isConnected")
        assert page.evaluate("document.activeElement.matches(':focus-visible')")
        page.evaluate("getSelection().selectAllChildren(document.querySelector('#rows th'))")
        marked = page.evaluate("String(getSelection())")
        page.clock.fast_forward(PERIOD_MS)
        assert page.evaluate("String(getSelection())") == marked != ""


def test_keyboard_reaches_everything(browser: Browser, watched: Watched) -> None:
    """The first stop skips to the content; search, choices, headings and rows follow in the order of reading."""
    with window(browser, watched.url) as seen:
        page = seen.page
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to content"
        assert page.locator(".skip").is_visible()
        page.keyboard.press("Enter")
        stops = []
        for _ in range(40):
            page.keyboard.press("Tab")
            stops.append(page.evaluate("document.activeElement.name || document.activeElement.textContent"))
        assert stops.index("q") < stops.index("state") < stops.index("Endpoint") < stops.index("busy")


def test_pages_work_without_script(browser: Browser, watched: Watched) -> None:
    """Search, order and the button are a form, links and a form."""
    with window(browser, watched.url, java_script_enabled=False) as seen:
        page = seen.page
        page.get_by_role("searchbox").fill("printers")
        page.get_by_role("button", name="Show").click()
        assert set(seen.names()) == {"healthy-plaintext", "closed-port", "masked-starttls"}
        page.locator("#headings a", has_text="Endpoint").click()
        assert seen.names() == sorted(seen.names())
        assert "q=printers" in page.url


def test_exporter_that_is_gone_is_told(browser: Browser, watched: Watched) -> None:
    """A page that gets no news any more says that it may be old, and stops saying so when news come."""
    context = browser.new_context()
    try:
        page = context.new_page()
        page.clock.install()
        page.goto(watched.url)
        assert not page.locator("#stale").is_visible()
        context.set_offline(True)
        page.clock.fast_forward(PERIOD_MS)
        expect(page.locator("#stale")).to_be_visible()
        context.set_offline(False)
        page.clock.fast_forward(PERIOD_MS)
        expect(page.locator("#stale")).not_to_be_visible()
    finally:
        context.close()


def test_two_thousand_endpoints_do_not_lag(browser: Browser) -> None:
    """A fleet of two thousand is there within seconds, and typing is answered without a noticeable wait."""
    with in_background(lambda: watching(more=2000)) as fleet, window(browser, "about:blank") as seen:
        page = seen.page
        whole = len(fleet.service.settings.endpoints)
        began = time.monotonic()
        page.goto(fleet.url)
        expect(page.locator("#rows tr[data-state]")).to_have_count(MOST_ROWS)
        page.get_by_role("link", name=f"show all {whole}").click()
        expect(page.locator("#rows tr")).to_have_count(whole)
        loaded = time.monotonic() - began
        page.evaluate(
            """() => { window.longest = 0;
            new PerformanceObserver(list => list.getEntries().forEach(
                entry => { window.longest = Math.max(window.longest, entry.duration); }
            )).observe({type: 'longtask'}); }"""
        )
        page.get_by_role("searchbox").fill("idle-19")
        expect(page.locator("#count")).to_have_text("100 of 2012 shown")
        page.get_by_role("searchbox").fill("")
        expect(page.locator("#rows tr")).to_have_count(whole)
        longest = page.evaluate("window.longest")
    # Generous: this machine may be running all other tests at the same time.
    assert loaded < 15
    assert longest < 3000
