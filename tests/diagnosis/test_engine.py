"""Weighing the evidence: phase, what we did, quoted replies, owners, confidence, words."""

from __future__ import annotations

import pytest

from exporter.diagnosis import Rulebook, diagnose, reworded
from exporter.diagnosis.examples import symptom_of
from exporter.model import (
    Confidence,
    ConnectFailure,
    ErrorClass,
    FaultDomain,
    Phase,
    Reply,
    Symptom,
    TimedOut,
    TlsFailure,
    TlsMode,
    Words,
)


def read(example):
    """The diagnosis of an example, as rule files write them."""
    return diagnose(symptom_of(example))


def reply(code: int, text: str, phase: Phase, **about) -> Symptom:
    """A symptom whose evidence is one reply."""
    return Symptom(phase=phase, evidence=Reply(code, tuple(text.encode().split(b"\n"))), **about)


@pytest.mark.parametrize(
    ("phase", "error_class"),
    [
        ("starttls", "starttls_refused"),
        ("auth", "auth_temporary_failure"),
        ("mail", "auth_required"),
        ("rcpt", "relay_denied"),
    ],
)
def test_the_phase_decides_what_454_means(phase, error_class):
    """The same code is four faults in four phases."""
    assert read({"phase": phase, "code": 454, "text": "Sorry"}).error_class == error_class


@pytest.mark.parametrize(
    ("text", "error_class"),
    [
        ("5.7.139 Authentication unsuccessful, the user credentials were incorrect.", "credentials_rejected"),
        ("5.7.139 Authentication unsuccessful, the account is locked.", "account_locked"),
        ("5.7.139 Authentication unsuccessful, basic authentication is disabled.", "auth_disabled"),
        (
            "5.7.139 Authentication unsuccessful, user is locked by your organization's security defaults policy.",
            "auth_disabled",
        ),
        ("5.7.139", "auth_disabled"),
    ],
)
def test_the_words_decide_behind_a_vendor_code(text, error_class):
    """535 5.7.139 names its reason in words."""
    assert read({"phase": "auth", "code": 535, "text": text}).error_class == error_class


def test_a_quoted_reply_is_the_cause():
    """`530 5.7.57 … Error: 535 5.7.139 …` is judged by the inner reply, and Outlook's code by the outer phase."""
    found = read(
        {
            "phase": "mail",
            "code": 530,
            "text": "5.7.57 Client not authenticated to send mail. Error: 535 5.7.139 Authentication unsuccessful, "
            "SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled",
        }
    )
    assert found.error_class is ErrorClass.AUTH_DISABLED
    assert found.outlook_code == "0x800CCC78"


def test_a_reply_that_repeats_its_code_quotes_nothing():
    """The second line of a multi-line reply is not an inner reply."""
    text = "5.1.1 The email account that you tried to reach does not exist. Please try\n550 5.1.1 double-checking"
    assert read({"phase": "rcpt", "code": 550, "text": text}).error_class is ErrorClass.RECIPIENT_REJECTED


def test_the_last_line_of_a_reply_is_read():
    """A generic first line does not hide the reason behind it."""
    text = "Requested action not taken: mailbox unavailable\nSender address is not allowed."
    assert read({"phase": "mail", "code": 550, "text": text}).error_class is ErrorClass.SENDER_REJECTED


def test_the_mechanism_decides_between_password_and_token():
    """The same refusal is a wrong password after LOGIN and a bad token after XOAUTH2."""
    words = {"phase": "auth", "code": 535, "text": "5.7.3 Authentication unsuccessful [x.prod.outlook.com]"}
    assert read(words | {"mechanism": "LOGIN"}).error_class is ErrorClass.CREDENTIALS_REJECTED
    token = read(words | {"mechanism": "XOAUTH2"})
    assert token.error_class is ErrorClass.OAUTH_TOKEN_REJECTED
    assert token.rule == "oauth.refused-login"


