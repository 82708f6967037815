"""What one probe saw: phases, answers, follow-up, certificate, capabilities, transcript."""

from __future__ import annotations

from exporter.board import Entry
from exporter.model import (
    Capabilities,
    Evidence,
    Observation,
    Phase,
    ProbeResult,
    Reply,
    StepStatus,
    TlsFacts,
)
from exporter.terminal import evidence_words
from exporter.web.charts import waterfall
from exporter.web.html import Html, tag
from exporter.web.layout import ago, facts, section, when
from exporter.web.parts import certificate_life
from exporter.web.words import class_words, seconds_words


def probe_sections(entry: Entry, observation: Observation, now: float) -> tuple[Html | None, ...]:
    """Return the parts of the page that tell one probe, from its phases to its transcript."""
    result = observation.result
    return (
        section(
            "Last probe",
            tag("p", "Made ", ago(result.started, now), "."),
            waterfall(result),
            answers(result),
        ),
        _follow_ups(observation),
        section("Certificate", _encryption(entry, result.tls, now)) if result.tls is not None else None,
        _offers(result),
        section("Transcript", _transcript(result)) if result.transcript else None,
    )


def answers(result: ProbeResult) -> Html:
    """Return what came back: the failure as it was seen, the last reply, every address that was tried."""
    seen = result.symptom.evidence if result.symptom is not None else None
    reply = _reply_beside(result, seen)
    tried = (
        tag(
            "li", f"{attempt.address}: {attempt.outcome.replace('_', ' ')} ({seconds_words(attempt.seconds)})"
        )
        for attempt in result.attempts
    )
    return facts(
        ("What failed", tag("pre", evidence_words(seen)) if seen is not None else None),
        ("Last reply", tag("pre", clipped(reply)) if reply is not None else None),
        # One alone stands beside its phase, or is what failed.
        ("Addresses", tag("ul", *tried) if len(result.attempts) > 1 else None),
        ("Round trip", seconds_words(result.tcp_rtt) if result.tcp_rtt is not None else None),
        ("Message", "was sent and never answered: it may have arrived" if result.data_uncertain else None),
    )


def _reply_beside(result: ProbeResult, seen: Evidence | None) -> str | None:
    """Return the reply that decided, unless it stands elsewhere: as what failed, or as capabilities."""
    reply = result.reply
    if reply is None or isinstance(seen, Reply) or _answered(result) is Phase.EHLO:
        return None
    return f"{reply.code} {reply.text}"


def _answered(result: ProbeResult) -> Phase | None:
    """Return the last phase before QUIT that ended with a reply of its own."""
    wordless = (Phase.DNS, Phase.CONNECT, Phase.TLS, Phase.QUIT)
    passed = (step.phase for step in result.steps if step.status is StepStatus.PASSED)
    return next((phase for phase in reversed(tuple(passed)) if phase not in wordless), None)


def _follow_ups(observation: Observation) -> Html | None:
    if not observation.follow_ups:
        return None
    made = (
        tag(
            "li",
            f"{one.experiment} at {one.target}: {one.outcome} ({seconds_words(one.seconds)}), which ",
            f"proves: {class_words(one.decides)}" if one.decides is not None else "proves nothing",
            ".",
        )
        for one in observation.follow_ups
    )
    return section("What the follow-up saw", tag("ul", *made))


def _encryption(entry: Entry, tls: TlsFacts, now: float) -> Html:
    verdict = "verified" if tls.verified else f"not verified: {tls.verify_error or 'no reason given'}"
    names = ", ".join(tls.sans[:20]) + (f" and {len(tls.sans) - 20} more" if len(tls.sans) > 20 else "")
    return facts(
        ("Verdict", verdict),
        ("Life", certificate_life(entry, now)),
        ("Valid from", when(tls.not_before) if tls.not_before is not None else None),
        ("Valid until", when(tls.not_after) if tls.not_after is not None else None),
        ("Chain ends", _other_time(tls.earliest_not_after, tls.not_after)),
        ("Subject", clipped(tls.subject)),
        ("Issuer", clipped(tls.issuer)),
        ("Names", clipped(names)),
        ("Serial", clipped(tls.serial)),
        ("SHA-256", tls.fingerprint_sha256 or None),
        ("Certificates sent", str(tls.chain_length)),
        ("Protocol", f"{tls.version} {tls.cipher}".strip() or None),
    )


def _other_time(unix: float | None, known: float | None) -> Html | None:
    return when(unix) if unix is not None and unix != known else None


def _offers(result: ProbeResult) -> Html | None:
    if result.before_tls is None and result.after_tls is None:
        return None
    return section(
        "Capabilities",
        facts(("Before TLS", _offer(result.before_tls)), ("Under TLS", _offer(result.after_tls))),
    )


def _offer(offered: Capabilities | None) -> Html | None:
    if offered is None:
        return None
    lines = offered.lines or offered.keywords
    return tag("pre", clipped("\n".join(lines), 4000) or "nothing")


def _transcript(result: ProbeResult) -> Html:
    return tag(
        "details",
        tag("summary", f"{len(result.transcript)} lines"),
        tag("pre", "\n".join(result.transcript)),
        id="lines",
    )


def clipped(foreign: str, limit: int = 500) -> str | None:
    """Return foreign text, cut where nobody reads on; None for nothing."""
    if not foreign:
        return None
    return foreign if len(foreign) <= limit else foreign[:limit] + "…"
