"""Pasted errors: from any client's words to a symptom."""

from __future__ import annotations

import pytest

from exporter.diagnosis import diagnose, parse
from exporter.model import (
    Confidence,
    ConnectFailure,
    DropKind,
    Dropped,
    ErrorClass,
    Garbled,
    NameFailure,
    NameFailureKind,
    NotOffered,
    Phase,
    Reply,
    TimedOut,
    TlsFailure,
    TlsMode,
    Words,
)
from tests.diagnosis.rows import rows


def test_lines_of_many_clients_are_understood():
    """Python, Node, Go, Java, PHP, .NET, Ruby, Rust, curl, Postfix, Exim, Outlook, Thunderbird, a bounce."""
    pasted = rows("pasted.jsonl")
    assert len(pasted) > 100
    wrong = [
        (row["text"][:80], row["error_class"], found.error_class.value)
        for row in pasted
        if (found := diagnose(parse(row["text"]))).error_class != row["error_class"]
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "phase", "code", "enhanced"),
    [
        ("535 5.7.8 Authentication failed", Phase.AUTH, 535, "5.7.8"),
        ("535-5.7.8 Username and Password not accepted.\n535 5.7.8  https://x", Phase.AUTH, 535, "5.7.8"),
        ("smtplib.SMTPDataError: (554, b'5.7.1 Spam')", Phase.DATA, 554, "5.7.1"),
        (
            "SMTP error from remote mail server after RCPT TO:<x@example.com>: 550 5.1.1 User unknown",
            Phase.RCPT,
            550,
            "5.1.1",
        ),
        ("host mx[192.0.2.1] said: 454 4.7.1 no (in reply to end of DATA command)", Phase.DATA, 454, "4.7.1"),
        ("mx[192.0.2.1] refused to talk to me: 554 no", Phase.GREETING, 554, None),
        ("553 bad sender (#5.7.1)", None, 553, "5.7.1"),
        ("550 5.1.1 unknown", Phase.RCPT, 550, "5.1.1"),
        ("501 5.1.7 bad", Phase.MAIL, 501, "5.1.7"),
        ("C: AUTH PLAIN x\nS: 454 later\nC: QUIT\nS: 221 bye", Phase.AUTH, 454, None),
        ('Expected response code "250" but got code "550", with message "550 5.7.1 no"', None, 550, "5.7.1"),
        ("{'responseCode': 421, 'command': 'RCPT TO'}", Phase.RCPT, 421, None),
        ("Diagnostic-Code: smtp; 552 5.2.2 mailbox full", None, 552, "5.2.2"),
        ("535", None, 535, None),
        ("250 hello", None, 250, None),
    ],
)
def test_the_reply_and_its_phase_are_found(text, phase, code, enhanced):
    """Wherever a reply stands, its code, enhanced code and phase are read."""
    symptom = parse(text)
    assert isinstance(symptom.evidence, Reply)
    assert (symptom.phase, symptom.evidence.code, symptom.evidence.enhanced) == (phase, code, enhanced)


@pytest.mark.parametrize(
    "text",
    [
        "port 587 is closed",
        "smtp.example.com:465",
        "587",
        "HTTP/1.1 503 no",
        "line 550, in send",
        "took 500 ms",
        "443",
    ],
)
def test_ports_and_other_numbers_are_not_replies(text):
    """A number in the range of reply codes is not a reply by itself."""
    assert not isinstance(parse(text).evidence, Reply)


@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        ("ECONNREFUSED", ConnectFailure("ECONNREFUSED")),
        ("10060", ConnectFailure("ETIMEDOUT")),
        ("[Errno 61] Verbindung abgelehnt", ConnectFailure("ECONNREFUSED")),
        ("WSAEHOSTUNREACH", ConnectFailure("EHOSTUNREACH")),
        ("SocketException: ConnectionRefused", ConnectFailure("ECONNREFUSED")),
        ("(os error 113)", ConnectFailure("EHOSTUNREACH")),
        ("errno: -4078", ConnectFailure("ECONNREFUSED")),
        ("EAI_AGAIN", NameFailure(NameFailureKind.TIMEOUT)),
        ("getaddrinfo ENOTFOUND smtp.example.com", NameFailure(NameFailureKind.NOT_FOUND)),
        ("11004", NameFailure(NameFailureKind.NO_DATA)),
        ("read ECONNRESET", Dropped(DropKind.RESET, errno="ECONNRESET")),
        ("write EPIPE", Dropped(DropKind.RESET, errno="EPIPE")),
        ("ECONNABORTED", Dropped(DropKind.ABORTED, errno="ECONNABORTED")),
        ("socket.timeout: timed out", TimedOut(0.0)),
        ("No suitable authentication method found.", NotOffered("AUTH *")),
        ("STARTTLS is required but host does not support STARTTLS", NotOffered("STARTTLS")),
        ("+OK POP3 ready", Garbled(b"+OK POP3 ready")),
        ("gibberish", Words("gibberish")),
        ("99999", Words("99999")),
    ],
)
def test_errors_are_read_by_number_and_name(text, evidence):
    """Numbers and symbols of every platform become the same evidence."""
    assert parse(text).evidence == evidence


