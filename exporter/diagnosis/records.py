"""JSON lines in, JSON lines out: the `classify` contract (design 3.2)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from exporter.diagnosis import errnos
from exporter.diagnosis.engine import diagnose
from exporter.diagnosis.parsing import parse, symptom_of_bare_errno, symptom_of_errno
from exporter.diagnosis.parsing.context import Context, context_in
from exporter.diagnosis.rulebook import Rulebook
from exporter.diagnosis.text import LIMIT, clip, enhanced_in
from exporter.model import Diagnosis, Phase, Reply, Symptom, TlsMode, Words

_CONTRACT = frozenset({"phase", "code", "enhanced", "text", "errno", "host", "port", "tls", "mechanism"})
_ENHANCED_LIMIT = 12
_REMEMBERED_LINES = 2048
# How clients and people write what is `TlsMode` here.
_IN_CLEAR = frozenset({"none", "false", "no", "off", "0", "plain", "plaintext", "cleartext", "unencrypted"})
_ENCRYPTED = frozenset({"true", "yes", "on", "1", "tls", "encrypted"})
_TLS_MODES = {
    "starttls": TlsMode.STARTTLS,
    "explicit": TlsMode.STARTTLS,
    "implicit": TlsMode.IMPLICIT,
    "ssl": TlsMode.IMPLICIT,
    "ssl/tls": TlsMode.IMPLICIT,
    "smtps": TlsMode.IMPLICIT,
    "submissions": TlsMode.IMPLICIT,
}


def classify_record(record: Mapping[Any, Any]) -> Symptom:
    """The symptom of one record `{phase, code, enhanced, text, errno, mechanism, port, tls}`.

    Every field may be absent, null or of a wrong type: what cannot be read is not known.  `tls` is a mode,
    or whether the session was encrypted: true or false, as JSON or as a word.
    """
    symptom = _symptom_of_record(record)
    encrypted = _encrypted(record.get("tls"))
    return symptom if encrypted is None else replace(symptom, encrypted=encrypted)


def _symptom_of_record(record: Mapping[Any, Any]) -> Symptom:
    text = _text(record.get("text"))
    code = _number(record.get("code"), 200, 599)
    symbol = errnos.symbol_of(record.get("errno"))
    known = Context(
        phase=_phase(record.get("phase")),
        host=_string(record.get("host")),
        port=_number(record.get("port"), 1, 65535),
        tls_mode=_tls_mode(record.get("tls")),
        mechanism=_string(record.get("mechanism")),
    )
    if code is not None:
        return _symptom(known, _reply(code, _enhanced(record.get("enhanced")), text))
    if symbol is not None:
        if not text:
            return symptom_of_bare_errno(symbol, known)
        about = context_in(text)
        return _told(symptom_of_errno(symbol, replace(about, phase=known.phase or about.phase)), known)
    if not text:
        return _symptom(known, Words(_enhanced(record.get("enhanced")) or ""))
    return _told(parse(text, phase=known.phase), known)


def _told(symptom: Symptom, known: Context) -> Symptom:
    """The symptom of a text, with what the record says beside it."""
    return replace(
        symptom,
        host=known.host or symptom.host,
        port=known.port or symptom.port,
        tls_mode=known.tls_mode or symptom.tls_mode,
        mechanism=known.mechanism or symptom.mechanism,
    )


def classify_line(line: str, rulebook: Rulebook | None = None, *, phase: Phase | None = None) -> Diagnosis:
    """The diagnosis of one line, whatever it holds: a JSON record, or text.

    `phase` is where it happened, when the line does not say so itself.
    """
    return diagnose(_symptom_of_line(line, phase), rulebook)


def classify_lines(
    lines: Iterable[str], rulebook: Rulebook | None = None, *, phase: Phase | None = None
) -> Iterator[dict[str, Any]]:
    """One JSON-ready object a line, in order, whatever the line holds."""

    @lru_cache(_REMEMBERED_LINES)
    def again(line: str) -> Diagnosis:
        return classify_line(line, rulebook, phase=phase)

    # A mail log says the same thing again and again.
    for line in lines:
        known = again(line) if len(line) <= LIMIT else classify_line(line, rulebook, phase=phase)
        yield as_object(known)


def as_object(diagnosis: Diagnosis) -> dict[str, Any]:
    """A diagnosis as `classify --output json` prints it."""
    return {
        "error_class": diagnosis.error_class.value,
        "fault_domain": diagnosis.fault_domain.value,
        "rule": diagnosis.rule,
        "confidence": diagnosis.confidence.value,
        "runner_up": diagnosis.runner_up.value if diagnosis.runner_up else None,
        "summary": diagnosis.summary,
        "remedy": list(diagnosis.remedy),
        "outlook_code": diagnosis.outlook_code,
    }


def _symptom_of_line(line: str, phase: Phase | None) -> Symptom:
    stripped = line.strip()
    if stripped.startswith("{"):
        try:
            record = json.loads(stripped)
        except (ValueError, RecursionError):
            return parse(line, phase=phase)
        if isinstance(record, dict):
            if phase is not None and _phase(record.get("phase")) is None:
                record["phase"] = phase.value
            if not _is_record(record):
                return parse(stripped, phase=_phase(record.get("phase")))
            return classify_record(record)
    return parse(line, phase=phase)


def _is_record(record: Mapping[Any, Any]) -> bool:
    """It has the fields of the contract; an object with others and without a `text` is some log's line."""
    return bool(record.get("text")) or _CONTRACT.issuperset(record)


