"""How far the rules reach beyond the lines that taught them.

`python tests/diagnosis/leave_one_provider_out.py` reads each provider's rows of the shared corpus with a
rulebook that never saw them: without the rules that one provider taught, and without every phrase and
marker that, in the whole corpus, only that provider's rows contain.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from exporter.diagnosis import Rulebook, classify_record
from exporter.diagnosis.facts import facts_of
from exporter.diagnosis.phrases import Phrases
from exporter.diagnosis.rule import Rule
from exporter.diagnosis.rulebook import built_in_rules
from tests.diagnosis.rows import Row, Score, rows, score, undisputed


def taught_by(corpus: Iterable[Row]) -> dict[str, frozenset[str]]:
    """Every phrase and marker that the corpus contains, and the providers whose rows contain it."""
    providers: defaultdict[str, set[str]] = defaultdict(set)
    for row in corpus:
        facts = facts_of(classify_record(row))
        for rule in built_in_rules():
            for phrase in (*rule.words, *rule.hints):
                if phrase.found(facts.squashed):
                    providers[phrase.written].add(row["provider"])
            for marker in rule.markers:
                if marker in facts.folded:
                    providers[marker].add(row["provider"])
    return {written: frozenset(names) for written, names in providers.items()}


def without(provider: str, taught: dict[str, frozenset[str]]) -> Rulebook:
    """The rulebook as it would be if this provider had never been seen."""
    return Rulebook(tuple(_unlearned(provider, taught)))


def _unlearned(provider: str, taught: dict[str, frozenset[str]]) -> Iterator[Rule]:
    only = {written for written, names in taught.items() if names == {provider}}

    @cache
    def kept(phrases: Phrases) -> Phrases:
        return Phrases(tuple(phrase for phrase in phrases if phrase.written not in only))

    for rule in built_in_rules():
        words, hints = kept(rule.words), kept(rule.hints)
        markers = tuple(marker for marker in rule.markers if marker not in only)
        lost = (rule.words and not words) or (rule.hints and not hints) or (rule.markers and not markers)
        if rule.provider != provider and not lost:
            yield replace(rule, words=words, hints=hints, markers=markers)


def scores() -> dict[str, Score]:
    """For each provider, how the rest of the knowledge reads its rows."""
    corpus = undisputed(rows("smtp_failures.jsonl"))
    taught = taught_by(corpus)
    by_provider: defaultdict[str, list[Row]] = defaultdict(list)
    for row in corpus:
        by_provider[row["provider"]].append(row)
    return {name: score(found, without(name, taught)) for name, found in sorted(by_provider.items())}


def total(found: Iterable[Score]) -> Score:
    """All providers together."""
    parts = list(found)
    return Score(
        sum(part.rows for part in parts),
        sum(part.classes for part in parts),
        sum(part.domains for part in parts),
        tuple(confusion for part in parts for confusion in part.confusions),
    )


def main() -> None:
    """Print the figure of each provider and of all."""
    found = scores()
    for name, part in found.items():
        sys.stdout.write(
            f"{name:22} {part.rows:4} rows  class {part.class_share:6.1%}  domain {part.domain_share:6.1%}\n"
        )
    sys.stdout.write(f"\nleave one provider out: {total(found.values())}\n")


if __name__ == "__main__":
    main()
