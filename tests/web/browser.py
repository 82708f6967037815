"""A real browser, Debian's Chromium, looking at a running exporter of which a test pulls the strings."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from exporter.demo import DemoServers
from exporter.demo.server import SubmissionServer
from exporter.demo.service import Service as Behaviour
from exporter.model import Endpoint, Phase, TlsMode
from exporter.service import Service
from exporter.settings import Settings

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--force-color-profile=srgb"),
    "--host-resolver-rules=MAP *.test 127.0.0.1",  # a host that is not loopback to the browser
)
PATIENCE_MS = 15_000
expect.set_options(timeout=PATIENCE_MS)


@dataclass
class Watched:
    """A running exporter of the demo's servers and of one that can be killed."""

    url: str
    service: Service
    loop: asyncio.AbstractEventLoop
    mortal: SubmissionServer

    def kill(self) -> None:
        """Take the mortal server away."""
        self._call(self.mortal.stop())

    def revive(self) -> None:
        """Bring it back, at its port."""
        self._call(self.mortal.start())

    def probe(self, name: str) -> None:
        """Probe an endpoint now."""
        self._call(self.service._probe_now(name))

    def _call(self, step: Any) -> None:
        asyncio.run_coroutine_threadsafe(step, self.loop).result(20)


@asynccontextmanager
async def watching(more: int = 0) -> AsyncIterator[Watched]:
    """The demo's fleet, an endpoint called `mortal`, and `more` that nobody probes for an hour."""
    demo = DemoServers()
    await demo.start()
    mortal = SubmissionServer(Behaviour(tls=TlsMode.NONE))
    await mortal.start()
    mortal._listener._address = ("127.0.0.1", mortal.port)  # where it comes back after its death
    endpoints = [*demo.endpoints, plain("mortal", mortal.port, interval=3600.0)]
    endpoints += [plain(f"idle-{number:04}", 1, interval=3600.0) for number in range(more)]
    logging.getLogger("exporter").setLevel(logging.ERROR)  # the demo's failures are not news
    settings = Settings(file=Path("demo"), endpoints=tuple(endpoints))
    service = Service(settings, listen="127.0.0.1:0")
    await service.start()
    try:
        yield Watched(service.web.url, service, asyncio.get_running_loop(), mortal)
    finally:
        logging.getLogger("exporter").setLevel(logging.NOTSET)
        await service.stop()
        await mortal.stop()
        await demo.stop()


def plain(name: str, port: int, *, interval: float) -> Endpoint:
    """An endpoint without TLS and login."""
    return Endpoint(
        name=name,
        host="127.0.0.1",
        port=port,
        tls=TlsMode.NONE,
        until=Phase.EHLO,
        interval=interval,
        timeout=2.0,
        labels=(("site", "demo"), ("team", "night")),
    )


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser."""
    if not Path(CHROMIUM).exists():
        pytest.fail(f"{CHROMIUM} is not installed: run `make packages` as root", pytrace=False)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Window:
    """A page in a window, and what it complained of."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    @classmethod
    def open(cls, context: BrowserContext, url: str) -> Window:
        """Open a page; every message of its console and every error of its script is a complaint."""
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        window = cls(page)
        page.on("console", lambda message: window.complaints.append(message.text))
        page.on("pageerror", lambda error: window.complaints.append(str(error)))
        page.goto(url)
        return window

    def violations(self) -> list[str]:
        """What axe finds wrong, for screen readers, keyboards and weak eyes."""
        found = Axe().run(self.page).response["violations"]
        return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found]

    def names(self) -> list[str]:
        """The endpoints that are shown, from top to bottom."""
        return [
            row.get_attribute("data-key") or "" for row in self.page.locator("#rows tr[data-state]").all()
        ]

    def state(self, name: str) -> str | None:
        """The state that the row of an endpoint shows."""
        return self.page.locator(f'#rows tr[data-key="{name}"]').get_attribute("data-state")


@contextmanager
def window(browser: Browser, url: str, **options: Any) -> Iterator[Window]:
    """A page in a window of its own; leaving fails when the page complained of something."""
    options.setdefault("viewport", {"width": 1280, "height": 800})
    context = browser.new_context(**options)
    try:
        found = Window.open(context, url)
        yield found
        assert found.complaints == []
    finally:
        context.close()
