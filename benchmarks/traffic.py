"""What stands for Prometheus: connections that are kept open, and requests at a steady pace or back to back."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

ACCEPT = "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, and what it took to get it."""

    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float
    """From the request's first byte to the answer's last."""


class Connection:
    """One HTTP/1.1 connection to a server of ours or of the peer's."""

    def __init__(self, url: str, *, accept: str = ACCEPT, gzip: bool = False) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        coding = "Accept-Encoding: gzip\r\n" if gzip else ""
        self._rest = f" HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept: {accept}\r\n{coding}\r\n"
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self, path: str) -> Answer:
        """Ask for `path` and take the whole answer."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port, limit=2**20)
        reader, writer = self._streams
        began = time.perf_counter()
        writer.write(f"GET {path}{self._rest}".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])
        }
        if headers.get("transfer-encoding") == "chunked":
            body = b"".join([piece async for piece in _chunks(reader)])
        else:
            body = await reader.readexactly(int(headers.get("content-length", "0")))
        return Answer(int(head[0].split(" ")[1]), headers, body, time.perf_counter() - began)

    async def close(self) -> None:
        """Close the connection; harmless when there is none."""
        if self._streams is not None:
            _, writer = self._streams
            self._streams = None
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while size := int(await reader.readline(), 16):
        yield await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readexactly(2)


def probe_path(target: str, module: str) -> str:
    """Return the address at which both exporters probe on request."""
    return f"/probe?target={quote(target, safe=':.')}&module={module}"


@dataclass(slots=True)
class Tally:
    """What came of many requests."""

    seconds: list[float] = field(default_factory=list)
    """How long each took."""
    failed: int = 0
    """Answers without `probe_success 1`."""
    values: list[tuple[int, float]] = field(default_factory=list)
    """Worker and `probe_duration_seconds`, in order; only where asked for."""


async def probe_at_pace(
    url: str, path: Callable[[int], str], *, rate: float, seconds: float, workers: int, values: bool = False
) -> Tally:
    """Request `rate` probes a second for `seconds`; `path` gives each worker its own target.

    A request whose worker is busy waits for it; with workers enough that never happens.
    """
    began = time.perf_counter()
    tickets = iter(range(int(rate * seconds)))

    async def work(connection: Connection, number: int, tally: Tally) -> None:
        for ticket in tickets:
            due = began + ticket / rate
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            await _probe(connection, path(number), number, tally, values=values)

    return await _crew(url, workers, work)


async def probe_back_to_back(url: str, path: Callable[[int], str], *, seconds: float, workers: int) -> Tally:
    """Let every worker request probe after probe for `seconds`."""
    end = time.perf_counter() + seconds

    async def work(connection: Connection, number: int, tally: Tally) -> None:
        while time.perf_counter() < end:
            await _probe(connection, path(number), number, tally, values=False)

    return await _crew(url, workers, work)


async def _crew(url: str, workers: int, work: Callable[[Connection, int, Tally], object]) -> Tally:
    tally = Tally()
    connections = [Connection(url) for _ in range(workers)]
    try:
        await asyncio.gather(*(work(c, n, tally) for n, c in enumerate(connections)))  # type: ignore[call-overload]
    finally:
        for connection in connections:
            await connection.close()
    return tally


async def _probe(connection: Connection, path: str, number: int, tally: Tally, *, values: bool) -> None:
    answer = await connection.get(path)
    tally.seconds.append(answer.seconds)
    if answer.status != 200 or b"\nprobe_success 1" not in answer.body:
        tally.failed += 1
    if values:
        text = answer.body.partition(b"\nprobe_duration_seconds ")[2].partition(b"\n")[0]
        tally.values.append((number, float(text)))


async def scrape_regularly(url: str, every: float, *, gzip: bool = False) -> None:
    """Take `/metrics` every so many seconds, until cancelled."""
    connection = Connection(url, gzip=gzip)
    due = time.perf_counter()
    try:
        while True:
            due += every
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            await connection.get("/metrics")
    finally:
        await connection.close()
