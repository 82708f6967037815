"""Sentences of clients and TLS stacks, read from `sentences.yml` as evidence."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from exporter.diagnosis.phrases import Phrases, phrases, word_keys
from exporter.model import (
    ConnectFailure,
    DropKind,
    Dropped,
    Evidence,
    NameFailure,
    NameFailureKind,
    NotOffered,
    Phase,
    TimedOut,
    TlsFailure,
    Words,
)


@dataclass(frozen=True, slots=True)
class Sentence:
    """One entry: any of its phrases stands for this evidence."""

    phrases: Phrases
    evidence: Evidence
    phase: Phase | None
    phase_matters: bool = False
    """Without a phase the words are better evidence than what they would be in one."""


def sentence_in(squashed: str, *, sure: bool) -> Sentence | None:
    """The first entry with a phrase in a squashed text."""
    entries = _sentences()[0 if sure else 1]
    keys = word_keys(squashed)
    return next((entry for entry in entries if entry.phrases.longest(squashed, keys)), None)


@cache
def _sentences() -> tuple[tuple[Sentence, ...], tuple[Sentence, ...]]:
    raw = yaml.load(
        files(__package__).joinpath("sentences.yml").read_bytes(),
        Loader=yaml.CSafeLoader,
    )
    return tuple(map(_sentence, raw["sure"])), tuple(map(_sentence, raw["fallback"]))


def _sentence(entry: dict[str, Any]) -> Sentence:
    return Sentence(
        phrases=phrases(entry["phrases"]),
        evidence=_evidence(entry),
        phase=Phase(entry["phase"]) if "phase" in entry else None,
        phase_matters=entry.get("unless_phase") == "words",
    )


def _evidence(entry: dict[str, Any]) -> Evidence:
    match entry["evidence"]:
        case "tls_failure":
            return TlsFailure(
                reason=entry.get("reason"), alert=entry.get("alert"), verify_code=entry.get("verify_code")
            )
        case "not_offered":
            return NotOffered(entry["capability"])
        case "name_failure":
            return NameFailure(NameFailureKind(entry["name_kind"]))
        case "connect_failure":
            return ConnectFailure(entry.get("errno"))
        case "timed_out":
            return TimedOut(limit=0.0)
        case "words":
            return Words("")
        case "dropped":
            return Dropped(DropKind(entry["how"]), errno=entry.get("errno"))
        case other:
            raise ValueError(f"sentences.yml knows no evidence {other!r}")
