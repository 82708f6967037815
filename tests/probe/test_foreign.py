"""Servers of other protocols, live: each is told as what it is, not as a broken mail server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from exporter.diagnosis import diagnose
from exporter.model import ErrorClass, FaultDomain, Phase, ProbeResult, TlsMode
from tests.probe.probing import endpoint, probe, run
from tests.servers.scripted import Step, drop, hear, raw, say, scripted, stall

FTP_GREETINGS = (
    "220 mail.test FTP server ready.",
    "220 (vsFTPd 3.0.5)",
    "220-FileZilla Server 1.7.3\n220 Please visit https://filezilla-project.org/",
    "220---------- Welcome to Pure-FTPd [privsep] [TLS] ----------\n220 You will be disconnected.",
    "220-Welcome to this host\n220 ProFTPD Server (Debian)",
    "220 Microsoft FTP Service",
)
FTP_ANSWERS = (
    "530 Not logged in.",
    "530 Please login with USER and PASS.",
    "500 'EHLO': command not understood.",
    "502 Command not implemented.",
    "503 Login with USER first.",
    "504 Not for that parameter.",
    "550 Permission denied.",
    "421 Timeout.",
)
SPEAK_FIRST = {
    "POP3": "+OK Dovecot ready.",
    "IMAP": "* OK [CAPABILITY IMAP4rev1] ready",
    "IMAP that is full": "* BYE Too many connections",
    "SSH": "SSH-2.0-OpenSSH_9.6",
    "HTTP": "HTTP/1.1 400 Bad Request\nConnection: close\n",
    "NNTP": "200 news server ready - posting ok",
    "NNTP that says no more": "201 mail.test ready",
    "ManageSieve": '"IMPLEMENTATION" "Dovecot Pigeonhole"\n"SIEVE" "fileinto"\nOK "Dovecot ready."',
    "IRC": ":irc.test NOTICE AUTH :*** Looking up your hostname...",
    "rsync": "@RSYNCD: 31.0",
}
LMTP = (
    ("220 mail.test LMTP Postfix", "500 5.5.1 Unknown command"),
    ("220 mail.test Cyrus LMTP 3.4 server ready", "502 5.5.2 Unrecognized command"),
    ("220 mail.test ready", "500 5.5.1 Use LHLO instead"),
)


def probed(*script: Step, tls: TlsMode = TlsMode.NONE) -> ProbeResult:
    """A probe until EHLO."""

    async def scenario() -> ProbeResult:
        async with scripted(script) as server:
            return await probe(endpoint(server.port, tls=tls, timeout=1.0))

    result: ProbeResult = run(scenario)
    return result


def is_foreign(result: ProbeResult) -> bool:
    """Whether it was found that no SMTP is spoken there."""
    assert result.symptom is not None
    found = diagnose(result.symptom)
    return (found.error_class, found.fault_domain) == (ErrorClass.NOT_SMTP, FaultDomain.SETTINGS)


def refusing() -> Iterator[tuple[str, str]]:
    """Greetings like SMTP's, and what comes upon EHLO."""
    yield from ((FTP_GREETINGS[0], answer) for answer in FTP_ANSWERS)
    yield from ((greeting, FTP_ANSWERS[0]) for greeting in FTP_GREETINGS[1:])
    yield from LMTP


@pytest.mark.parametrize(("greeting", "answer"), [*refusing()])
def test_a_greeting_that_names_another_service_explains_a_refused_ehlo(greeting: str, answer: str) -> None:
    """FTP and LMTP begin with 220 as SMTP does; every line of the greeting counts."""
    result = probed(say(*greeting.split("\n")), hear(), say(answer), stall())
    assert result.symptom is not None
    assert result.symptom.phase is Phase.EHLO
    assert is_foreign(result)


@pytest.mark.parametrize(
    ("name", "tls"),
    [
        *((name, TlsMode.NONE) for name in SPEAK_FIRST),
        *((name, TlsMode.IMPLICIT) for name in sorted(SPEAK_FIRST.keys() - {"NNTP that says no more"})),
    ],
)
def test_whoever_speaks_first_is_known_by_it(name: str, tls: TlsMode) -> None:
    """Asked in the clear or with a ClientHello."""
    assert is_foreign(probed(say(*SPEAK_FIRST[name].split("\n")), stall(), tls=tls))


@pytest.mark.parametrize("greeting", ["220 mail.test LMTP ready", "220 mail.test FTP server ready"])
def test_a_greeting_in_place_of_a_server_hello_names_the_service(greeting: str) -> None:
    """The port wants no TLS, and is none for submission either."""
    assert is_foreign(probed(say(greeting), stall(), tls=TlsMode.IMPLICIT))


def test_http_answers_a_client_hello_with_400() -> None:
    """A web server in the clear."""
    assert is_foreign(probed(raw(b"HTTP/1.1 400 Bad Request\r\n\r\n"), stall(), tls=TlsMode.IMPLICIT))


def test_an_ftp_server_that_hangs_up_is_one_all_the_same() -> None:
    """Its greeting was enough."""
    assert is_foreign(probed(say("220 FTP server ready"), hear(), drop()))


@pytest.mark.parametrize(
    ("greeting", "answer", "expected"),
    [
        ("220 ftp.mail.test ESMTP Postfix", "550 5.7.1 Bad HELO name", ErrorClass.HELO_REJECTED),
        ("220 mail.test ESMTP", "502 5.5.2 Command not recognized", ErrorClass.PROTOCOL_ERROR),
    ],
)
def test_a_mail_server_that_refuses_ehlo_is_still_one(
    greeting: str, answer: str, expected: ErrorClass
) -> None:
    """What says SMTP in its greeting is taken at its word."""
    result = probed(say(greeting), hear(), say(answer), stall())
    assert result.symptom is not None
    assert diagnose(result.symptom).error_class is expected
