"""How a TLS session ends: with close_notify, with what follows it, or with what is no TLS."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from exporter.model import Dropped, Garbled, Phase, ProbeResult, StepStatus, TlsMode
from tests.probe.probing import endpoint, outline, probe, run, trusting
from tests.servers.background import in_background
from tests.servers.certificates import Workshop
from tests.servers.scripted import bye, ehlo, greet, handshake, scripted

VERSIONS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}


class Peer:
    """The server's end, by hand: TLS over memory buffers, so that anything may stand beside it."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext) -> None:
        self.sock = sock
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._until_done(self._tls.do_handshake)

    def say(self, text: bytes) -> None:
        """Under TLS."""
        self._tls.write(text)
        self.raw(self._outgoing.read())

    def hear(self) -> bytes:
        """What the client says next."""
        heard: bytes = self._until_done(lambda: self._tls.read(4096))
        return heard

    def written(self, text: bytes, *, closed: bool = False) -> bytes:
        """The records of `text`, and of close_notify behind it; nothing is sent."""
        self._tls.write(text)
        if closed:
            with contextlib.suppress(ssl.SSLError):
                self._tls.unwrap()
        return self._outgoing.read()

    def raw(self, data: bytes) -> None:
        """Beside TLS."""
        self.sock.sendall(data)

    def _until_done(self, step: Callable[[], bytes | None]) -> bytes:
        while True:
            try:
                done = step()
            except ssl.SSLWantReadError:
                self.raw(self._outgoing.read())
                data = self.sock.recv(65536)
                if not data:
                    raise ConnectionResetError from None
                self._incoming.write(data)
            else:
                self.raw(self._outgoing.read())
                return done or b""


@contextlib.contextmanager
def serving(context: ssl.SSLContext, script: Callable[[Peer], None]) -> Iterator[int]:
    """Serve one client by `script`, and hold the connection open until the client ends it; the port."""

    def serve() -> None:
        with contextlib.suppress(OSError), listener.accept()[0] as sock:
            sock.settimeout(10)
            script(Peer(sock, context))
            while sock.recv(65536):
                pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            thread.join(12)
        assert not thread.is_alive()


@pytest.fixture(params=[*VERSIONS.values()], ids=[*VERSIONS])
def context(request: pytest.FixtureRequest, workshop: Workshop) -> ssl.SSLContext:
    """A good certificate, and one version of TLS."""
    return workshop.valid().context(minimum=request.param, maximum=request.param)


def probed(workshop: Workshop, context: ssl.SSLContext, script: Callable[[Peer], None]) -> ProbeResult:
    """What a probe up to EHLO makes of it, within three seconds."""

    async def scenario(port: int) -> ProbeResult:
        return await probe(
            endpoint(
                port,
                tls=TlsMode.IMPLICIT,
                until=Phase.EHLO,
                timeout=3.0,
                tls_config=trusting(workshop.ca_file),
            )
        )

    with serving(context, script) as port:
        began = time.monotonic()
        result: ProbeResult = run(lambda: scenario(port))
        assert time.monotonic() - began < 2.0, "somebody waited for what cannot come"
    return result


@pytest.mark.parametrize("behind", [b"", b"\x15\x03\x03\x00\x02\x01\x00", b"250 more\r\n", bytes(20_000)])
def test_close_notify_is_the_end_whatever_follows_it(
    workshop: Workshop, context: ssl.SSLContext, behind: bytes
) -> None:
    """At once, in the same packet or a later one; the loop goes on."""

    def script(peer: Peer) -> None:
        peer.say(b"220 mail.test\r\n")
        assert peer.hear().startswith(b"EHLO")
        peer.raw(peer.written(b"421 bye\r\n", closed=True) + behind)

    result = probed(workshop, context, script)
    assert result.reply is not None
    assert result.reply.code == 421


@pytest.mark.parametrize("behind", [b"", b"220 mail.test\r\n"])
def test_close_notify_in_place_of_a_reply_is_a_dropped_connection(
    workshop: Workshop, context: ssl.SSLContext, behind: bytes
) -> None:
    """Not a time-out, though the TCP connection stays open."""
    result = probed(workshop, context, lambda peer: peer.raw(peer.written(b"220-half", closed=True) + behind))
    assert result.symptom is not None
    assert result.symptom.phase is Phase.GREETING
    assert isinstance(result.symptom.evidence, Dropped)
    assert result.symptom.evidence.partial == b"220-half"


def test_close_notify_behind_the_last_reply_spoils_nothing(
    workshop: Workshop, context: ssl.SSLContext
) -> None:
    """QUIT has nobody to be said to, and is not waited for."""

    def script(peer: Peer) -> None:
        peer.say(b"220 mail.test\r\n")
        assert peer.hear().startswith(b"EHLO")
        peer.raw(peer.written(b"250 mail.test\r\n", closed=True))

    result = probed(workshop, context, script)
    assert result.success
    assert outline(result).startswith("dns connect tls greeting ehlo")


@pytest.mark.parametrize("when", ["at once", "after the greeting"])
def test_what_is_no_tls_after_the_handshake_is_no_failed_handshake(
    workshop: Workshop, context: ssl.SSLContext, when: str
) -> None:
    """TLS worked: nobody is told to change the encryption."""

    def script(peer: Peer) -> None:
        if when != "at once":
            peer.say(b"220 mail.test\r\n")
            assert peer.hear().startswith(b"EHLO")
        peer.raw(b"250 mail.test in the clear\r\n")

    result = probed(workshop, context, script)
    assert result.symptom is not None
    assert isinstance(result.symptom.evidence, Garbled)
    assert result.symptom.phase is (Phase.GREETING if when == "at once" else Phase.EHLO)
    assert {step.phase: step.status for step in result.steps}[Phase.TLS] is StepStatus.PASSED


def test_a_broken_record_after_the_handshake_is_no_failed_handshake(
    workshop: Workshop, context: ssl.SSLContext
) -> None:
    """The last byte of the greeting's record is not what was written."""

    def script(peer: Peer) -> None:
        record = peer.written(b"220 mail.test\r\n")
        peer.raw(record[:-1] + bytes([record[-1] ^ 1]))

    result = probed(workshop, context, script)
    assert result.symptom is not None
    assert result.symptom.phase is Phase.GREETING
    assert isinstance(result.symptom.evidence, Garbled)


@pytest.mark.usefixtures("stamping")
def test_handshake_takes_what_the_server_takes(workshop: Workshop, context: ssl.SSLContext) -> None:
    """A loop that is busy while the server's half lies there adds nothing, however often it is answered."""

    async def scenario(port: int) -> ProbeResult:
        target = endpoint(port, tls=TlsMode.IMPLICIT, tls_config=trusting(workshop.ca_file))
        probing = asyncio.create_task(probe(target))
        while not probing.done():
            time.sleep(0.1)  # noqa: ASYNC251 - that is what it is about
            await asyncio.sleep(0)
        return await probing

    script = [handshake(context), greet(), ehlo(), bye()]
    with in_background(lambda: scripted(script)) as server:
        result = run(lambda: scenario(server.port))
    assert result.success
    spent = result.phase_seconds(Phase.TLS)
    assert spent is not None
    assert spent < 0.08
