"""The demo's submission server follows RFC 5321, 3207 and 4954, command by command."""

from __future__ import annotations

import base64
import socket
import ssl
import time
from contextlib import asynccontextmanager
from typing import IO

import pytest

from exporter.demo.server import SubmissionServer
from exporter.demo.service import SIZE_LIMIT, Service
from exporter.model import TlsMode
from tests.servers.background import in_background
from tests.servers.certificates import Workshop
from tests.servers.submission import PASSWORD, USER, submission_server

EHLO = b"EHLO me"
PLAIN = b"AUTH PLAIN " + base64.b64encode(f"\0{USER}\0{PASSWORD}".encode())


def dialogue(*commands: bytes, **options) -> list[str]:
    """The code of each reply, the greeting first; commands go out one after the other."""
    with (
        in_background(lambda: submission_server(**options)) as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=5) as sock,
    ):
        return talk(sock, *commands)


def talk(sock: socket.socket, *commands: bytes) -> list[str]:
    """The code of each reply, the greeting first."""
    with sock.makefile("rb") as file:
        codes = [read_code(file)]
        for command in commands:
            sock.sendall(command + b"\r\n")
            codes.append(read_code(file))
    return codes


def read_code(file: IO[bytes]) -> str:
    """The code of one whole reply; empty at the end."""
    line = file.readline()
    while line[3:4] == b"-":
        line = file.readline()
    return line[:3].decode()


def test_a_whole_session() -> None:
    """Login, two recipients, a message, a reset and QUIT get the codes of RFC 5321."""
    assert dialogue(
        EHLO,
        PLAIN,
        b"MAIL FROM:<a@example.org> SIZE=100",
        b"RCPT TO:<b@example.org>",
        b"rcpt to:<c@example.org>",
        b"DATA",
        b"Subject: x\r\n\r\nHello\r\n.",
        b"NOOP",
        b"RSET",
        b"VRFY b",
        b"QUIT",
    ) == ["220", "250", "235", "250", "250", "250", "354", "250", "250", "250", "252", "221"]


def test_helo_is_enough_without_extensions() -> None:
    """A client of before 1995 may send when no login is wanted."""
    assert dialogue(b"HELO me", b"MAIL FROM:<>", mechanisms=()) == ["220", "250", "250"]


@pytest.mark.parametrize(
    ("commands", "code"),
    [
        ((b"MAIL FROM:<a@b.c>",), "503"),
        ((PLAIN,), "503"),
        ((EHLO, b"MAIL FROM:<a@b.c>"), "530"),
        ((EHLO, PLAIN, b"MAIL TO:<a@b.c>"), "501"),
        ((EHLO, PLAIN, b"MAIL FROM:<a@b.c>", b"MAIL FROM:<a@b.c>"), "503"),
        ((EHLO, PLAIN, PLAIN), "503"),
        ((EHLO, PLAIN, b"RCPT TO:<a@b.c>"), "503"),
        ((EHLO, PLAIN, b"MAIL FROM:<a@b.c>", b"RCPT FROM:<a@b.c>"), "501"),
        ((EHLO, PLAIN, b"MAIL FROM:<a@b.c>", b"RCPT TO:<>"), "501"),
        ((EHLO, PLAIN, b"MAIL FROM:<a@b.c>", b"DATA"), "503"),
        ((EHLO, b"AUTH CRAM-MD5"), "504"),
        ((EHLO, b"STARTTLS"), "502"),
        ((b"HELP",), "500"),
        ((b"",), "500"),
    ],
)
def test_what_is_out_of_order_is_refused(commands: tuple[bytes, ...], code: str) -> None:
    """Each command in the wrong place, or with the wrong syntax, gets its code."""
    assert dialogue(*commands)[-1] == code


@pytest.mark.parametrize(
    ("exchange", "code"),
    [
        ((b"AUTH PLAIN", PLAIN.split()[2]), "235"),
        ((b"AUTH LOGIN", base64.b64encode(USER.encode()), base64.b64encode(PASSWORD.encode())), "235"),
        ((b"auth login " + base64.b64encode(USER.encode()), base64.b64encode(PASSWORD.encode())), "235"),
        ((b"AUTH LOGIN", base64.b64encode(b"somebody"), base64.b64encode(PASSWORD.encode())), "535"),
        ((b"AUTH LOGIN", base64.b64encode(USER.encode()), b""), "535"),
        ((b"AUTH PLAIN =",), "501"),
        ((b"AUTH PLAIN", b"*"), "501"),
        ((b"AUTH PLAIN", b"not base64!"), "501"),
        ((b"AUTH PLAIN " + base64.b64encode(b"\xff\0\xff"),), "501"),
    ],
)
def test_logins(exchange: tuple[bytes, ...], code: str) -> None:
    """PLAIN and LOGIN with and without an initial response, right, wrong and malformed."""
    assert dialogue(EHLO, *exchange)[-1] == code


def test_a_mechanism_that_is_only_offered_admits_nobody() -> None:
    """XOAUTH2 is refused whatever comes, at once or after a challenge, unless the reply is replaced."""
    for exchange in ((b"AUTH XOAUTH2 eA==",), (b"AUTH XOAUTH2", b"eA==")):
        assert dialogue(EHLO, *exchange, mechanisms=("XOAUTH2",))[-1] == "535"
    replies = {"AUTH": "235 2.7.0 For once"}
    assert dialogue(EHLO, b"AUTH XOAUTH2 eA==", mechanisms=("XOAUTH2",), replies=replies)[-1] == "235"


