"""HTTP clients that mean harm, or are broken: the metrics stay available."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from exporter.board import Board
from exporter.web import WebServer, acceptor, connection, create_app, manners
from exporter.web.turns import Turns
from tests.metrics.reading import board_of
from tests.metrics.synthetic import StillRuntime, endpoint, healthy
from tests.servers.certificates import Workshop

PATIENCE = 20.0


@asynccontextmanager
async def serving(board: Board | None = None, tls: ssl.SSLContext | None = None) -> AsyncIterator[WebServer]:
    """A web server of one endpoint."""
    app = create_app(board or board_of(healthy()), StillRuntime(), ready=lambda: True, probe_now=nothing)
    server = WebServer(app, "127.0.0.1:0", tls=tls)
    await server.start()
    try:
        async with asyncio.timeout(PATIENCE):
            yield server
    finally:
        await server.stop()
    assert server._acceptor._open == {}
    assert server._acceptor._by_protocol == {}
    assert server._acceptor._handshakes == {}


async def nothing(_name: str) -> None:
    """Probe nothing."""


async def metrics(server: WebServer) -> int:
    """The status of an honest scrape."""
    async with aiohttp.ClientSession() as client:
        options = {"ssl": False} if server.url.startswith("https") else {}
        async with client.get(server.url + "metrics", **options) as response:  # type: ignore[arg-type]
            assert "smtp_probe_success" in await response.text()
            return response.status


class Raw:
    """A connection on which every byte is ours."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, server: WebServer, data: bytes = b"") -> Raw:
        """Connect and send."""
        raw = cls(*await asyncio.open_connection("127.0.0.1", server.port, limit=1024))
        raw.writer.write(data)
        return raw

    async def rest(self) -> bytes:
        """Everything until the server ends the connection."""
        received = b""
        with contextlib.suppress(ConnectionError):
            while data := await self.reader.read(65536):
                received += data
        self.close()
        return received

    def close(self) -> None:
        """Go."""
        self.writer.transport.abort()


def run(scenario: Any) -> Any:
    """Run a scenario and see that it leaves no descriptor open."""
    with asyncio.Runner() as runner:
        runner.run(asyncio.sleep(0))
        before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - numbers are enough
        result = runner.run(scenario)
        runner.run(asyncio.sleep(0.01))
        assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208 - as above
    return result


@pytest.mark.parametrize(
    "data",
    [b"", b"GET /metrics HT", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ", b"\r\n\r\n"],
)
def test_request_that_never_comes_is_not_waited_for(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection whose first request does not arrive whole in time is closed, however it began."""
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.2)

    async def scenario() -> bytes:
        async with serving() as server:
            return await (await Raw.open(server, data)).rest()

    answer = run(scenario())
    assert not answer or answer.startswith(b"HTTP/1.1 4")  # an outright bad request is told so


def test_headers_in_drops_are_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sending another byte does not buy more time."""
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.3)

    async def scenario() -> float:
        async with serving() as server:
            raw = await Raw.open(server, b"GET / HTTP/1.1\r\n")
            began = asyncio.get_running_loop().time()

            async def drip() -> None:
                while True:
                    raw.writer.write(b"X")
                    await asyncio.sleep(0.02)

            dripping = asyncio.ensure_future(drip())
            await raw.rest()
            dripping.cancel()
            return asyncio.get_running_loop().time() - began

    assert 0.2 < run(scenario()) < 5


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 100_000 + b"\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 10_000 + b"\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 64, b"400"),
        (b"\0" * 10_000, b"400"),
        (b"EHLO client.example\r\n", b"400"),
    ],
)
def test_absurd_requests_are_refused(head: bytes, status: bytes) -> None:
    """Huge, contradictory and foreign requests get a short answer and the end of the connection."""

    async def scenario() -> tuple[bytes, int]:
        async with serving() as server:
            answer = await (await Raw.open(server, head)).rest()
            return answer, await metrics(server)

    answer, alive = run(scenario())
    # The answer may be lost: the rest of what was sent meets a closed socket.
    assert not answer or answer.split()[1] == status
    assert len(answer) < 2000
    assert b"<script" not in answer
    assert b"aiohttp" not in answer
    assert not answer or b"\r\nContent-Security-Policy: default-src 'none'" in answer
    assert alive == 200


