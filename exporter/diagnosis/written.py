"""One rule as it is written: its fields make a rule, with every problem named by file, line and rule."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from exporter.diagnosis.errnos import canonical
from exporter.diagnosis.facts import EVIDENCE_KINDS
from exporter.diagnosis.patterns import BadPatternError, compiled
from exporter.diagnosis.phrases import Phrase, Phrases, phrase
from exporter.diagnosis.rule import Rule
from exporter.diagnosis.text import fold, printable
from exporter.diagnosis.traits import TRAITS
from exporter.model import Confidence, ErrorClass, FaultDomain, NameFailureKind, Phase

T = TypeVar("T")

_ENHANCED = re.compile(r"[245x]\.\d{1,3}\.(?:\d{1,3}|\*)")
_ID = re.compile(r"[a-z0-9][a-z0-9_.-]{2,79}")
_SENTENCE_LIMIT = 500
_FIELDS = frozenset(
    [
        "id",
        "phase",
        "evidence",
        "code",
        "family",
        "enhanced",
        "marker",
        "words",
        "hints",
        "unless",
        "pattern",
        "errno",
        "name_kind",
        "reason",
        "alert",
        "verify_code",
        "capability",
        "given",
        "not_given",
        "refines",
        "class",
        "domain",
        "confidence",
        "runner_up",
        "summary",
        "remedy",
        "source",
        "provider",
        "examples",
    ]
)
_A_CLASS = "a class of docs/errors.md"
_A_PHASE = f"one of: {', '.join(Phase)}"
_AN_EVIDENCE = f"one of: {', '.join(EVIDENCE_KINDS)}"
_A_NAME_KIND = f"one of: {', '.join(NameFailureKind)}"
_A_TRAIT = f"one of: {', '.join(sorted(TRAITS))}"
_A_PHRASE = "phrases of at least two letters with commas between them"
_CAPABILITIES = ("STARTTLS", "AUTH", "AUTH *")
_FOLLOW_UP_ONLY = frozenset({ErrorClass.PORT_BLOCKED, ErrorClass.WRONG_PORT, ErrorClass.EXPORTER_OFFLINE})


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a rule file, and what to do about it."""

    file: str
    line: int | None
    rule: str | None
    what: str
    remedy: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        about = f" rule {self.rule}:" if self.rule else ""
        return f"{place}:{about} {self.what}; {self.remedy}"


