"""The foreign behaviours that the prober stands on; an upgrade that changes one turns a test red."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import aiosmtplib
import pytest
from aiosmtplib.errors import SMTPException, SMTPServerDisconnected
from aiosmtplib.esmtp import parse_esmtp_extensions
from aiosmtplib.protocol import PERIOD_REGEX, SMTPProtocol
from aiosmtplib.response import SMTPResponse
from cryptography.hazmat.bindings.openssl.binding import Binding
from OpenSSL import SSL

from exporter.model import TlsConfig, TlsVersion
from exporter.probe.contexts import handshake_context
from tests.servers.certificates import Workshop


class RecordingTransport(asyncio.Transport):
    """Keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closing = False

    def write(self, data: Any) -> None:
        """Keep it."""
        self.written += bytes(data)

    def is_closing(self) -> bool:
        """Say whether `close` was called."""
        return self.closing

    def close(self) -> None:
        """Take nothing more."""
        self.closing = True


def on_protocol(scenario: Callable[[SMTPProtocol, RecordingTransport], Any]) -> Any:
    """Run `scenario` on a protocol that is connected to a recording transport."""

    async def main() -> Any:
        protocol, transport = SMTPProtocol(asyncio.get_running_loop()), RecordingTransport()
        protocol.connection_made(transport)
        try:
            return await scenario(protocol, transport)
        finally:
            protocol.connection_lost(None)

    return asyncio.run(main())


def test_the_major_version_is_the_one_that_was_read() -> None:
    """The private names below are those of aiosmtplib 5."""
    assert aiosmtplib.__version__.split(".")[0] == "5"


def test_a_greeting_is_awaited_from_the_first_moment() -> None:
    """`connection_made` arms the waiter, so a greeting that comes before anybody asks is kept."""

    async def scenario(protocol: SMTPProtocol, _transport: RecordingTransport) -> SMTPResponse:
        assert protocol._response_pending
        assert protocol._response_waiter is not None
        protocol._response_waiter.set_result(SMTPResponse(220, ""))
        return await protocol.read_response()

    assert on_protocol(scenario).code == 220


def test_a_command_is_written_with_crlf_and_waits_for_its_reply() -> None:
    """`execute_command` writes one line, marks a reply as pending and returns what the waiter gets."""

    async def scenario(protocol: SMTPProtocol, transport: RecordingTransport) -> tuple[bytes, int]:
        waiter: Any = protocol._response_waiter
        waiter.set_result(SMTPResponse(220, ""))
        await protocol.read_response()
        pending = [protocol._response_pending]
        task = asyncio.ensure_future(protocol.execute_command(b"EHLO", b"me"))
        await asyncio.sleep(0)
        pending.append(protocol._response_pending)
        waiter = protocol._response_waiter
        waiter.set_result(SMTPResponse(250, ""))
        assert pending == [False, True]
        return transport.written, (await task).code

    assert on_protocol(scenario) == (b"EHLO me\r\n", 250)


@pytest.mark.parametrize("word", [b"a\r\nDATA", b"a\nb", b"a\0b", b"a\x7f"])
def test_control_characters_never_get_into_a_command(word: bytes) -> None:
    """A configured name cannot smuggle in a second command."""

    async def scenario(protocol: SMTPProtocol, transport: RecordingTransport) -> bytes:
        with pytest.raises(ValueError, match="control character"):
            await protocol.execute_command(b"MAIL", word)
        return transport.written

    assert on_protocol(scenario) == b""


def test_a_lost_connection_is_one_exception_with_its_cause() -> None:
    """Whoever waits gets `SMTPServerDisconnected`, and the transport's error as its cause."""

    async def scenario(protocol: SMTPProtocol, _transport: RecordingTransport) -> BaseException | None:
        task = asyncio.ensure_future(protocol.execute_command(b"NOOP"))
        await asyncio.sleep(0)
        protocol.connection_lost(ConnectionResetError(104, "reset"))
        with pytest.raises(SMTPServerDisconnected) as caught:
            await task
        assert isinstance(caught.value, SMTPException)
        return caught.value.__cause__

    assert isinstance(on_protocol(scenario), ConnectionResetError)


def test_a_close_upon_quit_is_answered_for_the_server() -> None:
    """Aiosmtplib makes up a 221 when the server just hangs up; the prober must not believe it."""

    async def scenario(protocol: SMTPProtocol, _transport: RecordingTransport) -> int:
        task = asyncio.ensure_future(protocol.execute_command(b"QUIT"))
        await asyncio.sleep(0)
        protocol.connection_lost(None)
        return (await task).code

    assert on_protocol(scenario) == 221


def test_a_closing_transport_takes_no_command() -> None:
    """Writing after the end is the same exception as losing the connection."""

    async def scenario(protocol: SMTPProtocol, transport: RecordingTransport) -> None:
        transport.close()
        with pytest.raises(SMTPServerDisconnected):
            protocol.write(b"NOOP\r\n")

    on_protocol(scenario)


