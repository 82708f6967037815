"""The loop that the other tests rely on."""

import asyncio
import socket
import threading

import pytest

from tests.virtual_time import VirtualTimeLoop, run_virtual


def test_timers_fire_at_their_exact_instants():
    """A sleep of awkward fractions ends exactly there, in order, without waiting."""

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        fired: list[float] = []
        wanted = [*(k * 0.1 + 1 / 3 for k in range(1000)), 86_400.0 * 3]
        for when in wanted:
            loop.call_at(when, lambda: fired.append(loop.time()))
        await asyncio.sleep(86_400.0 * 3 + 1)
        assert fired == wanted

    run_virtual(scenario())


def test_ready_sockets_come_before_the_clock():
    """Bytes between two sockets of one loop arrive before a timeout a microsecond away."""

    async def scenario() -> None:
        left, right = socket.socketpair()
        with left, right:
            reader, writer = await asyncio.open_connection(sock=left)
            right.send(b"now")
            assert await asyncio.wait_for(reader.readexactly(3), 1e-6) == b"now"
            writer.close()
            await writer.wait_closed()

    run_virtual(scenario())


def test_the_clock_stands_still_for_threads():
    """Work in another thread ends before any timer, however long it takes."""

    async def scenario() -> str:
        go = threading.Event()
        asyncio.get_running_loop().call_soon(go.set)
        answer = await asyncio.wait_for(asyncio.to_thread(lambda: go.wait(10) and "done"), 1e-3)
        assert asyncio.get_running_loop().time() == 0.0
        return str(answer)

    assert run_virtual(scenario()) == "done"


def test_waiting_for_ever_is_an_error():
    """When nothing can happen any more the test ends instead of hanging."""
    loop = VirtualTimeLoop(patience=0.0)
    future = loop.create_future()
    with pytest.raises(RuntimeError, match="waits for ever"):
        loop.run_until_complete(future)
    loop.close()
