"""TCP to the first of several addresses that answers, every attempt kept (RFC 8305).

The sockets are our own, so that times are the kernel's: a connection stands one round trip after its SYN was
sent, however late the event loop hears of it.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from exporter.model import Attempt, AttemptOutcome, ConnectFailure, errno_symbol
from exporter.probe.address import Address, interleave, parse_literal
from exporter.probe.attempts import Attempts, connect_failure
from exporter.probe.evidence import PhaseFailed
from exporter.probe.transport import SocketTransport

__all__ = ["Attempts", "ConnectFailed", "Connected", "connect", "round_trip", "stagger"]

# RFC 8305 5 advises a quarter of a second, for people in a hurry.  After a whole second the first SYN
# has outlived the initial retransmission time (RFC 6298 2.1): then silence is evidence, not impatience.
STAGGER = 1.0

# A name can have thousands of addresses; one probe does not knock at all of them.
MOST_ADDRESSES = 32

# linux/in.h; Python has no name for it before 3.12.
_IP_BIND_ADDRESS_NO_PORT = 24

# struct tcp_info of linux/tcp.h: eight bytes, then 32-bit words of which the sixteenth is tcpi_rtt and the
# twenty-fourth tcpi_total_retrans.
_TCP_INFO = struct.Struct("=68xI28xI")


class ConnectFailed(PhaseFailed):
    """No address accepted a connection."""

    evidence: ConnectFailure

    def __init__(self, failure: ConnectFailure) -> None:
        super().__init__(failure)


@dataclass(frozen=True, slots=True)
class Connected:
    """The connection that came first; whoever holds this ends `transport`."""

    transport: SocketTransport
    """Without a receiver yet; its socket has TCP_NODELAY."""
    address: Address
    own_ip: str
    """Our end of it."""
    attempts: tuple[Attempt, ...]
    seconds: float
    """From the call of `connect` to the kernel's report of this connection."""
    connected_at: float
    """The moment of that report, on the clock of the attempts."""
    rtt: float | None
    """The kernel's estimate of the round trip in seconds; None where it gives none."""

    @property
    def ip_version(self) -> int:
        """4 or 6."""
        return self.address.version


async def connect(
    addresses: Sequence[Address],
    *,
    source_address: str | None = None,
    deadline: float | None = None,
    attempts: Attempts | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> Connected:
    """Connect to the address that accepts first, and close the others.

    The families take turns.  The next address is tried when one has failed, or after `STAGGER` seconds
    of silence; sooner when otherwise not every address would have its turn before `deadline`, a time of
    the event loop.  Addresses of another family than `source_address` are left out.

    The deadline is kept by the caller, who cancels this coroutine: then everything is closed, and
    `attempts` knows how far it came.  Its clock counts where it is given, else `clock`.  ConnectFailed
    when every address has failed; ValueError when `source_address` is no IP address.
    """
    log = Attempts(clock) if attempts is None else attempts
    began = log.clock()
    source = None if source_address is None else _source(source_address)
    order, log.skipped = attempt_order(addresses, source)
    if not order:
        # What the kernel says when a socket of one family is bound to an address of the other.
        for address in log.skipped:
            log.failed(log.begin(address), errno.EAFNOSUPPORT)
        raise ConnectFailed(connect_failure(log.finished()))
    winner = await _Race(order, source, deadline, log).run()
    if winner is None:
        raise ConnectFailed(connect_failure(log.finished()))
    transport, address, own_ip, at, rtt = winner
    return Connected(transport, address, own_ip, log.finished(), at - began, at, rtt)


def attempt_order(
    addresses: Sequence[Address], source: Address | None
) -> tuple[tuple[Address, ...], tuple[Address, ...]]:
    """Return the addresses to try, in order, and those to leave out."""
    if len(addresses) == 1 and source is None:
        return tuple(addresses), ()
    usable = [a for a in addresses if source is None or a.version == source.version]
    order = interleave(usable)[:MOST_ADDRESSES]
    return order, tuple(address for address in dict.fromkeys(addresses) if address not in order)


def stagger(left: float | None, waiting: int) -> float:
    """Return how long to listen to silence before the next of `waiting` addresses has its turn.

    `left` are the seconds to the deadline, None when there is none.
    """
    if left is None:
        return STAGGER
    return min(STAGGER, max(left, 0.0) / (waiting + 1))


def round_trip(sock: socket.socket) -> tuple[float | None, bool]:
    """Return the kernel's estimate in seconds, None where it gives none, and whether it is of the first SYN.

    Of a SYN that was sent again no round trip is taken (RFC 6298 3).
    """
    if sys.platform != "linux":
        return None, False
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size)
    except OSError:
        return None, False
    microseconds, retransmitted = _TCP_INFO.unpack(info)
    return (microseconds / 1e6, not retransmitted) if microseconds else (None, False)


