"""Which logins are made: none for a while after one was refused, none before the next is due.

A wrong password that is tried with every probe locks an account within minutes.  So the probe goes on
without a login, and the refusal stands as its verdict until a login is tried again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Self, assert_never

from exporter import log
from exporter.backoff.account import Account, account_of
from exporter.backoff.verdicts import Verdict, verdict_on
from exporter.model import (
    Endpoint,
    ErrorClass,
    Phase,
    ProbeResult,
    Reply,
    Secret,
    StepStatus,
    Symptom,
    TlsMode,
)
from exporter.settings import BackoffSettings

Classify = Callable[[Symptom], Collection[ErrorClass]]
"""Says what a failed login may mean: each reading counts."""

PATIENCE_WHEN_GOOD = 1.0
"""Seconds to wait for somebody else's login with an account whose last login was accepted …"""
PATIENCE_OVERTAKING = 4.0
"""… and then for the one that has gone ahead in the same way: two logins at most hear no verdict."""
PATIENCE = 30.0
"""Seconds to wait for the verdict on an account of which nothing good is known."""
MOST_UNHEARD = 3
"""Logins in a row without a verdict, while others are accepted, until they are held back."""
_MOST_ACCOUNTS = 50_000


_Place = tuple[int, TlsMode]
"""Port and encryption: one of several ways to the same account."""


@dataclass(frozen=True, slots=True)
class _Silence:
    """Logins in a row whose verdict was not heard; it may be the server's fault, so the others go on."""

    failure: Symptom
    count: int
    until: float
    """No login is tried here before."""


@dataclass(slots=True, eq=False)
class _Memory:
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
    accepted: dict[_Place, float] = field(default_factory=dict)
    """When the last probe began that succeeded with a login."""
    silences: dict[_Place, _Silence] = field(default_factory=dict)

    def obstacle(self, place: _Place, now: float) -> tuple[Symptom, float] | None:
        """Return what holds logins back there, and until when; None when nothing does."""
        if self.refusal is not None and self.until > now:
            return self.refusal, self.until
        silence = self.silences.get(place)
        return (silence.failure, silence.until) if silence is not None and silence.until > now else None


class Logins:
    """What is known of all accounts; one a process."""

    def __init__(self, settings: BackoffSettings) -> None:
        self._settings = settings
        self._memories: OrderedDict[Account, _Memory] = OrderedDict()

    def use(self, settings: BackoffSettings) -> None:
        """Go on with other settings; what is known stays known."""
        self._settings = settings

    def login(self, endpoint: Endpoint, classify: Classify, token: Secret | None = None) -> Login:
        """Return the permit for one probe of `endpoint`; `token` is what its token file holds."""
        account = account_of(endpoint, token)
        memory = None if account is None else self._memory(account)
        return Login(endpoint, memory, classify, self._settings)

    def backing_off(self, endpoint: Endpoint, token: Secret | None = None) -> bool:
        """Say whether logins to `endpoint` are held back now because one was refused."""
        memory = self._known(endpoint, token)
        now = asyncio.get_running_loop().time()
        return memory is not None and memory.obstacle(_place(endpoint), now) is not None

    def ask_again(self, endpoint: Endpoint, token: Secret | None = None) -> None:
        """Let the next probe log in though none is due; a refusal still counts."""
        memory = self._known(endpoint, token)
        if memory is not None:
            memory.accepted.pop(_place(endpoint), None)

    def _known(self, endpoint: Endpoint, token: Secret | None) -> _Memory | None:
        account = account_of(endpoint, token) if endpoint.auth is not None else None
        return self._memories.get(account) if account is not None else None

    def _memory(self, account: Account) -> _Memory:
        memory = self._memories.get(account)
        if memory is None:
            while len(self._memories) >= _MOST_ACCOUNTS:
                self._memories.popitem(last=False)
            memory = self._memories[account] = _Memory()
        self._memories.move_to_end(account)
        return memory


