"""The page of one endpoint."""

from __future__ import annotations

from dataclasses import replace

import pytest

from exporter.board import Board
from exporter.metrics import BackingOff
from exporter.model import (
    Attempt,
    AttemptOutcome,
    ErrorClass,
    FaultDomain,
    FollowUp,
    Phase,
    Reply,
    Step,
    StepStatus,
    TlsMode,
)
from tests.metrics.reading import board_of
from tests.metrics.synthetic import START, StillRuntime, endpoint, facts, failing, healthy
from tests.web.browsing import Page, get

PATH = "/endpoint?name=mail"


def page_of(board: Board, runtime: StillRuntime | None = None, **options: object) -> Page:
    """The endpoint's page."""
    return Page.read(get(board, PATH, runtime, **options))


def rejected(**changes: object) -> Board:
    """An endpoint that was healthy and has its password rejected now."""
    reply = Reply(535, (b"5.7.8 Authentication failed",), "5.7.8")
    failure = failing(
        Phase.AUTH,
        ErrorClass.CREDENTIALS_REJECTED,
        FaultDomain.CREDENTIALS,
        evidence=reply,
        reply=reply,
        number=1,
        **changes,  # type: ignore[arg-type]
    )
    return board_of(healthy(), failure)


def test_verdict_is_told_in_full() -> None:
    """Cause, owner, every remedy, phase, certainty, Outlook's code and the rule stand on top."""
    text = page_of(rejected()).text
    for words in (
        "failing",
        "Credentials rejected.",
        "our credentials",
        "Do the first thing.",
        "Then the second.",
        "login",
        "certain",
        "0x800CCC0E",
        "synthetic",
        "535 5.7.8 Authentication failed",
    ):
        assert words in text


def test_runner_up_is_named_in_words() -> None:
    """A close second cause is shown as words."""
    failure = failing()
    close = replace(failure, diagnosis=replace(failure.diagnosis, runner_up=ErrorClass.DNS_NOT_FOUND))
    assert "DNS not found" in page_of(board_of(close)).text


def test_waterfall_shows_every_phase() -> None:
    """Each step has its row: passed and failed ones with time and bar, the rest as not reached."""
    html = get(rejected(), PATH)
    page = Page.read(html)
    bars = [bar["class"] for bar in page.all("rect") if bar.get("height") == "10"]
    assert bars == ["passed"] * 7 + ["failed"]
    assert html.count("not reached") == 1
    assert page.text.count("EHLO") >= 2


def test_bars_follow_each_other_within_the_width() -> None:
    """A bar begins where the one before it ended, and none leaves the drawing."""
    bars = [bar for bar in page_of(board_of(healthy())).all("rect") if bar.get("height") == "10"]
    end = 0.0
    for bar in bars:
        x, width = float(bar["x"] or 0), float(bar["width"] or 0)
        assert x == pytest.approx(end, abs=3.1)
        end = x + width
    assert end == pytest.approx(1000, abs=0.5)


def test_history_draws_every_kept_probe() -> None:
    """Each kept probe is a bar with its words; a failed one has a foot, so colour is not needed."""
    page = page_of(rejected())
    feet = [bar for bar in page.all("rect") if bar.get("class") == "foot"]
    assert len(feet) == 1
    charts = [chart for chart in page.all("svg") if chart.get("role") == "img"]
    assert "2 probes are kept" in str(charts[0]["aria-label"])
    assert "1 of them failed" in str(charts[0]["aria-label"])
    assert "credentials rejected at login (our credentials)" in page.text


def test_a_short_history_is_drawn_in_narrow_bars() -> None:
    """One probe is a bar at the right edge, not a wall."""
    (bar,) = [bar for bar in page_of(board_of(healthy())).all("rect") if bar.get("height") == "100.0"]
    x, width = float(bar["x"] or 0), float(bar["width"] or 0)
    assert width < 50
    assert 990 < x + width <= 1000


def test_changes_and_kept_failures_are_listed() -> None:
    """When what began is listed, and a kept failure can be unfolded with its transcript."""
    page = page_of(rejected(transcript=("C: AUTH PLAIN <hidden>", "S: 535 5.7.8 no")))
    assert "credentials rejected (our credentials)" in page.text
    assert len(page.all("details")) == 2
    assert page.text.count("C: AUTH PLAIN <hidden>") == 2


