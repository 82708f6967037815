"""What a person wants to see of the fleet: search, filter, order, grouping.

The state lives in the page's address, so a view can be sent to a colleague and works without scripts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlencode

from exporter.board import Entry
from exporter.model import FaultDomain
from exporter.web.words import OWNERS, class_words

E = TypeVar("E", bound=StrEnum)


class State(StrEnum):
    """How an endpoint is doing."""

    FAILING = "failing"
    WAITING = "waiting"
    """Not probed yet."""
    HEALTHY = "healthy"


class Column(StrEnum):
    """What the fleet can be ordered by."""

    STATE = "state"
    """What needs a person first: failing before the rest, the newest trouble on top."""
    NAME = "name"
    SINCE = "since"
    OWNER = "owner"
    DURATION = "duration"
    CERTIFICATE = "certificate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One view of the fleet."""

    text: str = ""
    state: State | None = None
    owner: FaultDomain | None = None
    column: Column = Column.STATE
    descending: bool = False
    group: str = ""
    """The configured label whose values make the groups."""
    is_long: bool = False
    """Every row is wanted, however many there are."""

    @classmethod
    def read(cls, parameters: Mapping[str, str]) -> Query:
        """Read an address; what it does not know is as if it were not there."""
        order = parameters.get("sort", "")
        return cls(
            text=parameters.get("q", "").strip()[:200],
            state=_member(State, parameters.get("state", "")),
            owner=_member(FaultDomain, parameters.get("owner", "")),
            column=_member(Column, order.removeprefix("-")) or Column.STATE,
            descending=order.startswith("-"),
            group=parameters.get("group", ""),
            is_long=parameters.get("rows") == "all",
        )

    @property
    def sort(self) -> str:
        """The order as the address writes it: a column, `-` before it when descending; usually empty."""
        order = ("-" if self.descending else "") + self.column
        return "" if order == Column.STATE else order

    @property
    def unfiltered(self) -> Query:
        """The same order and grouping, of the whole fleet."""
        return replace(self, text="", state=None, owner=None)

    @property
    def filter_words(self) -> str:
        """What narrows this view, in words: `“mail”, failing, a problem for the server`."""
        return ", ".join(
            words
            for words, is_on in (
                (f"“{self.text}”", bool(self.text)),
                (f"{self.state}", self.state is not None),
                (f"a problem for {OWNERS[self.owner or FaultDomain.NONE]}", self.owner is not None),
            )
            if is_on
        )

    def address(self, **changes: object) -> str:
        """Return the relative address of this view with some fields changed."""
        new: Query = replace(self, **changes)  # type: ignore[arg-type]
        parts = {
            "q": new.text,
            "state": new.state or "",
            "owner": new.owner or "",
            "sort": new.sort,
            "group": new.group,
            "rows": "all" if new.is_long else "",
        }
        return "?" + urlencode({key: value for key, value in parts.items() if value})

    def admits(self, entry: Entry) -> bool:
        """Whether the entry belongs to this view."""
        if self.state is not None and state_of(entry) is not self.state:
            return False
        if self.owner is not None and owner_of(entry) is not self.owner:
            return False
        return not self.text or all(word in haystack(entry) for word in self.text.casefold().split())


def state_of(entry: Entry) -> State:
    """Return how the endpoint is doing."""
    if entry.latest is None:
        return State.WAITING
    return State.HEALTHY if entry.latest.result.success else State.FAILING


def owner_of(entry: Entry) -> FaultDomain:
    """Return whose problem the endpoint has; `none` in health and before the first probe."""
    return entry.latest.diagnosis.fault_domain if entry.latest is not None else FaultDomain.NONE


def certificate_end(entry: Entry) -> float | None:
    """Return when the first certificate of the last presented chain ends, Unix seconds."""
    if entry.latest is None or entry.latest.result.tls is None:
        return None
    facts = entry.latest.result.tls
    ends = [end for end in (facts.not_after, facts.earliest_not_after) if end is not None]
    return min(ends) if ends else None


def haystack(entry: Entry) -> str:
    """Return what the search looks into."""
    endpoint = entry.endpoint
    parts = [endpoint.name, endpoint.target, *(value for _, value in endpoint.labels)]
    if entry.latest is not None:
        diagnosis = entry.latest.diagnosis
        parts += [diagnosis.error_class, class_words(diagnosis.error_class), diagnosis.summary]
        parts += [diagnosis.outlook_code or ""]
    return "\n".join(parts).casefold()


def _member(enum: type[E], text: str) -> E | None:
    try:
        return enum(text)
    except ValueError:
        return None