def _reply(code: int, enhanced: str | None, text: str) -> Reply:
    lines = text.split("\n") if text else []
    prefixes = (f"{code}-", f"{code} ")
    if lines and lines[0].startswith(prefixes):
        lines = [line[4:] if line.startswith(prefixes) else line for line in lines]
    raw = tuple(line.rstrip("\r").encode("utf-8", "replace") for line in lines)
    return Reply(code, raw, enhanced or enhanced_in("\n".join(lines)))


def _symptom(context: Context, evidence: Reply | Words) -> Symptom:
    return Symptom(
        phase=context.phase,
        evidence=evidence,
        host=context.host,
        port=context.port,
        tls_mode=context.tls_mode,
        mechanism=context.mechanism,
        issuers=context.issuers,
    )


def _text(value: object) -> str:
    if isinstance(value, str):
        return clip(value)
    if isinstance(value, list):
        return clip("\n".join(item for item in value[:500] if isinstance(item, str)))
    return ""


def _string(value: object) -> str | None:
    return value.strip()[:255] or None if isinstance(value, str) else None


def _number(value: object, low: int, high: int) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and value.strip()[:6].isdecimal() and len(value.strip()) <= 6:
        value = int(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e6:
        value = int(value)
    return value if isinstance(value, int) and low <= value <= high else None


def _enhanced(value: object) -> str | None:
    return enhanced_in(value.strip()[:_ENHANCED_LIMIT]) if isinstance(value, str) else None


def _phase(value: object) -> Phase | None:
    try:
        return Phase(value.strip().lower()) if isinstance(value, str) else None
    except ValueError:
        return None


def _tls_mode(value: object) -> TlsMode | None:
    """The mode that `tls` names; how a session was encrypted is not known from the fact that it was."""
    if _encrypted(value) is False:
        return TlsMode.NONE
    return _TLS_MODES.get(_tls_word(value))


def _encrypted(value: object) -> bool | None:
    """Whether `tls` says that the session was encrypted; a mode says only what was meant."""
    word = _tls_word(value)
    if word in _IN_CLEAR:
        return False
    return True if word in _ENCRYPTED or word.startswith(("tlsv1", "tls1", "sslv")) else None


def _tls_word(value: object) -> str:
    return str(value).strip().lower()[:20] if isinstance(value, str | bool | int | float) else ""
