"""Where the server listens, and what it says when it cannot."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable

import aiohttp
import pytest

from exporter.board import Board
from exporter.web import ListenError, WebServer, create_app
from exporter.web.listen import ListenAddress
from tests.metrics.synthetic import StillRuntime


def server(address: str) -> WebServer:
    """An exporter that is to listen there."""
    return WebServer(create_app(Board(), StillRuntime(), ready=lambda: True), address)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        (":10587", "", 10587),
        ("127.0.0.1:0", "127.0.0.1", 0),
        ("localhost:80", "localhost", 80),
        ("[::1]:10587", "::1", 10587),
        ("[::]:65535", "::", 65535),
    ],
)
def test_address_is_read(text: str, host: str, port: int) -> None:
    """Host and port are told apart; brackets belong to the writing of IPv6 alone."""
    address = ListenAddress.parse(text)
    assert (address.host, address.port) == (host, port)
    assert str(address) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10587",
        "localhost",
        "localhost:",
        "localhost:http",
        ":65536",
        ":-1",
        ":\uff11",
        "::1:10587",
        "::1",
    ],
)
def test_bad_address_is_refused_with_a_remedy(text: str) -> None:
    """What is no address is named, with the option and how to write it."""
    with pytest.raises(ListenError, match=r"--web\.listen-address.*(HOST:PORT|brackets)") as failure:
        ListenAddress.parse(text)
    assert repr(text) in str(failure.value)


@pytest.mark.parametrize(
    ("address", "host"), [("127.0.0.1:0", "127.0.0.1"), (":0", "localhost"), ("[::1]:0", "[::1]")]
)
def test_url_has_the_port_that_was_bound(address: str, host: str) -> None:
    """Port 0 is replaced by the one that the system chose, and the link can be followed."""

    async def run() -> None:
        running = server(address)
        await running.start()
        try:
            assert running.started.is_set()
            assert running.url == f"http://{host}:{running.port}/"
            async with aiohttp.ClientSession() as client, client.get(running.url + "-/healthy") as answer:
                assert answer.status == 200
        finally:
            await running.stop()
        assert not running.started.is_set()

    asyncio.run(run())


def test_no_host_means_every_address() -> None:
    """Without a host IPv4 and IPv6 both answer, on one port."""

    async def run() -> None:
        running = server(":0")
        await running.start()
        try:
            for host in ("127.0.0.1", "::1"):
                _, writer = await asyncio.open_connection(host, running.port)
                writer.close()
                await writer.wait_closed()
        finally:
            await running.stop()

    asyncio.run(run())


def addresses(*hosts: str) -> Callable[..., list[tuple[object, ...]]]:
    """A look-up that finds these."""

    def found(*_: object, **__: object) -> list[tuple[object, ...]]:
        families = {True: socket.AF_INET6, False: socket.AF_INET}
        return [(families[":" in host], socket.SOCK_STREAM, 6, "", (host, 0)) for host in hosts]

    return found


def test_name_with_several_addresses_is_served_on_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each address of a name gets a socket, all on one port; an address that is not ours is left out."""
    monkeypatch.setattr(socket, "getaddrinfo", addresses("127.0.0.1", "192.0.2.1", "::1"))
    sockets = ListenAddress.parse("several.test:0").bind()
    try:
        assert [listening.getsockname()[0] for listening in sockets] == ["127.0.0.1", "::1"]
        assert len({listening.getsockname()[1] for listening in sockets}) == 1
    finally:
        for listening in sockets:
            listening.close()


def test_port_taken_on_one_address_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a server is none: when one address of a name has the port taken, all are given up."""
    monkeypatch.setattr(socket, "getaddrinfo", addresses("::1", "127.0.0.1"))
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ListenError, match="another program has the port"):
            ListenAddress.parse(f"several.test:{port}").bind()
        with socket.create_server(("::1", port), family=socket.AF_INET6):
            pass  # it was given back


@pytest.mark.parametrize("address", ["127.0.0.1:{}", ":{}", "localhost:{}"])
def test_taken_port_is_told_clearly(address: str) -> None:
    """Who meets another program on the port learns which port and what to do, and nothing stays open."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        wanted = address.format(other.getsockname()[1])
        running = server(wanted)
        with pytest.raises(ListenError, match="another program has the port") as failure:
            asyncio.run(running.start())
        assert repr(wanted) in str(failure.value)
        assert isinstance(failure.value, OSError)
        assert not running.started.is_set()


@pytest.mark.parametrize(
    ("address", "reason"),
    [("192.0.2.1:0", "no such address"), ("no-such-host.invalid:0", "the host is not known")],
)
def test_address_that_is_not_ours_is_told(address: str, reason: str) -> None:
    """An address of another machine, and a name without address, are refused."""
    with pytest.raises(ListenError, match=reason):
        asyncio.run(server(address).start())


def test_other_failures_keep_the_systems_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reason that nobody foresaw is passed on as the system put it."""

    def refuse(*_: object, **__: object) -> socket.socket:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(socket, "create_server", refuse)
    with pytest.raises(ListenError, match="Operation not permitted"):
        ListenAddress.parse("127.0.0.1:0").bind()


def test_machine_without_ipv6_listens_on_ipv4(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without IPv6 an address without host stands for every IPv4 address."""
    monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: False)
    (listening,) = ListenAddress.parse(":0").bind()
    with listening:
        assert listening.family is socket.AF_INET


def test_stopping_twice_or_before_the_start_is_harmless() -> None:
    """Whoever cleans up need not know how far the start got."""

    async def run() -> None:
        running = server("127.0.0.1:0")
        await running.stop()
        await running.start()
        await running.stop()
        await running.stop()

    asyncio.run(run())
