"""The words of a diagnosis: templates filled from the symptom, always one printable line."""

from __future__ import annotations

import re
from collections.abc import Mapping

from exporter.diagnosis import text
from exporter.diagnosis.facts import Facts
from exporter.diagnosis.openssl import VERIFY_ERRORS
from exporter.diagnosis.text import fold, printable
from exporter.model import (
    Garbled,
    NotOffered,
    Phase,
    Symptom,
    TimedOut,
    TlsFailure,
    TokenUnavailable,
)
from exporter.pattern import pattern

_OPTIONAL = pattern(r"\[([^\[\]]{1,200})\]")
_FIELD = pattern(r"\{([a-z_]{1,20})\}")
_FALLBACKS = {
    "server": "the server",
    "host": "the host",
    "port": "the port",
    "mechanism": "the mechanism",
    "reply": "no words",
    "verify_error": "no reason given",
    "issuer": "an unknown issuer",
    "capability": "the capability",
    "helo": "the name",
    "limit": "some",
    "token_error": "no reason given",
    "why": "no reason given",
}
_SUMMARY_LIMIT = 500
_WORDS_LIMIT = 140  # so that code, quotation marks and words stay below what is printed of any value

# imnxport.h: 0x800CCC60-6F map one reply code each, 78 and 79 stand for any failure of MAIL and RCPT
_OUTLOOK_BY_CODE = {
    500: "0x800CCC62",
    501: "0x800CCC63",
    502: "0x800CCC64",
    503: "0x800CCC65",
    504: "0x800CCC66",
    421: "0x800CCC67",
    450: "0x800CCC68",
    550: "0x800CCC69",
    451: "0x800CCC6A",
    551: "0x800CCC6B",
    452: "0x800CCC6C",
    552: "0x800CCC6D",
    553: "0x800CCC6E",
    554: "0x800CCC6F",
}
_OUTLOOK_BY_PHASE = {Phase.MAIL: "0x800CCC78", Phase.RCPT: "0x800CCC79"}
_HRESULT = pattern(r"0x800ccc[0-9a-f]{2}")


def values_of(facts: Facts) -> dict[str, str]:
    """What the templates may use, for this failure; what is not known is absent."""
    symptom = facts.symptom
    evidence = symptom.evidence
    known: dict[str, str | None] = {
        "server": _server(symptom),
        "host": symptom.host,
        "port": str(symptom.port) if symptom.port else None,
        "mechanism": symptom.mechanism,
        "helo": symptom.helo,
        "issuer": _named(symptom.issuers[0]) if symptom.issuers else None,
        "reply": _reply(facts),
    }
    if isinstance(evidence, TlsFailure):
        by_number = VERIFY_ERRORS.get(evidence.verify_code or 0)
        number = f"verify error {evidence.verify_code}" if evidence.verify_code else None
        known["verify_error"] = evidence.verify_error or by_number or number
    if isinstance(evidence, NotOffered):
        known["capability"] = evidence.capability
    if isinstance(evidence, TimedOut) and evidence.limit > 0:
        known["limit"] = f"{evidence.limit:g}"
    if isinstance(evidence, Garbled):
        known["why"] = evidence.why
    if isinstance(evidence, TokenUnavailable):
        known["token_error"] = evidence.error
    shown = ((name, printable(value)) for name, value in known.items() if value)
    # the template has its own full stop
    return {name: value.rstrip(".") for name, value in shown if value.rstrip(".")}


def filled(template: str, values: Mapping[str, str]) -> str:
    """The template with its values: optional parts fall away, other gaps get a plain word."""

    def optional(found: re.Match[str]) -> str:
        inner = found[1]
        return inner if all(name in values for name in _FIELD.findall(inner)) else ""

    if "{" not in template:
        return template
    # the brackets go before the values come: a value may hold brackets of its own
    flat = _OPTIONAL.sub(optional, template)
    sentence = _FIELD.sub(lambda found: values.get(found[1], _FALLBACKS.get(found[1], "")), flat)
    line = printable(sentence, _SUMMARY_LIMIT)
    # a host name at the beginning keeps its spelling
    return f"T{line[1:]}" if line.startswith("the ") else line


def outlook_code(codes: tuple[str, ...], facts: Facts) -> str | None:
    """Of the HRESULTs that fit the class, the one that Outlook shows for this phase and reply."""
    if not codes:
        return None
    fitting = [f"0x{found[2:].upper()}" for found in _HRESULT.findall(facts.folded)] if facts.text else []
    if facts.kind in {"reply", "words"} and facts.symptom.phase is not None:
        fitting.append(_OUTLOOK_BY_PHASE.get(facts.symptom.phase, ""))
    fitting.append(_OUTLOOK_BY_CODE.get(facts.code or 0, ""))
    return next((code for code in fitting if code in codes), codes[0])


def _server(symptom: Symptom) -> str | None:
    if not symptom.host:
        return None
    host = f"[{symptom.host}]" if ":" in symptom.host else symptom.host
    return f"{host}:{symptom.port}" if symptom.port else host


def _named(issuer: str) -> str:
    """The common name of an issuer, else its organisation, else all of it."""
    for key in ("CN", "O"):
        if found := re.search(rf"(?:^|[,/+\s]){key}\s?=\s?([^,/+]{{1,100}})", issuer[:1000]):
            return found[1].strip()
    return issuer


def _reply(facts: Facts) -> str | None:
    """The server's own words, with the code, in quotation marks."""
    if facts.kind not in {"reply", "garbled", "words", "timed_out"} or (
        facts.kind == "timed_out" and not facts.text
    ):
        return None
    lines = text.readable(facts.text).splitlines() or [""]
    code = facts.enhanced or ""
    words = " ".join(line.removeprefix(code).strip() for line in lines[:20]) if code else " ".join(lines[:20])
    said = printable(words, _WORDS_LIMIT)
    head = " ".join(str(part) for part in (facts.code, facts.enhanced) if part)
    if not said or fold(said).strip() == head:
        return head or None
    return f"{head} “{said}”" if head else f"“{said}”"
