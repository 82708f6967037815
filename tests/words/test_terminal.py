"""What a person reads of a step and of a verdict."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from exporter.diagnosis import diagnose
from exporter.model import (
    HEALTHY,
    Attempt,
    AttemptOutcome,
    Confidence,
    ConnectFailure,
    DropKind,
    Dropped,
    Endpoint,
    Evidence,
    FollowUp,
    Garbled,
    Injected,
    NameFailure,
    NameFailureKind,
    NotOffered,
    Observation,
    OurFault,
    Phase,
    ProbeResult,
    Reply,
    Step,
    StepStatus,
    Symptom,
    TimedOut,
    TlsFailure,
    TlsMode,
    TokenUnavailable,
    Words,
)
from exporter.terminal import InOrder, Style, diagnosis_text, evidence_words, heading, step_line, verdict

PLAIN = Style(io.StringIO())
ENDPOINT = Endpoint(
    name="mail",
    host="mail.example.com",
    port=587,
    tls=TlsMode.STARTTLS,
    until=Phase.AUTH,
    interval=60.0,
    timeout=10.0,
)

WORDS: list[tuple[Evidence, str]] = [
    (Reply(535, (b"5.7.8 no", b"5.7.8 really"), "5.7.8"), "535-5.7.8 no\n535 5.7.8 really"),
    (NameFailure(NameFailureKind.NOT_FOUND), "name look-up: not found"),
    (NameFailure(NameFailureKind.TIMEOUT, "asked 192.0.2.53"), "name look-up: timeout (asked 192.0.2.53)"),
    (
        ConnectFailure("ECONNREFUSED", (Attempt("192.0.2.1:587", AttemptOutcome.REFUSED, 0.1),)),
        "192.0.2.1:587 refused",
    ),
    (ConnectFailure("EHOSTUNREACH"), "EHOSTUNREACH"),
    (ConnectFailure(None), "no answer"),
    (TlsFailure(verify_error="certificate has expired"), "certificate has expired"),
    (TlsFailure(reason="NO_SHARED_CIPHER"), "NO_SHARED_CIPHER"),
    (TlsFailure(), "TLS failed"),
    (TimedOut(2.5), "nothing came within 2.5 s"),
    (TimedOut(2.5, b"250-mail\n250-SI"), "no whole answer came within 2.5 s: 250-mail\\n250-SI"),
    (Dropped(DropKind.EOF), "the server ended the connection"),
    (Dropped(DropKind.RESET, errno="ECONNRESET"), "the server ended the connection (ECONNRESET)"),
    (NotOffered("STARTTLS"), "STARTTLS is not offered"),
    (NotOffered("AUTH PLAIN", ("NTLM", "GSSAPI")), "AUTH PLAIN is not offered; offered: NTLM, GSSAPI"),
    (Garbled(b"SSH-2.0\x1b[31m", "not an SMTP reply line"), "not an SMTP reply line: SSH-2.0\\x1b[31m"),
    (Injected(b"250 hi\r\n"), "plaintext behind the STARTTLS reply: 250 hi\\r\\n"),
    (TokenUnavailable("invalid_client"), "no token: invalid_client"),
    (Words("odd\nwords"), "odd\\nwords"),
    (OurFault("KeyError"), "an error of this program: KeyError; the log has it whole"),
]


@pytest.mark.parametrize(("evidence", "words"), WORDS, ids=lambda value: type(value).__name__)
def test_evidence_in_words(evidence: Evidence, words: str) -> None:
    """Each kind of evidence has its sentence, and no control character gets through."""
    assert evidence_words(evidence) == words


@pytest.mark.parametrize("count", [1, 12, 13, 3000])
def test_a_long_reply_does_not_fill_the_screen(count: int) -> None:
    """Its first lines are shown and its last one, where the reason often stands, and how many are left out."""
    lines = evidence_words(Reply(554, tuple(b"line %d" % number for number in range(count)))).split("\n")
    assert len(lines) <= 13
    assert lines[-1] == f"554 line {count - 1}"
    assert lines[0][4:] == "line 0"
    left_out = count - (len(lines) - 1 if count > 12 else len(lines))
    assert (f"... ({left_out} lines are left out)" in lines) is (count > 12)


def test_steps_are_aligned_and_marked() -> None:
    """Mark, phase, time and note stand in columns; more lines of a reply below the first."""
    passed = step_line(Step(Phase.TLS, StepStatus.PASSED, 0.0123, note="TLSv1.3"), PLAIN)
    failed = step_line(Step(Phase.AUTH, StepStatus.FAILED, 1.5, Reply(535, (b"a", b"b"))), PLAIN)
    skipped = step_line(Step(Phase.AUTH, StepStatus.SKIPPED, None, note="login held back"), PLAIN)
    bare = step_line(Step(Phase.AUTH, StepStatus.FAILED, 1.5), PLAIN)
    assert passed == "  ok    tls           12.3 ms  TLSv1.3"
    assert failed == "  FAIL  auth        1500.0 ms  535-a\n                              535 b"
    assert skipped == "  -     auth                   login held back"
    assert bare == "  FAIL  auth        1500.0 ms"


def observation(evidence: Evidence | None, *follow_ups: FollowUp) -> Observation:
    """An observation with this failure, or a healthy one."""
    symptom = None if evidence is None else Symptom(phase=Phase.AUTH, evidence=evidence)
    result = ProbeResult(endpoint=ENDPOINT, started=0.0, seconds=0.25, steps=(), symptom=symptom)
    found = HEALTHY if symptom is None else diagnose(symptom)
    return Observation(result=result, diagnosis=found, follow_ups=follow_ups)


def test_a_verdict_says_what_whose_and_what_to_do() -> None:
    """Class, owner, numbered remedies, the Outlook code, the rule, experiments and notes."""
    tried = FollowUp(experiment="offer TLS at once", target="h:587", outcome="silence", seconds=0.5)
    text = verdict(
        observation(Reply(535, (b"5.7.8 bad password",), "5.7.8"), tried), PLAIN, ("587 was assumed.",)
    )
    for words in (
        "credentials_rejected",
        "Whose problem: the credentials",
        "    1. ",
        "Outlook shows: 0x800CCC18",
        "Also tried: offer TLS at once at h:587: silence (500 ms)",
        "Note: 587 was assumed.",
        "  rule ",
    ):
        assert words in text
    assert verdict(observation(None), PLAIN, ("n.",)) == "  healthy in 250 ms\n  Note: n."


def test_doubt_is_shown() -> None:
    """How sure the diagnosis is, and what else it could be, stands beside it."""
    sure = diagnose(Symptom(phase=Phase.AUTH, evidence=Reply(535, (b"5.7.8 bad password",), "5.7.8")))
    for confidence, words in ((Confidence.LIKELY, " (likely)"), (Confidence.GUESS, " (a guess)")):
        assert words in diagnosis_text(replace(sure, confidence=confidence), PLAIN)
    assert "(" not in diagnosis_text(replace(sure, confidence=Confidence.CERTAIN), PLAIN).splitlines()[0]


def test_a_heading_names_the_target_once() -> None:
    """An endpoint that is called by its target is not named twice."""
    assert heading(ENDPOINT, PLAIN) == "mail  mail.example.com:587, STARTTLS, until auth"
    unnamed = replace(ENDPOINT, name=ENDPOINT.target, tls=TlsMode.IMPLICIT)
    assert heading(unnamed, PLAIN) == "mail.example.com:587  implicit TLS, until auth"


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Claim to be one."""
        return True


