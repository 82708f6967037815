"""What a server does before the prober has said a word: speak in the clear, or be gone."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from exporter.diagnosis import diagnose
from exporter.model import (
    AttemptOutcome,
    DropKind,
    Dropped,
    ErrorClass,
    Phase,
    ProbeResult,
    TlsFailure,
    TlsMode,
)
from tests.probe.probing import MESSAGE, endpoint, login, outline, probe, run
from tests.servers.scripted import Step, drop, expect, greet, raw, say, scripted, stall


@contextmanager
def resetting(fin_first: bool) -> Iterator[tuple[int, threading.Event]]:
    """A port that accepts one connection and resets it at once, and the event that it has done so."""
    gone = threading.Event()

    def serve() -> None:
        accepted, _ = server.accept()
        if fin_first:
            accepted.shutdown(socket.SHUT_WR)
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        accepted.close()
        gone.set()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1], gone
        thread.join()


@pytest.mark.parametrize("fin_first", [False, True])
@pytest.mark.parametrize(
    ("tls", "until", "expected"),
    [
        (TlsMode.NONE, Phase.EHLO, "dns connect greeting! -ehlo -quit"),
        (TlsMode.IMPLICIT, Phase.EHLO, "dns connect tls! -greeting -ehlo -quit"),
        (TlsMode.NONE, Phase.CONNECT, "dns connect"),
    ],
)
def test_a_reset_before_we_looked_is_not_of_the_connect(
    fin_first: bool, tls: TlsMode, until: Phase, expected: str
) -> None:
    """A connection that was made and reset in the same instant fails in the phase that follows `connect`."""

    async def scenario() -> ProbeResult:
        with resetting(fin_first) as (port, gone):
            probing = asyncio.ensure_future(probe(endpoint(port, tls=tls, until=until)))
            await asyncio.sleep(0)  # the SYN is out
            assert gone.wait(10)  # and the loop has seen nothing of the answer when this returns
            return await probing

    result: ProbeResult = run(scenario)
    assert outline(result) == expected
    assert [attempt.outcome for attempt in result.attempts] == [AttemptOutcome.RESET]
    if until is not Phase.CONNECT:
        assert result.symptom is not None
        assert isinstance(result.symptom.evidence, Dropped)
        assert result.symptom.evidence.how is DropKind.RESET


@pytest.mark.parametrize(
    ("steps", "seen"),
    [
        ([greet()], b"220 mail.test ESMTP\n"),
        ([say("220-mail.test", "220 ready")], b"220 mail.test\n220 ready\n"),
        ([say("220 mail.test", "421 too late")], b"220 mail.test\n421 too late\n"),
        ([raw(b"220 mail.te")], b"220 mail.te"),
    ],
    ids=["a greeting", "a long greeting", "two replies", "half a greeting"],
)
def test_plaintext_before_our_client_hello_is_kept(steps: list[Step], seen: bytes) -> None:
    """Who greets on a port where TLS was to come first is caught at once, with what it said."""

    async def scenario() -> ProbeResult:
        async with scripted([*steps, stall()]) as server:
            return await probe(endpoint(server.port, tls=TlsMode.IMPLICIT))

    result: ProbeResult = run(scenario)
    assert result.symptom is not None
    evidence = result.symptom.evidence
    assert isinstance(evidence, TlsFailure)
    assert result.symptom.phase is Phase.TLS
    assert evidence.reason == "WRONG_VERSION_NUMBER"
    # Bytes that come only after the ClientHello end with CRLF and are found by OpenSSL.
    assert evidence.peer_bytes.replace(b"\r", b"").replace(b"220-", b"220 ") == seen
    assert result.seconds < 4


BUSY = "421 4.3.2 mail.test shutting down, closing channel"
DIALOGUE = {
    "greeting": ("", "220 mail.test ESMTP"),
    "ehlo": ("EHLO", "250-mail.test", "250 AUTH PLAIN"),
    "auth": ("AUTH", "235 2.7.0 Welcome"),
    "mail": ("MAIL", "250 2.1.0 Ok"),
    "rcpt": ("RCPT", "250 2.1.5 Ok"),
    "data": ("DATA", "354 Go ahead"),
}


def until_busy(after: str, *reply: str) -> Iterator[Step]:
    """The dialogue up to the reply of `after`, with the 421 in the same packet."""
    for name, (verb, *lines) in DIALOGUE.items():
        if verb:
            yield expect(verb)
        if name == after:
            yield say(*(reply or lines), BUSY)
            return
        yield say(*lines)


@pytest.mark.parametrize("ending", [[], [drop()], [stall()]])
@pytest.mark.parametrize("after", [[name] for name in DIALOGUE] + [["ehlo", "250 mail.test"]])
def test_a_421_between_two_commands_is_the_reply_that_decides(after: list[str], ending: list[Step]) -> None:
    """RFC 5321 3.8: it may come at any time, and the reply before it no longer matters."""

    async def scenario() -> ProbeResult:
        async with scripted([*until_busy(*after), *ending]) as server:
            target = endpoint(
                server.port,
                tls=TlsMode.NONE,
                until=Phase.DATA,
                auth=login("me", "secret", allow_plaintext=True),
                message=MESSAGE,
            )
            return await probe(target)

    result: ProbeResult = run(scenario)
    assert result.symptom is not None
    assert result.reply == result.symptom.evidence
    assert result.reply is not None
    assert result.reply.code == 421
    assert not result.data_uncertain
    assert diagnose(result.symptom).error_class is ErrorClass.SERVICE_UNAVAILABLE
