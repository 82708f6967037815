"""Sentences of clients and TLS stacks, read from `sentences.yml` as evidence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cache
from typing import Any

from exporter.diagnosis.phrases import Phrase, Phrases, phrases, word_keys
from exporter.diagnosis.shipped import shipped
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


@dataclass(frozen=True, slots=True)
class _Sentences:
    """Entries in the order in which they decide, with their phrases by key."""

    entries: tuple[Sentence, ...]
    by_key: Mapping[str | None, tuple[tuple[int, Phrase], ...]]

    def first(self, squashed: str, keys: AbstractSet[str]) -> Sentence | None:
        """The first entry with a phrase in the text."""
        best = len(self.entries)
        # None stands for the phrases without a key, which a text in ASCII cannot hold
        beyond = () if squashed.isascii() else (None,)
        for key in (*(self.by_key.keys() & keys), *beyond):
            for order, phrase in self.by_key.get(key, ()):
                if order < best and phrase.found(squashed):
                    best = order
        return self.entries[best] if best < len(self.entries) else None


def sentence_in(squashed: str, *, sure: bool) -> Sentence | None:
    """The first entry with a phrase in a squashed text."""
    return _sentences()[0 if sure else 1].first(squashed, word_keys(squashed))


@cache
def _sentences() -> tuple[_Sentences, _Sentences]:
    raw = shipped("parsing/sentences")
    return _indexed(raw["sure"]), _indexed(raw["fallback"])


def _indexed(raw: list[dict[str, Any]]) -> _Sentences:
    entries = tuple(map(_sentence, raw))
    by_key: defaultdict[str | None, list[tuple[int, Phrase]]] = defaultdict(list)
    for order, entry in enumerate(entries):
        for phrase in entry.phrases:
            by_key[phrase.key].append((order, phrase))
    return _Sentences(entries, {key: tuple(found) for key, found in by_key.items()})


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