def test_body_that_never_comes_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A form that is promised and not sent ends in 408."""
    monkeypatch.setattr(manners, "BODY_SECONDS", 0.2)
    head = b"POST /probe-now HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nConnection: close\r\n\r\nname="

    async def scenario() -> bytes:
        async with serving() as server:
            raw = await Raw.open(server, head)
            line = await raw.reader.readline()
            raw.close()
            return line

    assert run(scenario()).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize(
    ("path", "endpoints", "label"),
    [(b"/", 9, 1_000_000), (b"/metrics", 20, 20_000), (b"/endpoint?name=mail", 1, 9_000_000)],
)
def test_reader_that_takes_nothing_is_cut_off(
    path: bytes, endpoints: int, label: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that asks for much and takes nothing is gone after a while; others are served meanwhile."""
    monkeypatch.setattr(connection, "STALL_SECONDS", 0.3)
    names = ["mail", *(f"mail {n}" for n in range(1, endpoints))]
    board = Board(history=5)
    board.apply([endpoint(name, labels=(("x", "y" * label),)) for name in names])
    for entry in board.entries.values():
        board.record(healthy(entry.endpoint))

    async def scenario() -> int:
        async with serving(board) as server:
            raw = await Raw.open(server, b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n")
            await raw.reader.readline()
            while not server._acceptor._open:  # noqa: ASYNC110 - no event tells
                await asyncio.sleep(0.01)
            while server._acceptor._open:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)
            raw.close()
            async with aiohttp.ClientSession() as client, client.get(server.url + "-/healthy") as response:
                return response.status

    assert run(scenario()) == 200


def test_slow_reader_gets_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that takes its answer slowly, and takes it, is served to the end."""
    monkeypatch.setattr(connection, "STALL_SECONDS", 2.0)
    board = Board(history=5)
    board.apply([endpoint("mail", labels=(("x", "y" * 9_000_000),))])
    board.record(healthy(board.entries["mail"].endpoint))
    asking = b"GET /endpoint?name=mail HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

    async def scenario() -> bytes:
        async with serving(board) as server:
            raw = await Raw.open(server, asking)
            received = b""
            while data := await raw.reader.read(400_000):
                received += data
                await asyncio.sleep(0.001)
            raw.close()
            return received

    received = run(scenario())
    assert received.startswith(b"HTTP/1.1 200")
    assert received.endswith(b"</html>")


def test_bug_below_the_application_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """What goes wrong before a page is asked for is an error in the log and one line for the client."""

    class Broken(web.Response):
        async def prepare(self, request: web.BaseRequest) -> None:
            raise RuntimeError("s3cret")

    async def broken(_request: web.Request) -> web.Response:
        return Broken()

    async def scenario() -> bytes:
        app = web.Application()
        app.router.add_get("/", broken)
        server = WebServer(app, "127.0.0.1:0")
        await server.start()
        try:
            raw = await Raw.open(server, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            return await raw.rest()
        finally:
            await server.stop()

    answer = run(scenario())
    assert b"s3cret" not in answer
    assert "s3cret" in caplog.text


@pytest.mark.parametrize("under_tls", [False, True])
@pytest.mark.parametrize("data", [b"", b"GET / HTTP/1.1\r\n"])
def test_flood_of_connections_leaves_room(
    data: bytes, under_tls: bool, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connections that ask for nothing are bounded in number and make room for those that do."""
    monkeypatch.setattr(acceptor, "MOST_CONNECTIONS", 20)
    context = workshop.valid().context() if under_tls else None

    async def scenario() -> tuple[list[int], int]:
        async with serving(tls=context) as server:
            flood, statuses = [], []
            for _ in range(8):
                flood += [await Raw.open(server, data) for _ in range(15)]
                statuses.append(await metrics(server))
            held = len(server._acceptor._open) + len(server._acceptor._handshakes)
            for raw in flood:
                raw.close()
            return statuses, held

    statuses, held = run(scenario())
    assert statuses == [200] * 8
    assert held <= 20


def test_idle_connections_go_before_busy_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under a flood whoever asked for nothing goes first, then idle ones, then those that take nothing."""
    monkeypatch.setattr(acceptor, "MOST_CONNECTIONS", 3)
    release = asyncio.Event

    async def scenario() -> list[bytes]:
        gate = release()

        async def slow(_request: web.Request) -> web.Response:
            await gate.wait()
            return web.Response(text="done")

        app = web.Application()
        app.router.add_get("/slow", slow)

        async def fast(_request: web.Request) -> web.Response:
            return web.Response(text="fast")

        app.router.add_get("/fast", fast)
        server = WebServer(app, "127.0.0.1:0")
        await server.start()
        try:
            busy = await Raw.open(server, b"GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            idle = await Raw.open(server, b"GET /fast HTTP/1.1\r\nHost: x\r\n\r\n")
            await idle.reader.readuntil(b"fast")
            silent = await Raw.open(server)
            await asyncio.sleep(0.05)
            ends = [asyncio.ensure_future(silent.rest())]
            second = await Raw.open(server)
            await ends[0]
            ends.append(asyncio.ensure_future(second.rest()))
            third = await Raw.open(server)
            await ends[1]
            asked = await Raw.open(server, b"GET /fast HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answer = await asked.rest()
            gate.set()
            answers = [answer, await busy.rest()]
            for raw in (idle, third):
                raw.close()
            return answers
        finally:
            await server.stop()

    fast, slow = run(scenario())
    assert fast.endswith(b"fast")
    assert slow.endswith(b"done")


def test_no_descriptor_left_is_survived(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the process can open nothing more the port is left alone for a moment, then accepts again."""
    monkeypatch.setattr(acceptor, "BREATH_SECONDS", 0.05)

    async def scenario() -> int:
        async with serving() as server:
            (listening,) = server._acceptor._listening
            calls = 0

            class Exhausted:
                def __getattr__(self, name: str) -> Any:
                    return getattr(listening, name)

                def accept(self) -> Any:
                    nonlocal calls
                    calls += 1
                    raise OSError(24, "Too many open files")

            server._acceptor._listening = [listening]
            asyncio.get_running_loop().remove_reader(listening)
            exhausted = Exhausted()
            server._acceptor._listening.append(exhausted)  # type: ignore[arg-type]
            asyncio.get_running_loop().add_reader(listening, server._acceptor._accept, exhausted)  # type: ignore[arg-type]
            raw = await Raw.open(server)
            while not calls:  # noqa: ASYNC110 - no event tells
                await asyncio.sleep(0.005)
            await asyncio.sleep(0)
            seen = calls
            server._acceptor._listening.remove(exhausted)  # type: ignore[arg-type]
            server._acceptor._watch(listening)
            status = await metrics(server)
            raw.close()
            assert seen == 1
            return status

    assert run(scenario()) == 200