def test_the_challenge_before_the_refusal_is_read():
    """XOAUTH2's JSON challenge proves that a token was refused."""
    found = diagnose(reply(535, "5.7.8 no", Phase.AUTH, challenge='{"status":"401","schemes":"bearer"}'))
    assert found.error_class is ErrorClass.OAUTH_TOKEN_REJECTED


@pytest.mark.parametrize(
    ("example", "domain"),
    [
        ({"evidence": "connect_failure", "errno": "ECONNREFUSED", "host": "localhost"}, "settings"),
        ({"evidence": "connect_failure", "errno": "ECONNREFUSED", "host": "::1"}, "settings"),
        ({"evidence": "connect_failure", "errno": "ECONNREFUSED", "host": "mail.example.com"}, "server"),
        (
            {
                "evidence": "connect_failure",
                "errno": "ENETUNREACH",
                "tried": [["[2001:db8::1]:587", "unreachable"]],
            },
            "local",
        ),
        (
            {
                "evidence": "connect_failure",
                "errno": "ENETUNREACH",
                "tried": [["[2001:db8::1]:587", "unreachable"], ["192.0.2.1:587", "unreachable"]],
            },
            "network",
        ),
        (
            {"evidence": "name_failure", "kind": "not_found", "host": "smtp.gmail.com", "phase": "dns"},
            "network",
        ),
        (
            {"evidence": "name_failure", "kind": "not_found", "host": "smtp.gmial.com", "phase": "dns"},
            "settings",
        ),
        ({"evidence": "name_failure", "kind": "unreachable", "phase": "dns"}, "local"),
        ({"evidence": "name_failure", "kind": "refused", "phase": "dns"}, "network"),
        ({"evidence": "tls_failure", "verify_code": 9, "phase": "tls"}, "local"),
        ({"evidence": "tls_failure", "alert": 70, "phase": "tls"}, "server"),
        ({"evidence": "tls_failure", "alert": 70, "phase": "tls", "max_version": "TLS11"}, "local"),
        (
            {
                "evidence": "tls_failure",
                "reason": "UNSUPPORTED_PROTOCOL",
                "phase": "tls",
                "min_version": "TLS13",
            },
            "local",
        ),
        ({"evidence": "tls_failure", "reason": "NO_PROTOCOLS_AVAILABLE", "phase": "tls"}, "local"),
        (
            {"evidence": "not_offered", "capability": "AUTH PLAIN", "offered": ["NTLM"], "phase": "auth"},
            "server",
        ),
        (
            {"evidence": "not_offered", "capability": "AUTH PLAIN", "offered": ["CRAM-MD5"], "phase": "auth"},
            "settings",
        ),
        (
            {"evidence": "token_unavailable", "error": "timeout", "reachable": False, "phase": "auth"},
            "network",
        ),
        ({"evidence": "timed_out", "phase": "greeting", "port": 465, "tls_mode": "starttls"}, "settings"),
        ({"evidence": "timed_out", "phase": "greeting", "port": 465, "tls_mode": "implicit"}, "server"),
        ({"phase": "rcpt", "code": 554, "port": 25, "text": "blocked using zen.spamhaus.org"}, "settings"),
        ({"phase": "rcpt", "code": 554, "port": 587, "text": "blocked using zen.spamhaus.org"}, "server"),
        ({"evidence": "our_fault", "kind": "KeyError"}, "local"),
    ],
)
def test_the_owner_follows_the_exceptions(example, domain):
    """Whose problem it is depends on more than the class."""
    assert read(example).fault_domain == domain


