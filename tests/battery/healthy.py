"""Servers that are odd in a way that a mail client puts up with: all of them are healthy."""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from exporter.demo.certificates import Identity, leaf
from exporter.model import ErrorClass, FaultDomain, TlsMode
from tests.battery.case import NAME, Case, Opener
from tests.battery.refusal import ENVELOPE, LOGIN
from tests.battery.stands import Context, good, script, submission, under_tls, written
from tests.servers.certificates import NAMES, Workshop
from tests.servers.scripted import (
    Step,
    answer,
    bye,
    drip,
    drop,
    ehlo,
    expect,
    greet,
    handshake,
    pause,
    raw,
    reset,
    say,
    stall,
    starttls,
)


def _healthy(name: str, opens: Opener, endpoint: Mapping[str, Any] | None = None, host: str = NAME) -> Case:
    return Case(
        name=f"healthy: {name}",
        opens=opens,
        expected=ErrorClass.NONE,
        domain=FaultDomain.NONE,
        phase=None,
        host=host,
        endpoint=endpoint or {},
    )


def _plain(name: str, *steps: Step) -> Case:
    return _healthy(name, script(steps), {"tls": "none"})


def _under_tls(name: str, *steps: Step) -> Case:
    """The second EHLO, a login, QUIT."""
    return _healthy(name, under_tls(*steps), LOGIN)


PLAINTEXT = (
    _plain(
        "multi-line greeting", say("220-mail.test", "220-no spam here", "220 please"), ehlo("SIZE 1"), bye()
    ),
    _plain("greeting without ESMTP", say("220 mail.test Sendmail ready"), ehlo(), bye()),
    _plain("greeting without text", raw(b"220 \r\n"), ehlo(), bye()),
    _plain("greeting of a code alone", raw(b"220\r\n"), ehlo(), bye()),
    _plain("greeting in two packets", raw(b"220 ma"), pause(0.1), raw(b"il.test\r\n"), ehlo(), bye()),
    _plain("greeting with 8 bits", raw(b"220 B\xfccher \xe2\x82\xac \xff ESMTP\r\n"), ehlo(), bye()),
    _plain("trailing blanks", raw(b"220 mail.test   \r\n"), ehlo("SIZE 100  ", "8BITMIME\t"), bye()),
    _plain(
        "bare LF",
        raw(b"220 mail.test\n"),
        expect("EHLO"),
        raw(b"250-mail.test\n250 SIZE\n"),
        expect("QUIT"),
        raw(b"221 bye\n"),
    ),
    _plain(
        "byte by byte",
        drip(b"220 mail.test\r\n"),
        expect("EHLO"),
        drip(b"250-mail.test\r\n250 8BITMIME\r\n"),
        expect("QUIT"),
        drip(b"221 bye\r\n"),
    ),
    _plain("EHLO reply of one line", greet(), answer("EHLO", "250 mail.test"), bye()),
    _plain("EHLO reply of one word", greet(), answer("EHLO", "250-mail.test", "250 OK"), bye()),
    _plain("huge EHLO reply", greet(), ehlo(*(f"X-CAP-{n} {'v' * 490}" for n in range(100))), bye()),
    _plain(
        "replies in mixed case", greet(), answer("EHLO", "250-Mail.TEST", "250-sIzE 9", "250 hElP"), bye()
    ),
    _plain("an empty line between replies", greet(), raw(b"\r\n"), ehlo(), bye()),
    _plain("QUIT that drops", greet(), ehlo(), expect("QUIT"), drop()),
    _plain("QUIT that resets", greet(), ehlo(), expect("QUIT"), reset()),
    _plain("QUIT answered by 250", greet(), ehlo(), answer("QUIT", "250 ok")),
    _plain("QUIT answered by 421", greet(), ehlo(), answer("QUIT", "421 4.3.0 closing")),
    _plain("QUIT without an answer", greet(), ehlo(), expect("QUIT"), stall()),
    _plain(
        "slow, within the deadline",
        pause(1.0),
        greet(),
        expect("EHLO"),
        pause(1.0),
        say("250 mail.test"),
        bye(),
    ),
)

