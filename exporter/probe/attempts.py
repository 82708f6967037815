"""What became of each address that was tried, and which attempt explains the failure best."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from exporter.model import Attempt, AttemptOutcome, ConnectFailure, errno_symbol
from exporter.probe.address import Address


@dataclass(slots=True)
class _Entry:
    address: Address
    began: float
    ended: float | None = None
    outcome: AttemptOutcome = AttemptOutcome.TIMEOUT
    errno: str | None = None


class Attempts:
    """The attempts of one probe in the order in which they began; it can be read at any moment."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.clock = clock
        """Seconds, of which only differences matter."""
        self._entries: list[_Entry] = []
        self.skipped: tuple[Address, ...] = ()
        """Addresses that were never tried: the source address has another family, or they are too many."""

    def begin(self, address: Address) -> int:
        """Note that an attempt begins; return its number."""
        self._entries.append(_Entry(address, self.clock()))
        return len(self._entries) - 1

    def connected(self, number: int, at: float) -> None:
        """Note that attempt `number` connected at that moment, and that the others had kept silent."""
        entry = self._entries[number]
        entry.ended, entry.outcome = at, AttemptOutcome.CONNECTED
        self.end_pending(AttemptOutcome.NO_ANSWER, at)

    def failed(self, number: int, problem: int | None, at: float | None = None) -> None:
        """Note that attempt `number` failed with that errno, now unless told otherwise."""
        entry = self._entries[number]
        entry.ended = self.clock() if at is None else at
        entry.outcome, entry.errno = outcome_of(problem), errno_symbol(problem)

    def end_pending(self, outcome: AttemptOutcome, at: float | None = None) -> None:
        """Note that whatever is still under way ends like this, now unless told otherwise."""
        for entry in self._entries:
            if entry.ended is None:
                entry.ended = self.clock() if at is None else at
                entry.outcome = outcome

    def finished(self) -> tuple[Attempt, ...]:
        """Return all attempts; one that is still under way counts as a time-out at this moment."""
        now = self.clock()
        return tuple(
            Attempt(
                str(entry.address),
                entry.outcome,
                (now if entry.ended is None else entry.ended) - entry.began,
                entry.errno,
            )
            for entry in self._entries
        )


def outcome_of(problem: int | None) -> AttemptOutcome:
    """Return what the errno of a failed `connect`, `bind` or `socket` call means in our words."""
    match problem:
        case errno.ECONNREFUSED:
            return AttemptOutcome.REFUSED
        case errno.ECONNRESET | errno.ECONNABORTED | errno.EPIPE:
            return AttemptOutcome.RESET
        case errno.ETIMEDOUT:
            return AttemptOutcome.TIMEOUT
        case errno.EACCES | errno.EPERM:
            # A firewall of this host, a `prohibit` route, or ICMPv6 "administratively prohibited".
            return AttemptOutcome.FORBIDDEN
        case (
            errno.EHOSTUNREACH
            | errno.EHOSTDOWN
            | errno.ENETUNREACH
            | errno.ENETDOWN
            | errno.EAFNOSUPPORT  # this kernel has no such address family: IPv6 is switched off
            | errno.EINVAL  # how Linux reports a `blackhole` route
        ):
            return AttemptOutcome.UNREACHABLE
        case _:
            return AttemptOutcome.FAILED


# Errnos with which somebody beyond this host has answered: a router or the last hop.
_TOLD_BY_THE_NETWORK = {"EHOSTUNREACH", "EHOSTDOWN"}


def tellingness(attempt: Attempt) -> int:
    """Return how little an attempt says about why the host cannot be reached; 0 says most.

    A word of the host itself (RST) goes before a word of the network (ICMP), that before silence, and
    silence before everything that never left this machine: the IPv6 address of a host without an IPv6
    route explains nothing when its IPv4 address kept silent.  Of the latter a ban and a lack of our own
    (descriptors, memory) are findings; a missing route for one family is everyday, and no address for it
    (EADDRNOTAVAIL: IPv6 is switched off) even more so.
    """
    match attempt.outcome:
        case AttemptOutcome.CONNECTED | AttemptOutcome.REFUSED:
            return 0
        case AttemptOutcome.RESET:
            return 1
        case AttemptOutcome.UNREACHABLE:
            return 2 if attempt.errno in _TOLD_BY_THE_NETWORK else 6
        case AttemptOutcome.TIMEOUT | AttemptOutcome.NO_ANSWER:
            return 3
        case AttemptOutcome.FORBIDDEN:
            return 4
        case AttemptOutcome.FAILED:
            return 7 if attempt.errno == "EADDRNOTAVAIL" else 5


def connect_failure(attempts: Sequence[Attempt]) -> ConnectFailure:
    """Return the failure of all `attempts`, with the errno of the most telling one (the first of equals)."""
    telling = min(attempts, key=tellingness, default=None)
    return ConnectFailure(None if telling is None else telling.errno, tuple(attempts))