def test_extensions_are_parsed_in_both_forms_of_auth() -> None:
    """`AUTH PLAIN` and the old `AUTH=PLAIN` both count, whatever the letter case."""
    extensions, mechanisms = parse_esmtp_extensions("mail.test\nSIZE 100\nauth plain\nAUTH=LOGIN PLAIN")
    assert extensions["size"] == "100"
    assert mechanisms == ["plain", "login", "plain"]


def test_dots_are_doubled_at_line_starts_alone() -> None:
    """RFC 5321 4.5.2."""
    assert PERIOD_REGEX.sub(b"..", b".a\r\nb.\r\n..c\r\n") == b"..a\r\nb.\r\n...c\r\n"


def test_python_gives_the_verified_chain(workshop: Workshop) -> None:
    """Root included: public from Python 3.13 on, underneath before."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.load_verify_locations(workshop.ca_file)
    inbox, outbox = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = client.wrap_bio(inbox, outbox, server_hostname="localhost")
    server = workshop.valid().context().wrap_bio(outbox, inbox, server_side=True)
    for side in (session, server, session):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    holder: Any = session
    if not hasattr(session, "get_verified_chain"):
        holder = holder._sslobj
    assert len(holder.get_verified_chain()) == 3


def begun(config: TlsConfig | None = None) -> tuple[SSL.Connection, bytes]:
    """A client that has said hello, and its ClientHello."""
    client = SSL.Connection(handshake_context(config or TlsConfig()))
    client.set_connect_state()
    with pytest.raises(SSL.WantReadError):
        client.do_handshake()
    return client, client.bio_read(65536)


def test_pyopenssl_says_hello_in_one_packet(workshop: Workshop) -> None:
    """The groups can be chosen, though only underneath pyOpenSSL: no key share of a kilobyte goes out.

    Those of OpenSSL 3.0 are all there, finite fields included.
    """
    _client, hello = begun()
    groups = "001d0017001e0019001801000101010201030104"
    assert len(hello) < 600
    assert b"\x00\x0a\x00\x16\x00\x14" + bytes.fromhex(groups) in hello


@pytest.mark.parametrize("version", [None, TlsVersion.TLS10, TlsVersion.TLS13])
def test_what_pythons_ssl_offers_is_offered(version: TlsVersion | None) -> None:
    """Every cipher suite of Python's own ClientHello is in ours, in the same order and with nothing between."""
    config = TlsConfig() if version is None else TlsConfig(min_version=version)
    _client, hello = begun(config)
    model = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    model.check_hostname = False
    if version is TlsVersion.TLS10:
        model.set_ciphers("DEFAULT:@SECLEVEL=0")
    # For those with a shared key or password there is none.
    usable = [cipher for cipher in model.get_ciphers() if not {"PSK", "SRP"} & {*cipher["name"].split("-")}]
    numbers = [cipher["id"] & 0xFFFF for cipher in usable]
    if version is TlsVersion.TLS13:
        numbers = [number for number in numbers if number >> 8 == 0x13]
    offered = b"".join(number.to_bytes(2, "big") for number in numbers)
    behind_session = 44 + hello[43]
    length = int.from_bytes(hello[behind_session : behind_session + 2], "big")
    suites = hello[behind_session + 2 : behind_session + 2 + length]
    assert suites.removesuffix(b"\x00\xff") == offered  # the mark of RFC 5746 is no cipher


def test_pyopenssl_tells_all_in_the_middle_of_the_handshake(workshop: Workshop) -> None:
    """Chain, version and cipher are there before our half is written."""
    for maximum in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        client, hello = begun()
        assert client.get_peer_cert_chain() is None
        inbox, outbox = ssl.MemoryBIO(), ssl.MemoryBIO()
        server = workshop.valid().context(maximum=maximum).wrap_bio(inbox, outbox, server_side=True)
        inbox.write(hello)
        with pytest.raises(ssl.SSLWantReadError):
            server.do_handshake()
        client.bio_write(outbox.read())
        with suppress(SSL.WantReadError):
            client.do_handshake()
        assert len(client.get_peer_cert_chain() or ()) == 2
        assert client.get_protocol_version_name() == maximum.name.replace("_", ".")
        assert client.get_cipher_name()


BREAKS: dict[str, bytes] = {
    "no TLS": b"220 mail.test ESMTP\r\n",
    "alert": b"\x15\x03\x03\x00\x02\x02\x28",
    "alert without a name": b"\x15\x03\x03\x00\x02\x02\xc8",
    "close_notify": b"\x15\x03\x03\x00\x02\x01\x00",
    "rubbish in a record": b"\x16\x03\x03\x00\x08\x02\x00\x00\x04rubb",
}


@pytest.mark.parametrize("case", BREAKS)
def test_a_broken_session_leaves_no_error_to_the_next(case: str) -> None:
    """OpenSSL keeps errors by thread, and blames whoever asks next: none may be left in its queue."""
    client, _hello = begun()
    client.bio_write(BREAKS[case])
    for step in (client.do_handshake, client.do_handshake, client.shutdown, lambda: client.recv(10)):
        with pytest.raises(SSL.Error):
            step()
        assert Binding.lib.ERR_peek_error() == 0