ENCRYPTED = (
    _under_tls("old AUTH= form", ehlo("AUTH=PLAIN LOGIN"), answer("AUTH", "235 ok"), bye()),
    _under_tls(
        "both AUTH forms", ehlo("AUTH LOGIN PLAIN", "AUTH=LOGIN PLAIN"), answer("AUTH", "235 ok"), bye()
    ),
    _under_tls(
        "keywords in lower case", ehlo("size 100", "auth plain login"), answer("AUTH", "235 ok"), bye()
    ),
    _under_tls("unknown mechanisms beside", ehlo("AUTH NTLM X-NEW PLAIN"), answer("AUTH", "235 ok"), bye()),
    _under_tls(
        "a login in several lines",
        ehlo("AUTH PLAIN"),
        answer("AUTH", "235-2.7.0 Welcome", "235 2.7.0 probe"),
        bye(),
    ),
    _under_tls("close_notify without FIN", ehlo("AUTH PLAIN"), answer("AUTH", "235 ok"), bye(), stall()),
    _under_tls("FIN without close_notify", ehlo("AUTH PLAIN"), answer("AUTH", "235 ok"), bye(), drop()),
    _under_tls(
        "STARTTLS still offered under TLS", ehlo("STARTTLS", "AUTH PLAIN"), answer("AUTH", "235 ok"), bye()
    ),
    _healthy(
        "STARTTLS as the last EHLO line, in lower case",
        written(
            lambda w: [greet(), ehlo("SIZE 1", "starttls"), starttls(good(w)), ehlo("SIZE 1"), bye()],
        ),
    ),
    _healthy(
        "a greeting in two TLS records",
        written(lambda w: [handshake(good(w)), raw(b"220 ma"), raw(b"il.test\r\n"), ehlo(), bye()]),
        {"tls": "implicit"},
    ),
    _healthy("LOGIN alone", submission(mechanisms=("LOGIN",)), LOGIN),
    _healthy("slow at every step", submission(pauses={"EHLO": 0.3, "AUTH": 0.5, "STARTTLS": 0.3}), LOGIN),
    _healthy(
        "recipient accepted for forwarding (251)",
        submission(replies={"RCPT": "251 2.1.5 User not local; will forward"}),
        {**LOGIN, **ENVELOPE, "until": "rcpt"},
    ),
    _healthy(
        "message accepted in several lines",
        submission(replies={"message": "250-2.0.0 Ok\n250 2.0.0 queued as 4F3A"}),
        {**LOGIN, **ENVELOPE, "until": "data"},
    ),
    _healthy("without a login at all", submission(mechanisms=()), {**ENVELOPE, "until": "rcpt"}),
)


def _identity(name: str, make: Any) -> Context:
    def context(workshop: Workshop) -> ssl.SSLContext:
        identity: Identity = make(workshop)
        return workshop.certified(name, identity).context()

    return context


def _with(name: str, context: Context, endpoint: Mapping[str, Any] | None = None, host: str = NAME) -> Case:
    return _healthy(name, submission(context=context), {**LOGIN, **(endpoint or {})}, host)


def _with_root(workshop: Workshop) -> Identity:
    issued = leaf(*NAMES, issuer=workshop.intermediate)
    return Identity(issued.certificate, issued.key, (*issued.chain, workshop.root.certificate))


def _asking(workshop: Workshop) -> ssl.SSLContext:
    context = workshop.valid().context()
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(workshop.ca_file)
    return context


CERTIFICATES = (
    _with("TLS 1.2 alone", lambda w: w.valid().context(maximum=ssl.TLSVersion.TLSv1_2)),
    _with("TLS 1.3 alone", lambda w: w.valid().context(minimum=ssl.TLSVersion.TLSv1_3)),
    _with(
        "an RSA key",
        _identity(
            "rsa",
            lambda w: leaf(
                *NAMES,
                issuer=w.intermediate,
                key=rsa.generate_private_key(public_exponent=65537, key_size=2048),
            ),
        ),
    ),
    _with(
        "an Ed25519 key",
        _identity(
            "ed25519", lambda w: leaf(*NAMES, issuer=w.intermediate, key=ed25519.Ed25519PrivateKey.generate())
        ),
    ),
    _with(
        "a wildcard certificate",
        _identity("wildcard", lambda w: leaf("*.wild.test", issuer=w.intermediate)),
        host="smtp.wild.test",
    ),
    _with(
        "an address in the certificate",
        _identity("address", lambda w: leaf("127.0.0.1", issuer=w.intermediate)),
        host="127.0.0.1",
    ),
    _with(
        "another name, and told so",
        lambda w: w.wrong_name().context(),
        {"tls_config": {"server_name": "elsewhere.test"}},
    ),
    _with(
        "a bad certificate that nobody minds",
        lambda w: w.expired().context(),
        {"tls_config": {"insecure_skip_verify": True}},
    ),
    _with("the root sent along", _identity("with-root", _with_root)),
    _healthy("implicit TLS", submission(TlsMode.IMPLICIT), {"tls": "implicit", **LOGIN}),
    _healthy(
        "a certificate of ours asked for and not insisted on",
        submission(context=_asking),
        LOGIN,
    ),
)


CASES: Sequence[Case] = (*PLAINTEXT, *ENCRYPTED, *CERTIFICATES)
