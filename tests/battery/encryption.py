"""STARTTLS, the handshake and the certificate."""

from __future__ import annotations

import ssl
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from exporter.demo.certificates import authority, leaf
from exporter.model import ErrorClass as Is
from exporter.model import FaultDomain as Of
from exporter.model import Phase, TlsMode
from tests.battery.case import SHORT, Case
from tests.battery.refusal import LOGIN, refusal
from tests.battery.stands import Context, client_hello, good, script, submission, written
from tests.servers.certificates import NAMES, OLDEST, Workshop
from tests.servers.scripted import (
    Step,
    answer,
    bye,
    drop,
    ehlo,
    expect,
    greet,
    handshake,
    raw,
    reset,
    say,
    stall,
    starttls,
)

TLS10, TLS11, TLS12 = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2


def only(version: ssl.TLSVersion) -> Context:
    """A server of one TLS version."""
    return lambda workshop: workshop.valid().context(minimum=version, maximum=version)


def wants_certificate(version: ssl.TLSVersion) -> Context:
    """A server of one TLS version that demands a certificate of ours."""
    return lambda workshop: workshop.valid().context(
        client_ca_file=workshop.ca_file, minimum=version, maximum=version
    )


def other_ciphers(workshop: Workshop) -> ssl.SSLContext:
    """A server whose one cipher fits no certificate of its own: no suite is left to share."""
    context = workshop.valid().context(maximum=TLS12)
    context.set_ciphers("ECDHE-RSA-AES256-GCM-SHA384")  # the key is an elliptic curve's
    return context


def small_key(workshop: Workshop) -> ssl.SSLContext:
    """A server whose key has 1,024 bits."""
    weak = leaf(
        *NAMES,
        issuer=workshop.intermediate,
        key=rsa.generate_private_key(public_exponent=65537, key_size=1024),
    )
    files = workshop.certified("small-key", weak)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(OLDEST)
    context.load_cert_chain(files.certificate_file, files.key_file)
    return context


def _starttls(name: str, steps: list[Step], expected: Is, domain: Of, timeout: str = "10s") -> Case:
    return Case(
        name=name,
        opens=script([greet(), ehlo("PIPELINING", "STARTTLS"), *steps]),
        expected=expected,
        domain=domain,
        phase=Phase.STARTTLS,
        timeout=timeout,
    )


STARTTLS = (
    Case(
        name="starttls: not offered",
        opens=script([greet(), ehlo("SIZE 10240000", "AUTH LOGIN PLAIN"), bye()]),
        expected=Is.STARTTLS_NOT_OFFERED,
        domain=Of.SETTINGS,
        phase=Phase.STARTTLS,
    ),
    refusal(
        "starttls: offered and unknown",
        Phase.STARTTLS,
        "502 5.5.1 Error: command not implemented",
        Is.STARTTLS_NOT_OFFERED,
        Of.SETTINGS,
    ),
    refusal(
        "starttls: offered and refused for good",
        Phase.STARTTLS,
        "554 5.3.5 Local error: cannot load certificate",
        Is.STARTTLS_REFUSED,
        Of.SERVER,
    ),
    refusal(
        "starttls: no key (Postfix)",
        Phase.STARTTLS,
        "454 4.7.0 TLS not available due to local problem",
        Is.STARTTLS_REFUSED,
        Of.SERVER,
    ),
    refusal(
        "starttls: refused (Exim)",
        Phase.STARTTLS,
        "454 TLS currently unavailable",
        Is.STARTTLS_REFUSED,
        Of.SERVER,
    ),
    _starttls(
        "starttls: masked on the way",
        [answer("STARTTLS", '500 5.5.1 Command unrecognized: "XXXXXXXX"'), bye()],
        Is.STARTTLS_STRIPPED,
        Of.NETWORK,
    ),
    _starttls("starttls: silence", [expect("STARTTLS"), stall()], Is.RESPONSE_TIMEOUT, Of.SERVER, SHORT),
    _starttls("starttls: closed", [expect("STARTTLS"), drop()], Is.CONNECTION_LOST, Of.SERVER),
    Case(
        name="starttls: plaintext behind the reply",
        opens=written(
            lambda workshop: [
                greet(),
                ehlo("STARTTLS"),
                starttls(good(workshop), behind=b"250-mail.test\r\n250 AUTH PLAIN\r\n"),
            ]
        ),
        expected=Is.STARTTLS_INJECTION,
        domain=Of.NETWORK,
        phase=Phase.STARTTLS,
        endpoint=LOGIN,
    ),
)