def _source(text: str) -> Address:
    try:
        source = parse_literal(text, 0)
    except ValueError as exc:  # its interface is gone
        raise ConnectFailed(ConnectFailure(errno_symbol(errno.ENODEV))) from exc
    if source is None:
        raise ValueError(f"source address {text!r} is not an IP address")
    return source


def _open_socket(address: Address, source: Address | None) -> socket.socket:
    sock = socket.socket(address.family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if source is not None:
            if sys.platform == "linux":
                # Let `connect` choose the port: it may then be shared between different targets.
                sock.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
            sock.bind(source.sockaddr)
    except BaseException:
        sock.close()
        raise
    return sock


def _verdict(sock: socket.socket, address: Address) -> tuple[int, str]:
    """Return the errno of a connection attempt that has ended, 0 for success, and our own IP address then."""
    problem = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if problem:
        return problem, ""
    own = sock.getsockname()
    if own[:2] == address.sockaddr[:2]:
        # Nobody listens there.  The kernel picked the target port for our own end as well, and TCP
        # connected the socket with itself (simultaneous open, RFC 9293 3.5).
        return errno.ECONNREFUSED, ""
    return 0, own[0]


_Winner = tuple[SocketTransport, Address, str, float, float | None]


class _Race:
    """The open sockets of one `connect`, and the addresses that wait for their turn."""

    def __init__(
        self,
        order: Sequence[Address],
        source: Address | None,
        deadline: float | None,
        log: Attempts,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting = deque(order)
        self._source = source
        self._deadline = deadline
        self._log = log
        self._open: dict[int, socket.socket] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._result: asyncio.Future[_Winner | None] = self._loop.create_future()

    async def run(self) -> _Winner | None:
        """Return the first connection with its address and moment, or None when all have failed."""
        self._advance()
        try:
            return await self._result
        except asyncio.CancelledError:
            self._close()
            self._log.end_pending(AttemptOutcome.TIMEOUT)
            winner = None if self._result.cancelled() else self._result.result()
            if winner is not None:  # it came just before the cancellation and nobody will receive it
                winner[0].abort()
            raise

    def _advance(self) -> None:
        """Begin attempts until one is under way or none is left."""
        self._stop_timer()
        if self._result.done():
            return
        while self._waiting:
            if self._begin(self._waiting.popleft()):
                if self._waiting:
                    left = None if self._deadline is None else self._deadline - self._loop.time()
                    self._timer = self._loop.call_later(stagger(left, len(self._waiting)), self._advance)
                return
        if not self._open:
            self._result.set_result(None)

    def _begin(self, address: Address) -> bool:
        """Begin an attempt; False when the kernel turned it down at once."""
        number = self._log.begin(address)
        try:
            sock = _open_socket(address, self._source)
        except OSError as exc:
            self._log.failed(number, exc.errno)
            return False
        sent_at = self._log.clock()
        problem = sock.connect_ex(address.sockaddr)
        if problem not in (0, errno.EINPROGRESS):
            sock.close()
            self._log.failed(number, problem)
            return False
        self._open[number] = sock
        self._loop.add_writer(sock.fileno(), self._on_report, number, address, sent_at)
        return True

    def _on_report(self, number: int, address: Address, sent_at: float) -> None:
        """Act on what the kernel reports about one attempt."""
        at = self._log.clock()
        if self._result.done():
            return  # cancelled; `run` closes everything as soon as it gets its turn
        sock = self._open[number]
        problem, own_ip = _verdict(sock, address)
        if problem:
            self._release(number).close()
            self._log.failed(number, problem, at)
            self._advance()
        else:
            rtt, measured = round_trip(sock)
            if measured and rtt is not None:
                at = min(at, sent_at + rtt)
            self._log.connected(number, at)
            # It watches before we stop to: so the loop keeps its handle of the socket, which is dear to make.
            transport = SocketTransport(self._loop, sock, since=at)
            self._release(number)
            self._close()
            self._result.set_result((transport, address, own_ip, at, rtt))

    def _release(self, number: int) -> socket.socket:
        sock = self._open.pop(number)
        self._loop.remove_writer(sock.fileno())
        return sock

    def _close(self) -> None:
        self._stop_timer()
        for number in tuple(self._open):
            self._release(number).close()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