@pytest.mark.parametrize(
    ("example", "error_class", "confidence"),
    [
        (
            {
                "evidence": "tls_failure",
                "phase": "tls",
                "reason": "WRONG_VERSION_NUMBER",
                "peer_bytes": "220 mx ESMTP",
            },
            "encryption_mismatch",
            "certain",
        ),
        (
            {"evidence": "tls_failure", "phase": "tls", "reason": "WRONG_VERSION_NUMBER"},
            "encryption_mismatch",
            "likely",
        ),
        (
            {"evidence": "garbled", "phase": "greeting", "line": "\x15\x03\x03\x00\x02"},
            "encryption_mismatch",
            "certain",
        ),
        ({"evidence": "garbled", "phase": "greeting", "line": "* OK IMAP4rev1"}, "not_smtp", "certain"),
        ({"evidence": "garbled", "phase": "greeting", "line": "what"}, "protocol_error", "certain"),
        (
            {"evidence": "tls_failure", "phase": "tls", "alert": 42, "certificate_requested": True},
            "client_certificate_required",
            "certain",
        ),
        ({"evidence": "tls_failure", "phase": "tls", "alert": 40}, "tls_handshake_failed", "likely"),
        ({"evidence": "tls_failure", "phase": "tls", "alert": 116}, "client_certificate_required", "certain"),
        ({"evidence": "dropped", "phase": "greeting"}, "connection_reset", "certain"),
        ({"evidence": "dropped", "phase": "ehlo", "encrypted": True}, "connection_lost", "certain"),
        ({"evidence": "dropped", "how": "reset", "phase": "auth"}, "connection_lost", "certain"),
        (
            {"evidence": "dropped", "phase": "tls", "tls_mode": "implicit", "port": 587},
            "encryption_mismatch",
            "likely",
        ),
        ({"evidence": "timed_out", "phase": "dns"}, "dns_unavailable", "certain"),
        ({"evidence": "timed_out", "phase": "connect"}, "connect_timeout", "certain"),
        ({"evidence": "timed_out", "phase": "data"}, "response_timeout", "certain"),
        ({"evidence": "injected", "data": "220", "phase": "starttls"}, "starttls_injection", "certain"),
        (
            {
                "evidence": "not_offered",
                "capability": "STARTTLS",
                "offered": ["SIZE", "XXXXXXXB"],
                "phase": "starttls",
            },
            "starttls_stripped",
            "certain",
        ),
        (
            {
                "evidence": "not_offered",
                "capability": "AUTH",
                "phase": "auth",
                "encrypted": False,
                "capabilities": ["SIZE 1", "STARTTLS"],
            },
            "encryption_required",
            "likely",
        ),
        (
            {
                "evidence": "tls_failure",
                "phase": "tls",
                "verify_code": 20,
                "issuers": ["CN=ESET SSL Filter CA"],
            },
            "tls_intercepted",
            "certain",
        ),
        (
            {
                "evidence": "tls_failure",
                "phase": "tls",
                "verify_code": 20,
                "host": "smtp.gmail.com",
                "issuers": ["CN=x"],
            },
            "tls_intercepted",
            "likely",
        ),
        (
            {"evidence": "tls_failure", "phase": "tls", "verify_code": 19, "issuers": ["CN=Our CA"]},
            "cert_untrusted",
            "certain",
        ),
    ],
)
def test_what_a_probe_can_see_is_certain_where_it_has_one_reading(example, error_class, confidence):
    """The class and its confidence follow the evidence of the wire."""
    found = read(example)
    assert (found.error_class, found.confidence) == (error_class, confidence)
    assert (found.runner_up is None) or found.confidence is not Confidence.CERTAIN


def test_any_other_verify_error_is_named_in_the_summary():
    """A verify error without a class of its own is an untrusted certificate, and its name is shown."""
    found = diagnose(Symptom(phase=Phase.TLS, evidence=TlsFailure(verify_code=26), host="mail.example.com"))
    assert found.error_class is ErrorClass.CERT_UNTRUSTED
    assert "unsuitable certificate purpose" in found.summary
    unknown = diagnose(Symptom(phase=Phase.TLS, evidence=TlsFailure(verify_code=99)))
    assert "verify error 99" in unknown.summary


