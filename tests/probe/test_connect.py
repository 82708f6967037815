from __future__ import annotations

import asyncio
import errno
import os
import resource
import socket
import sys
import time
from collections.abc import Awaitable
from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model import AttemptOutcome
from exporter.probe.address import Address, interleave
from exporter.probe.connect import (
    MOST_ADDRESSES,
    STAGGER,
    Attempts,
    Connected,
    ConnectFailed,
    _verdict,
    attempt_order,
    connect,
    round_trip,
)
from tests.probe.loops import both_loops, left_in_loop, open_descriptors, run
from tests.probe.tcp_ports import closed, listening, outcomes, silent
from tests.probe.test_transport import Receiver, busy

CONNECTED, REFUSED = AttemptOutcome.CONNECTED, AttemptOutcome.REFUSED
NO_ANSWER, TIMEOUT = AttemptOutcome.NO_ANSWER, AttemptOutcome.TIMEOUT

# Nothing can be sent to it over TCP: the kernel says ENETUNREACH at once, route or no route.
BROADCAST = Address("255.255.255.255", 587)


@pytest.fixture(autouse=True)
def _nothing_left_open():
    """After each test as many descriptors are open as before."""
    before = open_descriptors()
    yield
    assert open_descriptors() == before


async def close_after(connecting: Awaitable[Connected]) -> Connected:
    """Await a connection and close it; its facts stay."""
    connected = await connecting
    connected.transport.abort()
    return connected


# ------------------------------------------------------------------ one address


@both_loops
@pytest.mark.usefixtures("stamping")
def test_a_greeting_that_waited_for_a_busy_loop_came_when_it_came(run_in):
    """The loop saw connection and greeting together, a while after the kernel had both."""

    async def check():
        with socket.create_server(("127.0.0.1", 0)) as server:
            task = asyncio.create_task(connect([Address(*server.getsockname())]))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            theirs, _ = server.accept()
            with theirs:
                theirs.sendall(b"220 hello\r\n")
                busy(0.05)
                connected = await task
                receiver = Receiver()
                connected.transport.attach(receiver)
                await receiver.came.wait()
                ((_, at),) = receiver.received
                connected.transport.abort()
                await receiver.ended
        assert 0 <= at - connected.connected_at < 0.02

    run(check(), run_in)


@both_loops
def test_connects(run_in):
    """The socket is connected, non-blocking and without Nagle; the moment lies within the call."""

    async def check():
        began = time.perf_counter()
        connected = await connect([address])
        ended = time.perf_counter()
        sock = connected.transport.get_extra_info("socket")
        try:
            assert sock.getpeername() == address.sockaddr
            assert sock.getblocking() is False
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert connected.own_ip == sock.getsockname()[0]
            assert connected.rtt is not None
            assert 0 < connected.rtt < 1
        finally:
            connected.transport.abort()
        assert began < connected.connected_at < ended
        assert 0 < connected.seconds < ended - began
        assert connected.ip_version == 4
        (attempt,) = connected.attempts
        assert (attempt.address, attempt.outcome, attempt.errno) == (str(address), CONNECTED, None)
        assert 0 < attempt.seconds <= connected.seconds

    with listening() as address:
        run(check(), run_in)


@both_loops
def test_a_busy_loop_does_not_make_the_connection_slow(run_in):
    """The kernel connected at once; that the loop was busy for a while is not in the figure."""

    async def check():
        task = asyncio.create_task(connect([address]))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        busy_until = time.perf_counter() + 0.05
        while time.perf_counter() < busy_until:
            pass
        connected = await task
        connected.transport.abort()
        assert connected.seconds < 0.04
        assert connected.connected_at < busy_until - 0.01

    with listening() as address:
        run(check(), run_in)


@both_loops
def test_connects_over_ipv6(run_in):
    """An IPv6 address works the same, brackets in its name."""
    with listening("::1") as address:
        connected = run(close_after(connect([address])), run_in)
    assert connected.ip_version == 6
    assert outcomes(connected.attempts) == [(f"[::1]:{address.port}", CONNECTED)]


@both_loops
def test_refused(run_in):
    """A RST is ECONNREFUSED."""
    with closed() as address, pytest.raises(ConnectFailed) as failed:
        run(connect([address]), run_in)
    failure = failed.value.evidence
    assert failure.errno == "ECONNREFUSED"
    assert outcomes(failure.attempts) == [(str(address), REFUSED)]
    assert failure.attempts[0].errno == "ECONNREFUSED"


