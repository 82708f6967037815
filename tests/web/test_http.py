"""The application: health, metrics, errors in plain text, and the headers of every response."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import logging
from collections.abc import AsyncGenerator, Callable, Mapping

import aiohttp
import pytest
from aiohttp import web

from exporter.board import Board
from exporter.metrics import Exposition, Renderer, full_registry
from exporter.web import WebServer, create_app
from exporter.web import stream as stream_module
from exporter.web.headers import CONTENT_SECURITY_POLICY, add_headers
from exporter.web.manners import plain_errors
from tests.metrics.reading import board_of, parsed
from tests.metrics.synthetic import StillRuntime, endpoint, healthy
from tests.web.browsing import Page, browse, get

Answer = tuple[int, Mapping[str, str], bytes]


def ask(
    path: str,
    *,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    board: Board | None = None,
    ready: Callable[[], bool] = lambda: True,
) -> Answer:
    """Status, headers and body as they were sent, compressed or not."""

    async def visit(client: aiohttp.ClientSession) -> Answer:
        async with client.request(
            method, path, headers=headers or {}, skip_auto_headers=["Accept-Encoding"], auto_decompress=False
        ) as response:
            return response.status, response.headers, await response.read()

    return browse(board or board_of(healthy()), visit, ready=ready)


def test_healthy_whenever_the_loop_turns() -> None:
    """Alive is not ready: an exporter that cannot probe yet is not restarted for it."""
    assert ask("/-/healthy", ready=lambda: False)[0] == 200


@pytest.mark.parametrize(("ready", "status"), [(True, 200), (False, 503)])
def test_ready_is_what_the_service_says(ready: bool, status: int) -> None:
    """Ready answers 503 until configuration is loaded and probes run, in a sentence."""
    answer, _, body = ask("/-/ready", ready=lambda: ready)
    assert answer == status
    assert body == (b"ready\n" if ready else b"not ready: no probes are being made\n")


def test_metrics_are_text_by_default() -> None:
    """Curl gets the text format, uncompressed, with the samples of the board."""
    board = board_of(healthy())
    status, headers, body = ask("/metrics", board=board)
    assert status == 200
    assert headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "Content-Encoding" not in headers
    theirs = parsed(Exposition.TEXT.whole(full_registry(board, StillRuntime())))
    assert parsed(body).keys() == theirs.keys()


def test_metrics_are_openmetrics_when_asked_for() -> None:
    """A client that prefers OpenMetrics gets it, whole."""
    _, headers, body = ask("/metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0"})
    assert headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0; charset=utf-8")
    assert body.endswith(b"# EOF\n")


def test_metrics_are_compressed_when_asked_for() -> None:
    """Gzip is used for a client that names it, and unpacks to the same text."""
    _, headers, body = ask("/metrics", headers={"Accept-Encoding": "gzip"})
    assert headers["Content-Encoding"] == "gzip"
    assert {"Accept", "Accept-Encoding"} == set(headers["Vary"].split(", "))
    assert b"smtp_probe_success" in gzip.decompress(body)


def test_large_metrics_arrive_in_pieces() -> None:
    """A scrape of many endpoints is streamed, and whole in either encoding."""
    board = Board()
    board.apply([endpoint(f"mail {n}") for n in range(100)])
    for entry in board.entries.values():
        board.record(healthy(entry.endpoint))
    plain = ask("/metrics", board=board)[2]
    packed = ask("/metrics", board=board, headers={"Accept-Encoding": "gzip"})[2]
    assert len(plain) > 500_000
    assert len(packed) < len(plain) / 10
    assert len(plain.splitlines()) == len(gzip.decompress(packed).splitlines())


BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.mark.parametrize(
    ("path", "words", "up"),
    [
        ("/nowhere", "Not Found", ""),
        ("/endpoint?name=nobody", "No such endpoint", ""),
        ("/api/v1/endpoints/nobody", "No such endpoint", "../../../"),
        ("/-/nowhere/", "Not Found", "../../"),
        ("/probe-now", "Not Found", ""),
    ],
)
def test_browser_that_is_lost_gets_a_page(path: str, words: str, up: str) -> None:
    """A person who meets a dead end sees what it is and a way back, from whatever depth; nothing reloads it."""
    status, headers, body = ask(path, headers=BROWSER)
    assert status == 404
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    page = Page.read(body.decode())
    assert words in page.text
    assert [link["href"] for link in page.all("a")].count(f"{up}./") == 3
    assert {link["href"] for link in page.all("link")} == {f"{up}static/icon.svg", f"{up}static/page.css"}
    assert page.all("script") == []


@pytest.mark.parametrize("path", ["/metrics", "/", "/-/healthy", "/api/v1/endpoints", "/static/page.css"])
def test_head_has_the_headers_and_no_body(path: str) -> None:
    """HEAD is answered as GET is, without a body and without making one."""
    get_status, get_headers, _ = ask(path)
    status, headers, body = ask(path, method="HEAD")
    assert (status, body) == (get_status, b"")
    assert headers["Content-Type"] == get_headers["Content-Type"]


@pytest.mark.parametrize(
    ("method", "path", "answer"),
    [
        ("GET", "/nowhere", (404, b"404 Not Found\n")),
        ("GET", "/endpoint?name=nobody", (404, b"404 No such endpoint\n")),
        ("GET", "/api/v1/endpoints/nobody", (404, b"404 No such endpoint\n")),
        ("GET", "/static/app.py", (404, b"404 Not Found\n")),
        ("GET", "/static/..%2fapp.py", (404, b"404 Not Found\n")),
        ("POST", "/metrics", (405, b"405 Method Not Allowed\n")),
        ("DELETE", "/", (405, b"405 Method Not Allowed\n")),
        ("POST", "/-/reload", (404, b"404 Not Found\n")),
        ("POST", "/probe-now", (404, b"404 Not Found\n")),
    ],
)
def test_errors_are_one_line_of_text(method: str, path: str, answer: tuple[int, bytes]) -> None:
    """A wrong address or method is told in plain text, without repeating what was asked."""
    status, headers, body = ask(path, method=method)
    assert (status, body) == answer
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    if status == 405:
        assert "GET" in headers["Allow"]


@pytest.mark.parametrize(
    "path",
    ["/", "/metrics", "/-/ready", "/nowhere", "/static/page.js", "/endpoint?name=mail", "/api/v1/endpoints"],
)
def test_every_response_has_the_security_headers(path: str) -> None:
    """Errors and machine formats carry them too; the server does not say what it is made of."""
    _, headers, _ = ask(path)
    assert headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Server"] == "submission-exporter"


def test_policy_forbids_inline_code_and_other_hosts() -> None:
    """Nothing but our own files may run or load, and nobody may frame a page."""
    assert "default-src 'none'" in CONTENT_SECURITY_POLICY
    assert "frame-ancestors 'none'" in CONTENT_SECURITY_POLICY
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert "http" not in CONTENT_SECURITY_POLICY


def test_assets_are_kept_by_the_browser() -> None:
    """A file is sent once; whoever has it is told that it did not change."""
    status, headers, body = ask("/static/page.css")
    assert status == 200
    assert headers["Content-Type"] == "text/css; charset=utf-8"
    assert body
    assert ask("/static/page.css", headers={"If-None-Match": headers["ETag"]})[0] == 304
    assert ask("/static/page.css", headers={"If-None-Match": '"other"'})[0] == 200


def test_bug_in_a_page_is_logged_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    """An exception of ours becomes a plain 500; its text, which may hold anything, stays in the log."""

    async def broken(_request: web.Request) -> web.Response:
        raise RuntimeError("s3cret")

    async def run() -> tuple[int, str]:
        app = web.Application(middlewares=[plain_errors])
        app.on_response_prepare.append(add_headers)
        app.router.add_get("/", broken)
        server = WebServer(app, "127.0.0.1:0")
        await server.start()
        try:
            async with aiohttp.ClientSession() as client, client.get(server.url) as response:
                return response.status, await response.text()
        finally:
            await server.stop()

    with caplog.at_level(logging.ERROR, "exporter.web"):
        status, body = asyncio.run(run())
    assert status == 500
    assert "s3cret" not in body
    assert "s3cret" in caplog.text


def test_metrics_that_cannot_be_made_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug while rendering is a 500, which Prometheus sees as a failed scrape, not half a text."""

    def broken(*_: object) -> None:
        raise RuntimeError("bug")

    monkeypatch.setattr(Renderer, "_current_text", broken)
    assert ask("/metrics")[0] == 500