class Login:
    """The permit for one probe, and the gate that the probe asks; used once, as a context manager."""

    def __init__(
        self, endpoint: Endpoint, memory: _Memory | None, classify: Classify, settings: BackoffSettings
    ) -> None:
        self._endpoint = endpoint
        self._memory = memory
        self._classify = classify
        self._settings = settings
        self._began = asyncio.get_running_loop().time()
        self._standing: Symptom | None = None
        self._lock: asyncio.Lock | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.abandon()

    def held(self) -> str | None:
        """Return why no login is made now: one was refused lately, or accepted not long ago."""
        memory, now = self._memory, asyncio.get_running_loop().time()
        self._standing = None
        if memory is None:
            return None
        obstacle = memory.obstacle(_place(self._endpoint), now)
        if obstacle is not None:
            self._standing, until = obstacle
            how = "was refused" if isinstance(self._standing.evidence, Reply) else "got no answer"
            return f"the last login {how}, the next is tried in {_span(until - now)}"
        every = self._endpoint.auth.every if self._endpoint.auth is not None else None
        accepted = memory.accepted.get(_place(self._endpoint))
        if every is None or accepted is None or memory.refusal is not None:
            return None
        # The probe that comes nearest to the due time logs in: no start is ever exactly on it.
        if self._began + self._endpoint.interval / 2 >= accepted + every:
            return None
        return f"the last login was accepted {_span(self._began - accepted)} ago"

    async def enter(self) -> str | None:
        """Wait until a login with this account may be made, then say the same as `held`.

        The wait is bounded: by `PATIENCE`, or by its shorter kin when the last login was accepted.
        """
        memory = self._memory
        if memory is None:
            return None
        if memory.good:
            # Whatever makes that login slow, it is hardly the password, which worked a moment ago.
            await self._acquire(memory.first, PATIENCE_WHEN_GOOD)
            if self._lock is None:
                await self._acquire(memory.second, PATIENCE_OVERTAKING)
        else:
            await self._acquire(memory.first, PATIENCE)
        held = self.held()
        if held is None and self._lock is None:
            held = "another login with this account is under way"
        if held is not None:
            self.abandon()
        return held

    def leave(self, failure: Symptom | None, *, told: bool) -> None:
        """Remember what came of the login, and let the next one be made."""
        memory = self._memory
        if memory is not None and failure is None:
            memory.good, memory.refusal = True, None
            memory.pause, memory.until = 0.0, float("-inf")
            memory.silences.pop(_place(self._endpoint), None)
        elif memory is not None and failure is not None:
            self._failed(memory, failure, verdict_on(failure, self._classify(failure), told=told))
        self.abandon()

    def abandon(self) -> None:
        """Let the next login be made."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def conclude(self, result: ProbeResult) -> None:
        """Remember how the whole probe ended: after any failure the next one logs in, to see the end of it."""
        memory = self._memory
        if memory is None or result.auth_withheld:
            return
        if result.success:
            memory.accepted[_place(self._endpoint)] = self._began
        elif Phase.AUTH in _reached(result):
            memory.accepted.pop(_place(self._endpoint), None)

    def standing(self, result: ProbeResult) -> ProbeResult:
        """Return `result` with the refusal that stands, where a login was held back because of one.

        What failed before the login is news, and stays.  A refusal that was heard at another port of the
        host is told as that port's words, and is no reply of this one's.
        """
        refusal = self._standing
        if refusal is None or not result.auth_withheld or not result.success:
            return result
        if refusal.port != result.endpoint.port:
            return replace(result, symptom=refusal, reply=None)
        symptom = replace(
            refusal,
            tls_mode=result.endpoint.tls,
            capabilities=result.after_tls or result.before_tls,
            attempts=result.attempts,
        )
        reply = refusal.evidence if isinstance(refusal.evidence, Reply) else None
        return replace(result, symptom=symptom, reply=reply)

    def _failed(self, memory: _Memory, failure: Symptom, verdict: Verdict) -> None:
        settings, now = self._settings, asyncio.get_running_loop().time()
        place = _place(self._endpoint)
        if memory.until > now:
            return  # another one was refused meanwhile
        match verdict:
            case Verdict.REFUSED:
                memory.good, memory.refusal = False, failure
                memory.pause = min(2 * memory.pause or settings.initial, settings.max)
                memory.until = now + memory.pause
                self._tell(memory.pause)
            case Verdict.UNHEARD:
                known = memory.silences.get(place)
                count = 1 if known is None else known.count + 1
                # The pause does not grow: the server may be at fault, and its recovery has to be seen.
                wait = (
                    min(settings.initial, settings.max) if not memory.good or count >= MOST_UNHEARD else 0.0
                )
                memory.silences[place] = _Silence(failure, count, now + wait)
                if wait:
                    self._tell(wait)
            case Verdict.OTHER:
                memory.silences.pop(place, None)
            case _:
                assert_never(verdict)

    def _tell(self, seconds: float) -> None:
        log.event(logging.INFO, "logins held back", endpoint=self._endpoint.name, seconds=round(seconds))

    async def _acquire(self, lock: asyncio.Lock, patience: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await lock.acquire()
                self._lock = lock


def _place(endpoint: Endpoint) -> _Place:
    return endpoint.port, endpoint.tls


def _reached(result: ProbeResult) -> frozenset[Phase]:
    return frozenset(step.phase for step in result.steps if step.status is not StepStatus.SKIPPED)


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
