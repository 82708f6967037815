"""The foreign behaviours that the prober stands on; an upgrade that changes one turns a test red."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Any

import aiosmtplib
import pytest
from aiosmtplib.errors import SMTPException, SMTPServerDisconnected
from aiosmtplib.esmtp import parse_esmtp_extensions
from aiosmtplib.protocol import PERIOD_REGEX, SMTPProtocol
from aiosmtplib.response import SMTPResponse

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


def test_python_gives_the_presented_chain_without_verification(workshop: Workshop) -> None:
    """The chain is there under CERT_NONE: public from Python 3.13 on, underneath before."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    inbox, outbox = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = client.wrap_bio(inbox, outbox, server_hostname="mail.test")
    server = workshop.valid().context().wrap_bio(outbox, inbox, server_side=True)
    for side in (session, server, session):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    holder: Any = session
    if not hasattr(session, "get_unverified_chain"):
        holder = holder._sslobj
    assert len(holder.get_unverified_chain()) == 2