def test_a_known_provider_is_named_with_its_settings():
    """The first remedy names the right host, port and encryption."""
    symptom = Symptom(
        phase=Phase.TLS,
        evidence=TlsFailure(reason="WRONG_VERSION_NUMBER"),
        host="smtp.gmail.com",
        port=587,
        tls_mode=TlsMode.IMPLICIT,
    )
    assert diagnose(symptom).remedy[0] == (
        "smtp.gmail.com with implicit TLS on 587: use 465 with implicit TLS, or 587 with STARTTLS."
    )


def test_a_known_provider_says_which_secret_it_wants():
    """For a refused login the provider's own kind of secret comes first."""
    found = diagnose(reply(535, "5.7.8 no", Phase.AUTH, host="smtp.mail.yahoo.com"))
    assert found.remedy[0].startswith("Create an app password")
    assert len(found.remedy) == 3


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (
            "5.7.8 no. Go to https://support.google.com/mail/?p=BadCredentials x - gsmtp",
            "Use an app password",
        ),
        ("5.7.3 no [AM6PR03CA0010.eurprd03.prod.outlook.com 2023-07-10T05:11:31Z]", "Enable SMTP AUTH"),
        ("no http://service.mail.qq.com/cgi-bin/help?subtype=1", "Switch on SMTP in the web mailer"),
        ("5.7.8 no: user@gmail.com", "Enter the secret again"),
        ("5.7.8 no https://help.example.com/", "Enter the secret again"),
    ],
)
def test_a_reply_that_names_its_provider_gets_that_providers_advice(words, advice):
    """Pasted without the host, the page or the server in the reply says whose it is; an address in it does not."""
    found = diagnose(reply(535, words, Phase.AUTH))
    assert found.remedy[0].startswith(advice)
    elsewhere = diagnose(reply(535, words, Phase.AUTH, host="mail.example.com"))
    assert not elsewhere.remedy[0].startswith(("Use an app", "Switch on", "Enable SMTP AUTH for"))


def test_a_bare_code_is_a_guess_with_alternatives():
    """Without words and phase the answer says what else it may be."""
    found = diagnose(Symptom(phase=None, evidence=Reply(535, ())))
    assert found.confidence is Confidence.GUESS
    assert found.runner_up is ErrorClass.APP_PASSWORD_REQUIRED
    assert found.summary.endswith(
        "The code alone does not tell it from app_password_required, auth_disabled, oauth_token_rejected."
    )


def test_a_bare_code_without_a_named_rival_takes_the_closest_class():
    """A guess names the next reading even where neither rule nor rival does."""
    found = diagnose(Symptom(phase=None, evidence=Words("5.7.25")))
    assert (found.error_class, found.confidence) == (ErrorClass.CLIENT_BLOCKED, Confidence.GUESS)
    assert found.runner_up is ErrorClass.MESSAGE_REJECTED


def test_an_unknown_phase_lowers_certainty():
    """A rule that knows its phase is at most likely when nobody knows the phase."""
    found = diagnose(Symptom(phase=None, evidence=Reply(535, (b"5.7.8 Username and Password not accepted",))))
    assert found.error_class is ErrorClass.CREDENTIALS_REJECTED
    assert found.confidence is Confidence.LIKELY


def test_two_readings_of_the_same_weight_are_likely():
    """Where another rule reads the same kind of evidence differently, its class is the runner-up."""
    found = read({"phase": "rcpt", "code": 550, "text": "5.7.1 relaying denied, user unknown"})
    assert (found.error_class, found.confidence) == (ErrorClass.RELAY_DENIED, Confidence.LIKELY)


def test_an_empty_rulebook_classifies_nothing():
    """Without rules everything is unclassified, and still answered."""
    found = diagnose(Symptom(phase=Phase.AUTH, evidence=Reply(535, ())), Rulebook(()))
    assert found.error_class is ErrorClass.UNCLASSIFIED
    assert found.rule == "no-rule"


