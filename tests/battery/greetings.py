"""Connections, greetings and EHLO: what goes wrong before anything is encrypted."""

from __future__ import annotations

from exporter.model import ErrorClass as Is
from exporter.model import FaultDomain as Of
from exporter.model import Phase, TlsMode
from tests.battery.case import SHORT, Case, Opener
from tests.battery.refusal import refusal
from tests.battery.stands import closed, nobody, script, silent, submission
from tests.servers.scripted import (
    Step,
    answer,
    bye,
    drop,
    ehlo,
    endless,
    expect,
    greet,
    hear,
    raw,
    reset,
    say,
    stall,
)


def _dns(name: str, host: str, expected: Is, domain: Of, timeout: str = "10s") -> Case:
    return Case(
        name=name,
        opens=nobody,
        expected=expected,
        domain=domain,
        phase=Phase.DNS,
        host=host,
        timeout=timeout,
    )


NAMES = (
    _dns("dns: NXDOMAIN", "nowhere.test", Is.DNS_NOT_FOUND, Of.SETTINGS),
    _dns("dns: a name without addresses", "no-address.test", Is.DNS_NOT_FOUND, Of.SETTINGS),
    _dns("dns: NXDOMAIN for a known provider", "smtp.office365.com", Is.DNS_NOT_FOUND, Of.NETWORK),
    _dns("dns: SERVFAIL", "servfail.test", Is.DNS_UNAVAILABLE, Of.NETWORK),
    _dns("dns: REFUSED", "refused.test", Is.DNS_UNAVAILABLE, Of.NETWORK),
    _dns("dns: silence until the deadline", "silent.test", Is.DNS_UNAVAILABLE, Of.NETWORK, "2s"),
    _dns("dns: silence to the last try", "silent.test", Is.DNS_UNAVAILABLE, Of.NETWORK),
    _dns("dns: garbage", "garbage.test", Is.DNS_UNAVAILABLE, Of.NETWORK, "2s"),
)


def _connect(
    name: str,
    opens: Opener,
    expected: Is,
    domain: Of,
    *,
    host: str = "127.0.0.2",
    timeout: str = "10s",
) -> Case:
    return Case(
        name=name,
        opens=opens,
        expected=expected,
        domain=domain,
        phase=Phase.CONNECT,
        host=host,
        timeout=timeout,
    )


# Each of these lives on an address of its own, so that no follow-up meets another's server.
CONNECTIONS = (
    _connect(
        "connect: refused by a known provider", closed(), Is.CONNECT_REFUSED, Of.SERVER, host="smtp.gmail.com"
    ),
    _connect(
        "connect: refused on this very host",
        closed("127.0.0.2"),
        Is.CONNECT_REFUSED,
        Of.SETTINGS,
    ),
    _connect(
        "connect: refused beside a server on the other port",
        closed("127.0.0.3", neighbour=True),
        Is.WRONG_PORT,
        Of.SETTINGS,
        host="127.0.0.3",
    ),
    _connect(
        "connect: silence on all ports",
        silent("127.0.0.4"),
        Is.CONNECT_TIMEOUT,
        Of.NETWORK,
        host="127.0.0.4",
        timeout=SHORT,
    ),
    _connect(
        "connect: silence beside a server on the other port",
        silent("127.0.0.5", neighbour=True),
        Is.PORT_BLOCKED,
        Of.NETWORK,
        host="127.0.0.5",
        timeout=SHORT,
    ),
    # TCP to a multicast address is turned down by this kernel: no packet leaves.
    _connect("connect: no route to the address", nobody, Is.HOST_UNREACHABLE, Of.NETWORK, host="224.0.0.1"),
)


def _first(
    name: str,
    steps: list[Step],
    expected: Is,
    domain: Of,
    *,
    phase: Phase = Phase.GREETING,
    timeout: str = "10s",
    tls: str = "none",
) -> Case:
    return Case(
        name=name,
        opens=script(steps),
        expected=expected,
        domain=domain,
        phase=phase,
        endpoint={"tls": tls},
        timeout=timeout,
    )


