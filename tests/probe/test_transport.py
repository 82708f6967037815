"""The socket of a probe: what the kernel received, when it did, and how the connection ended."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import struct
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Protocol

import pytest

from exporter.model import DropKind, Dropped
from exporter.probe import arrival as module
from exporter.probe.arrival import KernelTimes
from exporter.probe.evidence import PhaseFailed
from exporter.probe.redaction import Redactor
from exporter.probe.transcript import Transcript
from exporter.probe.transport import AT_ONCE, SocketTransport
from exporter.probe.wire import Wire
from tests.probe.loops import open_descriptors, run
from tests.probe.probing import LOOPS


class Receiver:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.received: list[tuple[bytes, float]] = []
        self.heard: list[str] = []
        self.error: Exception | None = None
        self.ended = asyncio.get_running_loop().create_future()
        self.came = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note it."""
        self.heard.append("made")

    def data_received(self, data: bytes, at: float) -> None:
        """Note it."""
        self.received.append((data, at))
        self.heard.append("data")
        self.came.set()

    def eof_received(self) -> bool:
        """Note it."""
        self.heard.append("eof")
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Note it."""
        self.heard.append("lost")
        self.error = exc
        self.ended.set_result(None)

    @property
    def data(self) -> bytes:
        """All of it."""
        return b"".join(data for data, _ in self.received)


@contextlib.contextmanager
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two ends of a TCP connection; the first does not block."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
    ours.setblocking(False)
    with ours, theirs:
        yield ours, theirs


def reset(sock: socket.socket) -> None:
    """Close with RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def packets_in(sock: socket.socket) -> int:
    """How many segments it has received: `tcpi_segs_in` of struct tcp_info (linux/tcp.h)."""
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 144)
    return int(struct.unpack("=140xI", info)[0])


def busy(seconds: float) -> None:
    """Hold the event loop."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


class Ends:
    """The two ends of a TCP connection; ours does not block, and has a transport once it was opened."""

    def __init__(self, ours: socket.socket, theirs: socket.socket) -> None:
        self.ours = ours
        self.theirs = theirs
        self.receiver = Receiver()
        self.transport: SocketTransport

    def open(self, receiver: Any = None, *, since: float | None = None) -> None:
        """Give ours its transport."""
        self.transport = SocketTransport(asyncio.get_running_loop(), self.ours, receiver, since=since)


Check = Callable[[Ends], Coroutine[Any, Any, None]]


class Connected(Protocol):
    """The fixture of that name."""

    def __call__(self, check: Check, *, opened: bool = True) -> None:
        """Run `check`; the receiver hears of the connection from the beginning, unless `check` is to open it."""


@pytest.fixture(params=[*LOOPS.values()], ids=[*LOOPS])
def connected(request: pytest.FixtureRequest) -> Connected:
    """Runs a check in a loop of its own; what it left open ends with it, and a receiver is told."""

    async def framed(check: Check, opened: bool) -> None:
        with pair() as (ours, theirs):
            ends = Ends(ours, theirs)
            if opened:
                ends.open(ends.receiver)
            try:
                await check(ends)
            finally:
                ends.transport.abort()
            if opened or ends.receiver.heard:
                await asyncio.wait_for(ends.receiver.ended, 5)
            else:
                await asyncio.sleep(0)  # the end is told of in a turn of its own

    def run_framed(check: Check, *, opened: bool = True) -> None:
        run(framed(check, opened), request.param)

    return run_framed


@pytest.mark.usefixtures("stamping")
def test_arrival_is_the_kernels(connected: Connected) -> None:
    """Bytes that waited for a busy loop came in when they came in, to a fraction of a millisecond."""

    async def check(ends: Ends) -> None:
        await asyncio.sleep(0)
        before = time.perf_counter()
        ends.theirs.sendall(b"220 hello\r\n")
        after = time.perf_counter()
        busy(0.05)
        await ends.receiver.came.wait()
        ((data, at),) = ends.receiver.received
        assert data == b"220 hello\r\n"
        assert before - 0.0005 <= at <= after + 0.0005

    connected(check)


@pytest.mark.parametrize("step", [-3600.0, -0.02, 3600.0], ids=["back", "a little back", "ahead"])
def test_a_clock_that_was_set_counts_for_nothing(
    connected: Connected, step: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then the turn of the callback is all that is known."""

    async def check(ends: Ends) -> None:
        before = time.perf_counter()
        ends.theirs.sendall(b"220 hello\r\n")
        monkeypatch.setattr(module, "time", lambda: time.time() + step)
        await ends.receiver.came.wait()
        ((_, at),) = ends.receiver.received
        assert before < at <= time.perf_counter()

    connected(check)


