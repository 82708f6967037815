"""Diagnosing: symptom to diagnosis, by the rules alone.  Pure, total, deterministic."""

from __future__ import annotations

from dataclasses import replace

from exporter.diagnosis.classes import ClassNotes, class_notes
from exporter.diagnosis.facts import Facts, facts_of
from exporter.diagnosis.presets import preset_for, provider_in_reply, settings_advice
from exporter.diagnosis.rule import Rule, Tier
from exporter.diagnosis.rulebook import Match, Rulebook, default_rulebook
from exporter.diagnosis.wording import filled, outlook_code, values_of
from exporter.model import Confidence, Diagnosis, ErrorClass, FaultDomain, Symptom

_BY_TIER = {
    Tier.CODE: Confidence.GUESS,
    Tier.HINT: Confidence.LIKELY,
    Tier.STRUCTURE: Confidence.CERTAIN,
    Tier.WORDS: Confidence.LIKELY,
    Tier.VENDOR_CODE: Confidence.CERTAIN,
    Tier.MARKER: Confidence.CERTAIN,
}
_WEIGHT = 4  # of a precedence: all but the number of letters
_ORDER = (Confidence.GUESS, Confidence.LIKELY, Confidence.CERTAIN)

# where the provider's documented settings are the remedy
_ABOUT_SETTINGS = frozenset(
    {
        ErrorClass.DNS_NOT_FOUND,
        ErrorClass.CONNECT_REFUSED,
        ErrorClass.CONNECT_TIMEOUT,
        ErrorClass.CONNECTION_RESET,
        ErrorClass.GREETING_TIMEOUT,
        ErrorClass.NOT_SMTP,
        ErrorClass.ENCRYPTION_MISMATCH,
        ErrorClass.STARTTLS_NOT_OFFERED,
        ErrorClass.TLS_HANDSHAKE_FAILED,
        ErrorClass.CERT_HOSTNAME_MISMATCH,
        ErrorClass.ENCRYPTION_REQUIRED,
        ErrorClass.AUTH_NOT_OFFERED,
        ErrorClass.CLIENT_BLOCKED,
        ErrorClass.PORT_BLOCKED,
        ErrorClass.WRONG_PORT,
    }
)
# where what the provider wants as a secret is
_ABOUT_SECRETS = frozenset(
    {
        ErrorClass.CREDENTIALS_REJECTED,
        ErrorClass.APP_PASSWORD_REQUIRED,
        ErrorClass.AUTH_DISABLED,
        ErrorClass.AUTH_MECHANISM_UNSUPPORTED,
        ErrorClass.OAUTH_TOKEN_REJECTED,
    }
)


def diagnose(symptom: Symptom, rulebook: Rulebook | None = None) -> Diagnosis:
    """Why it failed, whose problem it is and what to do.

    Total: every symptom gets a diagnosis, `unclassified` where no rule knows it.  The same symptom and
    rules always give the same answer.
    """
    book = rulebook if rulebook is not None else default_rulebook()
    facts = facts_of(symptom)
    found = book.matches(facts)
    if not found:
        return _worded(
            facts, ErrorClass.UNCLASSIFIED, confidence=Confidence.GUESS, runner_up=ErrorClass.SERVER_ERROR
        )
    best = found[0][1]
    error_class = best.error_class or ErrorClass.UNCLASSIFIED
    rule, domain = best, best.domain
    confidence, runner_up = _confidence(facts, found)
    if refined := book.refinements(error_class, facts):
        rule = refined[0][1]
        if rule.error_class is not None and rule.error_class is not error_class:
            runner_up, error_class, domain = error_class, rule.error_class, None
            confidence = min(confidence, Confidence.LIKELY, key=_ORDER.index)
        domain = rule.domain or domain
        confidence = rule.confidence or confidence
        runner_up = rule.runner_up or runner_up
    if confidence is Confidence.CERTAIN:
        runner_up = None
    return _worded(facts, error_class, rule=rule, domain=domain, confidence=confidence, runner_up=runner_up)