def test_certificate_and_capabilities_are_shown() -> None:
    """The certificate's names, times and verdict, and both offers, are on the page."""
    text = page_of(board_of(healthy())).text
    for words in (
        "verified",
        "CN=smtp.example.com",
        "CN=Example CA,O=Example",
        "ab" * 32,
        "TLSv1.3 TLS_AES_256_GCM_SHA384",
        "AUTH PLAIN LOGIN X-HOUSE-BREW",
        "STARTTLS",
        "2027-03-16 08:00:00 UTC",
    ):
        assert words in text


def test_unverified_certificate_says_why() -> None:
    """A certificate that did not verify shows the reason, and long lists of names end."""
    names = tuple(f"host{n}.example.com" for n in range(40))
    seen = facts(verified=False, verify_error="self-signed certificate", sans=names, subject="x" * 2000)
    text = page_of(board_of(healthy(tls=seen))).text
    assert "not verified: self-signed certificate" in text
    assert "host19.example.com and 20 more" in text
    assert "x" * 501 not in text
    assert "no reason given" in page_of(board_of(healthy(tls=facts(verified=False)))).text


def test_follow_up_tells_what_it_proved() -> None:
    """An experiment is told with its target, outcome, and what it proves, or that it proves nothing."""
    proof = FollowUp(
        experiment="try port 465",
        target="smtp.example.com:465",
        outcome="it answers",
        seconds=0.1,
        decides=ErrorClass.PORT_BLOCKED,
    )
    nothing = replace(proof, outcome="silent too", decides=None)
    text = page_of(board_of(replace(failing(), follow_ups=(proof, nothing)))).text
    assert "it answers (100.0 ms), which proves: port blocked." in text
    assert "silent too (100.0 ms), which proves nothing." in text


def test_every_address_that_was_tried_is_listed() -> None:
    """Each attempt has its outcome and time, and the round trip of the one that answered is shown."""
    attempts = (
        Attempt("[2001:db8::1]:587", AttemptOutcome.NO_ANSWER, 0.25),
        Attempt("192.0.2.7:587", AttemptOutcome.CONNECTED, 0.004),
    )
    text = page_of(board_of(healthy(attempts=attempts))).text
    assert "[2001:db8::1]:587: no answer (250.0 ms)" in text
    assert "3.1 ms" in text


def test_doubt_and_withheld_login_are_told() -> None:
    """A message that may have arrived, and a login left out on purpose, are said in words."""
    seen = healthy(auth_withheld=True, data_uncertain=True)
    left_out = Step(Phase.AUTH, StepStatus.SKIPPED, None, note="the next login is due in 4 min")
    steps = tuple(left_out if step.phase is Phase.AUTH else step for step in seen.result.steps)
    text = page_of(board_of(replace(seen, result=replace(seen.result, steps=steps)))).text
    assert "left out" in text
    assert "the next login is due in 4 min" in text
    assert "not reached" not in text
    assert "it may have arrived" in text


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"auth_withheld": True}, "The login was left out this time"),
        ({"held_back": True}, "no connection was made this time"),
        ({}, None),
    ],
)
def test_verdict_that_stands_says_so(state: dict[str, bool], words: str | None) -> None:
    """Where the verdict is an earlier probe's, because this one asked less, the page says it."""
    text = page_of(rejected(**state)).text
    assert (words is None) == ("this time" not in text)
    assert words is None or words in text


def test_what_failed_is_told_once() -> None:
    """A refusal is not the last reply again, nor is a phase that was not reached its own note.

    It stands with the last probe and, folded up, with the failures that are kept.
    """
    html = get(rejected(), PATH)
    assert html.count("535 5.7.8 Authentication failed") == 2
    assert "Last reply" not in html
    failure = failing()
    steps = tuple(
        replace(step, note="not reached") if step.status is StepStatus.SKIPPED else step
        for step in failure.result.steps
    )
    skipped = sum(step.status is StepStatus.SKIPPED for step in steps)
    html = get(board_of(replace(failure, result=replace(failure.result, steps=steps))), PATH)
    assert html.count("not reached") == skipped


