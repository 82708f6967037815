"""Which logins are made: none for a while after one was refused, none before the next is due.

A wrong password that is tried with every probe locks an account within minutes.  So the probe goes on
without a login, and the refusal stands as its verdict until a login is tried again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Self, assert_never

from exporter import log
from exporter.backoff.account import Account, account_of, at_address
from exporter.backoff.memory import Memories, Memory, Silence, place_of
from exporter.backoff.verdicts import Verdict, verdict_on
from exporter.model import (
    AttemptOutcome,
    Endpoint,
    ErrorClass,
    Phase,
    ProbeResult,
    Reply,
    Secret,
    StepStatus,
    Symptom,
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


class Logins:
    """What is known of all accounts; one a process."""

    def __init__(self, settings: BackoffSettings) -> None:
        self._settings = settings
        self._memories = Memories()

    def use(self, settings: BackoffSettings) -> None:
        """Go on with other settings; what is known stays known."""
        self._settings = settings

    def login(
        self,
        endpoint: Endpoint,
        classify: Classify,
        token: Secret | None = None,
        addresses: Callable[[], Collection[str]] | None = None,
    ) -> Login:
        """Return the permit for one probe of `endpoint`; `token` is what its token file holds.

        `addresses` is given where a stranger chose the target's name, and says where that name led: to him
        all names of a server are one.
        """
        account = account_of(endpoint, token)
        return Login(endpoint, account, self._memories, classify, self._settings, addresses=addresses)

    def backing_off(self, endpoint: Endpoint, token: Secret | None = None) -> bool:
        """Say whether logins to `endpoint` are held back now because one was refused."""
        memory = self._known(endpoint, token)
        now = asyncio.get_running_loop().time()
        return memory is not None and memory.obstacle(place_of(endpoint), now) is not None

    def ask_again(self, endpoint: Endpoint, token: Secret | None = None) -> None:
        """Let the next probe log in though none is due; a refusal still counts."""
        memory = self._known(endpoint, token)
        if memory is not None:
            memory.accepted.pop(place_of(endpoint), None)

    def _known(self, endpoint: Endpoint, token: Secret | None) -> Memory | None:
        account = account_of(endpoint, token) if endpoint.auth is not None else None
        return self._memories.get(account) if account is not None else None


class Login:
    """The permit for one probe, and the gate that the probe asks; used once, as a context manager."""

    def __init__(
        self,
        endpoint: Endpoint,
        account: Account | None,
        memories: Memories,
        classify: Classify,
        settings: BackoffSettings,
        *,
        addresses: Callable[[], Collection[str]] | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._account = account
        self._memories = memories
        self._classify = classify
        self._settings = settings
        self._addresses = addresses
        self._place = place_of(endpoint)
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._standing: Symptom | None = None
        self._locks: list[asyncio.Lock] = []
        self._taken: dict[Account, Memory] = {}
        """What this login goes by and adds to: its own account first."""
        self._news: Callable[[Memory], float] | None = None
        """What whoever knows the account by an address has to be told."""

    def __enter__(self) -> Self:
        if self._account is not None:
            self._take(self._account)
        return self

    def __exit__(self, *_: object) -> None:
        self.abandon()
        self._news = None
        while self._taken:
            self._memories.give_back(*self._taken.popitem())

    def held(self) -> str | None:
        """Return why no login is made now: one was refused lately, or accepted not long ago."""
        now = self._loop.time()
        self._standing = None
        memories = self._taken.values()
        obstacles = [memory.obstacle(self._place, now) for memory in memories]
        longest = max(filter(None, obstacles), key=lambda obstacle: obstacle[1], default=None)
        if longest is not None:
            self._standing, until = longest
            how = "was refused" if isinstance(self._standing.evidence, Reply) else "got no answer"
            return f"the last login {how}, the next is tried in {_span(until - now)}"
        every = self._endpoint.auth.every if self._endpoint.auth is not None else None
        if every is None or any(memory.refusal is not None for memory in memories):
            return None
        never = float("-inf")
        accepted = max((memory.accepted.get(self._place, never) for memory in memories), default=never)
        # The probe that comes nearest to the due time logs in: no start is ever exactly on it.
        if self._began + self._endpoint.interval / 2 >= accepted + every:
            return None
        return f"the last login was accepted {_span(self._began - accepted)} ago"

    @property
    def is_open(self) -> bool:
        """Say whether no other probe goes by what this one goes by, so that none is waited for."""
        return self._addresses is None and all(memory.users == 1 for memory in self._taken.values())

    async def enter(self) -> str | None:
        """Wait until a login with this account may be made, then say the same as `held`.

        The wait is bounded: by `PATIENCE`, or by its shorter kin when the last login was accepted.
        """
        if self._account is None:
            return None
        # All in the same order: nobody waits for somebody who waits for him.
        for ip in sorted(self._addresses()) if self._addresses is not None else ():
            self._take(at_address(self._account, ip))
        has_turn = True
        for memory in self._taken.values():
            has_turn = has_turn and await self._turn(memory)
        held = self.held()
        if held is None and not has_turn:
            held = "another login with this account is under way"
        if held is not None:
            self.abandon()
        return held

    def leave(self, failure: Symptom | None, *, told: bool) -> None:
        """Remember what came of the login, and let the next one be made."""
        if failure is None:
            if any(memory.refusal is not None for memory in self._taken.values()):
                self._news = self._accepted
            for memory in self._taken.values():
                self._accepted(memory)
        else:
            verdict = verdict_on(failure, self._classify(failure), told=told)
            note = partial(self._failed, failure, verdict)
            waits = [note(memory) for memory in self._taken.values()]
            if wait := max(waits, default=0.0):
                self._news = note
                log.event(logging.INFO, "logins held back", endpoint=self._endpoint.name, seconds=round(wait))
        self.abandon()

    def abandon(self) -> None:
        """Let the next login be made."""
        while self._locks:
            self._locks.pop().release()

    def conclude(self, result: ProbeResult) -> None:
        """Remember how the whole probe ended: after any failure the next one logs in, to see the end of it."""
        if self._account is None or result.auth_withheld:
            return
        if result.success:
            for memory in self._taken.values():
                memory.accepted[self._place] = self._began
        elif Phase.AUTH in _reached(result):
            for memory in self._taken.values():
                memory.accepted.pop(self._place, None)
        ip = _connected(result)
        if self._news is not None and ip is not None:
            known = at_address(self._account, ip)
            if known not in self._taken:
                self._news(self._take(known))

    def standing(self, result: ProbeResult) -> ProbeResult:
        """Return `result` with the refusal that stands, where a login was held back because of one.

        What failed before the login is news, and stays.  A refusal that was heard at another port of the
        host is told as that port's words, and is no reply of this one's.
        """
        refusal = self._standing
        if refusal is None or not result.auth_withheld or not result.success:
            return result
        refusal = replace(refusal, host=result.endpoint.host)
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

    def _take(self, account: Account) -> Memory:
        memory = self._taken.get(account)
        if memory is None:
            memory = self._taken[account] = self._memories.take(account)
        return memory

    def _accepted(self, memory: Memory) -> float:
        memory.accept(self._place)
        return 0.0

    def _failed(self, failure: Symptom, verdict: Verdict, memory: Memory) -> float:
        """Note a failed login and return for how many seconds it holds back the next."""
        settings, now = self._settings, self._loop.time()
        if memory.until > now:
            return 0.0  # another one was refused meanwhile
        match verdict:
            case Verdict.REFUSED:
                memory.good, memory.refusal = False, failure
                memory.pause = min(2 * memory.pause or settings.initial, settings.max)
                memory.until = now + memory.pause
                return memory.pause
            case Verdict.UNHEARD:
                known = memory.silences.get(self._place)
                count = 1 if known is None else known.count + 1
                # The pause does not grow: the server may be at fault, and its recovery has to be seen.
                wait = (
                    min(settings.initial, settings.max) if not memory.good or count >= MOST_UNHEARD else 0.0
                )
                memory.silences[self._place] = Silence(failure, count, now + wait)
                return wait
            case Verdict.OTHER:
                memory.silences.pop(self._place, None)
                return 0.0
            case _:
                assert_never(verdict)

    async def _turn(self, memory: Memory) -> bool:
        """Wait for the turn of a login, and say whether it came."""
        if memory.users == 1:  # nobody to wait for
            await memory.first.acquire()
            self._locks.append(memory.first)
            return True
        if not memory.good:
            return await self._acquire(memory.first, PATIENCE)
        # Whatever makes that login slow, it is hardly the password, which worked a moment ago.
        return await self._acquire(memory.first, PATIENCE_WHEN_GOOD) or await self._acquire(
            memory.second, PATIENCE_OVERTAKING
        )

    async def _acquire(self, lock: asyncio.Lock, patience: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await lock.acquire()
                self._locks.append(lock)
                return True
        return False


def _connected(result: ProbeResult) -> str | None:
    """Return the IP address that the probe was connected to."""
    for attempt in result.attempts:
        if attempt.outcome is AttemptOutcome.CONNECTED:
            return attempt.address.rpartition(":")[0].strip("[]").partition("%")[0]
    return None


def _reached(result: ProbeResult) -> frozenset[Phase]:
    return frozenset(step.phase for step in result.steps if step.status is not StepStatus.SKIPPED)


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
