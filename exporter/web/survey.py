"""One walk over the fleet: how many are in which state, and who belongs to a view, in its order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from exporter.board import Entry
from exporter.model import FaultDomain
from exporter.web.query import Column, Query, State, certificate_end, owner_of, state_of


class Survey:
    """Collects entries one by one, so that whoever walks may rest in between."""

    def __init__(self, query: Query) -> None:
        self._query = query
        self._known: list[tuple[Any, str, Entry]] = []
        self._unknown: list[tuple[str, Entry]] = []
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
                self._unknown.append((name, entry))
            else:
                self._known.append((value, name, entry))

    def groups(self, label: str) -> dict[str, list[Entry]]:
        """Return the view in its order, unknown values last; without a label the one group is called ``."""
        self._known.sort(key=lambda item: item[:2], reverse=self._query.descending)
        self._unknown.sort(key=lambda item: item[0])
        groups: dict[str, list[Entry]] = {}
        for entry in (*(item[-1] for item in self._known), *(item[-1] for item in self._unknown)):
            value = dict(entry.endpoint.labels).get(label, "") if label else ""
            groups.setdefault(value, []).append(entry)
        return dict(sorted(groups.items()))


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