@pytest.mark.parametrize(
    ("phase", "code", "text", "outlook"),
    [
        ("auth", 535, "5.7.8 bad credentials", "0x800CCC18"),
        ("mail", 530, "5.7.0 Authentication required", "0x800CCC78"),
        ("rcpt", 550, "5.7.1 Unable to relay", "0x800CCC79"),
        ("rcpt", 554, "blocked using zen.spamhaus.org", "0x800CCC79"),
        ("data", 554, "blocked using zen.spamhaus.org", "0x800CCC6F"),
        ("greeting", 421, "Service not available", "0x800CCC67"),
        ("mail", 530, "Must issue a STARTTLS command first", "0x800CCC7C"),
        ("starttls", 454, "TLS not available", "0x800CCC7F"),
        ("ehlo", 500, "unrecognized command", "0x800CCC62"),
    ],
)
def test_the_outlook_code_follows_phase_and_reply(phase, code, text, outlook):
    """Outlook shows one number per command or reply code."""
    assert read({"phase": phase, "code": code, "text": text}).outlook_code == outlook


def test_server_words_in_a_summary_are_bounded_and_printable():
    """What a server says is quoted on one line, without control characters, and not at length."""
    nasty = "5.7.8 bad\x1b[31m creds\r\nSet-Cookie: x\u202e\x00 " + "very " * 500
    found = diagnose(reply(535, nasty, Phase.AUTH, host="evil\nhost"))
    assert found.summary.isprintable()
    assert "\x1b" not in found.summary
    assert len(found.summary) <= 500


def test_mojibake_is_read_in_every_likely_charset():
    """A Chinese reply that a client took for Latin-1 is understood by its words."""
    garbled = "请使用授权码登录".encode("gbk").decode("latin-1")
    assert (
        read({"phase": "auth", "code": 535, "text": garbled}).error_class is ErrorClass.APP_PASSWORD_REQUIRED
    )
    russian = Reply(535, ("Неверный пароль".encode("cp1251"),))
    assert (
        diagnose(Symptom(phase=Phase.AUTH, evidence=russian)).error_class is ErrorClass.CREDENTIALS_REJECTED
    )


def test_a_proved_class_is_worded_like_any_other():
    """A follow-up's verdict has the class's words, certainty, and the experiment as its rule."""
    symptom = Symptom(
        phase=Phase.CONNECT, evidence=ConnectFailure("ETIMEDOUT"), host="mail.example.com", port=587
    )
    found = reworded(symptom, ErrorClass.PORT_BLOCKED, "follow-up.other-port")
    assert (found.error_class, found.fault_domain, found.rule) == (
        ErrorClass.PORT_BLOCKED,
        FaultDomain.NETWORK,
        "follow-up.other-port",
    )
    assert found.confidence is Confidence.CERTAIN
    assert "mail.example.com:587" in found.summary


def test_an_ipv6_literal_is_shown_in_brackets():
    """Host and port stay readable for an address."""
    found = diagnose(Symptom(phase=Phase.GREETING, evidence=TimedOut(7.5), host="2001:db8::1", port=587))
    assert found.summary.startswith("[2001:db8::1]:587 accepted the connection")
    assert "within 7.5 s" in found.summary


def test_the_issuer_is_named_by_its_common_name():
    """A product's certificate is shown by the name a person can search for."""
    failure = TlsFailure(verify_code=20)
    for issuer, name in (
        ("C=US, O=Zscaler Inc., CN=Zscaler Root CA", "Zscaler Root CA"),
        ("O=Fortinet", "Fortinet"),
    ):
        found = diagnose(Symptom(phase=Phase.TLS, evidence=failure, issuers=(issuer,)))
        assert f"with a certificate by {name}" in found.summary
    plain = diagnose(Symptom(phase=Phase.TLS, evidence=failure, issuers=("avast",)))
    assert "with a certificate by avast" in plain.summary


def test_words_without_meaning_are_unclassified():
    """Text that says nothing known is a guess, never an error."""
    found = diagnose(Symptom(phase=None, evidence=Words("something went wrong")))
    assert (found.error_class, found.confidence) == (ErrorClass.UNCLASSIFIED, Confidence.GUESS)