def test_where_the_kernel_notes_nothing_the_turn_counts(
    connected: Connected, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No other system numbers the option as Linux does."""

    async def check(ends: Ends) -> None:
        ends.theirs.sendall(b"220 hello\r\n")
        busy_until = time.perf_counter() + 0.02
        busy(0.02)
        await ends.receiver.came.wait()
        ((_, at),) = ends.receiver.received
        assert at >= busy_until

    monkeypatch.setattr("sys.platform", "darwin")
    connected(check)


def test_fin_ends_it_in_order(connected: Connected) -> None:
    """Data, the end of it, the end of all; the descriptor is closed."""

    async def check(ends: Ends) -> None:
        ends.theirs.sendall(b"421 bye\r\n")
        ends.theirs.close()
        await ends.receiver.ended
        assert ends.receiver.heard == ["made", "data", "eof", "lost"]
        assert ends.receiver.error is None
        assert ends.transport.is_closing()
        assert ends.ours.fileno() == -1

    connected(check)


def test_a_reset_is_told_as_one(connected: Connected) -> None:
    """ECONNRESET from the kernel."""

    async def check(ends: Ends) -> None:
        reset(ends.theirs)
        await ends.receiver.ended
        assert ends.receiver.heard == ["made", "lost"]
        assert isinstance(ends.receiver.error, OSError)
        assert ends.receiver.error.errno == errno.ECONNRESET

    connected(check)


def test_a_reset_after_some_words_is_told_too(connected: Connected) -> None:
    """The words and the reset are reported together; neither is lost."""

    async def check(ends: Ends) -> None:
        ends.theirs.sendall(bytes(AT_ONCE) + b"535-5.7")
        reset(ends.theirs)
        await asyncio.wait_for(ends.receiver.ended, 5)
        assert ends.receiver.data.endswith(b"535-5.7")
        assert isinstance(ends.receiver.error, ConnectionResetError)
        assert ends.receiver.heard[-1] == "lost"

    connected(check)


def test_what_was_said_before_a_write_failed_is_heard(connected: Connected) -> None:
    """A 421 with the FIN, then RST for what we wrote: the words come first, then the error of the write."""

    async def check(ends: Ends) -> None:
        ends.theirs.sendall(b"421 too many connections\r\n")
        ends.theirs.close()
        ends.ours.send(b"EHLO x\r\n")  # answered with RST, as nobody reads any more
        ends.transport.write(b"QUIT\r\n")
        ends.transport.write(b"nor this\r\n")
        await ends.receiver.ended
        assert ends.receiver.data == b"421 too many connections\r\n"
        assert ends.receiver.heard == ["made", "data", "lost"]
        assert isinstance(ends.receiver.error, OSError)
        assert ends.receiver.error.errno == errno.EPIPE

    connected(check)


@pytest.mark.parametrize("closed_early", [False, True])
def test_a_long_message_goes_out_in_order(connected: Connected, closed_early: bool) -> None:
    """More than the kernel takes at once is sent as it takes it, also when the end was asked for meanwhile."""
    message = bytes(range(256)) * 64 * 1024

    async def check(ends: Ends) -> None:
        ends.theirs.setblocking(False)
        running = asyncio.get_running_loop()
        ends.transport.write(message[:1000])
        ends.transport.write(memoryview(message)[1000:])
        ends.transport.write(b"the end")
        if closed_early:
            ends.transport.close()
            assert ends.transport.is_closing()
        got = bytearray()
        while len(got) < len(message) + 7:
            more = await running.sock_recv(ends.theirs, 1 << 20)
            assert more, "the end came before the whole message"
            got += more
        assert bytes(got) == message + b"the end"
        ends.transport.close()
        await ends.receiver.ended
        assert ends.receiver.error is None

    connected(check)


def test_an_abort_drops_what_is_unsent(connected: Connected) -> None:
    """At once, and told once."""

    async def check(ends: Ends) -> None:
        ends.transport.write(bytes(32 << 20))
        ends.transport.abort()
        assert ends.ours.fileno() == -1
        assert ends.receiver.heard == ["made"]
        ends.transport.abort()
        ends.transport.close()
        ends.transport.write(b"nobody hears this")
        await ends.receiver.ended
        assert ends.receiver.heard == ["made", "lost"]
        ends.theirs.settimeout(5)
        got = 0
        with contextlib.suppress(ConnectionError):
            while data := ends.theirs.recv(1 << 20):
                got += len(data)
        assert got < 32 << 20

    connected(check)


def test_a_peer_that_resets_while_much_is_unsent(connected: Connected) -> None:
    """The write that goes on later fails; nothing of it is left behind."""

    async def check(ends: Ends) -> None:
        ends.transport.write(bytes(32 << 20))
        reset(ends.theirs)
        await ends.receiver.ended
        assert isinstance(ends.receiver.error, OSError)
        assert ends.receiver.heard == ["made", "lost"]

    connected(check)


def test_a_flood_lets_others_have_their_turn(connected: Connected) -> None:
    """A turn takes a bounded piece."""

    async def check(ends: Ends) -> None:
        ends.theirs.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                ends.theirs.send(bytes(1 << 20))
        await ends.receiver.came.wait()
        assert all(len(data) <= AT_ONCE for data, _ in ends.receiver.received)

    connected(check)


def test_what_comes_before_there_is_a_receiver_waits_for_it(connected: Connected) -> None:
    """A server may greet before anybody is ready to hear it."""

    async def check(ends: Ends) -> None:
        ends.open()
        ends.theirs.sendall(b"220 hello\r\n")
        for _ in range(3):
            await asyncio.sleep(0)
        ends.transport.attach(ends.receiver)
        assert ends.receiver.heard == ["made"]
        await asyncio.wait_for(ends.receiver.came.wait(), 5)
        assert ends.receiver.data == b"220 hello\r\n"

    connected(check, opened=False)


def test_a_reset_before_there_is_a_receiver_is_told_to_it(connected: Connected) -> None:
    """The loop tells of an error once, and then nobody listens."""

    async def check(ends: Ends) -> None:
        ends.open()
        reset(ends.theirs)
        for _ in range(3):
            await asyncio.sleep(0)
        ends.transport.attach(ends.receiver)
        await asyncio.wait_for(ends.receiver.ended, 5)
        assert isinstance(ends.receiver.error, ConnectionResetError)

    connected(check, opened=False)


def test_an_end_without_a_receiver_closes_the_socket(connected: Connected) -> None:
    """Nothing is left watched or open when a probe is cancelled between the two."""

    async def check(ends: Ends) -> None:
        ends.open()
        ends.transport.abort()
        assert ends.ours.fileno() == -1
        await asyncio.sleep(0)
        assert ends.theirs.recv(1) == b""

    connected(check, opened=False)


def test_the_last_words_go_out_with_the_end(connected: Connected) -> None:
    """close_notify and FIN are one packet: nothing of it goes out before the socket is closed, and all of it then."""

    async def check(ends: Ends) -> None:
        before = packets_in(ends.theirs)
        ends.transport.finish(b"bye")
        await ends.receiver.ended
        assert ends.theirs.recv(10) == b"bye"
        assert ends.theirs.recv(10) == b""
        assert packets_in(ends.theirs) - before == 1

    connected(check)


def test_kernel_times_keep_one_socket_and_give_it_back() -> None:
    """Begun twice it holds one, ended twice it is no mistake."""
    before = open_descriptors()
    times = KernelTimes()
    times.stop()
    times.start()
    times.start()
    assert open_descriptors() == before + 1
    times.stop()
    times.stop()
    assert open_descriptors() == before


@pytest.mark.usefixtures("stamping")
def test_the_first_bytes_of_a_connection_have_the_kernels_time(connected: Connected) -> None:
    """Also those that came before the socket itself had asked: something else keeps the kernel noting."""

    async def check(ends: Ends) -> None:
        ends.theirs.sendall(b"220 hello\r\n")
        came = time.perf_counter()
        busy(0.05)
        ends.open(ends.receiver, since=came - 1.0)
        await ends.receiver.came.wait()
        ((_, at),) = ends.receiver.received
        assert came - 0.005 < at < came + 0.005

    connected(check, opened=False)


def test_the_last_words_are_said_though_something_is_unread(connected: Connected) -> None:
    """The kernel answers a close with RST while something is unread; what was to be sent has gone out by then."""

    async def check(ends: Ends) -> None:
        ends.theirs.sendall(b"their close_notify")
        busy(0.01)
        ends.transport.finish(b"our close_notify")
        await ends.receiver.ended
        assert ends.theirs.recv(99) == b"our close_notify"

    connected(check)


def test_a_write_that_fails_before_there_is_a_receiver_is_told_to_it(connected: Connected) -> None:
    """The loop goes on meanwhile."""

    async def check(ends: Ends) -> None:
        ends.open()
        reset(ends.theirs)
        busy(0.01)
        ends.transport.write(b"EHLO me\r\n")
        for _ in range(3):
            await asyncio.sleep(0)
        ends.transport.attach(ends.receiver)
        await asyncio.wait_for(ends.receiver.ended, 5)
        assert isinstance(ends.receiver.error, OSError)
        assert ends.transport.get_extra_info("failure") is ends.receiver.error

    connected(check, opened=False)


def test_a_reset_right_behind_a_reply_is_no_orderly_end(connected: Connected) -> None:
    """The next command finds the connection closed a turn before anybody is told how it ended."""

    async def check(ends: Ends) -> None:
        wire = Wire(asyncio.get_running_loop(), Transcript(Redactor(())))
        ends.theirs.sendall(b"220 hello\r\n")
        reset(ends.theirs)
        busy(0.01)
        ends.open(wire)
        assert (await wire.greeting(0.0)).reply.code == 220
        with pytest.raises(PhaseFailed) as failed:
            await wire.command(b"EHLO", b"me")
        evidence = failed.value.evidence
        assert isinstance(evidence, Dropped)
        assert (evidence.how, evidence.errno) == (DropKind.RESET, "ECONNRESET")

    connected(check, opened=False)