def test_a_new_ehlo_forgets_the_envelope() -> None:
    """RCPT after a second EHLO needs MAIL again (RFC 5321 4.1.4)."""
    commands = (EHLO, PLAIN, b"MAIL FROM:<a@b.c>", EHLO, b"RCPT TO:<a@b.c>")
    assert dialogue(*commands)[-1] == "503"


def test_starttls_forgets_what_was_said_in_the_clear(workshop: Workshop) -> None:
    """After the handshake EHLO is due again, AUTH is offered and STARTTLS is not."""
    context = workshop.valid().context()
    with (
        in_background(lambda: submission_server(context=context)) as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=5) as plain,
    ):
        assert talk(plain, EHLO, PLAIN, b"STARTTLS") == ["220", "250", "530", "220"]
        client = ssl.create_default_context(cafile=workshop.ca_file)
        with client.wrap_socket(plain, server_hostname="localhost") as sock:
            sock.sendall(b"MAIL FROM:<a@b.c>\r\nSTARTTLS\r\nEHLO me\r\nQUIT\r\n")
            replies = sock.makefile("rb").read().decode()
    assert [line[:3] for line in replies.splitlines() if line[3] == " "] == ["503", "503", "250", "221"]
    assert "AUTH PLAIN LOGIN" in replies
    assert "STARTTLS" not in replies


def test_421_ends_the_session() -> None:
    """After a 421 to any command nothing more is answered."""
    assert dialogue(EHLO, b"NOOP", replies={"EHLO": "421 4.3.2 Going down"}) == ["220", "421", ""]


def test_a_refusal_in_the_greeting_leaves_only_quit() -> None:
    """After 554 in the greeting every command gets 503 until QUIT (RFC 5321 3.1)."""
    codes = dialogue(EHLO, b"NOOP", b"QUIT", replies={"greeting": "554 5.7.1 Not you"})
    assert codes == ["554", "503", "503", "221"]


def test_a_reply_without_a_code_changes_no_state() -> None:
    """A replaced reply that is no reply counts as no acceptance."""
    assert dialogue(EHLO, b"MAIL FROM:<a@b.c>", replies={"EHLO": "hello!"}) == ["220", "hel", "503"]


def test_a_silent_client_is_sent_away() -> None:
    """After the idle time the client hears 421 and the connection ends."""

    @asynccontextmanager
    async def impatient():
        server = SubmissionServer(Service(tls=TlsMode.NONE, idle_seconds=0.05))
        await server.start()
        try:
            yield server
        finally:
            await server.stop()

    with (
        in_background(impatient) as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=5) as sock,
        sock.makefile("rb") as file,
    ):
        assert [read_code(file), read_code(file), read_code(file)] == ["220", "421", ""]


def test_too_large_a_message_is_refused_and_not_kept() -> None:
    """One octet more than SIZE gets 552, and no more than SIZE is held."""
    with (
        in_background(lambda: submission_server(mechanisms=())) as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=5) as sock,
        sock.makefile("rb") as file,
    ):
        sock.sendall(b"EHLO me\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<a@b.c>\r\nDATA\r\n")
        assert [read_code(file) for _ in range(5)] == ["220", "250", "250", "250", "354"]
        line = b"x" * 998 + b"\r\n"
        sock.sendall(line * (SIZE_LIMIT // len(line) + 1) + b".\r\n")
        assert read_code(file) == "552"
    (message,) = server.sessions[0].messages
    assert len(message) <= SIZE_LIMIT


def test_a_client_that_leaves_in_the_middle_of_a_message() -> None:
    """The session ends without a reply and without a message."""
    with (
        in_background(lambda: submission_server(mechanisms=())) as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=5) as sock,
        sock.makefile("rb") as file,
    ):
        sock.sendall(b"EHLO me\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<a@b.c>\r\nDATA\r\nhalf")
        assert [read_code(file) for _ in range(5)][-1] == "354"
    assert server.sessions[0].messages == []
    assert server.sessions[0].sent_at("message") == []


def test_a_service_needs_its_context() -> None:
    """TLS without a context, or a context without TLS, is refused at once."""
    with pytest.raises(ValueError, match="TLS context"):
        Service(tls=TlsMode.IMPLICIT)
    with pytest.raises(ValueError, match="TLS context"):
        Service(tls=TlsMode.NONE, context=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))


def test_it_serves_many_at_once(workshop: Workshop) -> None:
    """Two hundred clients that are greeted 0.1 s late are all greeted in far less than 20 s."""
    started = time.monotonic()
    with in_background(lambda: submission_server(pauses={"greeting": 0.1})) as server:
        socks = [socket.create_connection(("127.0.0.1", server.port), timeout=5) for _ in range(200)]
        greetings = {sock.recv(3) for sock in socks}
        for sock in socks:
            sock.close()
    assert greetings == {b"220"}
    assert time.monotonic() - started < 5
    assert len(server.sessions) == 200
