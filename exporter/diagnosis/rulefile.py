"""Rule files: YAML to rules, with every problem named by file, line and rule."""

from __future__ import annotations

from dataclasses import dataclass

import yaml

from exporter.diagnosis.rule import Rule
from exporter.diagnosis.written import Places, Problem, RuleReader, shown
from exporter.nesting import TooDeepError, check_nesting


@dataclass(frozen=True)
class RuleFile:
    """What one file holds."""

    rules: tuple[Rule, ...] = ()
    """Those without a problem."""
    problems: tuple[Problem, ...] = ()
    ids: tuple[tuple[str, int | None], ...] = ()
    """Every name that the file gives, with its line, whatever else is wrong with the rule."""


def read_rules(raw: bytes, file: str) -> RuleFile:
    """The rules of one file and what is wrong with it; a rule with a problem is left out.

    The problems name the line of each key.
    """
    try:
        check_nesting(yaml.parse(raw, Loader=yaml.CSafeLoader), _DEEPEST)
        loaded = yaml.load(raw, Loader=yaml.CSafeLoader)
        lines = _lines(raw)
    except TooDeepError:
        return _unreadable(file, None, "not readable: nested too deeply", "write a flat list of rules")
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        line = mark.line + 1 if mark is not None else None
        what = " ".join(str(getattr(problem, "problem", None) or "not YAML").split())
        return _unreadable(file, line, f"not readable as YAML: {what}", "mend the syntax")
    except (ValueError, KeyError, AttributeError, TypeError, OverflowError):
        # What PyYAML's constructors raise for a date, a number or a tag that is none.
        what = "not readable as YAML: a value is not what its form or tag says"
        return _unreadable(file, None, what, "put dates, long numbers and the like into quotes")
    if not isinstance(loaded, list):
        return _unreadable(file, 1, "a rule file is a list of rules", "begin each rule with `- id: …`")
    rules: list[Rule] = []
    problems: list[Problem] = []
    ids: list[tuple[str, int | None]] = []
    for number, entry in enumerate(loaded):
        places = lines[number] if number < len(lines) else {}
        if not isinstance(entry, dict):
            what = f"{shown(entry, 60)} is not a rule"
            problems.append(Problem(file, places.get(None), None, what, "write a mapping of keys"))
            continue
        reader = RuleReader(entry, file, places)
        rule = reader.rule()
        problems += reader.problems
        if not reader.problems:
            rules.append(rule)
        if reader.id is not None:
            ids.append((reader.id, reader.line_of("id")))
    return RuleFile(tuple(rules), tuple(problems), tuple(ids))


def _unreadable(file: str, line: int | None, what: str, remedy: str) -> RuleFile:
    return RuleFile(problems=(Problem(file, line, None, what, remedy),))


# A rule is a mapping of lists in a list.
_DEEPEST = 20


def _lines(raw: bytes) -> list[Places]:
    document = yaml.compose(raw, Loader=yaml.CSafeLoader)
    if not isinstance(document, yaml.SequenceNode):
        return []
    return [_places(entry) for entry in document.value]


def _places(entry: yaml.Node) -> Places:
    places: dict[str | None, int] = {None: entry.start_mark.line + 1}
    if isinstance(entry, yaml.MappingNode):
        for key, _ in entry.value:
            places[str(key.value)] = key.start_mark.line + 1
    return places