async def endless(ended: asyncio.Event) -> AsyncGenerator[bytes]:
    """More than anybody can take; the event tells that it was given up."""
    try:
        while True:
            yield b"x" * 65536
            await asyncio.sleep(0)
    finally:
        ended.set()


@pytest.mark.parametrize("leaves", [True, False])
def test_client_that_takes_nothing_is_cut_off(
    leaves: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Who does not read loses the connection, who left is forgotten; neither makes noise in the log."""
    monkeypatch.setattr(stream_module, "SLOWEST", 30 if leaves else 0.2)

    async def run() -> bytes:
        ended = asyncio.Event()

        async def handler(request: web.Request) -> web.StreamResponse:
            return await stream_module.stream(request, "text/plain", endless(ended))

        app = web.Application(middlewares=[plain_errors])
        app.router.add_get("/", handler)
        server = WebServer(app, "127.0.0.1:0")
        await server.start()
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1024)
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            got = await reader.readline()
            if leaves:
                writer.transport.abort()
            async with asyncio.timeout(20):
                await ended.wait()
            with contextlib.suppress(ConnectionError):
                got += await reader.read()
            writer.close()
            return got
        finally:
            await server.stop()

    got = asyncio.run(run())
    assert got.startswith(b"HTTP/1.1 200 OK")
    assert not got.endswith(b"0\r\n\r\n")
    assert caplog.text == ""


def test_pages_load_nothing_from_elsewhere() -> None:
    """Every address in a page is relative, so it works without the internet and below a proxy's path."""
    for path in ("/", "/endpoint?name=mail"):
        page = get(board_of(healthy()), path)
        assert "http://" not in page.replace("http://www.w3.org", "")
        assert "https://" not in page
        assert 'src="/' not in page
        assert 'href="/' not in page


def test_app_is_small_in_what_it_reads() -> None:
    """A request body larger than a form is refused."""

    async def visit(client: aiohttp.ClientSession) -> int:
        async with client.post("/probe-now", data={"name": "x" * 100_000}) as response:
            return response.status

    async def probe(_name: str) -> None:
        raise AssertionError("nothing may be probed")

    assert browse(board_of(healthy()), visit, probe_now=probe) == 413


def test_application_has_no_reload_or_probe_unless_given() -> None:
    """What the service does not offer has no address."""
    app = create_app(Board(), StillRuntime(), ready=lambda: True)
    assert not {resource.canonical for resource in app.router.resources()} & {"/-/reload", "/probe-now"}