GREETINGS = (
    _first("greeting: closed before it", [drop()], Is.CONNECTION_RESET, Of.NETWORK),
    _first("greeting: reset before it", [reset()], Is.CONNECTION_RESET, Of.NETWORK),
    _first("greeting: silence", [stall()], Is.GREETING_TIMEOUT, Of.SERVER, timeout=SHORT),
    _first(
        "greeting: half of one", [raw(b"220 mail.te"), stall()], Is.GREETING_TIMEOUT, Of.SERVER, timeout=SHORT
    ),
    _first(
        "greeting: IMAP",
        [say("* OK [CAPABILITY IMAP4rev1] Dovecot ready."), stall()],
        Is.NOT_SMTP,
        Of.SETTINGS,
    ),
    _first(
        "greeting: IMAP with no room for us",
        [say("* BYE Too many connections from your IP"), drop()],
        Is.NOT_SMTP,
        Of.SETTINGS,
    ),
    _first(
        "greeting: MySQL that turns us away",
        [raw(b"\x2c\0\0\0\xffj\x04Host 'me' is not allowed to connect to this MySQL server"), drop()],
        Is.NOT_SMTP,
        Of.SETTINGS,
    ),
    _first("greeting: POP3", [say("+OK Dovecot ready."), stall()], Is.NOT_SMTP, Of.SETTINGS),
    _first("greeting: SSH", [say("SSH-2.0-OpenSSH_9.2p1 Debian-2"), stall()], Is.NOT_SMTP, Of.SETTINGS),
    _first(
        "greeting: HTTP",
        [say("HTTP/1.1 400 Bad Request", "Server: nginx", "", "<html>"), drop()],
        Is.NOT_SMTP,
        Of.SETTINGS,
    ),
    _first(
        "ehlo: FTP",
        [say("220 ProFTPD Server (Debian) ready."), answer("EHLO", "500 EHLO not understood"), bye()],
        Is.NOT_SMTP,
        Of.SETTINGS,
        phase=Phase.EHLO,
    ),
    _first(
        "greeting: a sentence", [say("Welcome to the mail server"), stall()], Is.PROTOCOL_ERROR, Of.SERVER
    ),
    _first("greeting: a line without end", [endless(b"2" * 4096)], Is.PROTOCOL_ERROR, Of.SERVER),
    _first(
        "greeting: a TLS alert",
        [raw(b"\x15\x03\x01\x00\x02\x02\x0a"), drop()],
        Is.ENCRYPTION_MISMATCH,
        Of.SETTINGS,
    ),
    Case(
        name="greeting: a port that waits for TLS",
        opens=submission(TlsMode.IMPLICIT),
        expected=Is.ENCRYPTION_MISMATCH,
        domain=Of.SETTINGS,
        phase=Phase.GREETING,
        endpoint={"tls": "starttls"},
        timeout=SHORT,
    ),
)

