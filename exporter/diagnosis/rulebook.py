"""The rulebook: all rules, and the index that finds the few that can match a failure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path

from exporter.diagnosis.facts import Facts
from exporter.diagnosis.phrases import Phrase
from exporter.diagnosis.rule import Precedence, Rule, capability_key, spellings
from exporter.diagnosis.rulefile import Problem, RuleError, read_rules
from exporter.model import ErrorClass

Match = tuple[Precedence, Rule]
_Key = tuple[str, object]


@dataclass(frozen=True)
class Rulebook:
    """An immutable set of rules.  Equal rules make equal books; the index is derived."""

    rules: tuple[Rule, ...]
    _index: dict[_Key, tuple[Rule, ...]] = field(init=False, repr=False, compare=False)
    _words: dict[str | None, tuple[tuple[Phrase, tuple[Rule, ...]], ...]] = field(
        init=False, repr=False, compare=False
    )
    _markers: tuple[tuple[str, Rule], ...] = field(init=False, repr=False, compare=False)
    _refinements: dict[ErrorClass, tuple[Rule, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        index: defaultdict[_Key, list[Rule]] = defaultdict(list)
        words: defaultdict[Phrase, list[Rule]] = defaultdict(list)
        refinements: defaultdict[ErrorClass, list[Rule]] = defaultdict(list)
        markers: list[tuple[str, Rule]] = []
        for rule in self.rules:
            if rule.refines:
                for error_class in rule.refines:
                    refinements[error_class].append(rule)
            elif rule.markers:
                markers.extend((marker, rule) for marker in rule.markers)
            elif rule.words or rule.hints:
                for phrase in rule.words or rule.hints:
                    words[phrase].append(rule)
            else:
                for key in _keys_of(rule):
                    index[key].append(rule)
        object.__setattr__(self, "_index", {key: tuple(found) for key, found in index.items()})
        by_key: defaultdict[str | None, list[tuple[Phrase, tuple[Rule, ...]]]] = defaultdict(list)
        for phrase, found in words.items():
            by_key[phrase.key].append((phrase, tuple(found)))
        object.__setattr__(self, "_words", {key: tuple(found) for key, found in by_key.items()})
        object.__setattr__(self, "_refinements", {key: tuple(found) for key, found in refinements.items()})
        object.__setattr__(self, "_markers", tuple(markers))

    def matches(self, facts: Facts) -> list[Match]:
        """Every rule that reads the evidence this way, the most telling first.

        Ties end by the rule's name, so that the order of files and rules never matters.
        """
        return _sorted((rule.match(facts), rule) for rule in self._candidates(facts).values())

    def refinements(self, error_class: ErrorClass, facts: Facts) -> list[Match]:
        """The rules that look again at a class, the most telling first."""
        return _sorted((rule.match(facts), rule) for rule in self._refinements.get(error_class, ()))

    def _candidates(self, facts: Facts) -> dict[str, Rule]:
        found: dict[str, Rule] = {}
        keys: list[_Key] = [
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
            for key in (*(facts.word_keys & self._words.keys()), *beyond):
                for phrase, rules in self._words.get(key, ()):
                    if phrase.found(squashed):
                        for rule in rules:
                            found[rule.id] = rule
            folded = facts.folded
            for marker, rule in self._markers:
                if marker in folded:
                    found[rule.id] = rule
        for index_key in keys:
            for rule in self._index.get(index_key, ()):
                found[rule.id] = rule
        return found


def _sorted(matches: Iterable[tuple[Precedence | None, Rule]]) -> list[Match]:
    found = [(precedence, rule) for precedence, rule in matches if precedence is not None]
    # two stable sorts: names upwards, then evidence downwards
    found.sort(key=lambda match: match[1].id)
    found.sort(key=lambda match: match[0], reverse=True)
    return found


def _keys_of(rule: Rule) -> list[_Key]:
    """The narrowest condition of a rule without words: one of its values must hold."""
    choices: tuple[tuple[str, Iterable[object]], ...] = (
        ("enhanced", rule.enhanced),
        ("verify", rule.verify_codes),
        ("reason", rule.reasons),
        ("alert", rule.alerts),
        ("errno", rule.errnos),
        ("name", rule.name_kinds),
        ("capability", rule.capabilities),
        ("code", rule.codes),
        ("kind", rule.evidence),
        ("family", rule.families),
    )
    for name, values in choices:
        if keys := [(name, value) for value in values]:
            return keys
    return [("any", None)]


@cache
def built_in_rules() -> tuple[Rule, ...]:
    """The rules that ship with the program.  They are trusted here; a test checks them."""
    rules: list[Rule] = []
    problems: list[Problem] = []
    folder = files(__package__).joinpath("rules")
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".yml"):
            found = read_rules(file.read_bytes(), file.name, with_lines=False)
            rules += found.rules
            problems += found.problems
    if problems:
        raise RuleError(problems)
    return tuple(rules)


@cache
def default_rulebook() -> Rulebook:
    """The built-in rules alone."""
    return Rulebook(built_in_rules())


def load_rules(extra_files: Iterable[Path] = ()) -> Rulebook:
    """The built-in rules and the operator's.

    Raises `RuleError` with every problem of every extra file: its syntax, its fields, an example that
    lands on another rule, a tie with another rule, an id that is taken.
    """
    from exporter.diagnosis.checks import check_rules, taken_ids  # noqa: PLC0415 - start-up without extra files needs none of it

    paths = [Path(path) for path in extra_files]
    if not paths:
        return default_rulebook()
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
        found = read_rules(raw, str(path), with_lines=True)
        rules += found.rules
        problems += found.problems
        named += ((name, str(path), line) for name, line in found.ids)
    problems += taken_ids(named, {rule.id for rule in built_in_rules()})
    book = Rulebook((*built_in_rules(), *rules))
    problems += check_rules(book, rules)
    if problems:
        raise RuleError(problems)
    return book
