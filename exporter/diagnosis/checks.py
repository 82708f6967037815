"""Checks of rules against each other: names, examples, ties."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet

from exporter.diagnosis.engine import diagnose
from exporter.diagnosis.examples import symptom_of
from exporter.diagnosis.facts import facts_of
from exporter.diagnosis.rule import Rule
from exporter.diagnosis.rulebook import Rulebook
from exporter.diagnosis.written import Problem


def taken_ids(named: Iterable[tuple[str, str, int | None]], taken: AbstractSet[str]) -> Iterator[Problem]:
    """A problem for each name (with its file and line) that is among the taken ones, or was given before."""
    known = set(taken)
    for name, file, line in named:
        if name in known:
            yield Problem(file, line, name, "the id is taken", "choose another id")
        known.add(name)


def check_rules(book: Rulebook, rules: Iterable[Rule]) -> list[Problem]:
    """What is wrong with `rules` inside the whole book.

    An example that cannot be read or lands on another rule, and ties: two rules whose evidence weighs the
    same for one example, or that have the same conditions, and conclude differently.  Rules that share a
    name are left to `taken_ids`.
    """
    counted = Counter(rule.id for rule in book.rules)
    checked = [rule for rule in rules if counted[rule.id] == 1]
    tied: set[frozenset[str]] = set()
    problems = list(_twins(book, checked, tied))
    for rule in checked:
        for number, example in enumerate(rule.examples, 1):
            problems += _example_problems(book, rule, number, example, tied)
    return problems


def _example_problems(
    book: Rulebook, rule: Rule, number: int, example: object, tied: set[frozenset[str]]
) -> Iterator[Problem]:
    try:
        symptom = symptom_of(example)
    except ValueError as problem:
        yield _problem(rule, f"example {number} cannot be read: {problem}", "write a text or a record")
        return
    facts = facts_of(symptom)
    found = book.matches(facts)
    if rule.refines and found and (first := found[0][1].error_class):
        found = book.refinements(first, facts)
    best = [candidate for precedence, candidate in found if precedence == found[0][0]]
    if rule in best and (rival := next((other for other in best if _differ(rule, other)), None)):
        if _newly_tied(rule, rival, tied):
            yield _problem(
                rule,
                f"example {number} is a tie with {rival.id}",
                "add a condition to one of them, so that one is more specific",
            )
    elif (landed := diagnose(symptom, book).rule) != rule.id:
        yield _problem(
            rule,
            f"example {number} lands on {landed}",
            "narrow the conditions, or give the example to that rule",
        )


def _twins(book: Rulebook, rules: list[Rule], tied: set[frozenset[str]]) -> Iterator[Problem]:
    """Rules with the very same conditions as another one: no failure can tell them apart."""
    known: dict[tuple[object, ...], Rule] = {}
    mine = {rule.id for rule in rules}
    for rule in book.rules:
        for conditions in _fingerprints(rule):
            other = known.setdefault(conditions, rule)
            if (
                other.id != rule.id
                and _differ(other, rule)
                and {rule.id, other.id} & mine
                and _newly_tied(rule, other, tied)
            ):
                yield _problem(
                    rule if rule.id in mine else other,
                    f"ties with {other.id if rule.id in mine else rule.id}: the same conditions, another conclusion",
                    "add a condition to one of them, so that one is more specific",
                )


def _newly_tied(one: Rule, other: Rule, tied: set[frozenset[str]]) -> bool:
    """Whether this pair was not reported before; it is from now on."""
    pair = frozenset({one.id, other.id})
    if pair in tied:
        return False
    tied.add(pair)
    return True


def _fingerprints(rule: Rule) -> Iterator[tuple[object, ...]]:
    """The conditions of a rule, once for each phrase or marker that alone can satisfy it."""
    common = (
        rule.refines,
        rule.phases,
        rule.evidence,
        rule.codes,
        rule.families,
        rule.enhanced,
        rule.errnos,
        rule.name_kinds,
        rule.reasons,
        rule.alerts,
        rule.verify_codes,
        rule.capabilities,
        frozenset(rule.given),
        frozenset(rule.not_given),
        rule.pattern.pattern if rule.pattern else None,
        frozenset(p.written for p in rule.unless),
    )
    hints = frozenset(p.written for p in rule.hints) if rule.words else None
    words = tuple(p.written for p in rule.words or rule.hints) or (None,)
    for marker in rule.markers or (None,):
        for word in words:
            yield (*common, hints, marker, word)


def _differ(one: Rule, other: Rule) -> bool:
    return (one.error_class, one.domain) != (other.error_class, other.domain)


def _problem(rule: Rule, what: str, remedy: str) -> Problem:
    file, _, line = rule.origin.rpartition(":")
    if not line.isdecimal():
        file, line = rule.origin, ""
    return Problem(file, int(line) if line else None, rule.id, what, remedy)