def _handshake(
    name: str,
    context: Context,
    expected: Is,
    domain: Of,
    *,
    tls: TlsMode = TlsMode.STARTTLS,
    **tls_config: Any,
) -> Case:
    return Case(
        name=name,
        opens=submission(tls, context=context),
        expected=expected,
        domain=domain,
        phase=Phase.TLS,
        # Whoever has credentials must not have sent them anywhere here.
        endpoint={"tls": str(tls), "tls_config": tls_config, **LOGIN},
    )


def _broken_off(
    name: str, steps: list[Step], expected: Is, domain: Of, *, tls: str = "starttls", timeout: str = "10s"
) -> Case:
    opening = [] if tls == "implicit" else [greet(), ehlo("STARTTLS"), answer("STARTTLS", "220 go ahead")]
    return Case(
        name=name,
        opens=script([*opening, *steps]),
        expected=expected,
        domain=domain,
        phase=Phase.TLS,
        endpoint={"tls": tls},
        timeout=timeout,
    )


HANDSHAKES = (
    _handshake("tls: TLS 1.0 only", only(TLS10), Is.TLS_VERSION_UNSUPPORTED, Of.SERVER),
    _handshake("tls: TLS 1.1 only", only(TLS11), Is.TLS_VERSION_UNSUPPORTED, Of.SERVER, tls=TlsMode.IMPLICIT),
    _handshake(
        "tls: ours is too old",
        good,
        Is.TLS_VERSION_UNSUPPORTED,
        Of.LOCAL,
        min_version="TLS10",
        max_version="TLS11",
    ),
    _handshake(
        "tls: ours is too new", only(TLS12), Is.TLS_VERSION_UNSUPPORTED, Of.LOCAL, min_version="TLS13"
    ),
    _handshake("tls: no cipher in common", other_ciphers, Is.TLS_HANDSHAKE_FAILED, Of.SERVER),
    _broken_off("tls: closed in the handshake", [client_hello(), drop()], Is.TLS_HANDSHAKE_FAILED, Of.SERVER),
    _broken_off("tls: reset in the handshake", [client_hello(), reset()], Is.CONNECTION_LOST, Of.SERVER),
    _broken_off(
        "tls: an internal error",
        [client_hello(), raw(b"\x15\x03\x03\x00\x02\x02\x50"), stall()],
        Is.TLS_HANDSHAKE_FAILED,
        Of.SERVER,
    ),
    _broken_off(
        "tls: our record is too long for it",
        [client_hello(), raw(b"\x15\x03\x03\x00\x02\x02\x16"), stall()],
        Is.TLS_HANDSHAKE_FAILED,
        Of.SERVER,
    ),
    _broken_off("tls: silence", [stall()], Is.RESPONSE_TIMEOUT, Of.SERVER, timeout=SHORT),
    _broken_off(
        "tls: refused in words (Postfix)",
        [client_hello(), raw(b"454 4.7.0 TLS handshake failed: try again\r\n"), stall()],
        Is.TLS_HANDSHAKE_FAILED,
        Of.SERVER,
    ),
    _broken_off(
        "tls: implicit, and silence", [stall()], Is.RESPONSE_TIMEOUT, Of.SERVER, tls="implicit", timeout=SHORT
    ),
    Case(
        name="tls: implicit on a plaintext port",
        opens=submission(),
        expected=Is.ENCRYPTION_MISMATCH,
        domain=Of.SETTINGS,
        phase=Phase.TLS,
        endpoint={"tls": "implicit", **LOGIN},
    ),
    _broken_off(
        "tls: implicit on a plaintext port that greets and waits",
        [greet(), stall()],
        Is.ENCRYPTION_MISMATCH,
        Of.SETTINGS,
        tls="implicit",
    ),
    Case(
        name="tls: implicit on a plaintext port that is slow to greet",
        opens=submission(pauses={"greeting": 1.0}),
        expected=Is.ENCRYPTION_MISMATCH,
        domain=Of.SETTINGS,
        phase=Phase.TLS,
        endpoint={"tls": "implicit"},
    ),
    _broken_off(
        "tls: implicit on a plaintext port that listens first",
        [client_hello(), raw(b"554 SMTP synchronization error\r\n"), drop()],
        Is.ENCRYPTION_MISMATCH,
        Of.SETTINGS,
        tls="implicit",
    ),
    _broken_off(
        "tls: implicit on an IMAP port",
        [say("* OK [CAPABILITY IMAP4rev1 STARTTLS] Dovecot ready."), stall()],
        Is.NOT_SMTP,
        Of.SETTINGS,
        tls="implicit",
    ),
    Case(
        name="tls: IMAP inside it",
        opens=written(lambda w: [handshake(good(w)), say("* OK IMAP4rev1 Service Ready"), stall()]),
        expected=Is.NOT_SMTP,
        domain=Of.SETTINGS,
        phase=Phase.GREETING,
        endpoint={"tls": "implicit"},
    ),
    _handshake(
        "tls: a certificate of ours is wanted in TLS 1.2",
        wants_certificate(TLS12),
        Is.CLIENT_CERTIFICATE_REQUIRED,
        Of.SETTINGS,
    ),
    _handshake(
        "tls: a certificate of ours is wanted in TLS 1.3",
        wants_certificate(ssl.TLSVersion.TLSv1_3),
        Is.CLIENT_CERTIFICATE_REQUIRED,
        Of.SETTINGS,
        tls=TlsMode.IMPLICIT,
    ),
)