def test_offers_are_told_once() -> None:
    """A probe that ends with EHLO shows what was offered as capabilities, and not as a reply again."""
    probed = endpoint(until=Phase.EHLO, auth=None)
    said = Reply(250, (b"mail.example.com", b"PIPELINING", b"SIZE 10485760"))
    assert "Last reply" not in page_of(board_of(healthy(probed, reply=said))).text


def test_last_reply_is_shown_where_it_says_more() -> None:
    """What a server said at last, of a message's id or before it hung up, is shown, and cut where it is long."""
    said = Reply(235, (b"2.7.0 Accepted " + b"x" * 2000,), "2.7.0")
    text = page_of(board_of(healthy(reply=said))).text
    assert "235 2.7.0 Accepted" in text
    assert "x" * 501 not in text


def test_one_address_is_told_once() -> None:
    """The one address that was tried stands beside its phase, or is what failed."""
    one = (Attempt("192.0.2.7:587", AttemptOutcome.CONNECTED, 0.004),)
    assert "Addresses" not in page_of(board_of(healthy(attempts=one))).text


def test_end_of_the_chain_is_told_where_it_is_another() -> None:
    """A chain that ends with its leaf has one end."""
    ends = facts(not_after=START + 10**6, earliest_not_after=START + 10**6)
    assert "Chain ends" not in page_of(board_of(healthy(tls=ends))).text
    sooner = replace(ends, earliest_not_after=START + 10**5)
    assert "Chain ends" in page_of(board_of(healthy(tls=sooner))).text


def test_what_began_is_listed_from_the_second_change_on() -> None:
    """The one thing that ever began is the verdict's own beginning."""
    assert ": healthy" not in page_of(board_of(healthy())).text
    assert ": healthy" in page_of(rejected()).text


def test_settings_and_backing_off() -> None:
    """How it is probed, when next, and what is held back stand at the end."""
    runtime = StillRuntime()
    runtime.next_runs["mail"] = START + 10**9
    runtime.held["mail"] = BackingOff(auth=True, endpoint=True)
    text = page_of(board_of(healthy(endpoint(labels=(("site", "fra1"),)))), runtime).text
    for words in ("smtp.example.com:587", "site=fra1", "1 min", "10 s", "logins and whole probes"):
        assert words in text


def test_endpoint_that_was_not_probed_has_a_page() -> None:
    """Before the first probe the page shows the settings and that there is nothing yet."""
    text = page_of(board_of()).text
    assert "waiting" in text
    assert "No probe yet." in text


def test_session_without_tls_has_no_certificate_section() -> None:
    """What there was not is not shown."""
    board = board_of(
        healthy(
            endpoint(tls=TlsMode.NONE, until=Phase.EHLO, auth=None),
            before_tls=None,
            transcript=(),
            attempts=(),
        )
    )
    html = get(board, PATH)
    assert 'id="certificate"' not in html
    assert 'id="capabilities"' not in html
    assert 'id="transcript"' not in html


def test_what_is_not_known_of_a_certificate_is_left_out() -> None:
    """With implicit TLS there is no time before TLS; a certificate without a subject has no such line."""
    board = board_of(healthy(endpoint(tls=TlsMode.IMPLICIT, port=465), tls=facts(subject="", sans=())))
    text = page_of(board).text
    assert "Under TLS" in text
    assert "Before TLS" not in text
    assert "Subject" not in text
    assert "Names" not in text


def test_secrets_are_on_no_page() -> None:
    """The password of the endpoint, which the page's own values hold, is nowhere in it."""
    html = get(rejected(), PATH) + get(rejected(), "/") + get(rejected(), "/api/v1/endpoints/mail")
    assert "correct horse" not in html
    assert "probe@example.com" not in html


def test_parts_that_are_kept_fresh_have_names() -> None:
    """Every live part has an id of its own, by which the script finds it."""
    for board in (rejected(), board_of(healthy()), board_of()):
        page = page_of(board)
        live = [attributes.get("id") for _, attributes in page.elements if "data-live" in attributes]
        assert all(live)
        assert len(set(live)) == len(live)
        everything = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
        assert len(set(everything)) == len(everything)
