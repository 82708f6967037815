"""What mail servers write into their logs and bounces about the server that they relay through."""

from __future__ import annotations

import pytest

from exporter.diagnosis import diagnose, parse
from exporter.model import ConnectFailure, ErrorClass, Phase, Reply, Words

POSTFIX = "Nov 06 12:50:04 relay postfix/smtp[13368]: {} smtp.example.com[2001:db8::2]:587: {}"
EXCHANGE = "2026-01-01T10:00:00.000Z,Outbound,08D0,{},192.0.2.9:2525,192.0.2.1:25,{},{},"


def _lines(head: str, *said: tuple[str, ...]) -> str:
    return "\n".join(head.format(*parts) for parts in said)


DIALOGS = {
    "Postfix": _lines(POSTFIX, (">", "AUTH PLAIN AGE="), ("<", "454 later"), (">", "QUIT")),
    "OpenSMTPD": _lines(
        "mta: 0xea6710: {} {}", (">>>", "AUTH PLAIN AGE="), ("<<<", "454 later"), (">>>", "QUIT")
    ),
    "Haraka": _lines("[PROTOCOL] [194A9B70] [core] {} {}", ("C:", "AUTH LOGIN state=1"), ("S:", "454 later")),
    "Exim": _lines("11:22:33.123 12345 {} {}", ("SMTP>>", "AUTH PLAIN ****"), ("SMTP<<", "454 later")),
    "Exim without a time": "  SMTP>> AUTH PLAIN ****\n  SMTP<< 454 later\n  SMTP>> QUIT",
    "MDaemon": _lines(
        "Wed 2016-01-13 10:28:17: {} {}", ("-->", "AUTH LOGIN"), ("<--", "454 later"), ("-->", "QUIT")
    ),
    "IceWarp, the receiver": _lines(
        "[192.0.2.7] [15D4] 10:28:17 {} {}", ("<<<", "AUTH LOGIN"), (">>>", "454 later")
    ),
    "hMailServer": _lines(
        '"SMTPC"\t5012\t12\t"2014-01-01 10:00:00.123"\t"192.0.2.1"\t"{} {}"',
        ("SENT:", "AUTH LOGIN"),
        ("RECEIVED:", "454 later"),
    ),
    "Exchange": _lines(EXCHANGE, ("7", ">", "AUTH LOGIN"), ("8", "<", "454 later"), ("9", ">", "QUIT")),
}


@pytest.mark.parametrize("log", DIALOGS.values(), ids=DIALOGS)
def test_the_dialog_in_a_log_is_read_like_a_clients(log):
    """The command before the refusal names the phase, whatever stands before it in the line."""
    symptom = parse(log)
    assert symptom.evidence == Reply(454, (b"later",))
    assert symptom.phase is Phase.AUTH


def test_only_the_servers_lines_of_a_log_are_the_reply():
    """The heads of the lines are left out, and so is what the log says in between."""
    log = _lines("mta: 0xea6710: {}", ("<<< 554-No service",), ("<<< 554 Bad DNS PTR",), ("BANNER -> EHLO",))
    evidence = parse(log).evidence
    assert isinstance(evidence, Reply)
    assert evidence.lines == (b"No service", b"Bad DNS PTR")


def test_a_refusal_before_ehlo_was_the_greeting():
    """Who logs an EHLO behind the first refusal was refused by the greeting."""
    symptom = parse(_lines("mta: 0xea6710: {}", ("<<< 554 no",), (">>> EHLO me.example",)))
    assert symptom.phase is Phase.GREETING


def test_the_parts_of_a_reply_in_one_line_of_a_log_are_its_lines():
    """`[nl]` is what hMailServer writes for the end of a line of a reply."""
    symptom = parse('1\t"SENT: RCPT TO:<x@example.com>"\n2\t"RECEIVED: 550-5.7.1 first[nl]550 5.7.1 second"')
    assert isinstance(symptom.evidence, Reply)
    assert symptom.evidence.lines == (b"5.7.1 first", b"5.7.1 second")


def test_lines_of_a_reply_may_stand_without_a_head():
    """PHPMailer writes the time before the first line of a reply alone."""
    log = _lines(
        "10:11:12 {}", ("CLIENT -> SERVER: RCPT TO:<x@example.com>",), ("SERVER -> CLIENT: 550-first",)
    )
    evidence = parse(f"{log}\n                   550 second\n10:11:12 gave up").evidence
    assert isinstance(evidence, Reply)
    assert evidence.lines == (b"first", b"second")


@pytest.mark.parametrize("text", ["a: > 550 no", "first\nsecond", "log: >>> AUTH PLAIN\nlog: <<< 235 yes"])
def test_a_line_alone_or_a_success_is_no_dialog_of_a_log(text):
    """What holds no refusal, or one line of that kind, is read as it was."""
    symptom = parse(text)
    assert isinstance(symptom.evidence, Words) or symptom.evidence == Reply(550, (b"no",))


