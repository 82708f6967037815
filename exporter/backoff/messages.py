"""When an endpoint may send a message again: whatever is reloaded and whoever asks, not within 15 minutes.

A message cannot be taken back, and one whose fate nobody heard may have been taken.  So the time that was
kept for a mailbox outlives the endpoint that kept it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple, Self

from exporter.backoff.account import canonical
from exporter.model import Endpoint, Phase
from exporter.settings import SHORTEST_DATA_INTERVAL

SLACK = 0.5
"""Seconds: neither a scrape nor a timer comes at its exact instant."""
_ANYBODY: str | None = None


class MessageTooSoonError(Exception):
    """A message was sent to this mailbox not long ago, or is being sent; nothing was probed."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the next message may be sent in {seconds:.0f} s")
        self.seconds = seconds
        """Until another one may be sent."""


class _Mailbox(NamedTuple):
    """Where messages go."""

    host: str
    port: int
    recipient: str


class Messages:
    """The last message to every mailbox, by the endpoint that sent it; one a process.

    Endpoints that are configured side by side do not count against each other, each was asked for.  What a
    departed one has sent, or somebody through `/probe`, counts against all.
    """

    def __init__(self) -> None:
        self._names: Collection[str] = ()
        self._sent: dict[_Mailbox, dict[str | None, float]] = {}
        self._under_way: set[Sending] = set()

    def use(self, names: Collection[str]) -> None:
        """Go on with the endpoints of these names."""
        self._names = names
        now = asyncio.get_running_loop().time()
        for mailbox, times in list(self._sent.items()):
            if max(times.values()) + SHORTEST_DATA_INTERVAL < now:
                del self._sent[mailbox]

    def not_before(self, endpoint: Endpoint) -> float:
        """Return the loop time before which `endpoint` is not to be probed; -inf when any time will do."""
        if endpoint.until is not Phase.DATA:
            return float("-inf")
        times = self._sent.get(_mailbox(endpoint), {})
        counting = (at for who, at in times.items() if who == endpoint.name or who not in self._names)
        return max(counting, default=float("-inf")) + SHORTEST_DATA_INTERVAL

    def remaining(self, endpoint: Endpoint) -> float:
        """Return for how many seconds `endpoint` is not to be probed; 0 when it may be."""
        return _left(self.not_before(endpoint))

    def is_sending(self, name: str) -> bool:
        """Say whether a probe of the endpoint of this name has begun to send its message, and has not ended."""
        return any(probe.sender == name and probe.begun for probe in self._under_way)

    def sending(self, endpoint: Endpoint) -> Sending:
        """Return what a probe of `endpoint` has to tell."""
        return Sending(endpoint, endpoint.name, self._sent, self._under_way)

    def sending_on_demand(self, endpoint: Endpoint) -> Sending:
        """The same for a probe that nobody has configured.  MessageTooSoonError: it may not be made now."""
        if endpoint.until is Phase.DATA:
            _check(_mailbox(endpoint), self._sent, self._under_way)
        return Sending(endpoint, _ANYBODY, self._sent, self._under_way)


class Sending:
    """One probe that may send a message, as a context manager; used once."""

    def __init__(
        self,
        endpoint: Endpoint,
        sender: str | None,
        sent: dict[_Mailbox, dict[str | None, float]],
        under_way: set[Sending],
    ) -> None:
        self.sender = sender
        self.mailboxes = [_mailbox(endpoint)] if endpoint.until is Phase.DATA else []
        """Where it goes: by the name of the server, and by its addresses where a stranger chose the name."""
        self.begun = False
        self._sent = sent
        self._under_way = under_way
        self._since = asyncio.get_running_loop().time()
        if self.mailboxes:
            under_way.add(self)

    def lead_to(self, ip: str) -> None:
        """Note an address of the server: all names that lead there are one.  MessageTooSoonError: as ever."""
        if not self.mailboxes:
            return
        mailbox = self.mailboxes[0]._replace(host=canonical(ip))
        if mailbox not in self.mailboxes:
            _check(mailbox, self._sent, self._under_way)
            self.mailboxes.append(mailbox)

    def begin(self) -> None:
        """Note that the message is being sent; from now on it counts, whatever is heard of it."""
        assert self.mailboxes
        self.begun = True
        # Scrapes come at regular times, and the time that a server takes is not.
        at = self._since if self.sender is _ANYBODY else asyncio.get_running_loop().time()
        for mailbox in self.mailboxes:
            self._sent.setdefault(mailbox, {})[self.sender] = at

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._under_way.discard(self)


def _mailbox(endpoint: Endpoint) -> _Mailbox:
    recipient = endpoint.message.recipient.lower() if endpoint.message is not None else ""
    return _Mailbox(endpoint.host.lower().rstrip("."), endpoint.port, recipient)


def _check(
    mailbox: _Mailbox, sent: Mapping[_Mailbox, Mapping[str | None, float]], under_way: Iterable[Sending]
) -> None:
    times = list(sent.get(mailbox, {}).values())
    if any(mailbox in probe.mailboxes for probe in under_way):
        times.append(asyncio.get_running_loop().time())
    left = _left(max(times, default=float("-inf")) + SHORTEST_DATA_INTERVAL)
    if left:
        raise MessageTooSoonError(left)


def _left(until: float) -> float:
    left = until - asyncio.get_running_loop().time()
    return left if left > SLACK else 0.0
