"""What is known of each account: the last refusal, logins that nobody answered, logins that were accepted."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field

from exporter.backoff.account import Account
from exporter.model import Endpoint, Symptom, TlsMode

MOST_ACCOUNTS = 50_000

Place = tuple[int, TlsMode]
"""Port and encryption: one of several ways to the same account."""


def place_of(endpoint: Endpoint) -> Place:
    """Return the way that `endpoint` takes."""
    return endpoint.port, endpoint.tls


@dataclass(frozen=True, slots=True)
class Silence:
    """Logins in a row whose verdict was not heard; it may be the server's fault, so the others go on."""

    failure: Symptom
    count: int
    until: float
    """No login is tried here before."""


@dataclass(slots=True, eq=False)
class Memory:
    """What is known of one account; times are those of the event loop."""

    first: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while a login is under way, so that the next one knows its verdict."""
    second: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by the one login that goes ahead of a slow one, when the last login was accepted."""
    good: bool = False
    """The last login that was judged was accepted."""
    refusal: Symptom | None = None
    """The last refusal, until a login is accepted."""
    pause: float = 0.0
    until: float = float("-inf")
    """No login is tried before."""
    accepted: dict[Place, float] = field(default_factory=dict)
    """When the last probe began that succeeded with a login."""
    silences: dict[Place, Silence] = field(default_factory=dict)
    users: int = 0
    """Probes under way that may add to it."""

    def obstacle(self, place: Place, now: float) -> tuple[Symptom, float] | None:
        """Return what holds logins back there, and until when; None when nothing does."""
        if self.refusal is not None and self.until > now:
            return self.refusal, self.until
        silence = self.silences.get(place)
        return (silence.failure, silence.until) if silence is not None and silence.until > now else None

    def accept(self, place: Place) -> None:
        """Note that a login was accepted."""
        self.good, self.refusal = True, None
        self.pause, self.until = 0.0, float("-inf")
        self.silences.pop(place, None)

    @property
    def is_blank(self) -> bool:
        """It holds nothing, and nobody is about to change that."""
        return not (self.users or self.good or self.refusal or self.accepted or self.silences)


class Memories:
    """The memories of all accounts, the longest unused first; those that hold nothing are not kept.

    Whoever asks for name after name that leads nowhere must not push out what is known of others.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[Account, Memory] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def get(self, account: Account) -> Memory | None:
        """Return what is known of `account`."""
        return self._known.get(account)

    def take(self, account: Account) -> Memory:
        """Return the memory of `account`, which is kept until it is given back."""
        memory = self._known.get(account)
        if memory is None:
            while len(self._known) >= MOST_ACCOUNTS:
                self._known.popitem(last=False)
            memory = self._known[account] = Memory()
        self._known.move_to_end(account)
        memory.users += 1
        return memory

    def give_back(self, account: Account, memory: Memory) -> None:
        """Note that a probe is done with a memory that it took."""
        memory.users -= 1
        if memory.is_blank and self._known.get(account) is memory:
            del self._known[account]
