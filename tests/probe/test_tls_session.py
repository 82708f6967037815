"""A TLS session over memory buffers, with the functions beneath pyOpenSSL that no other test of it would miss."""

from __future__ import annotations

import gc
import resource
import ssl
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography.hazmat.bindings.openssl.binding import Binding
from OpenSSL import SSL, crypto

from exporter.model import TlsConfig
from exporter.probe.contexts import handshake_context
from exporter.probe.tls_session import TlsSession, presented_chain
from tests.probe.test_contracts import BREAKS
from tests.servers.certificates import Workshop


def begun(name: str = "localhost") -> tuple[TlsSession, bytes]:
    """A client that has said hello, and its ClientHello."""
    client = TlsSession(handshake_context(TlsConfig()), name)
    assert not client.advance()
    return client, client.written()


class Server:
    """The other side, of Python's `ssl`."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.inbox, self.outbox = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.names: list[str | None] = []
        context.sni_callback = lambda _socket, name, _context: self.names.append(name)
        self.tls = context.wrap_bio(self.inbox, self.outbox, server_side=True)

    def answer(self, ciphertext: bytes) -> bytes:
        """Take it, go on with the handshake, and return what is to be sent."""
        self.inbox.write(ciphertext)
        with suppress(ssl.SSLWantReadError):
            self.tls.do_handshake()
        return self.outbox.read()

    def read(self) -> bytes:
        """Return all plaintext that has come in."""
        data = b""
        with suppress(ssl.SSLWantReadError):
            while True:
                data += self.tls.read(65536)
        return data


def connected(workshop: Workshop) -> tuple[TlsSession, Server]:
    """Both sides after the handshake."""
    server = Server(workshop.valid().context())
    client, hello = begun()
    client.put(server.answer(hello))
    assert client.advance()
    client.put(server.answer(client.written()))
    return client, server


def test_both_sides_hear_each_other(workshop: Workshop) -> None:
    """What is said arrives; while nothing came in nothing was said, and nothing is to be sent."""
    client, server = connected(workshop)
    assert client.said() == b""
    client.say(b"EHLO me\r\n")
    server.inbox.write(client.written())
    assert server.tls.read() == b"EHLO me\r\n"
    server.tls.write(b"250 hello\r\n")
    client.put(server.outbox.read())
    assert client.said() == b"250 hello\r\n"
    assert (client.said(), client.written()) == (b"", b"")


def test_more_than_there_is_room_for_comes_in_parts(workshop: Workshop) -> None:
    """Whole, in order, in both directions."""
    client, server = connected(workshop)
    text = bytes(range(256)) * 400
    client.say(text)
    server.inbox.write(client.written())
    assert server.read() == text
    server.tls.write(text)
    client.put(server.outbox.read())
    assert b"".join(iter(client.said, b"")) == text


def test_a_record_that_came_in_half_waits_for_the_rest(workshop: Workshop) -> None:
    """Half a record is no error and no words."""
    client, server = connected(workshop)
    server.tls.write(b"250 hello\r\n")
    record = server.outbox.read()
    client.put(record[:-7])
    assert client.said() == b""
    client.put(record[-7:])
    assert client.said() == b"250 hello\r\n"


def test_close_notify_is_the_end(workshop: Workshop) -> None:
    """The words before it are heard first."""
    client, server = connected(workshop)
    server.tls.write(b"421 bye\r\n")
    with suppress(ssl.SSLWantReadError):
        server.tls.unwrap()
    client.put(server.outbox.read())
    assert client.said() == b"421 bye\r\n"
    with pytest.raises(SSL.ZeroReturnError):
        client.said()


def test_nothing_is_said_before_the_handshake(workshop: Workshop) -> None:
    """It is an error, and not a wait for ever."""
    client, _hello = begun()
    with pytest.raises(SSL.Error):
        client.say(b"EHLO me\r\n")
    assert Binding.lib.ERR_peek_error() == 0


@pytest.mark.parametrize(
    ("name", "indicated"),
    [("localhost", "localhost"), ("bücher.test", "xn--bcher-kva.test"), ("127.0.0.1", None), ("::1", None)],
)
def test_the_server_is_told_names_and_no_addresses(
    workshop: Workshop, name: str, indicated: str | None
) -> None:
    """RFC 6066 3: a literal address is not permitted in server_name."""
    server = Server(workshop.valid().context())
    _client, hello = begun(name)
    server.answer(hello)
    assert server.names == [indicated]


def test_the_presented_chain_is_that_of_pyopenssl(workshop: Workshop) -> None:
    """Certificate by certificate, and nothing before there are any."""
    client, _hello = begun()
    assert presented_chain(client) == ()
    client, _server = connected(workshop)
    theirs = client.get_peer_cert_chain() or ()
    assert len(theirs) == 2
    assert presented_chain(client) == tuple(
        crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate) for certificate in theirs
    )


@pytest.mark.parametrize("case", BREAKS)
def test_a_broken_session_leaves_no_error_to_the_next(case: str) -> None:
    """OpenSSL keeps errors by thread, and blames whoever asks next: none may be left in its queue."""
    client, _hello = begun()
    client.put(BREAKS[case])
    # close_notify is taken for a pause, and then nothing is the matter
    ends = suppress(SSL.Error) if case == "close_notify" else pytest.raises(SSL.Error)
    for step in (client.advance, client.advance, client.shutdown, client.said):
        with ends:
            assert not step()
        assert Binding.lib.ERR_peek_error() == 0


def test_sessions_leave_nothing_behind(workshop: Workshop) -> None:
    """Whole, broken and given up: 3,000 of each kind cost no memory that 300 did not, and no cycle holds one."""
    gc.collect()
    alive = len(SSL.Connection._reverse_mapping)
    context = handshake_context(TlsConfig())
    identity = workshop.valid().context()

    def session(how: str) -> None:
        client = TlsSession(context, "localhost")
        client.advance()
        if how == "given up":
            return
        if how == "whole":
            client.put(Server(identity).answer(client.written()))
            client.advance()
            presented_chain(client)
        client.put(BREAKS["no TLS"])
        with pytest.raises(SSL.Error):
            client.said()

    def grown(times: int) -> int:
        for _ in range(times):
            for how in ("whole", "broken", "given up"):
                session(how)
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize()

    before = grown(300)
    assert grown(2_700) - before < 1024 * 1024
    assert len(SSL.Connection._reverse_mapping) <= alive
