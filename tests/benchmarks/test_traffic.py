"""The drivers ask what they are told to ask, and notice what fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from benchmarks.traffic import Connection, probe_at_pace, probe_back_to_back, probe_path

SUCCESS = "# TYPE probe_success gauge\nprobe_success 1\nprobe_duration_seconds 0.25\n"


@asynccontextmanager
async def answering(text: Callable[[web.Request], str], *, chunked: bool = False) -> AsyncIterator[str]:
    """A server that answers every request with a text."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.Response(text=text(request))
        if chunked:
            response.enable_chunked_encoding()
        return response

    app = web.Application()
    app.router.add_get("/{anything:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("chunked", [False, True])
def test_connection_is_used_again(chunked: bool) -> None:
    """Two answers come over one connection, with a length or in chunks."""

    async def run() -> None:
        peers: set[object] = set()

        def text(request: web.Request) -> str:
            assert request.transport is not None
            peers.add(request.transport.get_extra_info("peername"))
            return f"you asked for {request.path_qs}"

        async with answering(text, chunked=chunked) as url:
            connection = Connection(url)
            for path in ("/one", probe_path("127.1.0.1:25", "m")):
                answer = await connection.get(path)
                assert answer.status == 200
                assert answer.body.decode() == f"you asked for {path}"
            await connection.close()
            assert len(peers) == 1

    asyncio.run(run())


def test_pace_makes_as_many_requests_as_it_should() -> None:
    """Forty a second for half a second are twenty, and each value is told with its worker."""

    async def run() -> None:
        async with answering(lambda _: SUCCESS) as url:
            tally = await probe_at_pace(url, lambda _: "/p", rate=40, seconds=0.5, workers=3, values=True)
        assert len(tally.seconds) == 20
        assert tally.failed == 0
        assert {value for _, value in tally.values} == {0.25}
        assert {worker for worker, _ in tally.values} <= {0, 1, 2}

    asyncio.run(run())


def test_failed_probes_are_counted() -> None:
    """An answer that says the probe failed is no success of the benchmark."""

    async def run() -> None:
        async with answering(lambda _: SUCCESS.replace("success 1", "success 0")) as url:
            tally = await probe_back_to_back(url, lambda _: "/p", seconds=0.05, workers=2)
        assert tally.failed == len(tally.seconds) > 0

    asyncio.run(run())