REFUSED_AT_ONCE = (
    refusal(
        "greeting: busy (Exim)",
        Phase.GREETING,
        "421 mail.test: Too much load; please try again later.",
        Is.SERVICE_UNAVAILABLE,
        Of.SERVER,
    ),
    refusal(
        "greeting: all ports busy (Postfix)",
        Phase.GREETING,
        "421 4.3.2 All server ports are busy",
        Is.SERVICE_UNAVAILABLE,
        Of.SERVER,
    ),
    refusal(
        "greeting: shutting down",
        Phase.GREETING,
        "421 4.3.0 mail.test Server shutting down",
        Is.SERVICE_UNAVAILABLE,
        Of.SERVER,
    ),
    refusal(
        "greeting: an antivirus proxy on this side",
        Phase.GREETING,
        "421 MFE proxy: service not available",
        Is.SERVICE_UNAVAILABLE,
        Of.LOCAL,
    ),
    refusal(
        "greeting: too many connections (Postfix)",
        Phase.GREETING,
        "421 4.7.0 mail.test Error: too many connections from localhost[127.0.0.1]",
        Is.CONNECTION_LIMIT,
        Of.SERVER,
    ),
    refusal(
        "greeting: too many connections (Exim)",
        Phase.GREETING,
        "421 Too many concurrent SMTP connections from this IP address; please try again later.",
        Is.CONNECTION_LIMIT,
        Of.SERVER,
    ),
    refusal(
        "greeting: greylisted",
        Phase.GREETING,
        "450 4.2.0 Greylisted, please try again later",
        Is.GREYLISTED,
        Of.SERVER,
    ),
    refusal(
        "greeting: on a block list",
        Phase.GREETING,
        "554-mail.test\n554 5.7.1 Service unavailable; Client host [127.0.0.1] blocked using zen.spamhaus.org",
        Is.CLIENT_BLOCKED,
        Of.SERVER,
    ),
    refusal(
        "greeting: no reverse DNS",
        Phase.GREETING,
        "554 mail.test Bad DNS PTR resource record.",
        Is.CLIENT_BLOCKED,
        Of.SERVER,
    ),
    refusal(
        "greeting: refused without a word", Phase.GREETING, "554 mail.test", Is.CLIENT_BLOCKED, Of.SERVER
    ),
    refusal(
        "ehlo: our name is refused (Postfix)",
        Phase.EHLO,
        "504 5.5.2 <probe>: Helo command rejected: need fully-qualified hostname",
        Is.HELO_REJECTED,
        Of.SETTINGS,
    ),
    refusal(
        "ehlo: our name is refused (Exim)",
        Phase.EHLO,
        "501 Syntactically invalid EHLO argument(s)",
        Is.HELO_REJECTED,
        Of.SETTINGS,
    ),
    refusal(
        "ehlo: TLS 1.0 is no more (Exchange Online)",
        Phase.EHLO,
        "421 4.7.66 TLS 1.0 and 1.1 are not supported. Please upgrade/update your client to support TLS 1.2.",
        Is.TLS_VERSION_UNSUPPORTED,
        Of.LOCAL,
    ),
    refusal(
        "ehlo: our certificate is missing (Postfix)",
        Phase.EHLO,
        "421 4.7.1 mail.test Error: No client certificate presented",
        Is.CLIENT_CERTIFICATE_REQUIRED,
        Of.SETTINGS,
    ),
)

HELLOS = (
    _first(
        "ehlo: silence",
        [greet(), expect("EHLO"), stall()],
        Is.RESPONSE_TIMEOUT,
        Of.SERVER,
        phase=Phase.EHLO,
        timeout=SHORT,
    ),
    _first(
        "ehlo: half a reply",
        [greet(), expect("EHLO"), say("250-mail.test"), stall()],
        Is.RESPONSE_TIMEOUT,
        Of.SERVER,
        phase=Phase.EHLO,
        timeout=SHORT,
    ),
    _first("ehlo: closed", [greet(), hear(), drop()], Is.CONNECTION_LOST, Of.SERVER, phase=Phase.EHLO),
    _first("ehlo: reset", [greet(), hear(), reset()], Is.CONNECTION_LOST, Of.SERVER, phase=Phase.EHLO),
    _first(
        "ehlo: a reply without end",
        [greet(), hear(), endless(b"250-more\r\n" * 100)],
        Is.PROTOCOL_ERROR,
        Of.SERVER,
        phase=Phase.EHLO,
    ),
    _first(
        "ehlo: masked on the way (Cisco)",
        [
            say("220 ****************************************"),
            ehlo("PIPELINING", "SIZE 10240000", "XXXXXXXA", "XXXB", "8BITMIME"),
            answer("QUIT", "221 bye"),
        ],
        Is.STARTTLS_STRIPPED,
        Of.NETWORK,
        phase=Phase.STARTTLS,
        tls="starttls",
    ),
)

CASES = (*NAMES, *CONNECTIONS, *GREETINGS, *REFUSED_AT_ONCE, *HELLOS)
