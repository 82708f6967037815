"""The socket of a probe: what the kernel received, when it did, and how the connection ended."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import struct
import time
from collections.abc import Iterator
from typing import Any

import pytest

from exporter.model import DropKind, Dropped
from exporter.probe import arrival as module
from exporter.probe.arrival import KernelTimes
from exporter.probe.evidence import PhaseFailed
from exporter.probe.redaction import Redactor
from exporter.probe.transcript import Transcript
from exporter.probe.transport import AT_ONCE, SocketTransport
from exporter.probe.wire import Wire
from tests.probe.loops import both_loops, open_descriptors, run


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


@both_loops
@pytest.mark.usefixtures("stamping")
def test_arrival_is_the_kernels(run_in: Any) -> None:
    """Bytes that waited for a busy loop came in when they came in, to a fraction of a millisecond."""

    async def check() -> None:
        with pair() as (ours, theirs):
            receiver = Receiver()
            transport = SocketTransport(asyncio.get_running_loop(), ours, receiver)
            await asyncio.sleep(0)
            before = time.perf_counter()
            theirs.sendall(b"220 hello\r\n")
            after = time.perf_counter()
            busy(0.05)
            await receiver.came.wait()
            ((data, at),) = receiver.received
            assert data == b"220 hello\r\n"
            assert before - 0.0005 <= at <= after + 0.0005
            transport.abort()
            await receiver.ended

    run(check(), run_in)


@both_loops
@pytest.mark.parametrize("step", [-3600.0, -0.02, 3600.0], ids=["back", "a little back", "ahead"])
def test_a_clock_that_was_set_counts_for_nothing(
    run_in: Any, step: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then the turn of the callback is all that is known."""

    async def check() -> None:
        with pair() as (ours, theirs):
            receiver = Receiver()
            transport = SocketTransport(asyncio.get_running_loop(), ours, receiver)
            before = time.perf_counter()
            theirs.sendall(b"220 hello\r\n")
            monkeypatch.setattr(module, "time", lambda: time.time() + step)
            await receiver.came.wait()
            ((_, at),) = receiver.received
            assert before < at <= time.perf_counter()
            transport.abort()
            await receiver.ended

    run(check(), run_in)