def reworded(symptom: Symptom, error_class: ErrorClass, rule: str) -> Diagnosis:
    """The diagnosis for a class that something else than a rule has proved: a follow-up experiment."""
    return replace(_worded(facts_of(symptom), error_class, confidence=Confidence.CERTAIN), rule=rule)


def _confidence(facts: Facts, found: list[Match]) -> tuple[Confidence, ErrorClass | None]:
    """How far the best rule can be relied on here, and the next reading."""
    precedence, best = found[0]
    confidence = best.confidence or _BY_TIER[best.tier]
    runner_up = best.runner_up
    rival = next((match for match in found[1:] if match[1].error_class is not best.error_class), None)
    if rival is not None and rival[0][:_WEIGHT] == precedence[:_WEIGHT] and best.confidence is None:
        # another rule rests on as much evidence of the same kind and reads it differently
        confidence = min(confidence, Confidence.LIKELY, key=_ORDER.index)
        runner_up = runner_up or rival[1].error_class
    if facts.phase is None and best.phases:
        confidence = min(confidence, Confidence.LIKELY, key=_ORDER.index)
    if is_bare(facts):
        confidence = Confidence.GUESS
    if confidence is Confidence.GUESS and runner_up is None:
        runner_up = _next_reading(found, rival)
    return confidence, runner_up


def is_bare(facts: Facts) -> bool:
    """Nothing but a code or an error number is known: no words, and no phase of a session in which it was seen."""
    return (
        facts.phase is None
        and (facts.kind in {"reply", "words", "connect_failure", "name_failure"} or facts.errno is not None)
        and not any(word.isalpha() and len(word) > 1 for word in facts.squashed.split())
    )


def _next_reading(found: list[Match], rival: Match | None) -> ErrorClass | None:
    """The class of a rival with evidence of the same kind, else the class that looks most alike."""
    precedence, best = found[0]
    if rival is not None and rival[0][0] == precedence[0]:
        return rival[1].error_class
    return class_notes()[best.error_class or ErrorClass.UNCLASSIFIED].confused_with[0]


def _worded(
    facts: Facts,
    error_class: ErrorClass,
    *,
    rule: Rule | None = None,
    domain: FaultDomain | None = None,
    confidence: Confidence,
    runner_up: ErrorClass | None = None,
) -> Diagnosis:
    notes = class_notes()[error_class]
    values = values_of(facts)
    summary = filled(rule.summary if rule is not None and rule.summary else notes.summary, values)
    if is_bare(facts):
        summary = f"{summary} {_alternatives(error_class, runner_up, notes)}"
    remedy = rule.remedy if rule is not None and rule.remedy else notes.remedy
    advice = _advice(facts, error_class)
    if advice and error_class in _ABOUT_SETTINGS:
        summary = f"{summary} {advice[0]}"
    return Diagnosis(
        error_class=error_class,
        fault_domain=domain or notes.domain,
        rule=rule.id if rule is not None else "no-rule",
        confidence=confidence,
        summary=summary,
        remedy=tuple([*advice, *(filled(sentence, values) for sentence in remedy)][:3]),
        runner_up=runner_up if runner_up is not error_class else None,
        outlook_code=outlook_code(notes.outlook, facts),
    )


def _alternatives(error_class: ErrorClass, runner_up: ErrorClass | None, notes: ClassNotes) -> str:
    others = [c.value for c in dict.fromkeys((runner_up, *notes.confused_with)) if c and c is not error_class]
    return f"The code alone does not tell it from {', '.join(others[:4])}."


def _advice(facts: Facts, error_class: ErrorClass) -> list[str]:
    """What the known provider of this host documents; of a reply without one, the provider that it names."""
    symptom = facts.symptom
    if error_class in _ABOUT_SETTINGS and symptom.host:
        advice = settings_advice(symptom.host, symptom.port, symptom.tls_mode)
        return [f"{advice}."] if advice else []
    if error_class in _ABOUT_SECRETS:
        known = preset_for(symptom.host) if symptom.host else provider_in_reply(facts.text)
        return [known.secret] if known else []
    return []