def test_broken_handshakes_leave_nothing(workshop: Workshop) -> None:
    """Clients that speak no TLS, break off or go away in the handshake cost nothing that stays."""

    async def scenario() -> int:
        async with serving(tls=workshop.valid().context()) as server:
            for data in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff", b"\0" * 2000):
                raw = await Raw.open(server, data)
                raw.close() if data[0] == 0x16 else await raw.rest()
            return await metrics(server)

    assert run(scenario()) == 200


def test_server_stops_with_clients_in_every_state(workshop: Workshop) -> None:
    """Stopping ends handshakes, silent connections and idle ones."""

    async def scenario() -> None:
        for tls in (None, workshop.valid().context()):
            async with serving(tls=tls) as server:
                raws = [await Raw.open(server, data) for data in (b"", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")]
                await asyncio.sleep(0.05)
            for raw in raws:
                raw.close()

    run(scenario())


def test_many_pages_do_not_delay_one_scrape() -> None:
    """Forty pages asked for at once take turns; a scrape meanwhile is done before most of them."""
    board = Board()
    board.apply([endpoint(f"mail {n}") for n in range(100)])
    for entry in board.entries.values():
        board.record(healthy(entry.endpoint))

    async def scenario() -> tuple[int, int]:
        async with serving(board) as server, aiohttp.ClientSession() as client:
            done = 0

            async def page() -> None:
                nonlocal done
                async with client.get(server.url) as response:
                    await response.read()
                done += 1

            flood = [asyncio.ensure_future(page()) for _ in range(40)]
            await asyncio.sleep(0.02)
            status = await metrics(server)
            before = done
            await asyncio.gather(*flood)
            return status, before

    status, before = run(scenario())
    assert status == 200
    assert before < 40


def test_turns_go_round_the_clients() -> None:
    """A client with many wishes does not hold up one with one; each waits for as many as there are clients."""

    async def scenario() -> list[str]:
        turns, order, begin = Turns(), [], asyncio.Event()

        async def work(client: str) -> None:
            async with turns.turn(client):
                order.append(client)
                await begin.wait()

        greedy = [asyncio.ensure_future(work("greedy")) for _ in range(5)]
        await asyncio.sleep(0)
        modest = asyncio.ensure_future(work("modest"))
        await asyncio.sleep(0)
        begin.set()
        await asyncio.gather(*greedy, modest)
        return order

    order = run(scenario())
    assert order == ["greedy", "greedy", "modest", "greedy", "greedy", "greedy"]


def test_turn_of_a_client_that_left_is_not_lost() -> None:
    """Whoever is cancelled while it waits, or just as its turn comes, passes it on."""

    async def scenario() -> list[str]:
        turns, order = Turns(), []

        async def work(name: str) -> None:
            async with turns.turn(name):
                order.append(name)
                await asyncio.sleep(0.01)

        first = asyncio.ensure_future(work("first"))
        waiting = [asyncio.ensure_future(work(name)) for name in ("left", "left late", "stays")]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await first
        waiting[1].cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        async with turns.turn("later"):
            order.append("later")
        return order

    order = run(scenario())
    assert order[0] == "first"
    assert order[-2:] == ["stays", "later"]


def test_limits_are_what_they_are_meant_to_be() -> None:
    """The figures of the documentation."""
    assert Path(acceptor.__file__).exists()
    assert acceptor.MOST_CONNECTIONS == 512
    assert connection.HEAD_SECONDS == 10
    assert connection.STALL_SECONDS == 30
