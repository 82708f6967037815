"""What clients say themselves, in the words of many of them."""

from __future__ import annotations

import pytest

from exporter.diagnosis import diagnose, parse
from exporter.model import Confidence, ErrorClass, FaultDomain, Phase, Reply, TimedOut, Words


@pytest.mark.parametrize(
    ("text", "error_class"),
    [
        ("curl: (8) Weird server reply", ErrorClass.PROTOCOL_ERROR),
        ("curl: (52) Server returned nothing (no headers, no data)", ErrorClass.CONNECTION_LOST),
        ("curl: (55) Failed sending data to the peer", ErrorClass.CONNECTION_LOST),
        ("curl: (56) Failure when receiving data from the peer", ErrorClass.CONNECTION_LOST),
        ("curl: (60) SSL peer certificate or SSH remote key was not OK", ErrorClass.CERT_UNTRUSTED),
        ("An authentication function returned an error", ErrorClass.CREDENTIALS_REJECTED),
        ("Unable to read response, or response is empty", ErrorClass.CONNECTION_LOST),
        ("the connection to Outgoing server x was lost in the middle of it", ErrorClass.CONNECTION_LOST),
        ("{:network_failure, 'mx', {:error, :closed}}", ErrorClass.CONNECTION_LOST),
        ("{:permanent_failure, 'mx', :auth_failed}", ErrorClass.CREDENTIALS_REJECTED),
        ("couldn't find the host", ErrorClass.DNS_NOT_FOUND),
        ("Unknown SMTP host: smtp.exmple.com", ErrorClass.DNS_NOT_FOUND),
        ("Temporary error in gethostbyname", ErrorClass.DNS_UNAVAILABLE),
        ("Couldn't reach server. Please double-check the server and port.", ErrorClass.CONNECT_TIMEOUT),
        ("Connection with the destination has failed.", ErrorClass.CONNECT_TIMEOUT),
        ("Could not open socket", ErrorClass.CONNECT_TIMEOUT),
        ("Die Verbindung mit dem SMTP-Server ist fehlgeschlagen.", ErrorClass.CONNECT_TIMEOUT),
        ("La connexion au serveur sortant a échoué.", ErrorClass.CONNECT_TIMEOUT),
        ("SMTP-Fehler: Authentifizierung fehlgeschlagen.", ErrorClass.CREDENTIALS_REJECTED),
        ("Erreur SMTP : échec de l'authentification.", ErrorClass.CREDENTIALS_REJECTED),
        ("Error SMTP: Imposible autentificar.", ErrorClass.CREDENTIALS_REJECTED),
        ("SMTP-Fehler: Daten wurden nicht akzeptiert.", ErrorClass.MESSAGE_REJECTED),
        ('hostname "a.example" does not match the server certificate', ErrorClass.CERT_HOSTNAME_MISMATCH),
        ("{bad_cert, hostname_check_failed}", ErrorClass.CERT_HOSTNAME_MISMATCH),
        ("certificate terminated in a root certificate which is not trusted", ErrorClass.CERT_UNTRUSTED),
        ("can't STARTTLS: 2.0.0 Ready to start TLS", ErrorClass.TLS_HANDSHAKE_FAILED),
        ("Failed to establish a secure connection", ErrorClass.TLS_HANDSHAKE_FAILED),
        ("using 0 possible authenticators", ErrorClass.AUTH_MECHANISM_UNSUPPORTED),
        ("Authentication not supported by the remote SMTP server!", ErrorClass.AUTH_NOT_OFFERED),
        (
            "Server does not support STARTTLS! 502 5.5.1 command not implemented",
            ErrorClass.STARTTLS_NOT_OFFERED,
        ),
        ("failed to connect, no password specified?", ErrorClass.CREDENTIALS_REJECTED),
        ('Email "joe" does not comply with addr-spec of RFC 2822.', ErrorClass.RECIPIENT_REJECTED),
        ("Invalid address:  (From): root@localhost", ErrorClass.SENDER_REJECTED),
        ("Message delivery failed: greylisted", ErrorClass.GREYLISTED),
        ("Exceeded max. email size.", ErrorClass.MESSAGE_TOO_LARGE),
        ("The specified server was found, but there was no response from it.", ErrorClass.GREETING_TIMEOUT),
        ("The mail server sent an incorrect greeting:  554 mx1.example.com.", ErrorClass.CLIENT_BLOCKED),
        ("the SMTP gateway did not respond", ErrorClass.CONNECT_TIMEOUT),
        ("The recipient server did not accept our requests to connect.", ErrorClass.CONNECT_TIMEOUT),
        ("server does not support authentication method LOGIN", ErrorClass.AUTH_MECHANISM_UNSUPPORTED),
        ('Unexpected greeting: "220-mx.example.com ESMTP"', ErrorClass.PROTOCOL_ERROR),
        ("The ticket was not accepted by the server", ErrorClass.CREDENTIALS_REJECTED),
        ("Der Empfänger wurde vom Server abgewiesen.", ErrorClass.RECIPIENT_REJECTED),
        ("Nazwa użytkownika lub hasło do serwera jest nieprawidłowe.", ErrorClass.CREDENTIALS_REJECTED),
    ],
)
def test_a_clients_own_sentence_is_understood(text, error_class):
    """Libraries, programs, telephones and scanners say it in words of their own, and in other languages."""
    assert diagnose(parse(text)).error_class is error_class


