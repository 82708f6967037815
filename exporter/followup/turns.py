"""Whose turn it is: once per host and pause, once a second for all, and nobody is passed over for ever."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from exporter.followup.hosts import host_of
from exporter.followup.memory import Question, remember
from exporter.model import Endpoint

SPACING = 1.0
"""Seconds between two follow-ups of the whole process."""


class Turn(NamedTuple):
    """A follow-up that may be made, from that loop time on."""

    host: str
    at: float
    before: float | None
    """When the host had been asked before."""


class _Claim(NamedTuple):
    question: Question
    until: float
    """When its endpoint ought to have come again."""


class Turns:
    """One a process; `rounds` says how often a question has had its turn."""

    def __init__(self, rounds: Callable[[Question], int]) -> None:
        self._rounds = rounds
        self._asked: OrderedDict[str, float] = OrderedDict()
        self._lines: OrderedDict[str, dict[str, _Claim]] = OrderedDict()
        self._next = 0.0

    def take(
        self, endpoint: Endpoint, question: Question, now: float, *, pause: float, patience: float
    ) -> Turn | None:
        """Return the turn of this endpoint; None when it is not yet its turn, or too far away.

        Whoever is turned away stands in the host's line until it comes again: a question that had fewer
        turns goes before one that had more.
        """
        host = host_of(endpoint)
        last = self._asked.get(host)
        at = max(now, self._next)
        rests = bool(pause) and last is not None and now - last < pause
        if rests or at - now > patience or (bool(pause) and self._yields(endpoint, question, now)):
            line = self._lines.get(host, {})
            line[endpoint.name] = _Claim(question, now + 2 * endpoint.interval + endpoint.timeout + patience)
            remember(self._lines, host, line)
            return None
        self.leave(endpoint)
        self._next = at + SPACING
        # From here on, and not only when the turn has come: another failure of this host must not pass.
        remember(self._asked, host, at)
        return Turn(host, at, last)

    def give_back(self, turn: Turn) -> None:
        """Take note that no connection was made after all: the host need not rest."""
        if self._asked.get(turn.host) != turn.at:
            return
        if turn.before is None:
            del self._asked[turn.host]
        else:
            self._asked[turn.host] = turn.before

    def leave(self, endpoint: Endpoint) -> None:
        """Take an endpoint out of the line: it has had its turn, or needs none."""
        host = host_of(endpoint)
        line = self._lines.get(host)
        if line is not None:
            line.pop(endpoint.name, None)
            if not line:
                del self._lines[host]

    def _yields(self, endpoint: Endpoint, question: Question, now: float) -> bool:
        """Say whether another endpoint of this host, which had fewer turns, waits and may still come."""
        mine = self._rounds(question)
        return any(
            name != endpoint.name and claim.until >= now and self._rounds(claim.question) < mine
            for name, claim in self._lines.get(host_of(endpoint), {}).items()
        )
