"""Bytes become replies, however they are cut into packets, and nonsense becomes evidence."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model import Dropped, Evidence, Garbled, Reply
from exporter.probe.evidence import PhaseFailed
from exporter.probe.redaction import Redactor
from exporter.probe.replies import MAX_LINE, MAX_REPLY, enhanced_code
from exporter.probe.transcript import Transcript
from exporter.probe.wire import MAX_SESSION, Exchange, Wire

TEXT = st.binary(max_size=60).map(lambda b: b.replace(b"\n", b"").replace(b"\r", b""))


class Sink(asyncio.Transport):
    """A transport that leads nowhere and tells the protocol when it is aborted."""

    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self._wire = wire
        self._over = False

    def write(self, data: Any) -> None:
        """Drop it."""

    def is_closing(self) -> bool:
        """Say whether it is over."""
        return self._over

    def close(self) -> None:
        """End it."""
        self.abort()

    def abort(self) -> None:
        """End it; the protocol hears of it in the next turn, as from a real transport."""
        if not self._over:
            self._over = True
            asyncio.get_running_loop().call_soon(self._wire.connection_lost, None)


def greeting_of(*packets: bytes, end: bool = True) -> Exchange | Evidence:
    """Feed packets to a fresh connection and return the greeting, or what failed it."""

    async def main() -> Exchange | Evidence:
        wire = Wire(asyncio.get_running_loop(), Transcript(Redactor(())))
        sink = Sink(wire)
        wire.connection_made(sink)
        for packet in packets:
            wire.data_received(packet)
        if end and not wire.eof_received():
            sink.close()
        try:
            return await wire.greeting(0.0)
        except PhaseFailed as failed:
            return failed.evidence
        finally:
            wire.abort()
            await asyncio.sleep(0)

    return asyncio.run(main())


@given(
    code=st.integers(200, 599),
    lines=st.lists(TEXT, min_size=1, max_size=5),
    cuts=st.lists(st.integers(0, 400)),
)
def test_a_reply_is_read_back_whatever_the_packets(code: int, lines: list[bytes], cuts: list[int]) -> None:
    """Rendered, cut anywhere and fed, a reply comes back as it was."""
    separators = [b"-"] * (len(lines) - 1) + [b" "]
    data = b"".join(
        b"%d%s%s\r\n" % (code, separator, line) for separator, line in zip(separators, lines, strict=True)
    )
    places = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    exchange = greeting_of(*(data[a:b] for a, b in itertools.pairwise(places)))
    assert isinstance(exchange, Exchange)
    assert (exchange.reply.code, exchange.reply.lines) == (code, tuple(lines))


@given(st.lists(st.binary(max_size=200), max_size=10))
def test_any_bytes_end_in_a_reply_or_in_evidence(packets: list[bytes]) -> None:
    """Nothing that a server sends raises anything but evidence."""
    seen = greeting_of(*packets)
    assert isinstance(seen, Exchange | Reply | Garbled | Dropped)


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ((b"5.7.8 Error",), "5.7.8"),
        ((b"hello", b"5.7.139 sorry"), "5.7.139"),
        ((b"sorry (#5.7.1)",), "5.7.1"),
        ((b"10.5.7.1 is blocked",), None),
        ((b"5.7.1.2 is an address",), None),
        ((b"2.0 things",), None),
        ((b"",), None),
    ],
)
def test_enhanced_codes(lines: tuple[bytes, ...], code: str | None) -> None:
    """After the code, in a later line, or at the end in qmail form; never an address."""
    assert enhanced_code(lines) == code


def test_a_reply_without_end_is_cut_off() -> None:
    """Continuation lines beyond the bound end the session."""
    seen = greeting_of(b"220-x\r\n" * (MAX_REPLY // 4), end=False)
    assert isinstance(seen, Garbled)


def test_a_line_without_end_is_cut_off() -> None:
    """So does a line that never ends, however small its packets."""
    seen = greeting_of(*([b"2" * 1000] * 20), end=False)
    assert isinstance(seen, Garbled)
    assert len(seen.line) <= 512


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("cut", [0, 5000, MAX_LINE, MAX_LINE + 1, MAX_LINE + 2])
def test_the_length_of_a_line_is_judged_whatever_the_packets(cut: int, end: bytes) -> None:
    """One verdict for a line that comes whole and for one that comes in parts."""
    line = b"220 " + b"x" * (MAX_LINE - 4)
    for text, kind in ((line, Exchange), (line + b"x", Garbled)):
        seen = greeting_of(*filter(None, ((text + end)[:cut], (text + end)[cut:])), end=False)
        assert isinstance(seen, kind)


def test_a_session_is_bounded_as_a_whole() -> None:
    """Valid replies without end are cut off as well."""
    seen = greeting_of(b"220 first\r\n", *([b"250 more\r\n" * 1000] * (MAX_SESSION // 9000)), end=False)
    assert isinstance(seen, Exchange)


def test_arrival_is_timed_in_the_callback() -> None:
    """The time of a reply is that of its last byte, not of the moment when somebody asks."""

    async def main() -> tuple[float, float]:
        wire = Wire(asyncio.get_running_loop(), Transcript(Redactor(())))
        wire.connection_made(Sink(wire))
        wire.data_received(b"220 hello\r\n")
        await asyncio.sleep(0.05)
        exchange = await wire.greeting(0.0)
        late = asyncio.get_running_loop().time()
        wire.abort()
        await asyncio.sleep(0)
        return exchange.received_at, late

    received_at, asked_at = asyncio.run(main())
    assert asked_at - received_at >= 0.045
