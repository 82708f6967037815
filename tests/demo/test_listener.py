"""Listener and wire survive what clients and kernels do to them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvloop

from exporter.demo.listener import Listener
from exporter.demo.wire import Wire
from tests.servers.background import in_background

Run = Callable[..., object]
LOOPS = pytest.mark.parametrize("run", [asyncio.run, uvloop.run])


@asynccontextmanager
async def listening(serve, **options) -> AsyncIterator[Listener]:
    """A started listener."""
    listener = Listener(serve, **options)
    await listener.start()
    try:
        yield listener
    finally:
        await listener.stop()


async def echo(wire: Wire) -> None:
    """Send back what comes, then end."""
    while data := await wire.read():
        await wire.write(data)
    await wire.finish()


def highest_descriptor() -> int:
    """The largest number of an open file descriptor."""
    return max(int(fd.name) for fd in Path("/proc/self/fd").iterdir())


def test_the_port_is_known_only_while_it_listens() -> None:
    """Before `start` there is no port to tell."""
    with pytest.raises(RuntimeError, match="not started"):
        _ = Listener(echo).port


@LOOPS
def test_it_listens_on_ipv6_too(run: Run) -> None:
    """An IPv6 address is as good as loopback's IPv4 one."""

    async def main() -> None:
        async with listening(echo, host="::1") as listener:
            reader, writer = await asyncio.open_connection("::1", listener.port)
            writer.write(b"hello")
            assert await reader.readexactly(5) == b"hello"
            writer.close()
            await writer.wait_closed()

    run(main())


@LOOPS
def test_a_bug_in_a_connection_is_reported_and_ends_only_that_one(run: Run) -> None:
    """The loop's exception handler hears of it; the next client is served."""
    heard: list[BaseException] = []
    first = [True]

    async def serve(wire: Wire) -> None:
        if first:
            first.clear()
            raise ValueError("a bug")
        await wire.write(b"fine")
        await wire.finish()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, context: heard.append(context["exception"]))
        async with listening(serve) as listener:
            answers = []
            for _ in range(2):
                reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
                answers.append(await reader.read())
                writer.close()
                await writer.wait_closed()
            assert answers == [b"", b"fine"]

    run(main())
    assert [str(error) for error in heard] == ["a bug"]


@LOOPS
def test_stop_closes_connections_that_have_not_begun(run: Run) -> None:
    """A connection whose task has not run yet is closed too (an open one would be a ResourceWarning)."""

    async def main() -> None:
        async with listening(echo) as listener:
            sock = socket.create_connection(("127.0.0.1", listener.port))
            assert listener._sock is not None
            listener._accept(listener._sock)
            assert len(listener._tasks) == 1
            await listener.stop()
            assert listener._tasks == set()
            sock.close()

    run(main())


@LOOPS
def test_running_out_of_descriptors_is_survived(run: Run) -> None:
    """With no descriptor left clients wait, and are served once there are some again."""

    async def main() -> None:
        async with listening(echo) as listener:
            client = socket.socket()
            client.setblocking(False)
            soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            highest = highest_descriptor()
            resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, hard))
            hog = []
            try:
                with contextlib.suppress(OSError):  # EMFILE: that is what is wanted
                    while True:
                        hog.append(os.dup(0))
                loop = asyncio.get_running_loop()
                await loop.sock_connect(client, ("127.0.0.1", listener.port))
                await loop.sock_sendall(client, b"hello")
                await asyncio.sleep(0)
                assert listener._tasks == set()
            finally:
                for fd in hog:
                    os.close(fd)
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            assert await asyncio.wait_for(loop.sock_recv(client, 100), 5) == b"hello"
            client.close()

    run(main())


def test_stopping_while_out_of_descriptors_is_harmless() -> None:
    """A watch that comes back after the end finds nothing to watch."""

    async def main() -> None:
        async with listening(echo) as listener:
            pass
        listener._watch()

    asyncio.run(main())


def test_a_line_without_an_end_is_cut_at_the_limit() -> None:
    """What is longer than the limit comes in pieces; nothing is lost."""

    async def lines(wire: Wire) -> None:
        while line := await wire.read_line(10):
            await wire.write(b"<" + line + b">")
        await wire.finish()

    with (
        in_background(lambda: listening(lines)) as listener,
        socket.create_connection(("127.0.0.1", listener.port), timeout=5) as sock,
    ):
        sock.sendall(b"0123456789abc\nxy")
        sock.shutdown(socket.SHUT_WR)
        with sock.makefile("rb") as file:
            assert file.read() == b"<0123456789><abc\n><xy>"


def test_the_wire_shows_what_is_pending() -> None:
    """Bytes behind the line that was read are still there, and dropped by TLS only."""
    seen: list[bytes] = []

    async def serve(wire: Wire) -> None:
        await wire.read_line()
        seen.append(wire.pending)
        seen.append(await wire.read())

    with (
        in_background(lambda: listening(serve)) as listener,
        socket.create_connection(("127.0.0.1", listener.port), timeout=5) as sock,
    ):
        sock.sendall(b"one\ntwo")
        assert sock.recv(1) == b""
    assert seen == [b"two", b"two"]


def test_a_client_that_never_ends_its_side_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the farewell the server waits for a moment only, then closes."""
    monkeypatch.setattr("exporter.demo.wire.LINGER_SECONDS", 0.02)

    async def serve(wire: Wire) -> None:
        await wire.write(b"bye")
        await wire.finish()

    async def main() -> None:
        async with listening(serve) as listener:
            reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
            assert await reader.read() == b"bye"
            await listener.settle(5)
            assert listener._tasks == set()
            writer.close()
            await writer.wait_closed()

    asyncio.run(main())