class RuleError(ValueError):
    """All problems of all rule files at once."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


Places = Mapping[str | None, int]
"""The line of each key of a rule; that of the rule itself under None."""


def read_rule(entry: Mapping[str, Any], file: str) -> Rule:
    """One rule that ships with the program.  RuleError: it holds faults."""
    reader = RuleReader(entry, file, {})
    rule = reader.rule()
    if reader.problems:
        raise RuleError(reader.problems)
    return rule


def shown(value: object, length: int) -> str:
    """A value for a message; one nested too deeply to be written is only named."""
    try:
        return f"{value!r:.{length}}"
    except RecursionError:
        return f"a {type(value).__name__}"


class RuleReader:
    """Reads the fields of one rule and collects what is wrong with them."""

    def __init__(self, raw: Mapping[Any, Any], file: str, places: Places) -> None:
        self.raw = raw
        self.file = file
        self.places = places
        self.bad: set[str] = set()
        self.problems: list[Problem] = []
        name = raw.get("id")
        self.id = name[:80] if isinstance(name, str) else None

    def rule(self) -> Rule:
        """The rule; without meaning when `problems` is not empty afterwards."""
        for key in self.raw.keys() - _FIELDS:
            self.wrong(f"unknown key {key!r:.60}", f"use one of: {', '.join(sorted(_FIELDS))}", str(key))
        if self.id is None or not _ID.fullmatch(self.id):
            what = f"`id` is {shown(self.raw.get('id'), 60)}"
            self.wrong(what, "give 3 to 80 of a-z, 0-9, dot, dash, underscore", "id")
        rule = Rule(
            id=self.id or "",
            error_class=self.one("class", _error_class, _A_CLASS),
            domain=self.one("domain", FaultDomain, "local, network, settings, credentials or server"),
            confidence=self.one("confidence", Confidence, "certain, likely or guess"),
            runner_up=self.one("runner_up", _error_class, _A_CLASS),
            summary=self.one("summary", _sentence, "one sentence"),
            remedy=tuple(self.many("remedy", _sentence, "one to three sentences")),
            source=self.one("source", _sentence, "where this is documented or was seen") or "",
            provider=self.one("provider", _sentence, "a provider's name"),
            examples=tuple(self.many("examples", _example, "a line of text, or a mapping of what was seen")),
            origin=self.file if None not in self.places else f"{self.file}:{self.places[None]}",
            refines=frozenset(self.many("refines", _error_class, _A_CLASS)),
            phases=frozenset(self.many("phase", Phase, _A_PHASE)),
            evidence=frozenset(self.many("evidence", _evidence, _AN_EVIDENCE)),
            codes=frozenset(self.many("code", _REPLY_CODE, "reply codes, 200 to 599")),
            families=frozenset(self.many("family", _FAMILY, "2, 3, 4 or 5")),
            enhanced=frozenset(self.many("enhanced", _enhanced, "5.7.8, x.7.8 or 5.7.*")),
            markers=tuple(self.many("marker", _marker, "a token of four characters or more")),
            words=self.phrases("words"),
            hints=self.phrases("hints"),
            unless=self.phrases("unless"),
            pattern=self.one("pattern", _pattern, "a regular expression"),
            errnos=frozenset(self.many("errno", _errno, "symbols of errno.h or Winsock")),
            name_kinds=frozenset(self.many("name_kind", _name_kind, _A_NAME_KIND)),
            reasons=frozenset(self.many("reason", _upper, "OpenSSL reason names")),
            alerts=frozenset(self.many("alert", _ALERT, "alert numbers, 0 to 255")),
            verify_codes=frozenset(self.many("verify_code", _VERIFY_CODE, "X509_V_ERR numbers")),
            capabilities=frozenset(self.many("capability", _capability, ", ".join(_CAPABILITIES))),
            given=tuple(self.many("given", _trait, _A_TRAIT)),
            not_given=tuple(self.many("not_given", _trait, _A_TRAIT)),
        )
        self._whole_makes_sense(rule)
        return rule

    def _whole_makes_sense(self, rule: Rule) -> None:
        """What no single field shows; a key that is wrong itself is not missed as well."""
        if rule.error_class is None and not (rule.refines and rule.domain) and "class" not in self.bad:
            self.wrong("no `class`", "name the class that this rule concludes")
        if not rule.source and "source" not in self.bad:
            self.wrong("no `source`", "say where this is documented or was seen")
        if not rule.examples and "examples" not in self.bad:
            self.wrong("no example", "add at least one failure that must land on this rule")
        if rule.confidence is Confidence.GUESS and rule.runner_up is None and "runner_up" not in self.bad:
            self.wrong("a guess without `runner_up`", "name the next reading", "confidence")
        if rule.runner_up is not None and rule.runner_up is rule.error_class:
            self.wrong("`runner_up` is the class itself", "name another class or drop it", "runner_up")
        if len(rule.remedy) > 3:
            self.wrong("more than three remedies", "keep the likeliest three", "remedy")
        if not (rule.conditions or rule.families or rule.phases or rule.refines or rule.given or self.bad):
            self.wrong("no condition", "a rule needs at least one condition")

    def line_of(self, key: str | None) -> int | None:
        """The line of a key, else that of the rule."""
        return self.places.get(key, self.places.get(None))

    def wrong(self, what: str, remedy: str, key: str | None = None) -> None:
        """Note a problem, of one key or of the rule as a whole."""
        if key is not None:
            self.bad.add(key)
        self.problems.append(Problem(self.file, self.line_of(key), self.id, what, remedy))

    def many(self, key: str, read: Callable[[Any], T], expected: str) -> list[T]:
        """One value or a list of them, each through `read`, which raises ValueError on a bad one."""
        raw = self.raw.get(key)
        if raw is None:
            return []
        if raw == []:
            self.wrong(f"`{key}` is empty", "name a value or drop the key", key)
        values: list[T] = []
        for item in raw if isinstance(raw, list) else (raw,):
            try:
                values.append(read(item))
            except BadPatternError as problem:
                self.wrong(f"`{key}` holds {shown(item, 80)}, which {problem.what}", problem.remedy, key)
            except (ValueError, TypeError, AttributeError):
                self.wrong(f"`{key}` holds {shown(item, 80)}", f"use {expected}", key)
        return values

    def phrases(self, key: str) -> Phrases:
        """Phrases, in one text with commas between them or as a list."""
        raw = self.raw.get(key)
        if isinstance(raw, str):
            raw = raw.split(",")
        found: list[Phrase] = []
        for item in raw if isinstance(raw, list) else () if raw is None else (raw,):
            try:
                found.append(phrase(str(item).strip() if isinstance(item, str | int) else ""))
            except ValueError:
                self.wrong(f"`{key}` holds {shown(item, 80)}", f"use {_A_PHRASE}", key)
        return Phrases(tuple(found))

    def one(self, key: str, read: Callable[[Any], T], expected: str) -> T | None:
        """A single value, or None where the key is absent."""
        values = self.many(key, read, expected)
        if len(values) > 1:
            self.wrong(f"`{key}` holds several values", "give one", key)
        return values[0] if values else None


def _error_class(value: Any) -> ErrorClass:
    known = ErrorClass(value)
    if known is ErrorClass.NONE or known in _FOLLOW_UP_ONLY:
        raise ValueError(value)
    return known


def _sentence(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(value)
    return printable(value, _SENTENCE_LIMIT)


def _example(value: Any) -> Any:
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return value
    if isinstance(value, str) and value.strip():
        return value
    raise ValueError(value)


def _evidence(value: Any) -> str:
    if value not in EVIDENCE_KINDS:
        raise ValueError(value)
    return str(value)


def _whole(low: int, high: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if type(value) is not int or not low <= value <= high:
            raise ValueError(value)
        return value

    return read


_REPLY_CODE = _whole(200, 599)
_FAMILY = _whole(2, 5)
_ALERT = _whole(0, 255)
_VERIFY_CODE = _whole(1, 999)


def _name_kind(value: Any) -> str:
    return NameFailureKind(value).value


def _enhanced(value: Any) -> str:
    if not isinstance(value, str) or not _ENHANCED.fullmatch(value):
        raise ValueError(value)
    return value


def _marker(value: Any) -> str:
    folded = fold(value)
    if len(folded.strip()) < 4:
        raise ValueError(value)
    return folded


def _pattern(value: Any) -> re.Pattern[str]:
    if not isinstance(value, str):
        raise TypeError(value)
    return compiled(value)


def _errno(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return canonical(value)


def _upper(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value.upper()


def _capability(value: Any) -> str:
    if value not in _CAPABILITIES:
        raise ValueError(value)
    return str(value)


def _trait(value: Any) -> str:
    if value not in TRAITS:
        raise ValueError(value)
    return str(value)
