"""What several pages show: the state, the problem and its remedies, the life of the certificate, a notice."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.board import Entry
from exporter.metrics import Runtime
from exporter.model import Diagnosis
from exporter.web.html import Html, join, prose, tag
from exporter.web.layout import facts, when
from exporter.web.query import State, certificate_end
from exporter.web.words import CONFIDENCES, OWNERS, class_words, span_words

_MARKS = {State.FAILING: "✗", State.WAITING: "…", State.HEALTHY: "✓"}
_MOST_PROBLEMS = 50
_SHORT_LIFE = 0.25
"""Part of a certificate's life that is left when renewal should have happened; days would not fit
certificates that live six days as well as those that live two hundred."""


def badge(state: State) -> Html:
    """Return the state as mark and word, so that it needs no colour to be read."""
    return tag("span", tag("span", _MARKS[state], aria_hidden="true"), " ", state, class_=f"badge {state}")


def problem_name(diagnosis: Diagnosis, help_url: str | None) -> Html:
    """Return the class in words, as a link to its explanation where there is one."""
    name = class_words(diagnosis.error_class)
    words = f"{name[0].upper()}{name[1:]}."
    if help_url is None:
        return tag("span", words)
    return tag("a", words, href=f"{help_url}#{diagnosis.error_class}")


def what_to_do(diagnosis: Diagnosis) -> Html:
    """Return whose problem it is, and every remedy in order."""
    return join(
        tag("p", "Whose problem: ", tag("strong", OWNERS[diagnosis.fault_domain]), "."),
        tag("p", "What to do:") if diagnosis.remedy else None,
        tag("ol", *(tag("li", prose(remedy)) for remedy in diagnosis.remedy)) if diagnosis.remedy else None,
    )


def reasons(diagnosis: Diagnosis, *more: tuple[str, str | None]) -> Html:
    """Return how sure the diagnosis is and what else it may be, with `more` facts before."""
    runner_up = class_words(diagnosis.runner_up) if diagnosis.runner_up is not None else None
    return facts(
        *more,
        ("How sure", CONFIDENCES[diagnosis.confidence]),
        ("Could also be", runner_up),
        ("Outlook shows", diagnosis.outlook_code),
        ("Rule", diagnosis.rule),
    )


def configuration_notice(runtime: Runtime, problems: Sequence[str] = ()) -> Html:
    """Return what to know about the configuration; empty when all is well."""
    if runtime.config_reload_ok and not problems:
        return tag("div", id="notice", data_live=True)
    return tag(
        "div",
        tag(
            "p",
            "The configuration has problems and was not loaded. ",
            "What you see runs with the configuration of ",
            when(runtime.config_reload_time),
            ".",
        ),
        tag("ul", *(tag("li", prose(problem)) for problem in problems[:_MOST_PROBLEMS]))
        if problems
        else None,
        tag("p", f"{len(problems) - _MOST_PROBLEMS} more are in the log.")
        if len(problems) > _MOST_PROBLEMS
        else None,
        id="notice",
        class_="notice",
        role="alert",
        data_live=True,
    )


def certificate_life(entry: Entry, now: float) -> Html:
    """Return how long the first certificate of the chain still lives."""
    end = certificate_end(entry)
    if end is None:
        return tag("span", "-")
    left = end - now
    if left <= 0:
        return tag("span", f"ended {span_words(-left)} ago", class_="urgent")
    words = f"{int(left // 86_400)} d left" if left >= 86_400 else f"{span_words(left)} left"
    return tag("span", words, class_="urgent" if _nearly_over(entry, left) else None)


def _nearly_over(entry: Entry, left: float) -> bool:
    facts = entry.latest.result.tls if entry.latest is not None else None
    if facts is None or facts.not_before is None or facts.not_after is None:
        return False
    return left < _SHORT_LIFE * (facts.not_after - facts.not_before)
