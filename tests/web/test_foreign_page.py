"""A page of another site in a real browser, and an exporter in the clear, where browsers say little."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

import pytest
from aiohttp import web
from playwright.sync_api import Browser, Request

from exporter.web.server import WebServer
from tests.servers.background import in_background
from tests.servers.submission import Submission, submission_server
from tests.web.browser import chromium
from tests.web.exporting import exporting
from tests.web.test_probe_on_demand import login, modules

pytestmark = pytest.mark.servers

TRICKS = {
    "picture": '<img src="{address}">',
    "script": '<script src="{address}"></script>',
    "style": '<link rel="stylesheet" href="{address}">',
    "frame": '<iframe src="{address}"></iframe>',
    "fetch": '<script>fetch("{address}", {{mode: "no-cors", headers: {{Accept: "text/plain"}}}})</script>',
    "window": '<script>open("{address}"); location = "{address}"</script>',
    "redirect": '<meta http-equiv="refresh" content="0; url={address}">',
    "prefetch": '<link rel="prefetch" href="{address}">',
}
"""What a page can do without asking its visitor."""


@dataclass
class Stage:
    """An exporter, the mail server that it holds credentials for, and another site."""

    exporter: str
    site: str
    server: Submission

    def probe(self) -> str:
        """An address that logs in."""
        return f"{self.exporter}probe?" + urlencode(
            {"target": f"127.0.0.1:{self.server.port}", "module": "mail"}
        )


@asynccontextmanager
async def staged(folder: Path) -> AsyncIterator[Stage]:
    """All three, running."""
    stage: list[Stage] = []

    async def page(request: web.Request) -> web.Response:
        trick = TRICKS.get(request.query.get("trick", ""), "").format(address=stage[0].probe())
        headers = {"Referrer-Policy": request.query.get("policy", "no-referrer")}
        return web.Response(text=f"<!doctype html>{trick}", content_type="text/html", headers=headers)

    foreign = web.Application()
    foreign.router.add_get("/", page)
    site = WebServer(foreign, "127.0.0.1:0")
    await site.start()
    configuration = modules(mail=login())
    try:
        async with submission_server() as server:
            configuration["endpoints"] = [
                {"name": "here", "target": f"127.0.0.1:{server.port}", "tls": "none", "interval": "1h"}
            ]
            async with exporting(folder, configuration) as exporter:
                stage.append(
                    Stage(
                        exporter=f"http://exporter.test:{exporter.service.web.port}/",
                        site=f"http://evil.test:{site.port}/",
                        server=server,
                    )
                )
                yield stage[0]
    finally:
        await site.stop()


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One stage for all tests."""
    with in_background(partial(staged, tmp_path_factory.mktemp("foreign"))) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all tests."""
    with chromium() as found:
        yield found


@pytest.mark.parametrize("policy", ["no-referrer", "unsafe-url"])
@pytest.mark.parametrize("trick", TRICKS)
def test_no_trick_of_a_page_makes_a_login(trick: str, policy: str, stage: Stage, browser: Browser) -> None:
    """Whatever the page says of where it comes from, `/probe` is asked, refuses, and no login is made."""
    context = browser.new_context()
    ended: list[int | None] = []

    def note(request: Request) -> None:
        if "/probe" in request.url:
            ended.append(request.existing_response.status if request.existing_response else None)

    try:
        # What the browser keeps from the page, it reports as failed once the exporter has answered.
        context.on("requestfinished", note)
        context.on("requestfailed", note)
        page = context.new_page()
        page.goto(f"{stage.site}?" + urlencode({"trick": trick, "policy": policy}), wait_until="commit")
        deadline = time.monotonic() + 15
        while not ended:
            assert time.monotonic() < deadline
            page.wait_for_timeout(20)
    finally:
        context.close()
    assert set(ended) <= {403, None}
    assert not any("AUTH" in verbs for verbs in stage.server.verbs)


def test_our_own_button_works_in_the_clear(stage: Stage, browser: Browser) -> None:
    """`Probe now` of a page that came over plain http is recognised as ours, without scripts too."""
    context = browser.new_context(java_script_enabled=False)
    try:
        page = context.new_page()
        page.goto(f"{stage.exporter}endpoint?name=here")
        with page.expect_response(lambda response: response.url.endswith("/probe-now")) as found:
            page.get_by_role("button", name="Probe now").click()
        assert found.value.status == 303
    finally:
        context.close()
