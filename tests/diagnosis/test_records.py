"""`classify`'s JSON contract: one answer a line, whatever the line holds."""

from __future__ import annotations

import json

import pytest

from exporter.diagnosis import classify_line, classify_lines, classify_record
from exporter.model import ConnectFailure, Dropped, ErrorClass, Phase, Reply, TlsMode, Words

KEYS = [
    "error_class",
    "fault_domain",
    "rule",
    "confidence",
    "runner_up",
    "summary",
    "remedy",
    "outlook_code",
]


def test_an_answer_has_exactly_the_fields_of_the_contract():
    """The object is what the design fixes, in its order, and JSON can print it."""
    (answer,) = classify_lines(['{"phase": "auth", "code": 535, "text": "5.7.8 bad password"}'])
    assert list(answer) == KEYS
    assert answer["error_class"] == "credentials_rejected"
    assert answer["runner_up"] is None or isinstance(answer["runner_up"], str)
    assert isinstance(answer["remedy"], list)
    json.dumps(answer)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "   ",
        "{",
        "{}",
        "[]",
        "null",
        "12",
        '"535 no"',
        '{"phase": 3, "code": [], "enhanced": {}, "text": 7, "errno": true, "mechanism": 1, "port": "x", "tls": []}',
        '{"phase": "moon", "code": 99999999999999999999, "enhanced": "5.7", "text": null, "errno": "nonsense"}',
        '{"code": 1e400}',
        '{"code": NaN}',
        "[" * 20_000,
        '{"text": "' + "x" * 100_000 + '"}',
        '{"text": ["535 no", 3, null]}',
        "\ud800",
        '{"text": "535 half a character \\ud87c of two"}',
        '{"text": "HTTP/1.1 400 half \\uda62 a character"}',
        "+OK an undecodable byte \udcff",
    ],
)
def test_every_line_has_an_answer(line):
    """Blank, broken, huge or mistyped: one answer each, never an exception."""
    assert len(list(classify_lines([line]))) == 1


def test_answers_come_in_order():
    """The n-th answer belongs to the n-th line."""
    lines = ['{"code": 535}', "gibberish", '{"phase": "dns", "errno": "EAI_AGAIN"}']
    assert [a["error_class"] for a in classify_lines(lines)] == [
        "credentials_rejected",
        "unclassified",
        "dns_unavailable",
    ]


def test_lines_are_read_one_by_one():
    """Nothing is held back: the first answer comes before the second line is asked for."""
    asked = []

    def lines():
        for number in range(3):
            asked.append(number)
            yield "535"

    next(classify_lines(lines()))
    assert asked == [0]


def test_all_fields_of_a_record_are_used():
    """Numbers may be text, a phase may be in capitals, unknown keys are ignored."""
    symptom = classify_record(
        {
            "phase": "AUTH",
            "code": "535",
            "enhanced": "5.7.8",
            "text": "no",
            "mechanism": "xoauth2",
            "port": "587",
            "tls": "starttls",
            "host": "smtp.example.com",
            "colour": "red",
        }
    )
    assert symptom.phase is Phase.AUTH
    assert symptom.evidence == Reply(535, (b"no",), "5.7.8")
    assert (symptom.host, symptom.port, symptom.tls_mode) == ("smtp.example.com", 587, TlsMode.STARTTLS)
    assert symptom.mechanism == "xoauth2"
    assert classify_record({"code": 535.0, "tls": "maybe"}).tls_mode is None


@pytest.mark.parametrize("tls", [False, 0, "none", "NONE", "false", "no", "off", " plain "])
def test_a_session_without_tls_is_one_however_it_is_written(tls):
    """A JSON boolean and the words for it say the same as the mode: not encrypted, and not meant to be."""
    record = {"phase": "auth", "code": 538, "text": "Encryption required"}
    assert classify_record(record | {"tls": tls}) == classify_record(record | {"tls": "none"})
    symptom = classify_record(record | {"tls": tls})
    assert (symptom.tls_mode, symptom.encrypted) == (TlsMode.NONE, False)


