"""What holds for every input: an answer, always the same, on one line, in bounded time."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.diagnosis import classify_lines, diagnose, parse
from exporter.diagnosis.facts import EVIDENCE_KINDS
from exporter.model import (
    Attempt,
    AttemptOutcome,
    Capabilities,
    Confidence,
    ConnectFailure,
    DropKind,
    Dropped,
    FaultDomain,
    Garbled,
    Injected,
    NameFailure,
    NameFailureKind,
    NotOffered,
    OurFault,
    Phase,
    Reply,
    Symptom,
    TimedOut,
    TlsFailure,
    TlsMode,
    TlsVersion,
    TokenUnavailable,
    Words,
)
from tests.examples import examples

words = st.text(max_size=200) | st.sampled_from(
    [
        "5.7.8 bad password",
        "Too many connections",
        "blocked using zen.spamhaus.org",
        "TLS required",
        "{server} [x]",
    ]
)
raw = st.binary(max_size=200)
errno = st.none() | st.sampled_from(["ECONNREFUSED", "WSAECONNRESET", "ETIMEDOUT", "EMFILE", "nonsense"])
attempts = st.lists(
    st.builds(
        Attempt,
        st.sampled_from(["192.0.2.1:587", "[2001:db8::1]:587", "", "x"]),
        st.sampled_from(AttemptOutcome),
        st.floats(0, 9),
    ),
    max_size=3,
).map(tuple)
small = st.none() | st.integers(-5, 200)
evidence = st.one_of(
    st.builds(
        Reply,
        st.integers(0, 999),
        st.lists(raw, max_size=4).map(tuple),
        st.none() | st.sampled_from(["5.7.8", "4.2.2"]),
    ),
    st.builds(NameFailure, st.sampled_from(NameFailureKind), words),
    st.builds(ConnectFailure, errno, attempts),
    st.builds(
        TlsFailure,
        st.none() | st.sampled_from(["WRONG_VERSION_NUMBER", "X"]),
        small,
        small,
        st.none() | words,
        words,
        raw,
        st.booleans(),
    ),
    st.builds(TimedOut, st.floats(allow_nan=True), raw),
    st.builds(Dropped, st.sampled_from(DropKind), raw, errno),
    st.builds(
        NotOffered,
        st.sampled_from(["STARTTLS", "AUTH", "AUTH PLAIN", "MOON"]),
        st.lists(words, max_size=3).map(tuple),
    ),
    st.builds(Garbled, raw, words),
    st.builds(Injected, raw),
    st.builds(TokenUnavailable, words, st.booleans()),
    st.builds(Words, words),
    st.builds(OurFault, words),
)
symptoms = st.builds(
    Symptom,
    phase=st.none() | st.sampled_from(Phase),
    evidence=evidence,
    host=st.none() | words | st.sampled_from(["smtp.gmail.com", "localhost", "::1", "[x"]),
    port=st.none() | st.sampled_from([25, 465, 587, 0, -1, 99999]),
    tls_mode=st.none() | st.sampled_from(TlsMode),
    encrypted=st.none() | st.booleans(),
    auth_attempted=st.none() | st.booleans(),
    mechanism=st.none() | words | st.just("XOAUTH2"),
    challenge=st.none() | words,
    capabilities=st.none()
    | st.builds(Capabilities, st.lists(words, max_size=3).map(tuple), st.lists(words, max_size=3).map(tuple)),
    greeting=st.none() | words,
    issuers=st.lists(words, max_size=3).map(tuple),
    min_version=st.none() | st.sampled_from(TlsVersion),
    max_version=st.none() | st.sampled_from(TlsVersion),
    attempts=attempts,
    helo=st.none() | words,
)


def assert_well_formed(found):
    """The answer is one a log line, a label and a table can hold."""
    assert found.summary
    assert 1 <= len(found.remedy) <= 3
    for said in (found.summary, *found.remedy, found.rule):
        assert "\n" not in said
        assert "\r" not in said
        assert "\x1b" not in said
        assert all(char.isprintable() for char in said), said
        assert len(said) <= 900
    assert found.fault_domain is not FaultDomain.NONE
    assert found.runner_up is not found.error_class
    assert found.confidence is not Confidence.GUESS or found.runner_up is not None


@examples(400)
@given(symptoms)
def test_diagnosing_is_total_and_deterministic(symptom):
    """Every symptom has an answer, and the same one each time."""
    found = diagnose(symptom)
    assert_well_formed(found)
    assert diagnose(symptom) == found


@examples(300)
@given(st.text(max_size=400) | words)
def test_any_pasted_text_has_an_answer(pasted):
    """No text makes parsing raise, and its answer is well-formed."""
    assert_well_formed(diagnose(parse(pasted)))


@examples(200)
@given(
    st.lists(
        st.text(max_size=80)
        | st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["phase", "code", "text", "errno", "enhanced", "tls", "port"]),
                    inner,
                    max_size=5,
                )
            ),
            max_leaves=8,
        ).map(json.dumps),
        max_size=5,
    )
)
def test_one_answer_a_line(lines):
    """As many answers as lines, each printable as one line of JSON."""
    answers = list(classify_lines(lines))
    assert len(answers) == len(lines)
    assert all("\n" not in json.dumps(answer) for answer in answers)


@examples(100)
@given(
    st.sampled_from(["5.7.8", "4.2.2", None]),
    st.integers(400, 599).filter(lambda code: code not in {443, 465, 587}),
    st.text(st.characters(min_codepoint=65, max_codepoint=122), min_size=1, max_size=40).filter(str.strip),
)
def test_parsing_a_written_reply_returns_it(enhanced, code, said):
    """A reply as a client prints it is read back as it was."""
    shown = f"{enhanced} {said}" if enhanced else said
    read = parse(f"{code} {shown}").evidence
    if "\\n" not in said and "\\r" not in said:
        assert isinstance(read, Reply)
        assert (read.code, read.enhanced) == (code, enhanced)


HOSTILE = {
    "blanks": " ",
    "newlines": "\n",
    "mixed blanks": "  \n  ",
    "labels": "a.",
    "dashes": "a-",
    "letters": "X",
    "replies": "550-",
    "codes": "5.7.1 ",
    "quotes": "'",
    "brackets": "(",
    "alerts": "alert ",
    "symbols": "A_",
    "urls": "https://",
    "hresults": "0x800ccc0e ",
    "issuers": "issuer: ",
    "subjects": "subject CN=",
    "escapes": "\x1b[1",
    "accents": "é",
    "mojibake": "Ç",
    "chinese": "授",
    "hosts": "smtp.gmail.com:587 ",
    "addresses": "[::1]:",
    "stack traces": "\n at ",
    "transcripts": "C: AUTH\n",
    "markers": "code: '",
    "words": "too many ",
    "templates": "{server}[{host}]",
    "surrogates": "\ud800",
}


@pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_costs_no_more_than_its_length(unit):
    """Half a megabyte of the worst text for a pattern is read in a moment: nothing backtracks."""
    pasted = unit * (500_000 // len(unit))
    started = time.process_time()
    assert_well_formed(diagnose(parse(pasted)))
    reply = Reply(550, (pasted.encode("utf-8", "surrogatepass"),))
    assert_well_formed(diagnose(Symptom(phase=Phase.RCPT, evidence=reply, host=pasted, greeting=pasted)))
    # an exponential or even a quadratic pattern would take minutes
    assert time.process_time() - started < 5


def test_the_kinds_of_evidence_have_names_for_rules():
    """Rules can speak of every kind of evidence."""
    assert len(EVIDENCE_KINDS) == 12
