"""What is remembered of an endpoint: what began when, and the failures that are kept whole."""

from __future__ import annotations

from exporter.board import Entry
from exporter.web.html import Html, tag
from exporter.web.layout import ago, section, when
from exporter.web.probe_view import answers
from exporter.web.words import OWNERS, class_words


def transitions(entry: Entry, now: float) -> Html | None:
    """Return what began when, the newest first; one beginning alone is the verdict's."""
    changes = tuple(entry.history.transitions())[::-1]
    if len(changes) < 2:
        return None
    items = (
        tag(
            "li",
            ago(change.started, now),
            ": ",
            "healthy"
            if change.success
            else f"{class_words(change.error_class)} ({OWNERS[change.fault_domain]})",
        )
        for change in changes
    )
    return tag("ul", *items)


def failures(entry: Entry) -> Html | None:
    """Return the failures that are kept whole, the newest first, each to be unfolded."""
    kept = entry.history.failures()[::-1]
    if not kept:
        return None
    return section(
        "Kept failures",
        *(
            tag(
                "details",
                tag("summary", when(one.result.started), f": {class_words(one.diagnosis.error_class)}"),
                tag("p", one.diagnosis.summary),
                answers(one.result),
                tag("pre", "\n".join(one.result.transcript)) if one.result.transcript else None,
                id=f"failure-{one.result.started:.3f}",
            )
            for one in kept
        ),
    )