@pytest.mark.parametrize(
    ("text", "reason", "alert", "verify_code"),
    [
        (
            "error:1408F10B:SSL routines:ssl3_get_record:wrong version number",
            "WRONG_VERSION_NUMBER",
            None,
            None,
        ),
        ("error:0A00010B:SSL routines::x", "WRONG_VERSION_NUMBER", None, None),
        ("error:14094410:SSL routines:x:sslv3 alert handshake failure", None, 40, None),
        ("ERR_SSL_DH_KEY_TOO_SMALL", "DH_KEY_TOO_SMALL", None, None),
        ("SSL alert number 70", None, 70, None),
        ("verify error:num=21:unable to verify the first certificate", None, None, 21),
        ("DEPTH_ZERO_SELF_SIGNED_CERT", None, None, 18),
        (
            "x509: certificate has expired or is not yet valid: current time 1970 is before 2024",
            None,
            None,
            9,
        ),
        ("issuer: CN=Avast Web/Mail Shield Root", "CERTIFICATE_VERIFY_FAILED", None, None),
    ],
)
def test_tls_errors_are_read_by_number_and_name(text, reason, alert, verify_code):
    """OpenSSL's numbers, its names and those of other libraries become the same evidence."""
    failure = parse(text).evidence
    assert isinstance(failure, TlsFailure)
    assert (failure.reason, failure.alert, failure.verify_code) == (reason, alert, verify_code)


def test_an_outlook_dialog_is_read_whole():
    """Server, port, encryption and socket error of Outlook's dialog are all used."""
    symptom = parse(
        "Account: 'x', Server: 'smtp.example.com', Protocol: SMTP, Port: 465, Secure(SSL): Yes, "
        "Socket Error: 10061, Error Number: 0x800CCC0E"
    )
    assert (symptom.host, symptom.port, symptom.tls_mode) == ("smtp.example.com", 465, TlsMode.IMPLICIT)
    assert symptom.evidence == ConnectFailure("ECONNREFUSED")
    plain = parse(
        "Server: 'mail.example.com', Protocol: SMTP, Port: 25, Secure(SSL): No, Error Number: 0x800CCC19"
    )
    assert plain.tls_mode is TlsMode.NONE
    assert diagnose(plain).confidence is Confidence.GUESS
    assert diagnose(plain).outlook_code == "0x800CCC19"


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("connect ECONNREFUSED 192.0.2.1:587", "192.0.2.1", 587),
        ("connect to mail.example.com[192.0.2.1]:25: Connection timed out", "mail.example.com", 25),
        ("Couldn't connect to host, port: smtp.example.com, 587; timeout 5000", "smtp.example.com", 587),
        ("Timed out connecting to smtp.example.com on port 465", "smtp.example.com", 465),
        ("lookup smtp.example.org on 127.0.0.53:53: no such host", "smtp.example.org", None),
        ("dial tcp [2001:db8::1]:587: connect: connection refused", "2001:db8::1", 587),
        ("Could not resolve host: smtp.example.com", "smtp.example.com", None),
        ("certificate with subject CN=outlook.com, O=Microsoft", "outlook.com", None),
        ("something about smtp.gmail.com here", "smtp.gmail.com", None),
        ("mail.example.com:99999 refused", None, None),
        ("nothing here", None, None),
    ],
)
def test_host_and_port_are_found(text, host, port):
    """The server that a text speaks of is found, the resolver's address aside."""
    symptom = parse(text)
    assert (symptom.host, symptom.port) == (host, port)


def test_the_mechanism_and_scheme_are_found():
    """What was tried is read from the text around the error."""
    assert parse("AUTH XOAUTH2 failed: 535 5.7.8 no").mechanism == "XOAUTH2"
    assert parse("msmtp: authentication failed (method CRAM-MD5)").mechanism == "CRAM-MD5"
    assert parse('host "ssl://smtp.example.com:587": wrong version number').tls_mode is TlsMode.IMPLICIT
    assert parse('host "tls://smtp.example.com:587": refused').tls_mode is None


def test_a_given_phase_goes_before_the_text():
    """What the caller knows is not guessed again."""
    assert parse("Connection unexpectedly closed", phase=Phase.GREETING).phase is Phase.GREETING
    assert parse("timed out", phase=Phase.CONNECT).evidence == ConnectFailure("ETIMEDOUT")
    assert parse("timed out", phase=Phase.DNS).evidence == NameFailure(NameFailureKind.TIMEOUT)
    assert parse("ETIMEDOUT", phase=Phase.DNS).evidence == NameFailure(NameFailureKind.TIMEOUT)
    assert parse("ETIMEDOUT", phase=Phase.DATA).evidence == TimedOut(0.0)
    assert parse("connection timed out", phase=Phase.DATA).evidence == TimedOut(0.0)
    assert parse("ECONNRESET", phase=Phase.CONNECT).evidence == ConnectFailure("ECONNRESET")


def test_escape_sequences_and_line_ends_of_logs_are_undone():
    """Colours and escaped newlines of a log do not hide the reply."""
    symptom = parse("\x1b[31mERROR\x1b[0m 535-5.7.8 no\\r\\n535 5.7.8 really no")
    assert isinstance(symptom.evidence, Reply)
    assert symptom.evidence.lines == (b"5.7.8 no", b"5.7.8 really no")


def test_a_clients_stack_trace_is_no_part_of_the_reply():
    """What the client adds behind the server's words is left out."""
    symptom = parse("Error: Invalid login: 535 no\n    at SMTPConnection._formatError (x.js:1)")
    assert isinstance(symptom.evidence, Reply)
    assert symptom.evidence.text == "no"


@pytest.mark.parametrize("text", ["", " ", "\n", "0", "-", "'", "💥", "\x00", "5.7.139"])
def test_next_to_nothing_is_still_answered(text):
    """The shortest inputs have an answer too."""
    assert diagnose(parse(text)).confidence in {Confidence.GUESS, Confidence.LIKELY}


def test_a_bare_enhanced_code_is_a_guess():
    """5.7.139 alone names the likeliest class and the next one."""
    found = diagnose(parse("5.7.139"))
    assert (found.error_class, found.confidence) == (ErrorClass.AUTH_DISABLED, Confidence.GUESS)
    assert found.runner_up is ErrorClass.CREDENTIALS_REJECTED