def _certificate(name: str, kind: str, expected: Is, domain: Of, **more: Any) -> Case:
    return Case(
        name=name,
        opens=submission(context=lambda workshop: getattr(workshop, kind)().context()),
        expected=expected,
        domain=domain,
        phase=Phase.TLS,
        endpoint={**LOGIN, **more.pop("endpoint", {})},
        **more,
    )


def _issued_by(name: str, common_name: str, domain: Of, host: str = "mail.test") -> Case:
    def context(workshop: Workshop) -> ssl.SSLContext:
        identity = leaf(host, issuer=authority(common_name, organisation=common_name))
        return workshop.certified(f"by-{common_name.replace('/', '-')}-{host}", identity).context()

    return Case(
        name=name,
        opens=submission(context=context),
        expected=Is.TLS_INTERCEPTED,
        domain=domain,
        phase=Phase.TLS,
        host=host,
        endpoint=LOGIN,
    )


CERTIFICATES = (
    _certificate("certificate: expired", "expired", Is.CERT_EXPIRED, Of.SERVER),
    _certificate("certificate: expired intermediate", "expired_intermediate", Is.CERT_EXPIRED, Of.SERVER),
    _certificate("certificate: not begun", "future", Is.CERT_NOT_YET_VALID, Of.LOCAL),
    _certificate("certificate: another name", "wrong_name", Is.CERT_HOSTNAME_MISMATCH, Of.SETTINGS),
    _certificate(
        "certificate: another address", "wrong_name", Is.CERT_HOSTNAME_MISMATCH, Of.SETTINGS, host="127.0.0.1"
    ),
    _certificate("certificate: self-signed", "self_signed", Is.CERT_UNTRUSTED, Of.SERVER),
    _certificate("certificate: an unknown authority", "unknown_ca", Is.CERT_UNTRUSTED, Of.SERVER),
    _certificate("certificate: an unknown root sent along", "root_sent_along", Is.CERT_UNTRUSTED, Of.SERVER),
    _certificate("certificate: a missing intermediate", "missing_intermediate", Is.CERT_UNTRUSTED, Of.SERVER),
    _certificate("certificate: for clients only", "wrong_purpose", Is.CERT_UNTRUSTED, Of.SERVER),
    _certificate(
        "certificate: a private authority that we were not told of",
        "valid",
        Is.CERT_UNTRUSTED,
        Of.SERVER,
        endpoint={"tls_config": {"ca_file": None}},
    ),
    Case(
        name="certificate: a key too small",
        opens=submission(context=small_key),
        expected=Is.CERT_UNTRUSTED,
        domain=Of.SERVER,
        phase=Phase.TLS,
    ),
    _issued_by("certificate: an antivirus", "Avast Web/Mail Shield Root", Of.LOCAL),
    _issued_by("certificate: another antivirus", "Kaspersky Anti-Virus Personal Root Certificate", Of.LOCAL),
    _issued_by("certificate: a third antivirus", "ESET SSL Filter CA", Of.LOCAL),
    _issued_by(
        "certificate: an unknown one for a known provider", "Corporate Root", Of.LOCAL, "smtp.gmail.com"
    ),
)

CASES = (*STARTTLS, *HANDSHAKES, *CERTIFICATES)
