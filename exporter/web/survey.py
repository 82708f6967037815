"""One walk over the fleet: how many are in which state, and who belongs to a view, in its order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from heapq import merge
from operator import itemgetter
from typing import Any, Generic, TypeVar

from exporter.board import Entry
from exporter.model import FaultDomain
from exporter.web.query import Column, Query, State, certificate_end, owner_of, state_of

T = TypeVar("T")

_TOGETHER = 250
"""Things that are sorted at once: ten thousand would hold the event loop for milliseconds."""


class Survey:
    """Collects entries one by one and gives them back in order one by one, so that whoever walks may rest in between."""

    def __init__(self, query: Query) -> None:
        self._query = query
        self._known = Sorted[Entry](descending=query.descending)
        self._unknown = Sorted[Entry]()
        self.states: Counter[State] = Counter()
        self.owners: Counter[FaultDomain] = Counter()
        """Of the failing endpoints."""
        self.labels: set[str] = set()
        """Names of configured labels: what the fleet can be grouped by."""

    @property
    def found(self) -> int:
        """How many entries belong to the view."""
        return len(self._known) + len(self._unknown)

    def add(self, entry: Entry) -> None:
        """Count an entry, and keep it when it belongs to the view."""
        state = state_of(entry)
        self.states[state] += 1
        if state is State.FAILING:
            self.owners[owner_of(entry)] += 1
        self.labels.update(name for name, _ in entry.endpoint.labels)
        if self._query.admits(entry):
            value, name = _VALUES[self._query.column](entry), entry.endpoint.name.casefold()
            if value is None:
                self._unknown.add(name, entry)
            else:
                self._known.add((value, name), entry)

    def in_order(self) -> Iterator[Entry]:
        """Yield the view in its order, unknown values last."""
        yield from self._known
        yield from self._unknown


class Sorted(Generic[T]):
    """Things in the order of their keys, sorted in runs that are merged as they are asked for."""

    def __init__(self, *, descending: bool = False) -> None:
        self._descending = descending
        self._runs: list[list[tuple[Any, T]]] = []
        self._open: list[tuple[Any, T]] = []

    def __len__(self) -> int:
        return len(self._open) + sum(map(len, self._runs))

    def __iter__(self) -> Iterator[T]:
        self._close()
        for _, thing in merge(*self._runs, key=itemgetter(0), reverse=self._descending):
            yield thing

    def add(self, key: Any, thing: T) -> None:
        """Take a thing in; a few hundred make a run, which is sorted at once."""
        self._open.append((key, thing))
        if len(self._open) >= _TOGETHER:
            self._close()

    def _close(self) -> None:
        run, self._open = self._open, []
        run.sort(key=itemgetter(0), reverse=self._descending)
        self._runs.append(run)


_URGENCY = {State.FAILING: 0, State.WAITING: 1, State.HEALTHY: 2}


def _urgency(entry: Entry) -> tuple[int, float]:
    state = state_of(entry)
    # The newest trouble is the one that nobody looked at yet; among the healthy the name is enough.
    return _URGENCY[state], -(entry.since or 0.0) if state is State.FAILING else 0.0


_VALUES: dict[Column, Callable[[Entry], Any]] = {
    Column.STATE: _urgency,
    Column.NAME: lambda entry: entry.endpoint.name.casefold(),
    Column.SINCE: lambda entry: entry.since,
    Column.OWNER: lambda entry: owner_of(entry) if state_of(entry) is State.FAILING else None,
    Column.DURATION: lambda entry: entry.latest.result.seconds if entry.latest is not None else None,
    Column.CERTIFICATE: certificate_end,
}
