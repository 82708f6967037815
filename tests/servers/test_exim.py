"""The Exim of the tests does what its description says."""

from __future__ import annotations

import smtplib
import ssl

import pytest

from exporter.model import TlsMode
from tests.servers.exim import HOST, PASSWORD, RECIPIENT, SENDER, USER, Exim
from tests.servers.second_opinion import Login, curl, swaks

pytestmark = pytest.mark.servers


def login(exim: Exim, tls: TlsMode, mechanism: str, password: str = PASSWORD) -> Login:
    """A login at the port for a TLS mode."""
    ports = {TlsMode.STARTTLS: exim.ports.submission, TlsMode.IMPLICIT: exim.ports.submissions}
    return Login(
        port=ports[tls], tls=tls, mechanism=mechanism, user=USER, password=password, ca_file=exim.ca_file
    )


@pytest.mark.parametrize("tls", [TlsMode.STARTTLS, TlsMode.IMPLICIT])
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_swaks_and_curl_tell_the_right_password_from_a_wrong_one(
    exim: Exim, tls: TlsMode, mechanism: str
) -> None:
    """Two foreign clients agree: 235 for the right password, 535 for a wrong one."""
    for client, refused in ((swaks, 28), (curl, 67)):
        right = client(login(exim, tls, mechanism))
        wrong = client(login(exim, tls, mechanism, "wrong"))
        assert right.accepted, right.transcript
        assert wrong.code == refused, wrong.transcript
        assert "535 Incorrect authentication data" in wrong.transcript


def test_a_message_is_accepted_and_dropped(exim: Exim) -> None:
    """A message from a logged-in user is taken and goes to the black hole."""
    context = ssl.create_default_context(cafile=exim.ca_file)
    with smtplib.SMTP_SSL(HOST, exim.ports.submissions, timeout=10, context=context) as client:
        client.login(USER, PASSWORD)
        assert client.sendmail(SENDER, [RECIPIENT], "Subject: x\r\n\r\nHello.\r\n") == {}
    assert "blackhole" in exim.log()


def test_relaying_needs_a_login(exim: Exim) -> None:
    """RCPT without AUTH is refused with 550."""
    with smtplib.SMTP(HOST, exim.ports.submission, timeout=10) as client:
        client.starttls(context=ssl.create_default_context(cafile=exim.ca_file))
        client.ehlo()
        client.mail(SENDER)
        assert client.rcpt(RECIPIENT)[0] == 550


def test_auth_in_the_clear_is_refused(exim: Exim) -> None:
    """Before TLS Exim offers no AUTH and answers 503 to it."""
    with smtplib.SMTP(HOST, exim.ports.submission, timeout=10) as client:
        client.ehlo()
        assert not client.has_extn("auth")
        assert client.docmd("AUTH", "PLAIN")[0] == 503
