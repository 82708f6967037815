"""A connected TCP socket on the event loop that knows when the kernel received what it hands over.

An ordinary transport tells when a callback had its turn; on a busy loop that is later than the bytes, and a
prober would report its own slowness as the server's.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

from exporter.probe.arrival import ANCILLARY, arrival, ask_for_times

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer

_SOL_SOCKET, _SO_ERROR = int(socket.SOL_SOCKET), int(socket.SO_ERROR)

# Of Linux: there is more to come, so do not send a packet yet.
_MSG_MORE = getattr(socket, "MSG_MORE", 0)

AT_ONCE = 32 * 1024
"""Bytes taken from the socket in one turn: two TLS records of the greatest size (RFC 8446 5.1)."""


class Receiver(Protocol):
    """What is told of the connection."""

    def connection_made(self, transport: asyncio.BaseTransport, /) -> None:
        """Take the transport; comes first."""

    def data_received(self, data: bytes, at: float, /) -> None:
        """Take bytes, the last of which came in at that time of `perf_counter`."""

    def eof_received(self) -> bool:
        """Hear that the peer has finished sending; the connection is closed then."""

    def connection_lost(self, exc: Exception | None, /) -> None:
        """Hear of the end; comes last, and once, in a turn of its own."""


class SocketTransport(asyncio.Transport):
    """Owns `sock`, which is connected and does not block, until the end of the connection.

    It watches from the beginning; what comes in waits for a receiver.  After a write that failed what the peer had
    said before is still handed over: it may be the reason.  `since` is when the connection stood, on the clock of
    `perf_counter`; now unless given.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: socket.socket,
        receiver: Receiver | None = None,
        *,
        since: float | None = None,
    ) -> None:
        super().__init__()
        self._loop = loop
        self._sock = sock
        self._number = sock.fileno()
        self._receiver: Receiver | None = None
        self._since = perf_counter() if since is None else since
        self._unsent = b""
        self._failure: OSError | None = None
        self._missed = False  # there was something while there was no receiver
        self._closing = False
        self._over = False
        ask_for_times(sock)
        self._reading = True
        loop.add_reader(self._number, self._readable)
        if receiver is not None:
            self.attach(receiver)

    def attach(self, receiver: Receiver) -> None:
        """Tell `receiver` of the connection from now on; once."""
        self._receiver = receiver
        receiver.connection_made(self)
        if self._missed:  # uvloop tells of an error once
            self._loop.call_soon(self._drain if self._failure is not None else self._look_again)

    def is_closing(self) -> bool:
        """Say whether nothing more will be received."""
        return self._closing

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return the `socket`, or the `failure` that ended the connection or is about to; nothing else is known."""
        match name:
            case "socket":
                return self._sock
            case "failure":
                return self._failure
            case _:
                return default

    def write(self, data: Buffer) -> None:
        """Send `data`, at once as far as the kernel takes it."""
        self._send(data, 0)

    def finish(self, data: bytes) -> None:
        """Send `data` and close: one packet instead of two, and the peer is woken up once."""
        if data:
            self._send(data, _MSG_MORE)
            if not self._unsent and not self._over:
                # It sends what waits for more.  To close alone would throw it away while something is unread.
                with contextlib.suppress(OSError):
                    self._sock.shutdown(socket.SHUT_WR)
        self.close()

    def _send(self, data: Buffer, flags: int) -> None:
        if self._over or self._failure is not None:
            return
        sent = 0
        if not self._unsent:
            try:
                sent = self._sock.send(data, flags)
            except (BlockingIOError, InterruptedError):
                pass
            except OSError as exc:
                self._fail(exc)
                return
        rest = bytes(data)[sent:]
        if rest and not self._unsent:
            self._loop.add_writer(self._number, self._writable)
        self._unsent += rest

    def close(self) -> None:
        """Receive nothing more, and end once everything is sent."""
        if not self._closing:
            self._closing = True
            self._stop_reading()
            if not self._unsent:
                self._end(None)

    def abort(self) -> None:
        """End at once."""
        self._end(None)

    def _look_again(self) -> None:
        if not self._closing:
            self._readable()

    def _readable(self) -> None:
        if self._receiver is None:
            self._missed = True
            return
        try:
            data, ancillary, _, _ = self._sock.recvmsg(AT_ONCE, ANCILLARY)
        except (BlockingIOError, InterruptedError):
            if self._failure is not None:
                self._end(self._failure)
        except OSError as exc:
            self._end(self._failure or exc)
        else:
            if data:
                self._receiver.data_received(data, arrival(ancillary, self._since))
                self._look_for_reset()
            elif self._failure is not None:
                self._end(self._failure)
            else:
                self._receiver.eof_received()
                self.close()

    def _writable(self) -> None:
        try:
            sent = self._sock.send(self._unsent)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as exc:
            self._fail(exc)
            return
        self._unsent = self._unsent[sent:]
        if not self._unsent:
            self._loop.remove_writer(self._number)
            if self._closing:
                self._end(None)

    def _fail(self, exc: OSError) -> None:
        """Note that nothing can be sent any more; the end comes when everything is received."""
        self._failure = exc
        self._forget_unsent()
        if self._closing:
            self._end(exc)
        else:
            # The kernel tells of an error once, and has: the end alone would look like an orderly one.
            self._loop.call_soon(self._drain)

    def _look_for_reset(self) -> None:
        # uvloop calls back once for an error, and then stops watching; what came before it was read in that call.
        if not self._closing and (error := self._sock.getsockopt(_SOL_SOCKET, _SO_ERROR)):
            self._failure = OSError(error, os.strerror(error))
            self._drain()

    def _drain(self) -> None:
        self._missed = self._receiver is None
        while not self._closing and not self._missed:
            self._readable()

    def _forget_unsent(self) -> None:
        if self._unsent:
            self._loop.remove_writer(self._number)
            self._unsent = b""

    def _stop_reading(self) -> None:
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._number)

    def _end(self, exc: Exception | None) -> None:
        if self._over:
            return
        self._over = self._closing = True
        if isinstance(exc, OSError):
            self._failure = exc
        self._stop_reading()
        self._forget_unsent()
        self._sock.close()
        if self._receiver is not None:
            self._loop.call_soon(self._receiver.connection_lost, exc)
