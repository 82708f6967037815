"""Servers that break off, mix up codes, or are none: the misbehaviour is in the bytes."""

from __future__ import annotations

from typing import Any

from exporter.model import ErrorClass as Is
from exporter.model import FaultDomain as Of
from exporter.model import Phase
from tests.battery.case import SHORT, Case
from tests.battery.refusal import ENVELOPE, LOGIN
from tests.battery.stands import client_hello, good, script, under_tls, written
from tests.servers.scripted import (
    Step,
    answer,
    bye,
    drop,
    ehlo,
    expect,
    greet,
    handshake,
    hear,
    raw,
    reset,
    say,
    stall,
)


def _plain(
    name: str,
    steps: list[Step],
    expected: Is,
    domain: Of,
    phase: Phase = Phase.GREETING,
    *,
    timeout: str = "10s",
    tls: str = "none",
    **endpoint: Any,
) -> Case:
    return Case(
        name=name,
        opens=script(steps),
        expected=expected,
        domain=domain,
        phase=phase,
        endpoint={"tls": tls, **endpoint},
        timeout=timeout,
    )


BREAKS = (
    _plain(
        "greeting: half of one, then a reset", [raw(b"220-mail.te"), reset()], Is.CONNECTION_RESET, Of.NETWORK
    ),
    _plain(
        "greeting: another code in its second line",
        [say("220-mail.test", "250 go")],
        Is.PROTOCOL_ERROR,
        Of.SERVER,
    ),
    _plain("greeting: 250 in place of 220", [say("250 mail.test"), stall()], Is.PROTOCOL_ERROR, Of.SERVER),
    _plain("greeting: 421 without a word", [raw(b"421\r\n"), drop()], Is.SERVICE_UNAVAILABLE, Of.SERVER),
    _plain("greeting: and gone", [greet(), drop()], Is.CONNECTION_LOST, Of.SERVER, Phase.EHLO),
    _plain(
        "ehlo: another code in its second line",
        [greet(), expect("EHLO"), say("250-mail.test", "354 go")],
        Is.PROTOCOL_ERROR,
        Of.SERVER,
        Phase.EHLO,
    ),
    _plain(
        "ehlo: 334 in place of 250",
        [greet(), answer("EHLO", "334 go"), bye()],
        Is.PROTOCOL_ERROR,
        Of.SERVER,
        Phase.EHLO,
    ),
    _plain(
        "ehlo: 221 and gone",
        [greet(), answer("EHLO", "221 Bye"), drop()],
        Is.PROTOCOL_ERROR,
        Of.SERVER,
        Phase.EHLO,
    ),
    _plain(
        "ehlo: 421 without a reason",
        [greet(), answer("EHLO", "421 Sorry"), drop()],
        Is.SERVICE_UNAVAILABLE,
        Of.SERVER,
        Phase.EHLO,
    ),
    _plain(
        "ehlo: 550 without a reason",
        [greet(), answer("EHLO", "550 no"), bye()],
        Is.HELO_REJECTED,
        Of.SETTINGS,
        Phase.EHLO,
    ),
)

OTHERS = (
    _plain("greeting: VNC", [raw(b"RFB 003.008\n"), stall()], Is.NOT_SMTP, Of.SETTINGS),
    _plain(
        "greeting: MySQL",
        [raw(b"J\x00\x00\x00\x0a8.0.33\x00\x0b\x00\x00\x00"), stall()],
        Is.NOT_SMTP,
        Of.SETTINGS,
    ),
    _plain(
        "greeting: Telnet",
        [raw(b"\xff\xfd\x18\xff\xfd\x20"), stall()],
        Is.NOT_SMTP,
        Of.SETTINGS,
        timeout=SHORT,
    ),
    _plain(
        "greeting: NNTP",
        [say("200 news.test InterNetNews NNRP server INN 2.7.1 ready (posting ok)"), stall()],
        Is.NOT_SMTP,
        Of.SETTINGS,
    ),
    _plain(
        "greeting: ManageSieve",
        [say('"IMPLEMENTATION" "Dovecot Pigeonhole"'), stall()],
        Is.NOT_SMTP,
        Of.SETTINGS,
    ),
    _plain(
        "greeting: XMPP", [say("<?xml version='1.0'?><stream:stream>"), stall()], Is.NOT_SMTP, Of.SETTINGS
    ),
    _plain(
        "greeting: bytes of nothing known",
        [raw(b"\x00\xfe\x01\x02\r\n"), stall()],
        Is.PROTOCOL_ERROR,
        Of.SERVER,
    ),
    _plain(
        "tls: implicit on an HTTP port",
        [client_hello(), say("HTTP/1.1 400 Bad Request", "", "<html>"), drop()],
        Is.NOT_SMTP,
        Of.SETTINGS,
        Phase.TLS,
        tls="implicit",
    ),
    _plain(
        "tls: implicit on an SSH port",
        [say("SSH-2.0-OpenSSH_9.2"), stall()],
        Is.NOT_SMTP,
        Of.SETTINGS,
        Phase.TLS,
        tls="implicit",
    ),
    Case(
        name="tls: HTTP inside it, which waits",
        opens=written(lambda w: [handshake(good(w)), stall()]),
        expected=Is.GREETING_TIMEOUT,
        domain=Of.SERVER,
        phase=Phase.GREETING,
        endpoint={"tls": "implicit"},
        timeout=SHORT,
    ),
    Case(
        name="tls: closed before the greeting inside it",
        opens=written(lambda w: [handshake(good(w)), drop()]),
        expected=Is.CONNECTION_RESET,
        domain=Of.NETWORK,
        phase=Phase.GREETING,
        endpoint={"tls": "implicit"},
    ),
)


