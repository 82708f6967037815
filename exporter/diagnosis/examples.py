"""The examples of rules: from what a rule file writes to a symptom.

An example is a line of text, as it would be pasted; or a record as `classify` reads it; or, with the
key `evidence`, a symptom spelt out with the field names of `exporter.model`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from exporter.diagnosis.parsing import parse
from exporter.diagnosis.records import classify_record
from exporter.model import (
    Attempt,
    AttemptOutcome,
    Capabilities,
    ConnectFailure,
    DropKind,
    Dropped,
    Evidence,
    Garbled,
    Injected,
    NameFailure,
    NameFailureKind,
    NotOffered,
    OurFault,
    Phase,
    Reply,
    SaslBreach,
    Symptom,
    TimedOut,
    TlsFailure,
    TlsMode,
    TlsVersion,
    TokenUnavailable,
    Words,
)


def symptom_of(example: Any) -> Symptom:
    """The symptom of one example; ValueError (with the reason) for one that cannot be read."""
    if isinstance(example, str):
        return parse(example)
    if not isinstance(example, Mapping):
        raise ValueError("an example is a text or a mapping")  # noqa: TRY004 - the caller wants one kind
    if "evidence" not in example and not ({"code", "text", "errno"} & example.keys()):
        raise ValueError("an example needs `text`, `code`, `errno` or `evidence`")
    fields = dict(example)
    about = {name: read(fields.pop(name)) for name, read in _ABOUT.items() if name in fields}
    try:
        if "evidence" in fields:
            evidence = _evidence(str(fields.pop("evidence")), fields)
            phase = Phase(fields.pop("phase")) if fields.get("phase") else None
            if fields:
                raise ValueError(f"unknown fields {', '.join(sorted(fields))}")
            return Symptom(phase=phase, evidence=evidence, **about)
        known = classify_record(fields)
    except (TypeError, KeyError, AttributeError) as problem:
        raise ValueError(str(problem)) from problem
    return Symptom(
        **{
            "phase": known.phase,
            "evidence": known.evidence,
            "host": known.host,
            "port": known.port,
            "tls_mode": known.tls_mode,
            "mechanism": known.mechanism,
            "issuers": known.issuers,
        }
        | about
    )


def _strings(value: Any) -> tuple[str, ...]:
    return tuple(str(item) for item in value)


def _attempts(value: Any) -> tuple[Attempt, ...]:
    return tuple(Attempt(str(address), AttemptOutcome(outcome), 0.0) for address, outcome in value)


def _capabilities(value: Any) -> Capabilities:
    lines = _strings(value)
    keywords = tuple(line.split(" ", 1)[0].upper() for line in lines)
    offered = (line.upper().split()[1:] for line in lines if line.upper().startswith("AUTH "))
    return Capabilities(keywords, tuple(name for names in offered for name in names), lines=lines)


_ABOUT: dict[str, Any] = {
    "host": str,
    "port": int,
    "tls_mode": TlsMode,
    "encrypted": bool,
    "auth_attempted": bool,
    "mechanism": str,
    "challenge": str,
    "capabilities": _capabilities,
    "greeting": str,
    "issuers": _strings,
    "min_version": TlsVersion,
    "max_version": TlsVersion,
    "attempts": _attempts,
    "helo": str,
}


def _garbled(line: str, why: str, breach: str | None) -> Garbled:
    return Garbled(line.encode("latin-1"), why, SaslBreach(breach) if breach is not None else None)


def _evidence(kind: str, fields: dict[str, Any]) -> Evidence:
    """The evidence of that kind; takes its fields out of `fields`."""

    def take(name: str, default: Any = None) -> Any:
        return fields.pop(name, default)

    match kind:
        case "reply":
            lines = tuple(line.encode() for line in str(take("text", "")).split("\n"))
            return Reply(int(take("code")), lines, take("enhanced"))
        case "name_failure":
            return NameFailure(NameFailureKind(take("kind")), str(take("detail", "")))
        case "connect_failure":
            return ConnectFailure(take("errno"), _attempts(take("tried", ())))
        case "tls_failure":
            return TlsFailure(
                reason=take("reason"),
                alert=take("alert"),
                verify_code=take("verify_code"),
                verify_error=take("verify_error"),
                detail=str(take("detail", "")),
                peer_bytes=str(take("peer_bytes", "")).encode("latin-1"),
                certificate_requested=bool(take("certificate_requested", False)),
            )
        case "timed_out":
            return TimedOut(float(take("limit", 10)), str(take("partial", "")).encode("latin-1"))
        case "dropped":
            return Dropped(
                DropKind(take("how", "eof")), str(take("partial", "")).encode("latin-1"), take("errno")
            )
        case "not_offered":
            return NotOffered(str(take("capability")), _strings(take("offered", ())))
        case "garbled":
            return _garbled(str(take("line")), str(take("why", "")), take("breach"))
        case "injected":
            return Injected(str(take("data", "")).encode("latin-1"))
        case "token_unavailable":
            return TokenUnavailable(str(take("error")), bool(take("reachable", True)))
        case "words":
            return Words(str(take("text")))
        case "our_fault":
            return OurFault(str(take("kind")))
        case _:
            raise ValueError(f"unknown evidence {kind!r}")
