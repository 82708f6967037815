"""The two well-behaved servers behave, and the record tells what happened and when."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
import time

import pytest
import uvloop

from exporter.model import TlsMode
from tests.servers.aiosmtpd_server import aiosmtpd_server
from tests.servers.background import in_background
from tests.servers.certificates import Workshop
from tests.servers.submission import PASSWORD, USER, submission_server


def client_for(port: int, tls: TlsMode, workshop: Workshop) -> smtplib.SMTP:
    """smtplib, connected, and under TLS where the mode has it."""
    context = ssl.create_default_context(cafile=workshop.ca_file)
    if tls is TlsMode.IMPLICIT:
        return smtplib.SMTP_SSL("localhost", port, timeout=5, context=context)
    client = smtplib.SMTP("127.0.0.1", port, timeout=5)
    if tls is TlsMode.STARTTLS:
        client.starttls(context=ssl.create_default_context(cafile=workshop.ca_file))
    return client


@pytest.mark.parametrize("tls", list(TlsMode))
def test_smtplib_submits_to_ours(workshop: Workshop, tls: TlsMode) -> None:
    """A login and a message go through in every TLS mode, and are on record."""
    context = None if tls is TlsMode.NONE else workshop.valid().context()
    with (
        in_background(lambda: submission_server(tls=tls, context=context)) as server,
        client_for(server.port, tls, workshop) as client,
    ):
        client.login(USER, PASSWORD)
        client.sendmail(USER, ["b@example.org"], "Subject: x\r\n\r\n.dot\r\n")
    (session,) = server.sessions
    assert session.messages == [b"Subject: x\r\n\r\n.dot\r\n"]
    assert session.encrypted is (tls is not TlsMode.NONE)
    assert session.verbs[-4:] == ["MAIL", "RCPT", "DATA", "QUIT"]
    assert session.closed


@pytest.mark.parametrize("tls", list(TlsMode))
def test_smtplib_submits_to_aiosmtpd(workshop: Workshop, tls: TlsMode) -> None:
    """The same with a server by other people: right password in, wrong one out."""
    context = None if tls is TlsMode.NONE else workshop.valid().context()
    with (
        in_background(lambda: aiosmtpd_server(tls=tls, context=context)) as server,
        client_for(server.port, tls, workshop) as client,
    ):
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login(USER, "wrong")
        client.login(USER, PASSWORD)
        client.sendmail(USER, ["b@example.org"], "Subject: x\r\n\r\nHello\r\n")
    assert [admitted for *_, admitted in server.logins][-1]
    assert not server.logins[0][2]
    assert len(server.messages) == 1


def test_replies_can_be_replaced_word_by_word() -> None:
    """Greeting, command and message replies are the ones that were asked for."""
    replies = {"greeting": "220-one\n220 two", "RCPT": "550 5.1.1 nobody", "RSET": "250 rest"}
    with (
        in_background(lambda: submission_server(mechanisms=(), replies=replies)) as server,
        smtplib.SMTP(timeout=5) as client,
    ):
        assert client.connect("127.0.0.1", server.port) == (220, b"one\ntwo")
        client.ehlo()
        client.mail("a@example.org")
        assert client.rcpt("b@example.org") == (550, b"5.1.1 nobody")
        assert client.rset() == (250, b"rest")
    assert server.verbs == [["EHLO", "MAIL", "RCPT", "RSET", "QUIT"]]


def test_pauses_are_kept_and_send_times_are_logged() -> None:
    """A reply leaves no earlier than its pause, and the log's time lies before its arrival."""
    with in_background(lambda: submission_server(pauses={"greeting": 0.05}, every_pause=0.01)) as server:
        started = time.monotonic()
        with smtplib.SMTP("127.0.0.1", server.port, timeout=5) as client:
            greeted = time.monotonic()
            client.noop()
            answered = time.monotonic()
    session = server.sessions[0]
    (sent,) = session.sent_at("greeting")
    assert started + 0.05 <= sent <= greeted
    (received,), (replied,) = session.received_at("NOOP"), session.sent_at("NOOP")
    assert received + 0.01 <= replied <= answered


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_it_runs_in_the_loop_of_the_test(run, workshop: Workshop) -> None:
    """The streams of asyncio, TLS included, talk to it in one loop, on asyncio and on uvloop."""

    async def main() -> None:
        context = workshop.valid().context()
        async with submission_server(tls=TlsMode.IMPLICIT, context=context) as server:
            reader, writer = await asyncio.open_connection(
                "localhost", server.port, ssl=ssl.create_default_context(cafile=workshop.ca_file)
            )
            writer.write(b"NOOP\r\nQUIT\r\n")
            assert (await reader.read()).count(b"\r\n") == 3
            writer.close()
            await writer.wait_closed()
        assert server.verbs == [["NOOP", "QUIT"]]

    run(main())


def test_a_refused_handshake_is_one_connection_and_no_command(workshop: Workshop) -> None:
    """A client that does not like the certificate leaves a connection without TLS or commands."""
    context = workshop.expired().context()
    with (
        in_background(lambda: submission_server(tls=TlsMode.IMPLICIT, context=context)) as server,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        client_for(server.port, TlsMode.IMPLICIT, workshop)
    assert server.verbs == [[]]
