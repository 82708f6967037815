"""The Postfix of the tests does what its description says."""

from __future__ import annotations

import base64
import smtplib
import ssl
from contextlib import closing

import pytest

from exporter.model import TlsMode
from tests.servers.certificates import Workshop
from tests.servers.postfix import (
    HOST,
    PASSWORD,
    RECIPIENT,
    REFUSED_RECIPIENTS,
    REFUSED_SENDER,
    SENDER,
    USER,
    Postfix,
)
from tests.servers.second_opinion import Login, curl, msmtp, swaks

pytestmark = pytest.mark.servers

MODES = [TlsMode.STARTTLS, TlsMode.IMPLICIT, TlsMode.NONE]


def port_of(postfix: Postfix, tls: TlsMode) -> int:
    """The port for a TLS mode."""
    ports = postfix.ports
    return {
        TlsMode.STARTTLS: ports.submission,
        TlsMode.IMPLICIT: ports.submissions,
        TlsMode.NONE: ports.plaintext,
    }[tls]


def login(postfix: Postfix, tls: TlsMode, mechanism: str, password: str = PASSWORD) -> Login:
    """A login at the port for a TLS mode."""
    return Login(
        port=port_of(postfix, tls),
        tls=tls,
        mechanism=mechanism,
        user=USER,
        password=password,
        ca_file=postfix.ca_file,
    )


def connected(postfix: Postfix) -> smtplib.SMTP:
    """A client that is logged in on the STARTTLS port."""
    client = smtplib.SMTP(HOST, postfix.ports.submission, timeout=10)
    client.starttls(context=ssl.create_default_context(cafile=postfix.ca_file))
    client.login(USER, PASSWORD)
    return client


@pytest.mark.parametrize("tls", MODES)
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
def test_swaks_tells_the_right_password_from_a_wrong_one(
    postfix: Postfix, tls: TlsMode, mechanism: str
) -> None:
    """The client swaks gets 235 for the right password and 535 for a wrong one, in every TLS mode."""
    right = swaks(login(postfix, tls, mechanism))
    wrong = swaks(login(postfix, tls, mechanism, "wrong"))
    assert right.accepted, right.transcript
    assert wrong.code == 28, wrong.transcript
    assert "535 5.7.8" in wrong.transcript


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-1", "SCRAM-SHA-256"])
def test_msmtp_logs_in_with_scram(postfix: Postfix, mechanism: str) -> None:
    """The client msmtp gets in by SCRAM with the right password only."""
    # Under TLS msmtp says that it could do channel binding, and Dovecot 2.4 takes it as a downgrade
    # (RFC 5802 6) that Postfix offers no -PLUS mechanism; without TLS there is nothing to bind to.
    right = msmtp(login(postfix, TlsMode.NONE, mechanism))
    wrong = msmtp(login(postfix, TlsMode.NONE, mechanism, "wrong"))
    assert right.accepted, right.transcript
    assert wrong.code == 77, wrong.transcript


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
def test_curl_logs_in_with_a_token(postfix: Postfix, mechanism: str) -> None:
    """The client curl gets in with a token that introspection calls active, and not with a revoked one."""
    token = postfix.oauth.grant()
    assert curl(login(postfix, TlsMode.STARTTLS, mechanism, token)).accepted
    postfix.oauth.revoke(token)
    assert curl(login(postfix, TlsMode.STARTTLS, mechanism, token)).code == 67


def test_a_refused_token_gets_a_challenge_before_the_535(postfix: Postfix) -> None:
    """A bad XOAUTH2 token is answered by 334 with JSON, and by 535 only after an empty line."""
    with closing(smtplib.SMTP(HOST, postfix.ports.submission, timeout=10)) as client:
        client.starttls(context=ssl.create_default_context(cafile=postfix.ca_file))
        client.ehlo()
        token = base64.b64encode(b"user=x\1auth=Bearer y\1\1").decode()
        code, challenge = client.docmd("AUTH", f"XOAUTH2 {token}")
        assert code == 334
        assert b'"status":"401"' in base64.b64decode(challenge)
        assert client.docmd("")[0] == 535


def test_auth_is_offered_after_starttls_only(postfix: Postfix) -> None:
    """The STARTTLS port offers no AUTH in the clear and all seven mechanisms after TLS."""
    with smtplib.SMTP(HOST, postfix.ports.submission, timeout=10) as client:
        client.ehlo()
        assert client.has_extn("starttls")
        assert not client.has_extn("auth")
        client.starttls(context=ssl.create_default_context(cafile=postfix.ca_file))
        client.ehlo()
        assert set(client.esmtp_features["auth"].split()) == {
            "PLAIN",
            "LOGIN",
            "CRAM-MD5",
            "SCRAM-SHA-1",
            "SCRAM-SHA-256",
            "XOAUTH2",
            "OAUTHBEARER",
        }


