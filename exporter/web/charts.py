"""Small charts as inline SVG: the phases of one probe, and the probes that are kept.

Bars carry shapes and words beside their colour, and every chart has a sentence for those who hear it.
Numbers stand in the page around them: text inside a stretched drawing would stretch too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from exporter.board import Row
from exporter.model import ProbeResult, Step, StepStatus
from exporter.web.html import Html, tag
from exporter.web.words import OWNERS, PHASES, STATUSES, class_words, moment, seconds_words

_WIDE = 1000
_HIGH = 100
_FEWEST_PLACES = 30
"""Bars that the history has room for at least."""


def waterfall(result: ProbeResult) -> Html:
    """Return the phases of a probe, each bar where its time lies within the whole."""
    whole = sum(step.seconds or 0.0 for step in result.steps) or 1.0
    rows = []
    begin = 0.0
    for step in result.steps:
        rows.append(_phase_row(step, begin / whole, (step.seconds or 0.0) / whole))
        begin += step.seconds or 0.0
    return tag(
        "table",
        tag("caption", f"Phases of the last probe, {seconds_words(result.seconds)} in all"),
        tag(
            "thead",
            tag("tr", *(tag("th", title, scope="col") for title in ("Phase", "Outcome", "Time", "When"))),
        ),
        tag("tbody", *rows),
        class_="waterfall",
    )


def _phase_row(step: Step, begin: float, share: float) -> Html:
    bar = None
    if step.seconds is not None:
        # A bar of a microsecond is still a bar.
        width = max(share * _WIDE, 3)
        bar = tag(
            "rect",
            x=f"{min(begin * _WIDE, _WIDE - width):.1f}",
            width=f"{width:.1f}",
            height=10,
            class_=step.status,
        )
    outcome = STATUSES[step.status]
    note = step.note if step.note != outcome else ""
    if note and step.status is StepStatus.SKIPPED:
        outcome = "left out"  # on purpose, and the note says why
    return tag(
        "tr",
        tag("th", PHASES[step.phase], scope="row"),
        tag("td", outcome, class_=step.status),
        tag("td", seconds_words(step.seconds) if step.seconds is not None else "-", class_="number"),
        tag(
            "td",
            tag("svg", bar, viewBox=f"0 0 {_WIDE} 10", preserveAspectRatio="none", aria_hidden="true"),
            tag("span", note, class_="minor") if note else None,
        ),
    )


def history(rows: Sequence[Row]) -> Html:
    """Return the kept probes from old to new: height is time, a failure is a hollow bar with a foot."""
    if not rows:
        return tag("p", "No probe yet.")
    longest = max(row.seconds for row in rows) or 1.0
    failures = sum(not row.success for row in rows)
    kept = "1 probe is kept" if len(rows) == 1 else f"{len(rows)} probes are kept"
    sentence = (
        f"{kept}, the oldest of {moment(rows[0].started)}; {failures} of them failed. "
        f"The longest took {seconds_words(longest)}."
    )
    return tag(
        "figure",
        tag(
            "svg",
            *_bars(rows, longest),
            viewBox=f"0 0 {_WIDE} {_HIGH + 12}",
            preserveAspectRatio="none",
            class_="history",
            role="img",
            aria_label=sentence,
        ),
        tag("figcaption", sentence, " Failed probes are hollow and have a foot; point at a bar to read it."),
    )


def _bars(rows: Sequence[Row], longest: float) -> Iterable[Html]:
    # The newest stands at the right edge; a few are not drawn as wide as walls.
    places = max(len(rows), _FEWEST_PLACES)
    step = _WIDE / places
    for position, row in enumerate(rows, start=places - len(rows)):
        height = max(row.seconds / longest * _HIGH, 2)
        place = {"x": f"{position * step + step * 0.1:.1f}", "width": f"{step * 0.8:.1f}"}
        status = StepStatus.PASSED if row.success else StepStatus.FAILED
        bar = tag("rect", y=f"{_HIGH - height:.1f}", height=f"{height:.1f}", class_=status, **place)
        foot = None if row.success else tag("rect", y=_HIGH + 4, height=8, class_="foot", **place)
        yield tag("g", tag("title", _row_words(row)), bar, foot)


def _row_words(row: Row) -> str:
    words = f"{moment(row.started)}: {seconds_words(row.seconds)}, "
    if row.success:
        return words + "healthy"
    where = f" at {PHASES[row.phase]}" if row.phase is not None else ""
    return f"{words}{class_words(row.error_class)}{where} ({OWNERS[row.fault_domain]})"