@both_loops
def test_where_the_kernel_notes_nothing_the_turn_counts(run_in: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """No other system numbers the option as Linux does."""

    async def check() -> None:
        with pair() as (ours, theirs):
            receiver = Receiver()
            transport = SocketTransport(asyncio.get_running_loop(), ours, receiver)
            theirs.sendall(b"220 hello\r\n")
            busy_until = time.perf_counter() + 0.02
            busy(0.02)
            await receiver.came.wait()
            ((_, at),) = receiver.received
            assert at >= busy_until
            transport.abort()
            await receiver.ended

    monkeypatch.setattr("sys.platform", "darwin")
    run(check(), run_in)


@both_loops
def test_fin_ends_it_in_order(run_in: Any) -> None:
    """Data, the end of it, the end of all; the descriptor is closed."""

    async def check() -> None:
        with pair() as (ours, theirs):
            receiver = Receiver()
            transport = SocketTransport(asyncio.get_running_loop(), ours, receiver)
            theirs.sendall(b"421 bye\r\n")
            theirs.close()
            await receiver.ended
            assert receiver.heard == ["made", "data", "eof", "lost"]
            assert receiver.error is None
            assert transport.is_closing()
            assert ours.fileno() == -1

    run(check(), run_in)


@both_loops
def test_a_reset_is_told_as_one(run_in: Any) -> None:
    """ECONNRESET from the kernel."""

    async def check() -> None:
        with pair() as (ours, theirs):
            receiver = Receiver()
            SocketTransport(asyncio.get_running_loop(), ours, receiver)
            reset(theirs)
            await receiver.ended
            assert receiver.heard == ["made", "lost"]
            assert isinstance(receiver.error, OSError)
            assert receiver.error.errno == errno.ECONNRESET

    run(check(), run_in)


@both_loops
def test_a_reset_after_some_words_is_told_too(run_in: Any) -> None:
    """The words and the reset are reported together; neither is lost."""

    async def check() -> None:
        with pair() as (ours, theirs):
            receiver = Receiver()
            SocketTransport(asyncio.get_running_loop(), ours, receiver)
            theirs.sendall(bytes(AT_ONCE) + b"535-5.7")
            reset(theirs)
            await asyncio.wait_for(receiver.ended, 5)
            assert receiver.data.endswith(b"535-5.7")
            assert isinstance(receiver.error, ConnectionResetError)
            assert receiver.heard[-1] == "lost"

    run(check(), run_in)


@both_loops
def test_what_was_said_before_a_write_failed_is_heard(run_in: Any) -> None:
    """A 421 with the FIN, then RST for what we wrote: the words come first, then the error of the write."""

    async def check() -> None:
        with pair() as (ours, theirs):
            receiver = Receiver()
            transport = SocketTransport(asyncio.get_running_loop(), ours, receiver)
            theirs.sendall(b"421 too many connections\r\n")
            theirs.close()
            ours.send(b"EHLO x\r\n")  # answered with RST, as nobody reads any more
            transport.write(b"QUIT\r\n")
            transport.write(b"nor this\r\n")
            await receiver.ended
            assert receiver.data == b"421 too many connections\r\n"
            assert receiver.heard == ["made", "data", "lost"]
            assert isinstance(receiver.error, OSError)
            assert receiver.error.errno == errno.EPIPE

    run(check(), run_in)


@both_loops
@pytest.mark.parametrize("closed_early", [False, True])
def test_a_long_message_goes_out_in_order(run_in: Any, closed_early: bool) -> None:
    """More than the kernel takes at once is sent as it takes it, also when the end was asked for meanwhile."""
    message = bytes(range(256)) * 64 * 1024

    async def check() -> None:
        with pair() as (ours, theirs):
            theirs.setblocking(False)
            receiver = Receiver()
            running = asyncio.get_running_loop()
            transport = SocketTransport(running, ours, receiver)
            transport.write(message[:1000])
            transport.write(memoryview(message)[1000:])
            transport.write(b"the end")
            if closed_early:
                transport.close()
                assert transport.is_closing()
            got = bytearray()
            while len(got) < len(message) + 7:
                got += await running.sock_recv(theirs, 1 << 20)
            assert bytes(got) == message + b"the end"
            transport.close()
            await receiver.ended
            assert receiver.error is None

    run(check(), run_in)


@both_loops
def test_an_abort_drops_what_is_unsent(run_in: Any) -> None:
    """At once, and told once."""

    async def check() -> None:
        with pair() as (ours, theirs):
            receiver = Receiver()
            transport = SocketTransport(asyncio.get_running_loop(), ours, receiver)
            transport.write(bytes(32 << 20))
            transport.abort()
            assert ours.fileno() == -1
            assert receiver.heard == ["made"]
            transport.abort()
            transport.close()
            transport.write(b"nobody hears this")
            await receiver.ended
            assert receiver.heard == ["made", "lost"]
            theirs.settimeout(5)
            got = 0
            with contextlib.suppress(ConnectionError):
                while data := theirs.recv(1 << 20):
                    got += len(data)
            assert got < 32 << 20

    run(check(), run_in)


@both_loops
def test_a_peer_that_resets_while_much_is_unsent(run_in: Any) -> None:
    """The write that goes on later fails; nothing of it is left behind."""

    async def check() -> None:
        with pair() as (ours, theirs):
            receiver = Receiver()
            transport = SocketTransport(asyncio.get_running_loop(), ours, receiver)
            transport.write(bytes(32 << 20))
            reset(theirs)
            await receiver.ended
            assert isinstance(receiver.error, OSError)
            assert receiver.heard == ["made", "lost"]

    run(check(), run_in)


@both_loops
def test_a_flood_lets_others_have_their_turn(run_in: Any) -> None:
    """A turn takes a bounded piece."""

    async def check() -> None:
        with pair() as (ours, theirs):
            receiver = Receiver()
            transport = SocketTransport(asyncio.get_running_loop(), ours, receiver)
            theirs.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    theirs.send(bytes(1 << 20))
            await receiver.came.wait()
            assert all(len(data) <= AT_ONCE for data, _ in receiver.received)
            transport.abort()
            await receiver.ended

    run(check(), run_in)


@both_loops
def test_what_comes_before_there_is_a_receiver_waits_for_it(run_in: Any) -> None:
    """A server may greet before anybody is ready to hear it."""

    async def check() -> None:
        with pair() as (ours, theirs):
            transport = SocketTransport(asyncio.get_running_loop(), ours)
            theirs.sendall(b"220 hello\r\n")
            for _ in range(3):
                await asyncio.sleep(0)
            receiver = Receiver()
            transport.attach(receiver)
            assert receiver.heard == ["made"]
            await asyncio.wait_for(receiver.came.wait(), 5)
            assert receiver.data == b"220 hello\r\n"
            transport.abort()
            await receiver.ended

    run(check(), run_in)


@both_loops
def test_a_reset_before_there_is_a_receiver_is_told_to_it(run_in: Any) -> None:
    """The loop tells of an error once, and then nobody listens."""

    async def check() -> None:
        with pair() as (ours, theirs):
            transport = SocketTransport(asyncio.get_running_loop(), ours)
            reset(theirs)
            for _ in range(3):
                await asyncio.sleep(0)
            receiver = Receiver()
            transport.attach(receiver)
            await asyncio.wait_for(receiver.ended, 5)
            assert isinstance(receiver.error, ConnectionResetError)

    run(check(), run_in)


@both_loops
def test_an_end_without_a_receiver_closes_the_socket(run_in: Any) -> None:
    """Nothing is left watched or open when a probe is cancelled between the two."""

    async def check() -> None:
        with pair() as (ours, theirs):
            SocketTransport(asyncio.get_running_loop(), ours).abort()
            assert ours.fileno() == -1
            await asyncio.sleep(0)
            assert theirs.recv(1) == b""

    run(check(), run_in)


@both_loops
def test_the_last_words_go_out_with_the_end(run_in: Any) -> None:
    """close_notify and FIN are one packet: nothing of it goes out before the socket is closed, and all of it then."""

    async def check() -> None:
        with pair() as (ours, theirs):
            receiver = Receiver()
            transport = SocketTransport(asyncio.get_running_loop(), ours, receiver)
            before = packets_in(theirs)
            transport.finish(b"bye")
            await receiver.ended
            assert theirs.recv(10) == b"bye"
            assert theirs.recv(10) == b""
            assert packets_in(theirs) - before == 1

    run(check(), run_in)


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


@both_loops
@pytest.mark.usefixtures("stamping")
def test_the_first_bytes_of_a_connection_have_the_kernels_time(run_in: Any) -> None:
    """Also those that came before the socket itself had asked: something else keeps the kernel noting."""

    async def check() -> None:
        with pair() as (ours, theirs):
            theirs.sendall(b"220 hello\r\n")
            came = time.perf_counter()
            busy(0.05)
            receiver = Receiver()
            transport = SocketTransport(asyncio.get_running_loop(), ours, receiver, since=came - 1.0)
            await receiver.came.wait()
            ((_, at),) = receiver.received
            assert came - 0.005 < at < came + 0.005
            transport.abort()
            await receiver.ended

    run(check(), run_in)


@both_loops
def test_the_last_words_are_said_though_something_is_unread(run_in: Any) -> None:
    """The kernel answers a close with RST while something is unread; what was to be sent has gone out by then."""

    async def check() -> None:
        with pair() as (ours, theirs):
            receiver = Receiver()
            transport = SocketTransport(asyncio.get_running_loop(), ours, receiver)
            theirs.sendall(b"their close_notify")
            busy(0.01)
            transport.finish(b"our close_notify")
            await receiver.ended
            assert theirs.recv(99) == b"our close_notify"

    run(check(), run_in)


@both_loops
def test_a_write_that_fails_before_there_is_a_receiver_is_told_to_it(run_in: Any) -> None:
    """The loop goes on meanwhile."""

    async def check() -> None:
        with pair() as (ours, theirs):
            transport = SocketTransport(asyncio.get_running_loop(), ours)
            reset(theirs)
            busy(0.01)
            transport.write(b"EHLO me\r\n")
            for _ in range(3):
                await asyncio.sleep(0)
            receiver = Receiver()
            transport.attach(receiver)
            await asyncio.wait_for(receiver.ended, 5)
            assert isinstance(receiver.error, OSError)
            assert transport.get_extra_info("failure") is receiver.error

    run(check(), run_in)


@both_loops
def test_a_reset_right_behind_a_reply_is_no_orderly_end(run_in: Any) -> None:
    """The next command finds the connection closed a turn before anybody is told how it ended."""

    async def check() -> None:
        with pair() as (ours, theirs):
            wire = Wire(asyncio.get_running_loop(), Transcript(Redactor(())))
            theirs.sendall(b"220 hello\r\n")
            reset(theirs)
            busy(0.01)
            SocketTransport(asyncio.get_running_loop(), ours, wire)
            assert (await wire.greeting(0.0)).reply.code == 220
            with pytest.raises(PhaseFailed) as failed:
                await wire.command(b"EHLO", b"me")
            evidence = failed.value.evidence
            assert isinstance(evidence, Dropped)
            assert (evidence.how, evidence.errno) == (DropKind.RESET, "ECONNRESET")
            await asyncio.sleep(0)

    run(check(), run_in)