def test_a_message_is_accepted_and_dropped(postfix: Postfix) -> None:
    """A message from a logged-in user is taken."""
    with connected(postfix) as client:
        assert client.sendmail(SENDER, [RECIPIENT], "Subject: x\r\n\r\nHello.\r\n") == {}


@pytest.mark.parametrize("code", sorted(REFUSED_RECIPIENTS))
def test_each_refused_recipient_gets_its_reply(postfix: Postfix, code: int) -> None:
    """450, 452 and 550 come from Postfix itself."""
    with connected(postfix) as client:
        client.mail(SENDER)
        assert client.rcpt(REFUSED_RECIPIENTS[code])[0] == code


def test_a_forged_sender_is_refused(postfix: Postfix) -> None:
    """The refused sender gets 553, at RCPT."""
    with connected(postfix) as client:
        assert client.mail(REFUSED_SENDER)[0] == 250
        assert client.rcpt(RECIPIENT)[0] == 553


def test_without_login_nothing_is_relayed(postfix: Postfix) -> None:
    """RCPT before AUTH is refused with 554 5.7.1."""
    with smtplib.SMTP(HOST, postfix.ports.submission, timeout=10) as client:
        client.starttls(context=ssl.create_default_context(cafile=postfix.ca_file))
        client.ehlo()
        client.mail(SENDER)
        code, text = client.rcpt(RECIPIENT)
    assert (code, text[:5]) == (554, b"5.7.1")


def test_the_limited_port_answers_421(postfix: Postfix) -> None:
    """After the one connection of this minute the limited port greets with 421."""
    postfix.exhaust_limit()
    with pytest.raises(smtplib.SMTPConnectError) as refused:
        smtplib.SMTP(HOST, postfix.ports.limited, timeout=10)
    assert refused.value.smtp_code == 421


def test_the_certificate_port_wants_a_certificate(postfix: Postfix, workshop: Workshop) -> None:
    """A client certificate of our authority is let in; without one the greeting is 421 4.7.1."""
    context = ssl.create_default_context(cafile=postfix.ca_file)
    with pytest.raises(smtplib.SMTPConnectError) as refused:
        smtplib.SMTP_SSL(HOST, postfix.ports.certificate, timeout=10, context=context)
    assert refused.value.smtp_code == 421
    client = workshop.client()
    context.load_cert_chain(client.certificate_file, client.key_file)
    with smtplib.SMTP_SSL(HOST, postfix.ports.certificate, timeout=10, context=context) as session:
        assert session.ehlo()[0] == 250


def test_the_mail_log_counts_commands(postfix: Postfix) -> None:
    """One connection with a refused login is one session with auth=0/1 in the log."""
    log = postfix.log()
    swaks(login(postfix, TlsMode.STARTTLS, "PLAIN", "wrong"))
    (session,) = log.sessions(1)
    assert session.service == "submission"
    assert session.tried["starttls"] == 1
    assert session.tried["auth"] == 1
    assert session.refused("auth") == 1
    assert log.connections() == 1


def test_the_mail_log_starts_where_it_was_opened(postfix: Postfix) -> None:
    """What happened before is not in it."""
    swaks(login(postfix, TlsMode.IMPLICIT, "PLAIN"))
    log = postfix.log()
    assert log.connections() == 0
    assert log.sessions(0) == ()


def test_without_dovecot_the_session_ends_after_tls(postfix: Postfix) -> None:
    """With Dovecot stopped Postfix closes right after the handshake; started again, it lets us in."""
    with postfix.without_auth(), closing(smtplib.SMTP(HOST, postfix.ports.submission, timeout=10)) as client:
        client.starttls(context=ssl.create_default_context(cafile=postfix.ca_file))
        with pytest.raises(smtplib.SMTPServerDisconnected):
            client.ehlo()
    with connected(postfix) as client:
        assert client.noop()[0] == 250


def test_dovecot_lost_unnoticed_is_a_454(postfix: Postfix) -> None:
    """An smtpd that loses Dovecot between two sessions answers AUTH with 454 4.7.0."""
    with postfix.losing_auth(), smtplib.SMTP(HOST, postfix.ports.single, timeout=10) as client:
        client.starttls(context=ssl.create_default_context(cafile=postfix.ca_file))
        with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
            client.login(USER, PASSWORD)
        assert refused.value.smtp_code == 454
