"""The sentences of a diagnosis: one full stop, closed quotations, the client's own way to say a code."""

from __future__ import annotations

import pytest

from exporter.diagnosis import diagnose, parse
from exporter.model import ErrorClass, Phase, Reply, Symptom, TlsFailure


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
