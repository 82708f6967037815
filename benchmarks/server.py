"""The submission server that both sides probe: lean, on loopback only, with a clock of its own.

    python -m benchmarks.server --identity pem --password P [--port 2525] [--greeting 50 --reply 20] [--log FILE]

It has to cost less than its clients, or it would hide what they cost; so it speaks one dialogue over raw
sockets and memory buffers and nothing else.  What it notes is true however busy it is: connections are accepted
by a process that goes before all others, and bytes came in when the kernel says so.  It listens on every address of 127.0.0.0/8 at one port: a client
is told apart by the address that it dialled.  Prints its port.  The number of sessions that ended in QUIT
stands in the first eight bytes of `--count`; when it ends it writes what it noted to `--log`.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import mmap
import os
import select
import signal
import socket
import ssl
import struct
import time
from pathlib import Path
from typing import Any

import uvloop

SO_TIMESTAMPNS = 35
TIMESPEC = struct.Struct("@qq")
ACCEPTED = struct.Struct("@dd")
"""When a connection was accepted: monotonic, and Unix time."""
CAPABILITIES = ("PIPELINING", "SIZE 10485760", "8BITMIME", "ENHANCEDSTATUSCODES")
GREETING = b"220 mail.bench.example ESMTP ready\r\n"
USER = "probe"
BACKLOG = 4096
COUNTER = struct.Struct("<Q")


def ehlo(*more: str) -> bytes:
    """Return an EHLO reply with some keywords beside the usual ones."""
    lines = ["mail.bench.example at your service", *CAPABILITIES, *more]
    text = "".join(f"250-{line}\r\n" for line in lines[:-1]) + f"250 {lines[-1]}\r\n"
    return text.encode()


PLAIN_EHLO = ehlo("STARTTLS")
ENCRYPTED_EHLO = ehlo("AUTH PLAIN LOGIN")


class Server:
    """What all sessions share."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.loop = asyncio.get_running_loop()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(options.identity)
        self.credentials = base64.b64encode(f"\0{USER}\0{options.password}".encode())
        self.greeting_pause = options.greeting / 1000
        self.reply_pause = options.reply / 1000
        self.sessions: list[dict[str, Any]] | None = [] if options.log else None
        self._count = 0
        self._counter: mmap.mmap | None = None
        if options.count:
            with Path(options.count).open("r+b") as file:
                self._counter = mmap.mmap(file.fileno(), COUNTER.size)
        self.listening = socket.socket()
        self.listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Every loopback address, and no other interface.
        self.listening.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
        self.listening.bind(("0.0.0.0", options.port))
        self.listening.listen(BACKLOG)
        self.listening.setblocking(False)
        if self.sessions is None:
            self.loop.add_reader(self.listening, self._accept)
        else:
            self._accepted = accepted_elsewhere(self.listening)
            self.loop.add_reader(self._accepted, self._take_over)

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                sock, _ = self.listening.accept()
                Session(self, sock)

    def _take_over(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                message, (number, *_), _, _ = socket.recv_fds(self._accepted, ACCEPTED.size, 1)
                Session(self, socket.socket(fileno=number), ACCEPTED.unpack(message))

    def finished(self) -> None:
        """Count one session that ended in QUIT."""
        self._count += 1
        if self._counter is not None:
            COUNTER.pack_into(self._counter, 0, self._count)


def accepted_elsewhere(listening: socket.socket) -> socket.socket:
    """Let a process of its own accept, and return the socket that it hands connections over with."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if os.fork():
        theirs.close()
        ours.setblocking(False)
        return ours
    ours.close()
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    ready = select.poll()
    ready.register(listening, select.POLLIN)
    ready.register(theirs, 0)  # its hanging up is told all the same
    while True:
        events = dict(ready.poll())
        moment = ACCEPTED.pack(time.monotonic(), time.time())
        if theirs.fileno() in events:
            os._exit(0)
        with contextlib.suppress(BlockingIOError):
            while True:
                sock, _ = listening.accept()
                socket.send_fds(theirs, [moment], [sock.fileno()])
                sock.close()


class Session:
    """One client."""

    __slots__ = (
        "_buffer",
        "_incoming",
        "_note",
        "_outgoing",
        "_received",
        "_server",
        "_shaken",
        "_sock",
        "_tls",
    )

    def __init__(
        self, server: Server, sock: socket.socket, accepted: tuple[float, ...] | None = None
    ) -> None:
        self._server = server
        self._received = 0.0
        self._sock = sock
        self._buffer = b""
        self._tls: ssl.SSLObject | None = None
        self._shaken = False
        self._note: dict[str, Any] | None = None
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if server.sessions is not None and accepted is not None:
            sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            self._note = {
                "address": sock.getsockname()[0],
                "accepted": accepted[0],
                "accepted_unix": accepted[1],
            }
            server.sessions.append(self._note)
        server.loop.add_reader(sock, self._readable)
        self._reply("greeting", GREETING, server.greeting_pause)

    def _readable(self) -> None:
        try:
            data, ancillary, _, _ = self._sock.recvmsg(65536, socket.CMSG_SPACE(TIMESPEC.size))
        except BlockingIOError:
            return
        except OSError:
            data, ancillary = b"", []
        self._received = time.monotonic()
        for _, _, stamp in ancillary:
            seconds, nanoseconds = TIMESPEC.unpack(stamp)
            self._received -= time.time() - (seconds + nanoseconds / 1e9)
        if not data:
            self._close()
        elif self._tls is None:
            self._take(data)
        else:
            self._incoming.write(data)
            self._decrypt(self._tls)

    def _decrypt(self, tls: ssl.SSLObject) -> None:
        try:
            if not self._shaken:
                tls.do_handshake()
                self._shaken = True
                self._flush()
            while plain := tls.read(65536):
                self._take(plain)
        except ssl.SSLWantReadError:
            self._flush()
        except ssl.SSLError:
            self._close()

    def _take(self, data: bytes) -> None:
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            self._command(line.rstrip(b"\r"))

    def _command(self, line: bytes) -> None:
        verb = line[:8].partition(b" ")[0].upper()
        pause = self._server.reply_pause
        if self._note is not None:
            self._note[f"received {verb.decode()}"] = self._received
        match verb:
            case b"EHLO":
                self._reply("EHLO", PLAIN_EHLO if self._tls is None else ENCRYPTED_EHLO, pause)
            case b"STARTTLS":
                self._reply("STARTTLS", b"220 2.0.0 Go ahead\r\n", pause)
            case b"AUTH":
                good = line == b"AUTH PLAIN " + self._server.credentials and self._tls is not None
                self._reply("AUTH", b"235 2.7.0 Accepted\r\n" if good else b"535 5.7.8 No\r\n", pause)
            case b"QUIT":
                self._reply("QUIT", b"221 2.0.0 Bye\r\n", pause)
            case _:
                self._reply("other", b"500 5.5.2 Not understood\r\n", pause)

    def _reply(self, word: str, data: bytes, pause: float) -> None:
        if pause:
            self._server.loop.call_later(pause, self._send, word, data)
        else:
            self._send(word, data)

    def _send(self, word: str, data: bytes) -> None:
        if self._sock.fileno() < 0:
            return
        if self._note is not None:
            self._note[f"sent {word}"] = time.monotonic()
        if self._tls is None:
            self._write(data)
        else:
            self._tls.write(data)
            self._flush()
        if word == "STARTTLS":
            self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            self._tls = self._server.context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        elif word == "QUIT":
            self._server.finished()
            with contextlib.suppress(OSError):
                self._sock.shutdown(socket.SHUT_WR)

    def _flush(self) -> None:
        if data := self._outgoing.read():
            self._write(data)

    def _write(self, data: bytes) -> None:
        # A dialogue of some kilobytes always fits into the socket's buffer.
        with contextlib.suppress(OSError):
            self._sock.send(data)

    def _close(self) -> None:
        self._server.loop.remove_reader(self._sock)
        self._sock.close()


async def serve(options: argparse.Namespace) -> None:
    """Serve until SIGTERM."""
    server = Server(options)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print(server.listening.getsockname()[1], flush=True)
    await stop.wait()
    if server.sessions is not None:
        Path(options.log).write_text("".join(json.dumps(note) + "\n" for note in server.sessions))


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--identity", required=True, help="certificate chain and key, PEM")
    parser.add_argument("--password", required=True)
    parser.add_argument("--port", type=int, default=0, help="listen here; any free port without")
    parser.add_argument("--greeting", type=float, default=0.0, help="milliseconds before the greeting")
    parser.add_argument("--reply", type=float, default=0.0, help="milliseconds before each reply")
    parser.add_argument("--log", help="note when each reply was sent, and write it here at the end")
    parser.add_argument("--count", help="a file of eight bytes that holds the number of sessions")
    options = parser.parse_args()
    # The clock of the truth has to be prompt: it goes before whatever else runs on its core.
    with contextlib.suppress(PermissionError):
        os.nice(-10)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(options))


if __name__ == "__main__":
    main()