@pytest.mark.parametrize("host", ["mx.example.pl", "mx.example.py", "mx.example.pm", "smtp://mx.example.rs"])
def test_a_host_may_end_like_a_source_file(host):
    """The file of a program has a folder, or no second dot: a host of Poland is none."""
    evidence = parse(f"{host}:550 User unknown").evidence
    assert isinstance(evidence, Reply)
    assert evidence.code == 550


@pytest.mark.parametrize(
    "place",
    ["notify.pl:550 gave up", "/usr/lib/perl5/Net/my.smtp.pm:550 gave up", r"C:\app\a.b.py:451 gave up"],
)
def test_a_place_in_a_program_is_no_reply(place):
    """The number behind the name of a source file is a line."""
    assert not isinstance(parse(place).evidence, Reply)


@pytest.mark.parametrize(
    "address", ["[2001:db8:400e:c0b::6c]", "2001:db8:400e:c00::6c", "[2001:450:ab::1]", "[2001:db8::450:ab]"]
)
def test_a_group_of_an_ipv6_address_is_no_reply_code(address):
    """Exim names the address behind the host, and four digits may begin with 4 or 5."""
    symptom = parse(f"H=smtp.example.com {address} Network is unreachable")
    assert symptom.evidence == ConnectFailure("ENETUNREACH")


def test_a_reply_quoted_in_angle_brackets_is_the_cause():
    """Amazon SES puts the last reply into brackets behind its own words."""
    bounce = "smtp; 550 4.4.7 Message expired: unable to deliver in 840 minutes.<421 4.4.1 Failed to connect>"
    assert diagnose(parse(bounce)).error_class is ErrorClass.SERVER_ERROR


def test_words_of_the_server_may_speak_of_an_error_code():
    """`code:` behind `error` is no member of the client's object."""
    last = '441 4.4.1 Error encountered: "Failed to connect. Winsock error code: 10061"'
    assert diagnose(parse(f"LED={last}")).error_class is ErrorClass.CONNECT_REFUSED


@pytest.mark.parametrize(
    ("text", "error_class"),
    [
        ("R=smarthost defer (-1): host lookup did not complete", ErrorClass.DNS_UNAVAILABLE),
        ("CNAME_lookup_failed_temporarily._(#4.4.3)/", ErrorClass.DNS_UNAVAILABLE),
        ('lookup of host "smtp.exmaple.com" failed in smarthost router', ErrorClass.DNS_NOT_FOUND),
        ("Sorry, I wasn't able to establish an SMTP connection. (#4.4.1)", ErrorClass.CONNECT_TIMEOUT),
        ('result="TempFail" stat="Network error on destination MXs"', ErrorClass.CONNECT_TIMEOUT),
        ("Connected to 192.0.2.1 but connection died. (#4.4.2)", ErrorClass.CONNECTION_LOST),
        ("The connection was dropped by the remote host.", ErrorClass.CONNECTION_LOST),
        ("451 4.4.1 reply: read error from smtp.example.com.", ErrorClass.CONNECTION_LOST),
        ("mta error reason=TLS required but not supported by remote host", ErrorClass.STARTTLS_NOT_OFFERED),
        (
            "TLS error from 'smtp.example.com': STARTTLS not advertised by host.",
            ErrorClass.STARTTLS_NOT_OFFERED,
        ),
        (
            "SSL_connect error to smtp.example.com[192.0.2.1]:587: lost connection",
            ErrorClass.TLS_HANDSHAKE_FAILED,
        ),
        ("mta error reason=SSL certificate check failed", ErrorClass.CERT_UNTRUSTED),
        ("status=bounced (mail for example.com loops back to myself)", ErrorClass.MESSAGE_REJECTED),
        (
            "defer (-42): authentication required but authentication attempt(s) failed",
            ErrorClass.CREDENTIALS_REJECTED,
        ),
    ],
)
def test_servers_own_sentences_about_the_next_one_are_understood(text, error_class):
    """Exim, qmail, OpenSMTPD, Postfix, Stalwart, sendmail and IIS, where the other server said nothing."""
    assert diagnose(parse(text)).error_class is error_class


@pytest.mark.parametrize(
    ("text", "phase"),
    [
        ("Connected to 192.0.2.1 but greeting failed.\nRemote host said: 554 no", Phase.GREETING),
        ("Connected to 192.0.2.1 but my name was rejected.\nRemote host said: 550 no", Phase.EHLO),
        ("Connected to 192.0.2.1 but sender was rejected.\nRemote host said: 550 no", Phase.MAIL),
        ("192.0.2.1 does not like recipient.\nRemote host said: 450 no", Phase.RCPT),
        ("192.0.2.1 failed after I sent the message.\nRemote host said: 451 no", Phase.DATA),
        ("Unexpected response for EHLO: Code: 550, Message: no", Phase.EHLO),
    ],
)
def test_bounces_name_the_phase_in_their_own_words(text, phase):
    """The sentence of qmail before the reply says to what it was the answer; Stalwart names the command."""
    assert parse(text).phase is phase
