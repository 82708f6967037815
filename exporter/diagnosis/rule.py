"""One rule: its conditions, what it concludes, and how telling its evidence is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Any

from exporter.diagnosis import patterns
from exporter.diagnosis.facts import Facts
from exporter.diagnosis.phrases import NO_PHRASES, Phrases
from exporter.diagnosis.traits import TRAITS
from exporter.model import Confidence, ErrorClass, FaultDomain, Phase


class Tier(IntEnum):
    """The kinds of evidence, from the thinnest to the most telling.

    A rule belongs to the tier of its strongest condition, and a higher tier beats a lower one.
    """

    CODE = 0  # 535, 5xx, or nothing but the phase
    HINT = 1  # words that servers use for several causes: `try again later`; a marker that several share
    STRUCTURE = 2  # errno, OpenSSL reason, verify error, a registered enhanced code, a kind of evidence
    WORDS = 3  # words that name the cause
    VENDOR_CODE = 4  # an enhanced code that was made for one cause: 5.7.139
    MARKER = 5  # a token or URL that survives translations: InvalidSecondFactor


_SPOKEN = frozenset({"reply", "words", "dropped", "timed_out"})
"""Where the other side had its say: what a rule reads that names no kind of evidence."""

Precedence = tuple[int, int, int, int, int, int]
"""Tier, how narrow the phase, what we did, conditions, letters matched, any phase: compared in this order."""


@dataclass(frozen=True)
class Rule:
    """If all conditions hold, the class (and the domain, where it is not the class's own)."""

    id: str
    error_class: ErrorClass | None
    """None in a refinement that changes the domain alone."""
    domain: FaultDomain | None = None
    confidence: Confidence | None = None
    runner_up: ErrorClass | None = None
    summary: str | None = None
    remedy: tuple[str, ...] = ()
    source: str = ""
    provider: str | None = None
    """The provider whose lines alone taught this rule."""
    examples: tuple[Any, ...] = ()
    origin: str = ""
    """File and line, for messages."""

    refines: frozenset[ErrorClass] = frozenset()
    """The classes that this rule looks at again; empty for a rule that looks at the evidence first."""
    phases: frozenset[Phase] = frozenset()
    evidence: frozenset[str] = frozenset()
    codes: frozenset[int] = frozenset()
    families: frozenset[int] = frozenset()
    enhanced: frozenset[str] = frozenset()
    """Exact codes, or `x.7.1` for both digits, or `5.7.*` for a whole subject."""
    markers: tuple[str, ...] = ()
    words: Phrases = NO_PHRASES
    hints: Phrases = NO_PHRASES
    unless: Phrases = NO_PHRASES
    pattern: re.Pattern[str] | None = None
    errnos: frozenset[str] = frozenset()
    name_kinds: frozenset[str] = frozenset()
    reasons: frozenset[str] = frozenset()
    alerts: frozenset[int] = frozenset()
    verify_codes: frozenset[int] = frozenset()
    capabilities: frozenset[str] = frozenset()
    given: tuple[str, ...] = ()
    not_given: tuple[str, ...] = ()

    @cached_property
    def tier(self) -> Tier:
        """How telling the strongest condition is."""
        if self.pattern or (self.markers and self.confidence is not Confidence.GUESS):
            return Tier.MARKER
        if any(is_vendor_code(code) for code in self.enhanced):
            return Tier.VENDOR_CODE
        if self.words:
            return Tier.WORDS
        if self.structured or self.enhanced or self.evidence - {"reply", "words"}:
            return Tier.STRUCTURE
        return Tier.HINT if self.hints or self.markers else Tier.CODE

    @cached_property
    def structured(self) -> bool:
        """The rule asks for what no server says in words: an errno, a TLS reason, a capability."""
        return any(
            (
                self.errnos,
                self.name_kinds,
                self.reasons,
                self.alerts,
                self.verify_codes,
                self.capabilities,
                self.refines,
            )
        )

    @cached_property
    def conditions(self) -> int:
        """How much evidence is asked for: two for each kind, one for the kind itself.

        A reply family is too wide to count.
        """
        kinds = (
            self.codes,
            self.enhanced,
            self.markers,
            self.words,
            self.hints,
            self.pattern,
            self.errnos,
            self.name_kinds,
            self.reasons,
            self.alerts,
            self.verify_codes,
            self.capabilities,
        )
        return 2 * sum(1 for kind in kinds if kind) + bool(self.evidence)

    @cached_property
    def did(self) -> int:
        """How much of what we did the rule knows."""
        return len(self.given) + len(self.not_given)

    @cached_property
    def phase_rank(self) -> int:
        """2 for one phase, 1 for two, 0 for a larger part of the session."""
        return {1: 2, 2: 1}.get(len(self.phases), 0)

    def match(self, facts: Facts) -> Precedence | None:
        """How telling this rule is for these facts; None when a condition does not hold."""
        if not self._structure_holds(facts):
            return None
        letters = self._letters(facts)
        if letters is None:
            return None
        for name in self.given:
            if not TRAITS[name](facts):
                return None
        for name in self.not_given:
            if TRAITS[name](facts):
                return None
        # a phase that nobody knows satisfies the condition, but less well than no condition on it
        if facts.phase is not None:
            phase = self.phase_rank
        elif facts.kind == "words" and self.tier is Tier.HINT and self.phases:
            return None  # a client's prose holds such words by chance
        else:
            phase = -bool(self.phases) - (len(self.phases) == 1)
        tier = self.tier
        if tier is Tier.VENDOR_CODE and not is_vendor_code(facts.enhanced or ""):
            tier = Tier.WORDS if self.words else Tier.STRUCTURE
        return (tier, phase, self.did, self.conditions, letters, bool(self.phases))

    def _structure_holds(self, facts: Facts) -> bool:
        return (
            (not self.phases or facts.phase is None or facts.phase in self.phases)
            and (facts.kind in self.evidence if self.evidence else self.structured or facts.kind in _SPOKEN)
            and (not self.codes or facts.code in self.codes)
            and (not self.families or facts.family in self.families)
            and (not self.enhanced or not self.enhanced.isdisjoint(spellings(facts.enhanced)))
            and (not self.errnos or facts.errno in self.errnos)
            and (not self.name_kinds or facts.name_kind in self.name_kinds)
            and (not self.reasons or facts.reason in self.reasons)
            and (not self.alerts or facts.alert in self.alerts)
            and (not self.verify_codes or facts.verify_code in self.verify_codes)
            and (not self.capabilities or capability_key(facts.capability) in self.capabilities)
        )

    def _letters(self, facts: Facts) -> int | None:
        """Letters that the words, hints and markers match; None when one of them is missing."""
        letters = 0
        for phrases in (self.words, self.hints):
            if phrases:
                found = phrases.longest(facts.squashed, facts.word_keys)
                if not found:
                    return None
                letters = max(letters, found)
        if self.markers:
            found = max((len(m) for m in self.markers if m in facts.folded), default=0)
            if not found:
                return None
            letters = max(letters, found)
        if self.pattern is not None:
            hit = self.pattern.search(facts.folded, 0, patterns.READ)
            if hit is None:
                return None
            letters = max(letters, hit.end() - hit.start())
        if self.unless and self.unless.longest(facts.squashed, facts.word_keys):
            return None
        return letters


def is_vendor_code(code: str) -> bool:
    """The detail has two digits or more: made for one cause (RFC 5248 registers the few public ones)."""
    detail = code.rsplit(".", 1)[-1]
    return detail != "*" and len(detail) > 1


def spellings(code: str | None) -> tuple[str, ...]:
    """The forms under which a rule may name an enhanced code: exact, without class, without detail."""
    if code is None:
        return ()
    family, subject, detail = code.split(".")
    return code, f"x.{subject}.{detail}", f"{family}.{subject}.*", f"x.{subject}.*"


def capability_key(capability: str | None) -> str | None:
    """STARTTLS, AUTH, or `AUTH *` for any one mechanism."""
    if capability is not None and capability.startswith("AUTH "):
        return "AUTH *"
    return capability