@pytest.mark.parametrize(
    ("tls", "mode", "encrypted"),
    [
        (True, None, True),
        ("true", None, True),
        ("TLS", None, True),
        ("TLSv1.3", None, True),
        ("STARTTLS", TlsMode.STARTTLS, None),
        ("implicit", TlsMode.IMPLICIT, None),
        ("SSL/TLS", TlsMode.IMPLICIT, None),
        (None, None, None),
        ("", None, None),
        ([], None, None),
        ({"mode": "none"}, None, None),
        (float("nan"), None, None),
        ("x" * 10_000, None, None),
    ],
)
def test_what_a_word_says_of_the_encryption(tls, mode, encrypted):
    """That a session was encrypted says not how; a mode that was meant says not that it came to be."""
    symptom = classify_record({"phase": "auth", "code": 535, "tls": tls})
    assert (symptom.tls_mode, symptom.encrypted) == (mode, encrypted)


def test_a_repeated_code_in_front_of_the_lines_is_dropped():
    """Some clients leave the code in the text."""
    assert classify_record({"code": 535, "text": "535-5.7.8 a\r\n535 5.7.8 b"}).evidence == Reply(
        535, (b"5.7.8 a", b"5.7.8 b"), "5.7.8"
    )


@pytest.mark.parametrize(
    ("record", "evidence"),
    [
        ({"errno": 111, "phase": "connect"}, ConnectFailure("ECONNREFUSED")),
        ({"errno": "111"}, ConnectFailure("ECONNREFUSED")),
        ({"errno": "WSAECONNREFUSED", "text": "übersetzt"}, ConnectFailure("ECONNREFUSED")),
        ({"errno": 12345, "text": "Connection refused"}, ConnectFailure("ECONNREFUSED")),
        ({"enhanced": "5.7.139"}, Words("5.7.139")),
        ({}, Words("")),
    ],
)
def test_a_record_without_a_reply_is_read_by_errno_then_text(record, evidence):
    """A known error number goes before words, and words before nothing."""
    assert classify_record(record).evidence == evidence


def test_the_phase_of_a_record_steers_the_text():
    """The same words before and after the greeting are two classes."""
    text = "Connection unexpectedly closed"
    assert isinstance(classify_record({"phase": "greeting", "text": text}).evidence, Dropped)
    assert (
        classify_line(json.dumps({"phase": "greeting", "text": text})).error_class
        is ErrorClass.CONNECTION_RESET
    )
    assert (
        classify_line(json.dumps({"phase": "mail", "text": text})).error_class is ErrorClass.CONNECTION_LOST
    )


def test_a_reply_inside_the_text_of_a_record_is_used():
    """A record without code may still hold a whole reply."""
    symptom = classify_record({"phase": "rcpt", "text": "host said: 550 5.1.1 User unknown", "port": 587})
    assert symptom.evidence == Reply(550, (b"5.1.1 User unknown",), "5.1.1")
    assert (symptom.phase, symptom.port) == (Phase.RCPT, 587)


@pytest.mark.parametrize(
    ("line", "error_class"),
    [
        ('{"errno": -4039, "code": "ESOCKET", "syscall": "connect", "command": "CONN"}', "connect_timeout"),
        ('{"code": "EAUTH", "response": "535 5.7.8 no", "responseCode": 535}', "credentials_rejected"),
        (
            '{"msg": "send failed", "err": {"message": "connect ECONNREFUSED 192.0.2.1:587"}}',
            "connect_refused",
        ),
        ('{"message": "452 4.3.1 Insufficient system storage"}', "server_storage_full"),
    ],
)
def test_an_object_of_another_contract_is_read_as_text(line, error_class):
    """An error of Node.js or a log line in JSON has no field `text`, and is understood all the same."""
    assert next(classify_lines([line]))["error_class"] == error_class


def test_an_error_number_alone_is_a_guess():
    """A record of an errno and nothing else has no phase that could tell the readings apart."""
    assert next(classify_lines(['{"errno": 10060}']))["confidence"] == "guess"