@pytest.mark.parametrize(("variable", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_colour_can_be_refused(variable: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal there is colour, unless NO_COLOR or a dumb terminal forbids it."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert Style(Screen()).good("x") == "\033[32mx\033[0m"
    monkeypatch.setenv(variable, value)
    style = Style(Screen())
    assert [style.good("x"), style.bad("x"), style.faint("x"), style.strong("x")] == ["x"] * 4


def test_blocks_come_out_in_order_and_the_front_one_live() -> None:
    """Lines of the block in front show at once; the others wait until it is their turn."""
    shown: list[str] = []
    blocks = InOrder(3, shown.append)
    blocks.line(1, "b1")
    blocks.line(0, "a1")
    assert shown == ["a1"]
    blocks.done(1)
    blocks.line(0, "a2")
    blocks.done(0)
    assert shown == ["a1", "a2", "", "b1", ""]
    blocks.line(2, "c1")
    blocks.done(2)
    assert shown[-1] == "c1"


def test_code_in_a_remedy_is_quoted() -> None:
    """A remedy's inline code stands in quotation marks: a terminal knows no Markdown."""
    remedy = ("Set `auth.mechanism` to another one.",)
    text = diagnosis_text(replace(HEALTHY, remedy=remedy), PLAIN)
    assert "1. Set “auth.mechanism” to another one." in text
    assert "`" not in text
