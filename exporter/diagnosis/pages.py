"""The error reference: `python -m exporter.diagnosis.pages > docs/errors.md`.

One section for each class, with an anchor equal to its name, made from the classes and the rules.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from exporter.diagnosis.classes import ClassNotes, class_notes
from exporter.diagnosis.rule import Rule
from exporter.diagnosis.rulebook import built_in_rules
from exporter.diagnosis.text import printable
from exporter.diagnosis.wording import filled
from exporter.model import ErrorClass, FaultDomain

_OWNERS = {
    FaultDomain.LOCAL: "**local**: the host that probes or sends",
    FaultDomain.NETWORK: "**network**: the path between the two",
    FaultDomain.SETTINGS: "**settings**: what we were told to use (host, port, encryption, addresses)",
    FaultDomain.CREDENTIALS: "**credentials**: the account, its secret, or what it may do",
    FaultDomain.SERVER: "**server**: the other side",
    FaultDomain.NONE: "nobody",
}
_WHERE = {"outlook": "Outlook", "thunderbird": "Thunderbird", "logs": "Logs and libraries"}

_INTRODUCTION = """\
<!-- Generated from exporter/diagnosis by `python -m exporter.diagnosis.pages`; do not edit. -->

# Error classes

Every failure gets one class, one owner and a remedy. The class is the label `error_class` of the metrics, the owner
is `fault_domain`. Each class has a section here; its anchor is the name of the class.

`submission-exporter classify "the line that you have"` finds the class of a pasted error.

How far an answer can be relied on: `certain`, the evidence has one reading; `likely`, another reading exists and is
rarer; `guess`, the evidence is too thin to choose, and `runner_up` names the next reading.
"""


def pages() -> str:
    """The whole reference as Markdown."""
    notes = class_notes()
    rules = built_in_rules()
    parts = [_INTRODUCTION, *_index(notes)]
    for error_class, about in notes.items():
        parts += _section(error_class, about, [rule for rule in rules if _concludes(rule, error_class)])
    return "\n".join(parts).rstrip() + "\n"


def _index(notes: Mapping[ErrorClass, ClassNotes]) -> Iterator[str]:
    yield "| class | what it is | whose problem |"
    yield "|---|---|---|"
    for error_class, about in notes.items():
        yield f"| [`{error_class}`](#{error_class}) | {about.title} | {about.domain} |"
    yield ""


def _section(error_class: ErrorClass, about: ClassNotes, rules: list[Rule]) -> Iterator[str]:
    yield f"## {error_class}\n"
    yield f"**{about.title}.** {about.meaning}\n"
    yield "**How it looks**\n"
    for where, how in about.looks:
        codes = f" ({', '.join(about.outlook)})" if where == "outlook" and about.outlook else ""
        yield f"- {_WHERE[where]}: {_cell(how)}{codes if not any(c in how for c in about.outlook) else ''}"
    yield f"\n**Whose problem**: {_OWNERS[about.domain]}."
    for rule in rules:
        if rule.domain is not None and rule.domain is not about.domain:
            reason = filled(rule.summary, {}).rstrip(".") if rule.summary else f"rule `{rule.id}`"
            yield f"- {_OWNERS[rule.domain].split(':', maxsplit=1)[0]}: {_cell(reason)}."
    yield "\n**What to do**\n"
    yield from (f"{number}. {filled(step, {})}" for number, step in enumerate(about.remedy, 1))
    yield "\n**Commands to confirm**\n"
    yield "```sh"
    yield from about.confirm
    yield "```\n"
    others = ", ".join(f"[`{other}`](#{other})" for other in about.confused_with)
    yield f"**Easily taken for**: {others}.\n"
    if rules:
        yield f"<details><summary>Rules that conclude {error_class} ({len(rules)})</summary>\n"
        yield "| rule | example | source |"
        yield "|---|---|---|"
        for rule in rules:
            yield f"| `{rule.id}` | {_cell(_example(rule.examples[0]))} | {_cell(rule.source)} |"
        yield "\n</details>\n"


def _concludes(rule: Rule, error_class: ErrorClass) -> bool:
    if rule.error_class is None:
        return error_class in rule.refines
    return rule.error_class is error_class


def _example(example: Any) -> str:
    """One line that shows an example, whatever form it has."""
    if isinstance(example, str):
        return f"`{printable(example, 120)}`"
    fields = dict(example)
    text = fields.pop("text", None)
    head = " ".join(str(fields.pop(name)) for name in ("phase", "code") if fields.get(name))
    rest = ", ".join(f"{name} {value}" for name, value in fields.items() if name != "enhanced")
    shown = printable(" ".join(part for part in (head, str(text or ""), rest) if part), 120)
    return f"`{shown.replace('`', chr(39))}`"


def _cell(text: str) -> str:
    return (
        text.replace("|", "\\|").replace("<", "&lt;")
        if not text.startswith("`")
        else text.replace("|", "\\|")
    )


if __name__ == "__main__":
    sys.stdout.write(pages())
