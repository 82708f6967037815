"""The sentences of a diagnosis: one full stop, closed quotations, the client's own way to say a code."""

from __future__ import annotations

import pytest

from exporter.diagnosis import diagnose, parse
from exporter.model import Confidence, ErrorClass, Phase, Reply, Symptom, TimedOut, TlsFailure


def test_a_value_with_a_full_stop_of_its_own_ends_the_sentence_once():
    """OpenSSL's verify error ends with a full stop, and so does the sentence around it."""
    failure = TlsFailure(
        verify_code=64, verify_error="IP address mismatch, certificate is not valid for '127.0.0.1'."
    )
    found = diagnose(Symptom(phase=Phase.TLS, evidence=failure, host="127.0.0.1", port=465))
    assert found.error_class is ErrorClass.CERT_HOSTNAME_MISMATCH
    assert ".." not in found.summary


def test_a_long_reply_keeps_its_closing_quotation_mark():
    """The words are cut before they are quoted."""
    found = diagnose(Symptom(phase=Phase.DATA, evidence=Reply(554, (b"spam " * 100,))))
    assert found.summary.count("“") == found.summary.count("”") == 1


@pytest.mark.parametrize(
    ("pasted", "code"),
    [
        ("Mailbox unavailable. The server response was: 5.7.1 Unable to relay", 550),
        ("Transaction failed. The server response was: no", 554),
        (
            "Permanent(Code { severity: PermanentNegativeCompletion, category: MailSystem, detail: Four })",
            554,
        ),
        ("Code { severity: TransientNegativeCompletion, category: Connections, detail: One }", 421),
    ],
)
def test_a_code_in_words_is_the_code(pasted, code):
    """.NET names the status and lettre its three digits, instead of the number."""
    evidence = parse(pasted).evidence
    assert isinstance(evidence, Reply)
    assert evidence.code == code


@pytest.mark.parametrize("port", [587, 465])
@pytest.mark.parametrize(
    ("phase", "partial", "words"),
    [
        (
            Phase.GREETING,
            b"220-mail.test\n220-mail",
            "finish its greeting within 5 s: “220-mail.test 220-mail”.",
        ),
        (Phase.GREETING, b"\x00\x01\xfe\xfd", "finish its greeting within 5 s: "),
        (Phase.EHLO, b"250-mail.test\n", "began to answer and did not finish within 5 s: “250-mail.test”."),
    ],
)
def test_a_reply_that_was_begun_is_no_silence(phase: Phase, partial: bytes, words: str, port: int):
    """The summary says what came, and that this is what the server did is less than certain."""
    found = diagnose(Symptom(phase=phase, evidence=TimedOut(5, partial), host="mail.test", port=port))
    assert words in found.summary
    assert found.confidence is Confidence.LIKELY
    silent = diagnose(Symptom(phase=phase, evidence=TimedOut(5), host="mail.test", port=587))
    assert silent.confidence is Confidence.CERTAIN
    assert silent.error_class is found.error_class
