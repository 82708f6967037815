"""The rulebook: all rules, and the index that finds the few that can match a failure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, overload

from exporter.diagnosis.facts import Facts
from exporter.diagnosis.phrases import Phrase
from exporter.diagnosis.rule import Precedence, Rule, capability_key, spellings
from exporter.diagnosis.shipped import shipped
from exporter.diagnosis.written import Problem, RuleError, read_rule
from exporter.model import ErrorClass

Match = tuple[Precedence, Rule]
_NAMES = (
    "refines",
    "marker",
    "words",
    "enhanced",
    "verify",
    "reason",
    "alert",
    "errno",
    "name",
    "capability",
    "code",
    "kind",
    "family",
    "any",
)
_Place = tuple[str, object]
"""Where the index has a rule: the name of a condition, and one of the values that fulfil it."""


@dataclass(frozen=True)
class Rulebook:
    """An immutable set of rules.  Equal rules make equal books; the index is derived."""

    rules: Sequence[Rule]
    places: InitVar[Iterable[Iterable[_Place]] | None] = None
    """Of each rule, in their order, where they are known: they need not be read for it."""
    _index: dict[str, dict[object, list[int]]] = field(init=False, repr=False, compare=False)
    """The numbers of the rules in `rules`."""
    _phrases: dict[object, tuple[tuple[Phrase, tuple[Rule, ...]], ...]] = field(
        init=False, repr=False, compare=False
    )
    """By key, those that a text has asked for so far."""

    def __post_init__(self, places: Iterable[Iterable[_Place]] | None) -> None:
        index: dict[str, dict[object, list[int]]] = {name: {} for name in _NAMES}
        for number, of_rule in enumerate(map(places_of, self.rules) if places is None else places):
            for name, value in of_rule:
                index[name].setdefault(value, []).append(number)
        object.__setattr__(self, "_index", index)
        object.__setattr__(self, "_phrases", {})

    def matches(self, facts: Facts) -> list[Match]:
        """Every rule that reads the evidence this way, the most telling first.

        Ties end by the rule's name, so that the order of files and rules never matters.
        """
        return _sorted((rule.match(facts), rule) for rule in self._candidates(facts).values())

    def refinements(self, error_class: ErrorClass, facts: Facts) -> list[Match]:
        """The rules that look again at a class, the most telling first."""
        return _sorted((rule.match(facts), rule) for rule in self._at("refines", error_class))

    def _candidates(self, facts: Facts) -> dict[str, Rule]:
        found: dict[str, Rule] = {}
        places: list[_Place] = [
            ("any", None),
            ("kind", facts.kind),
            ("code", facts.code),
            ("family", facts.family),
            ("errno", facts.errno),
            ("name", facts.name_kind),
            ("reason", facts.reason),
            ("alert", facts.alert),
            ("verify", facts.verify_code),
            ("capability", capability_key(facts.capability)),
            *(("enhanced", form) for form in spellings(facts.enhanced)),
        ]
        if facts.text:
            squashed = facts.squashed
            # None stands for the phrases without a key, which a text in ASCII cannot hold
            beyond = () if squashed.isascii() else (None,)
            for key in (*(facts.word_keys & self._index["words"].keys()), *beyond):
                for phrase, rules in self._phrases.get(key) or self._phrases_at(key):
                    if phrase.found(squashed):
                        for rule in rules:
                            found[rule.id] = rule
            folded = facts.folded
            places += [("marker", marker) for marker in self._index["marker"] if str(marker) in folded]
        for name, value in places:
            for rule in self._at(name, value):
                found[rule.id] = rule
        return found

    def _at(self, name: str, value: object) -> Iterator[Rule]:
        return (self.rules[number] for number in self._index[name].get(value, ()))

    def _phrases_at(self, key: object) -> tuple[tuple[Phrase, tuple[Rule, ...]], ...]:
        """The phrases with this key, and the rules of each."""
        found: defaultdict[Phrase, list[Rule]] = defaultdict(list)
        for rule in self._at("words", key):
            for phrase in rule.words or rule.hints:
                if phrase.key == key:
                    found[phrase].append(rule)
        self._phrases[key] = tuple((phrase, tuple(rules)) for phrase, rules in found.items())
        return self._phrases[key]


def _sorted(matches: Iterable[tuple[Precedence | None, Rule]]) -> list[Match]:
    found = [(precedence, rule) for precedence, rule in matches if precedence is not None]
    # two stable sorts: names upwards, then evidence downwards
    found.sort(key=lambda match: match[1].id)
    found.sort(key=lambda match: match[0], reverse=True)
    return found


def places_of(rule: Rule) -> Sequence[_Place]:
    """Where the index has the rule: under all values of the condition that fewest evidence fulfils."""
    words = dict.fromkeys(phrase.key for phrase in rule.words or rule.hints)
    choices: tuple[Iterable[object], ...] = (
        rule.refines,
        rule.markers,
        words,
        rule.enhanced,
        rule.verify_codes,
        rule.reasons,
        rule.alerts,
        rule.errnos,
        rule.name_kinds,
        rule.capabilities,
        rule.codes,
        rule.evidence,
        rule.families,
        (None,),
    )
    return next(
        [(name, value) for value in values] for name, values in zip(_NAMES, choices, strict=True) if values
    )


class _ShippedRules(Sequence[Rule]):
    """The rules that ship with the program, each read when it is first asked for: most never are."""

    def __init__(self, written: Sequence[tuple[str, Mapping[str, Any], Any]]) -> None:
        self._written = written
        self._read: dict[int, Rule] = {}

    def __len__(self) -> int:
        return len(self._written)

    @overload
    def __getitem__(self, number: int) -> Rule: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[Rule]: ...
    def __getitem__(self, number: int | slice) -> Rule | Sequence[Rule]:
        if isinstance(number, slice):
            return tuple(self)[number]
        rule = self._read.get(number)
        if rule is None:
            file, entry, _ = self._written[number]
            rule = self._read[number] = read_rule(entry, file)
        return rule


def built_in_rules() -> tuple[Rule, ...]:
    """The rules that ship with the program.  They are trusted here; a test checks them."""
    return tuple(default_rulebook().rules)


@cache
def default_rulebook() -> Rulebook:
    """The built-in rules alone."""
    written = shipped("rules")
    return Rulebook(_ShippedRules(written), (places for _, _, places in written))


def load_rules(extra_files: Iterable[Path] = ()) -> Rulebook:
    """The built-in rules and the operator's.

    Raises `RuleError` with every problem of every extra file: its syntax, its fields, an example that
    lands on another rule, a tie with another rule, an id that is taken.
    """
    paths = [Path(path) for path in extra_files]
    if not paths:
        return default_rulebook()
    # a start without extra files needs none of it
    from exporter.diagnosis.checks import check_rules, taken_ids  # noqa: PLC0415
    from exporter.diagnosis.rulefile import read_rules  # noqa: PLC0415

    rules: list[Rule] = []
    problems: list[Problem] = []
    named: list[tuple[str, str, int | None]] = []
    for path in paths:
        try:
            # A pipe would be waited for without end.
            raw = None if path.is_fifo() else path.read_bytes()
        except OSError as problem:
            what = f"not readable: {problem.strerror or 'unknown reason'}"
            problems.append(Problem(str(path), None, None, what, "name a file that exists and may be read"))
            continue
        if raw is None:
            problems.append(Problem(str(path), None, None, "this is a pipe", "name a regular file"))
            continue
        found = read_rules(raw, str(path))
        rules += found.rules
        problems += found.problems
        named += ((name, str(path), line) for name, line in found.ids)
    problems += taken_ids(named, {rule.id for rule in built_in_rules()})
    book = Rulebook((*built_in_rules(), *rules))
    problems += check_rules(book, rules)
    if problems:
        raise RuleError(problems)
    return book