def _alert(name: str, number: int, expected: Is, domain: Of = Of.SERVER, *, level: int = 2) -> Case:
    record = bytes([21, 3, 3, 0, 2, level, number])
    return Case(
        name=f"tls: alert {number} ({name})",
        opens=script(
            [
                greet(),
                ehlo("STARTTLS"),
                answer("STARTTLS", "220 go ahead"),
                client_hello(),
                raw(record),
                drop(),
            ]
        ),
        expected=expected,
        domain=domain,
        phase=Phase.TLS,
    )


ALERTS = (
    _alert("close_notify", 0, Is.TLS_HANDSHAKE_FAILED, level=1),
    _alert("unexpected_message", 10, Is.TLS_HANDSHAKE_FAILED),
    _alert("handshake_failure", 40, Is.TLS_HANDSHAKE_FAILED),
    _alert("illegal_parameter", 47, Is.TLS_HANDSHAKE_FAILED),
    _alert("unknown_ca", 48, Is.CLIENT_CERTIFICATE_REQUIRED, Of.SETTINGS),
    _alert("decode_error", 50, Is.TLS_HANDSHAKE_FAILED),
    _alert("protocol_version", 70, Is.TLS_VERSION_UNSUPPORTED),
    _alert("insufficient_security", 71, Is.TLS_HANDSHAKE_FAILED),
    _alert("unrecognized_name", 112, Is.TLS_HANDSHAKE_FAILED),
    _alert("certificate_required", 116, Is.CLIENT_CERTIFICATE_REQUIRED, Of.SETTINGS),
    _alert("no_application_protocol", 120, Is.TLS_HANDSHAKE_FAILED),
)


def _starttls(name: str, steps: list[Step], expected: Is, domain: Of, phase: Phase = Phase.STARTTLS) -> Case:
    return Case(
        name=name,
        opens=script([greet(), ehlo("STARTTLS"), *steps]),
        expected=expected,
        domain=domain,
        phase=phase,
    )


STARTTLS = (
    _starttls(
        "starttls: 250 in place of 220", [answer("STARTTLS", "250 ok"), bye()], Is.PROTOCOL_ERROR, Of.SERVER
    ),
    _starttls(
        "starttls: 500 without a reason",
        [answer("STARTTLS", "500 no"), bye()],
        Is.STARTTLS_NOT_OFFERED,
        Of.SETTINGS,
    ),
    _starttls(
        "starttls: 454 without a word",
        [expect("STARTTLS"), raw(b"454\r\n"), bye()],
        Is.STARTTLS_REFUSED,
        Of.SERVER,
    ),
    _starttls(
        "starttls: 220, and plaintext goes on",
        [answer("STARTTLS", "220 go ahead"), client_hello(), say("500 5.5.1 unrecognized command"), stall()],
        Is.TLS_HANDSHAKE_FAILED,
        Of.SERVER,
        Phase.TLS,
    ),
    _starttls(
        "starttls: half a reply, then a reset",
        [expect("STARTTLS"), raw(b"22"), reset()],
        Is.CONNECTION_LOST,
        Of.SERVER,
    ),
    Case(
        name="starttls: greeted again under TLS",
        opens=under_tls(say("220 mail.test ESMTP"), hear(), stall()),
        expected=Is.PROTOCOL_ERROR,
        domain=Of.SERVER,
        phase=Phase.EHLO,
    ),
)