@both_loops
def test_no_route(run_in):
    """What the kernel turns down at once needs no waiting."""
    with pytest.raises(ConnectFailed) as failed:
        run(connect([BROADCAST]), run_in)
    assert failed.value.evidence.errno == "ENETUNREACH"
    assert outcomes(failed.value.evidence.attempts) == [(str(BROADCAST), AttemptOutcome.UNREACHABLE)]


def test_port_that_connects_with_itself_is_closed():
    """TCP's simultaneous open makes a closed ephemeral port look open; it counts as refused."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        own = Address(*sock.getsockname())
        sock.connect(own.sockaddr)
        assert _verdict(sock, own) == (errno.ECONNREFUSED, "")


def test_out_of_descriptors():
    """A socket that cannot be opened is an attempt that failed here, with its errno."""

    async def exhausted():
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        lowest_free = os.dup(0)
        os.close(lowest_free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
        try:
            await connect([Address("127.0.0.1", 587)])
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    with pytest.raises(ConnectFailed) as failed:
        asyncio.run(exhausted())
    assert failed.value.evidence.errno == "EMFILE"
    assert failed.value.evidence.attempts[0].outcome is AttemptOutcome.FAILED


# ------------------------------------------------------------------ several addresses


@both_loops
def test_refused_address_is_followed_by_the_next(run_in):
    """A failure hands over at once, and the dead address is on record."""
    with closed() as dead, listening("127.0.0.2") as alive:
        connected = run(close_after(connect([dead, BROADCAST, alive])), run_in)
    assert connected.address == alive
    assert outcomes(connected.attempts) == [
        (str(dead), REFUSED),
        (str(BROADCAST), AttemptOutcome.UNREACHABLE),
        (str(alive), CONNECTED),
    ]
    assert connected.seconds < STAGGER / 2
    assert connected.seconds >= connected.attempts[0].seconds + connected.attempts[2].seconds


@both_loops
def test_silent_address_is_overtaken(run_in):
    """After its share of the time a silent address is left behind: no answer, and no errno."""

    async def check():
        loop = asyncio.get_running_loop()
        idle = left_in_loop(loop)
        connected = await close_after(connect([dead, alive], deadline=loop.time() + 0.4))
        assert left_in_loop(loop) == idle
        return connected

    with silent() as dead, listening("127.0.0.2") as alive:
        connected = run(check(), run_in)
    assert connected.address == alive
    assert outcomes(connected.attempts) == [(str(dead), NO_ANSWER), (str(alive), CONNECTED)]
    assert connected.attempts[0].errno is None
    assert connected.attempts[0].seconds >= connected.attempts[1].seconds + 0.15


@both_loops
def test_late_answer_of_an_earlier_address_wins(run_in):
    """An address that was passed over is still listened to."""

    async def check():
        loop = asyncio.get_running_loop()
        connecting = asyncio.create_task(connect([first, second], deadline=loop.time() + 0.2))
        await asyncio.sleep(0.15)
        server.listen(8)  # the next retransmission of the SYN finds room
        while True:
            try:
                server.accept()[0].close()
            except BlockingIOError:
                break
        return await close_after(connecting)

    with ExitStack() as stack:
        second = stack.enter_context(silent("127.0.0.2"))
        server = stack.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        server.setblocking(False)
        for _ in range(3):
            visitor = stack.enter_context(socket.socket())
            visitor.setblocking(False)
            visitor.connect_ex(server.getsockname())
        first = Address(*server.getsockname())
        connected = run(check(), run_in)
    assert outcomes(connected.attempts) == [(str(first), CONNECTED), (str(second), NO_ANSWER)]


@both_loops
def test_families_take_turns(run_in):
    """After the first IPv6 address an IPv4 address is tried, not the second IPv6 one."""
    with (
        closed("::1") as one,
        closed("::1") as two,
        closed() as other,
        pytest.raises(ConnectFailed) as failed,
    ):
        run(connect([one, two, other]), run_in)
    attempts = failed.value.evidence.attempts
    assert [attempt.address for attempt in attempts] == [str(one), str(other), str(two)]


@both_loops
def test_refusal_tells_more_than_a_missing_route(run_in):
    """The errno of the failure is that of the attempt that says most, wherever it stands."""
    with closed("::1") as refusing, pytest.raises(ConnectFailed) as failed:
        run(connect([BROADCAST, refusing]), run_in)
    assert failed.value.evidence.errno == "ECONNREFUSED"


# ------------------------------------------------------------------ source address


@both_loops
@pytest.mark.parametrize(("target", "source"), [("127.0.0.1", "127.0.0.5"), ("::1", "::1")])
def test_source_address_is_used(run_in, target, source):
    """The connection comes from the address that was asked for."""

    async def check():
        connected = await connect([address], source_address=source)
        try:
            return connected.own_ip, connected.transport.get_extra_info("socket").getsockname()[0]
        finally:
            connected.transport.abort()

    with listening(target) as address:
        assert run(check(), run_in) == (source, source)


def test_addresses_of_the_other_family_are_skipped():
    """What cannot be reached from the source address is not tried, not counted, and noted."""

    async def check():
        attempts = Attempts()
        connected = await close_after(
            connect([other, address], source_address="127.0.0.1", attempts=attempts)
        )
        assert outcomes(connected.attempts) == [(str(address), CONNECTED)]
        assert attempts.skipped == (other,)

    with listening() as address, listening("::1") as other:
        asyncio.run(check())


def test_source_address_of_the_wrong_family_alone():
    """When no address is left, each one counts as failed for its family."""
    with pytest.raises(ConnectFailed) as failed:
        asyncio.run(connect([Address("::1", 587)], source_address="127.0.0.1"))
    failure = failed.value.evidence
    assert failure.errno == "EAFNOSUPPORT"
    assert [(a.address, a.errno) for a in failure.attempts] == [("[::1]:587", "EAFNOSUPPORT")]


@pytest.mark.parametrize(
    ("source", "symbol"), [("203.0.113.77", "EADDRNOTAVAIL"), ("fe80::1%no-such-interface", "ENODEV")]
)
def test_source_address_that_is_not_here(source, symbol):
    """A source address that this host does not have fails with its errno, before anything is sent."""
    with pytest.raises(ConnectFailed) as failed:
        asyncio.run(connect([Address("127.0.0.1", 587)], source_address=source))
    assert failed.value.evidence.errno == symbol


def test_source_address_must_be_an_address():
    """A name is a mistake of whoever calls."""
    with pytest.raises(ValueError, match=r"mail\.test"):
        asyncio.run(connect([Address("127.0.0.1", 587)], source_address="mail.test"))


def test_source_address_is_bound_without_the_linux_option_elsewhere(monkeypatch):
    """Other systems bind without IP_BIND_ADDRESS_NO_PORT."""
    monkeypatch.setattr(sys, "platform", "freebsd14")
    with listening() as address:
        connected = asyncio.run(close_after(connect([address], source_address="127.0.0.1")))
    assert connected.address == address


addresses = st.builds(Address, st.ip_addresses().map(str), st.just(587))


@given(
    st.lists(addresses, max_size=2 * MOST_ADDRESSES),
    st.none() | st.builds(Address, st.ip_addresses().map(str), st.just(0)),
)
def test_order_and_rest_are_all_there_is(given_addresses, source):
    """Each address is either tried, in interleaved order, or left out; never both, never lost."""
    order, skipped = attempt_order(given_addresses, source)
    assert len(order) <= MOST_ADDRESSES
    assert sorted(map(str, order + skipped)) == sorted(map(str, set(given_addresses)))
    assert order == interleave(order)
    assert source is None or all(address.version == source.version for address in order)


# ------------------------------------------------------------------ round-trip time


def test_rtt_is_unknown_where_the_kernel_does_not_say(monkeypatch):
    """Unconnected, not TCP, closed, or another system: no estimate, no error."""
    with socket.socket() as unconnected, socket.socket(type=socket.SOCK_DGRAM) as udp:
        assert round_trip(unconnected) == (None, False)
        assert round_trip(udp) == (None, False)
    assert round_trip(unconnected) == (None, False)
    with listening() as address, socket.socket() as sock:
        sock.connect(address.sockaddr)
        rtt, measured = round_trip(sock)
        assert rtt is not None
        assert measured
        monkeypatch.setattr(sys, "platform", "darwin")
        assert round_trip(sock) == (None, False)
