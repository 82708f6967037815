"""A raw SMTP server that follows a script, for what no real server does.

    async with scripted([say("220 hello"), expect("EHLO"), reset()]) as server:
        ...probe 127.0.0.1:server.port...
    assert server.connections[0].verbs == ["EHLO"]

The n-th connection gets the n-th script, and those after the last script get the last one.  A
script that has ended closes in good order.  `in_background` runs it for tests with subprocesses.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from exporter.demo.listener import LOOPBACK, Listener
from exporter.demo.wire import Wire

SETTLE_SECONDS = 1.0


@dataclass(slots=True)
class Connection:
    """What one client did."""

    lines: list[str] = field(default_factory=list)
    """The lines it sent, without their ends, Latin-1."""
    data: bytearray = field(default_factory=bytearray)
    """All it sent, as plaintext."""
    handshakes: int = 0
    finished: bool = False
    """The script was followed to its end."""

    @property
    def verbs(self) -> list[str]:
        """The first word of each line, in upper case."""
        return [line.partition(" ")[0].upper() for line in self.lines]


@dataclass(slots=True)
class Scripted:
    """A running scripted server and what it has seen."""

    port: int = 0
    connections: list[Connection] = field(default_factory=list)
    departures: list[str] = field(default_factory=list)
    """Where a client did something else than the script says."""

    @property
    def verbs(self) -> list[list[str]]:
        """The verbs of every connection."""
        return [connection.verbs for connection in self.connections]


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a step acts: the wire, and the record to keep."""

    wire: Wire
    seen: Connection


Step = Callable[[Stage], Awaitable[None]]


class Gone(Exception):  # noqa: N818 - the client may leave when it likes
    """The client ended its side while the script was waiting for it."""


class DepartureError(AssertionError):
    """The client said something that the script does not expect."""


@asynccontextmanager
async def scripted(*scripts: Sequence[Step], host: str = LOOPBACK) -> AsyncIterator[Scripted]:
    """A server that follows `scripts`; leaving the block fails if a client departed from its script."""
    server = Scripted()

    async def serve(wire: Wire) -> None:
        script = scripts[min(len(server.connections), len(scripts) - 1)]
        server.connections.append(seen := Connection())
        stage = Stage(wire, seen)
        try:
            for step in script:
                await step(stage)
        except Gone:
            return
        except DepartureError as departure:
            server.departures.append(str(departure))
            return
        seen.finished = True
        if not wire.closed:
            await wire.finish()

    listener = Listener(serve, host=host)
    await listener.start()
    server.port = listener.port
    try:
        yield server
        await listener.settle(SETTLE_SECONDS)
    finally:
        await listener.stop()
    assert not server.departures, f"the client left the script: {server.departures}"


# --------------------------------------------------------------------------- single steps


def say(*lines: str) -> Step:
    """Send `lines` (Latin-1) with CRLF, in one packet."""
    return raw("".join(f"{line}\r\n" for line in lines).encode("latin-1"))


def raw(data: bytes) -> Step:
    """Send `data` as it is, in one packet."""

    async def step(stage: Stage) -> None:
        await stage.wire.write(data)

    return step


def drip(data: bytes, seconds: float = 0.0) -> Step:
    """Send `data` byte by byte, each in its own packet, `seconds` apart."""

    async def step(stage: Stage) -> None:
        for byte in data:
            await stage.wire.write(bytes([byte]))
            await asyncio.sleep(seconds)

    return step


def endless(data: bytes, seconds: float = 0.0) -> Step:
    """Send `data` again and again, `seconds` apart, until the client goes."""

    async def step(stage: Stage) -> None:
        while True:
            await stage.wire.write(data)
            await asyncio.sleep(seconds)

    return step


def expect(start: str) -> Step:
    """Read one line, which has to begin with `start` in any case of letters."""

    async def step(stage: Stage) -> None:
        line = await _line(stage)
        if not line.upper().startswith(start.upper()):
            raise DepartureError(f"expected {start!r}, got {line!r}")

    return step


def hear() -> Step:
    """Read one line, whatever it says."""

    async def step(stage: Stage) -> None:
        await _line(stage)

    return step


def handshake(context: ssl.SSLContext) -> Step:
    """Do TLS from here on."""

    async def step(stage: Stage) -> None:
        await stage.wire.start_tls(context)
        stage.seen.handshakes += 1

    return step


def pause(seconds: float) -> Step:
    """Wait, without reading."""

    async def step(stage: Stage) -> None:
        await asyncio.sleep(seconds)

    return step


def stall() -> Step:
    """Say nothing and take what comes, until the client goes."""

    async def step(stage: Stage) -> None:
        while data := await stage.wire.read():
            stage.seen.data += data
        raise Gone

    return step


def drop() -> Step:
    """Send FIN in the middle of it, under TLS without close_notify."""

    async def step(stage: Stage) -> None:
        await stage.wire.end()

    return step


def reset() -> Step:
    """Send RST."""

    async def step(stage: Stage) -> None:
        stage.wire.reset()

    return step


# --------------------------------------------------------------------------- steps put together


def steps(*several: Step) -> Step:
    """Several steps as one."""

    async def step(stage: Stage) -> None:
        for one in several:
            await one(stage)

    return step


def greet() -> Step:
    """An ordinary greeting."""
    return say("220 mail.test ESMTP")


def ehlo(*capabilities: str) -> Step:
    """EHLO and its reply with `capabilities`."""
    lines = ("mail.test", *capabilities)
    reply = [f"250{' ' if number == len(lines) else '-'}{line}" for number, line in enumerate(lines, 1)]
    return steps(expect("EHLO"), say(*reply))


def starttls(context: ssl.SSLContext, *, behind: bytes = b"") -> Step:
    """STARTTLS, its reply with `behind` in the same packet, and the handshake."""
    return steps(expect("STARTTLS"), raw(b"220 2.0.0 Go ahead\r\n" + behind), handshake(context))


def answer(verb: str, *lines: str) -> Step:
    """A command and the reply to it."""
    return steps(expect(verb), say(*lines))


def bye() -> Step:
    """QUIT and 221."""
    return answer("QUIT", "221 2.0.0 Bye")


async def _line(stage: Stage) -> str:
    line = await stage.wire.read_line()
    if not line:
        raise Gone
    stage.seen.data += line
    text = line.decode("latin-1").rstrip("\r\n")
    stage.seen.lines.append(text)
    return text