@pytest.mark.parametrize(
    "text",
    [
        "x509: failed to load system roots and no roots provided",
        "curl: (77) Problem with the SSL CA cert (path? access rights?)",
        "msmtp: cannot set X509 trust file ~/.certs/mx.pem for TLS session: Error while reading",
        "Can't locate Net/SMTP/SSL.pm in @INC",
        "msmtp: support for TLS is not compiled in",
        "Extension missing: openssl",
    ],
)
def test_a_client_that_cannot_do_tls_blames_no_server(text):
    """Without root certificates or a TLS library the fault is on this side."""
    assert diagnose(parse(text)).fault_domain is FaultDomain.LOCAL


@pytest.mark.parametrize(
    "text",
    [
        "This message could not be sent. Contact your network administrator.",
        "Please contact your hosting provider.",
        "Bitte überprüfen Sie die Einstellungen.",
        "the recipients because of the mail server failure",
        "Need MIMEText",
    ],
)
def test_a_phrase_is_not_found_inside_other_words(text):
    """`your network`, `your host`, `ube` and `server failure` are evidence only where they are said."""
    assert diagnose(parse(text)).error_class is ErrorClass.UNCLASSIFIED


@pytest.mark.parametrize(
    "text",
    [
        "Connection: opening to mx:587, timeout=300, options=array ( ) then EOF caught",
        "connection timeout 10000, timeout 10000, socket factory null: EOF",
        "Couldn't connect to host, port: mx, 587; timeout -1",
    ],
)
def test_a_time_limit_is_no_timeout(text):
    """What a client tells of its settings has not happened."""
    assert not isinstance(parse(text).evidence, TimedOut)
    assert isinstance(parse("TimeoutError: timeout=30").evidence, TimedOut)


@pytest.mark.parametrize(
    "text",
    [
        "Unable to read data from the transport connection: Connection timed out.",
        "network read error: the operation timed out",
        "Your other email provider is responding too slowly.",
    ],
)
def test_a_connection_that_falls_silent_was_made(text):
    """A read that timed out is no failed connection, whatever words are used for it."""
    assert parse(text).evidence == TimedOut(0.0)


def test_the_words_behind_a_named_code_are_read():
    """PEAR and others name both: `(code: 421, response: 4.7.0 …)`."""
    for text in ("(code: 421, response: 4.7.0 later)", '{"code": 421, "message": "4.7.0 later"}'):
        evidence = parse(text).evidence
        assert isinstance(evidence, Reply)
        assert (evidence.code, evidence.enhanced) == (421, "4.7.0")


def test_a_command_that_a_client_names_is_the_phase():
    """`Command HELO x: got wrong response: …` hands on the server's words, without the code."""
    symptom = parse("Command HELO camera: got wrong response: HELO requires valid address")
    assert (symptom.phase, symptom.evidence) == (Phase.EHLO, Words("HELO requires valid address"))
    assert parse("Command unknown: 'AUTH' at git-send-email line 1345.").phase is Phase.AUTH


def test_what_a_client_only_supposes_is_no_evidence():
    """MailKit counts up what may be wrong with a certificate: that it expired is not said."""
    text = (
        "The SSL certificate presented by the server is not trusted by the system for one or more of\n"
        "the following reasons:\n\n1. It is self-signed.\n2. The certificate presented by the server is expired."
    )
    assert diagnose(parse(text)).error_class is ErrorClass.CERT_UNTRUSTED
    expired = text.replace("for one or more of\nthe following reasons", "")
    assert diagnose(parse(expired)).error_class is ErrorClass.CERT_EXPIRED


def test_a_vague_word_about_a_certificate_is_not_certain():
    """`Cannot be verified` may also be another name or an old date."""
    found = diagnose(parse("Cannot Verify Server Identity"))
    assert (found.error_class, found.confidence) == (ErrorClass.CERT_UNTRUSTED, Confidence.LIKELY)
    assert found.runner_up is ErrorClass.CERT_HOSTNAME_MISMATCH