def _session(name: str, phase: Phase, steps: list[Step], expected: Is, domain: Of) -> Case:
    before = {
        Phase.AUTH: (),
        Phase.MAIL: (answer("AUTH", "235 ok"),),
        Phase.RCPT: (answer("AUTH", "235 ok"), answer("MAIL", "250 ok")),
        Phase.DATA: (answer("AUTH", "235 ok"), answer("MAIL", "250 ok"), answer("RCPT", "250 ok")),
    }[phase]
    return Case(
        name=name,
        opens=under_tls(ehlo("AUTH PLAIN"), *before, *steps),
        expected=expected,
        domain=domain,
        phase=phase,
        endpoint={**LOGIN, **({} if phase is Phase.AUTH else ENVELOPE), "until": str(phase)},
    )


SESSIONS = (
    _session(
        "auth: 250 in place of 235",
        Phase.AUTH,
        [answer("AUTH", "250 ok"), bye()],
        Is.PROTOCOL_ERROR,
        Of.SERVER,
    ),
    _session(
        "auth: 535 without a word",
        Phase.AUTH,
        [expect("AUTH"), raw(b"535\r\n"), bye()],
        Is.CREDENTIALS_REJECTED,
        Of.CREDENTIALS,
    ),
    _session(
        "auth: 550 without a reason",
        Phase.AUTH,
        [answer("AUTH", "550 no"), bye()],
        Is.CREDENTIALS_REJECTED,
        Of.CREDENTIALS,
    ),
    _session(
        "auth: asked for what was said already",
        Phase.AUTH,
        [answer("AUTH", "334 "), drop()],
        Is.PROTOCOL_ERROR,
        Of.SERVER,
    ),
    _session(
        "auth: half a reply, then a reset",
        Phase.AUTH,
        [expect("AUTH"), raw(b"535-5.7"), reset()],
        Is.CONNECTION_LOST,
        Of.SERVER,
    ),
    _session(
        "mail: 354 in place of 250",
        Phase.MAIL,
        [answer("MAIL", "354 go"), bye()],
        Is.PROTOCOL_ERROR,
        Of.SERVER,
    ),
    _session(
        "mail: 421 without a reason",
        Phase.MAIL,
        [answer("MAIL", "421 Sorry"), drop()],
        Is.SERVICE_UNAVAILABLE,
        Of.SERVER,
    ),
    _session(
        "mail: 550 without a word",
        Phase.MAIL,
        [expect("MAIL"), raw(b"550\r\n"), bye()],
        Is.SENDER_REJECTED,
        Of.SETTINGS,
    ),
    _session("mail: closed", Phase.MAIL, [expect("MAIL"), drop()], Is.CONNECTION_LOST, Of.SERVER),
    _session(
        "rcpt: 421 without a reason",
        Phase.RCPT,
        [answer("RCPT", "421 Sorry"), drop()],
        Is.SERVICE_UNAVAILABLE,
        Of.SERVER,
    ),
    _session(
        "rcpt: 550 without a word",
        Phase.RCPT,
        [expect("RCPT"), raw(b"550\r\n"), bye()],
        Is.RECIPIENT_REJECTED,
        Of.SETTINGS,
    ),
    _session("rcpt: closed", Phase.RCPT, [expect("RCPT"), drop()], Is.CONNECTION_LOST, Of.SERVER),
    _session(
        "data: 250 in place of 354",
        Phase.DATA,
        [answer("DATA", "250 ok"), stall()],
        Is.PROTOCOL_ERROR,
        Of.SERVER,
    ),
    _session(
        "data: 421 without a reason",
        Phase.DATA,
        [answer("DATA", "421 Sorry"), drop()],
        Is.SERVICE_UNAVAILABLE,
        Of.SERVER,
    ),
    _session(
        "data: 554 without a word",
        Phase.DATA,
        [expect("DATA"), raw(b"554\r\n"), stall()],
        Is.MESSAGE_REJECTED,
        Of.SERVER,
    ),
    _session(
        "data: closed instead of 354", Phase.DATA, [expect("DATA"), drop()], Is.CONNECTION_LOST, Of.SERVER
    ),
)

CASES = (*BREAKS, *OTHERS, *ALERTS, *STARTTLS, *SESSIONS)
