"""Which logins are made: none for a while after one was refused, none before the next is due.

A wrong password that is tried with every probe locks an account within minutes.  So the probe goes on
without a login, and the refusal stands as its verdict until a login is tried again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import Self

from exporter import log
from exporter.backoff.account import Account, account_of
from exporter.model import (
    Endpoint,
    ErrorClass,
    Observation,
    Phase,
    ProbeResult,
    Reply,
    Secret,
    StepStatus,
    Symptom,
    TlsMode,
)
from exporter.settings import BackoffSettings

REFUSALS = frozenset(
    {
        ErrorClass.CREDENTIALS_REJECTED,
        ErrorClass.APP_PASSWORD_REQUIRED,
        ErrorClass.AUTH_DISABLED,
        ErrorClass.ACCOUNT_LOCKED,
        ErrorClass.OAUTH_TOKEN_REJECTED,
        ErrorClass.AUTH_RATE_LIMITED,
    }
)
"""What a login with the same secret would meet again, and may make worse."""
PATIENCE_WHEN_GOOD = 1.0
"""Seconds to wait for somebody else's login with an account whose last login was accepted."""
_MOST_ACCOUNTS = 50_000


@dataclass(slots=True, eq=False)
class _Memory:
    """What is known of one account; times are those of the event loop."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while a login is under way, so that the next one knows its verdict."""
    good: bool = False
    """The last login was accepted."""
    refusal: Symptom | None = None
    """The last refusal, until a login is accepted."""
    pause: float = 0.0
    until: float = float("-inf")
    """No login is tried before."""
    accepted: dict[tuple[int, TlsMode], float] = field(default_factory=dict)
    """When the last probe began that succeeded with a login, by port and encryption."""


class Logins:
    """What is known of all accounts; one a process."""

    def __init__(self, settings: BackoffSettings) -> None:
        self._settings = settings
        self._memories: OrderedDict[Account, _Memory] = OrderedDict()

    def use(self, settings: BackoffSettings) -> None:
        """Go on with other settings; what is known stays known."""
        self._settings = settings

    def login(self, endpoint: Endpoint, token: Secret | None = None) -> Login:
        """Return the permit for one probe of `endpoint`; `token` is what its token file holds."""
        account = account_of(endpoint, token)
        return Login(endpoint, None if account is None else self._memory(account), self._settings)

    def backing_off(self, endpoint: Endpoint, token: Secret | None = None) -> bool:
        """Say whether logins to `endpoint` are held back now because one was refused."""
        memory = self._known(endpoint, token)
        return memory is not None and memory.until > asyncio.get_running_loop().time()

    def ask_again(self, endpoint: Endpoint, token: Secret | None = None) -> None:
        """Let the next probe log in though none is due; a refusal still counts."""
        memory = self._known(endpoint, token)
        if memory is not None:
            memory.accepted.pop((endpoint.port, endpoint.tls), None)

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

    def __init__(self, endpoint: Endpoint, memory: _Memory | None, settings: BackoffSettings) -> None:
        self._endpoint = endpoint
        self._memory = memory
        self._settings = settings
        self._began = asyncio.get_running_loop().time()
        self._standing: Symptom | None = None
        self._locked = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._release()

    def held(self) -> str | None:
        """Return why no login is made now: one was refused lately, or accepted not long ago."""
        memory, now = self._memory, asyncio.get_running_loop().time()
        self._standing = None
        if memory is None:
            return None
        if memory.until > now:
            self._standing = memory.refusal
            return f"the last login was refused, the next is tried in {_span(memory.until - now)}"
        every = self._endpoint.auth.every if self._endpoint.auth is not None else None
        accepted = memory.accepted.get(self._place)
        if every is None or accepted is None or memory.refusal is not None:
            return None
        # The probe that comes nearest to the due time logs in: no start is ever exactly on it.
        if self._began + self._endpoint.interval / 2 >= accepted + every:
            return None
        return f"the last login was accepted {_span(self._began - accepted)} ago"

    async def enter(self) -> str | None:
        """Wait until nobody else logs in with this account, then say the same as `held`."""
        if self._memory is None:
            return None
        try:
            async with asyncio.timeout(PATIENCE_WHEN_GOOD if self._memory.good else None):
                await self._memory.lock.acquire()
            self._locked = True
        except TimeoutError:
            pass  # that login is slow, not wrong: the password worked a moment ago
        held = self.held()
        if held is not None:
            self._release()
        return held

    def conclude(self, observation: Observation) -> None:
        """Remember what came of the login, and let the next one be made."""
        memory, result, symptom = self._memory, observation.result, observation.result.symptom
        if memory is not None and not result.auth_withheld:
            if _logged_in(result):
                memory.good, memory.refusal = True, None
                memory.pause, memory.until = 0.0, float("-inf")
            elif symptom is not None and _is_refusal(observation):
                self._refused(memory, symptom)
            # After any failure the next probe logs in: an end of the trouble has to be seen.
            if result.success:
                memory.accepted[self._place] = self._began
            elif symptom is not None and Phase.AUTH in _reached(result):
                memory.accepted.pop(self._place, None)
        self._release()

    def standing(self, result: ProbeResult) -> ProbeResult:
        """Return `result` with the refusal that stands, where a login was held back because of one.

        What failed before the login is news, and stays.
        """
        refusal = self._standing
        if refusal is None or not result.auth_withheld or not result.success:
            return result
        symptom = replace(
            refusal,
            port=result.endpoint.port,
            tls_mode=result.endpoint.tls,
            capabilities=result.after_tls or result.before_tls,
            attempts=result.attempts,
        )
        reply = refusal.evidence if isinstance(refusal.evidence, Reply) else None
        return replace(result, symptom=symptom, reply=reply)

    @property
    def _place(self) -> tuple[int, TlsMode]:
        return self._endpoint.port, self._endpoint.tls

    def _refused(self, memory: _Memory, symptom: Symptom) -> None:
        memory.good, memory.refusal = False, symptom
        memory.pause = min(2 * memory.pause or self._settings.initial, self._settings.max)
        memory.until = asyncio.get_running_loop().time() + memory.pause
        log.event(logging.INFO, "logins held back", endpoint=self._endpoint.name, seconds=round(memory.pause))

    def _release(self) -> None:
        if self._locked and self._memory is not None:
            self._locked = False
            self._memory.lock.release()


def _logged_in(result: ProbeResult) -> bool:
    return any(step.phase is Phase.AUTH and step.status is StepStatus.PASSED for step in result.steps)


def _reached(result: ProbeResult) -> frozenset[Phase]:
    return frozenset(step.phase for step in result.steps if step.status is not StepStatus.SKIPPED)


def _is_refusal(observation: Observation) -> bool:
    """Say whether the login itself was refused; what is refused after a good one is no matter of logins."""
    symptom = observation.result.symptom
    return (
        observation.diagnosis.error_class in REFUSALS
        and symptom is not None
        and symptom.phase is Phase.AUTH
        and isinstance(symptom.evidence, Reply)
    )


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
