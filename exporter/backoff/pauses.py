"""Which endpoints are left alone altogether: those that said 421, or that we come to too often."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import NamedTuple

from exporter import log
from exporter.model import (
    Endpoint,
    ErrorClass,
    Observation,
    ProbeResult,
    Reply,
    Step,
    StepStatus,
    TlsMode,
)
from exporter.probe.plan import plan_for
from exporter.settings import BackoffSettings

LIMITS = frozenset({ErrorClass.CONNECTION_LIMIT, ErrorClass.RATE_LIMITED, ErrorClass.AUTH_RATE_LIMITED})
"""What our own frequency brings about."""
_MOST_PAUSES = 50_000


class _Client(NamedTuple):
    """Who we are to a server, and where: what a limit of its applies to."""

    host: str
    port: int
    tls: TlsMode
    username: str | None


class _Asker(NamedTuple):
    """For whom the probes are made."""

    name: str
    on_demand: bool
    """`name` is the module that somebody has asked with, else that of the endpoint."""


@dataclass(frozen=True, slots=True)
class _Pause:
    observation: Observation
    """The verdict that stands meanwhile."""
    seconds: float
    until: float
    """Loop time."""


class Pauses:
    """Who is left alone now; one a process.

    A pause belongs to the endpoint that met the limit, however it is labelled or scheduled, or to everybody
    once that endpoint is gone.  Probes on demand keep every pause with the same server and user.
    """

    def __init__(self, settings: BackoffSettings) -> None:
        self._settings = settings
        self._names: Collection[str] | None = None
        self._pauses: dict[_Client, dict[_Asker, _Pause]] = {}

    def use(self, settings: BackoffSettings, names: Collection[str]) -> None:
        """Go on with other settings, and for these endpoints alone."""
        self._settings, self._names = settings, names
        self._forget()

    def remaining(self, endpoint: Endpoint) -> float:
        """Return for how many seconds `endpoint` is still left alone; 0 when it may be probed.

        The probe that comes nearest to the end of the pause is made.
        """
        pause = self._longest(endpoint, on_demand=False)
        if pause is None:
            return 0.0
        left = pause.until - asyncio.get_running_loop().time()
        return left if left > endpoint.interval / 2 else 0.0

    def standing(self, endpoint: Endpoint, *, on_demand: bool = False) -> Observation | None:
        """Return the verdict that stands while `endpoint` is left alone; None when it is not."""
        pause = self._longest(endpoint, on_demand=on_demand)
        return None if pause is None else _stands(pause.observation, endpoint)

    def note(self, observation: Observation, *, on_demand: bool = False) -> None:
        """Begin or lengthen a pause after a 421 or a rate limit; end it after anything else.

        The first is two intervals at most, so that one hiccup costs one probe.  A server that is down is
        then asked every few minutes at least (`backoff.initial`), for its recovery has to be seen; only
        a limit that is ours to keep lets the pause grow up to `backoff.max`.
        """
        endpoint, settings = observation.result.endpoint, self._settings
        most = self._most(observation)
        client, asker = _client(endpoint), _Asker(endpoint.module if on_demand else endpoint.name, on_demand)
        pauses = self._pauses.get(client, {})
        known = pauses.pop(asker, None)
        if most is None:
            if not pauses:
                self._pauses.pop(client, None)
            return
        before = known.seconds if known is not None else 0.0
        seconds = min(2 * before or min(settings.initial, 2 * endpoint.interval), most)
        until = asyncio.get_running_loop().time() + seconds
        if len(self._pauses) >= _MOST_PAUSES:
            self._forget()
        self._pauses.setdefault(client, {})[asker] = _Pause(observation, seconds, until)
        if not before:
            log.event(
                logging.WARNING,
                "probes held back",
                endpoint=endpoint.name,
                error_class=observation.diagnosis.error_class,
                seconds=round(seconds),
            )

    def _longest(self, endpoint: Endpoint, *, on_demand: bool) -> _Pause | None:
        """Return the pause that holds `endpoint` back for longest now."""
        if not self._pauses:  # as nearly always, and every scrape asks for every endpoint
            return None
        now, plan = asyncio.get_running_loop().time(), plan_for(endpoint)
        holding = (
            pause
            for asker, pause in self._pauses.get(_client(endpoint), {}).items()
            if pause.until > now
            and (on_demand or asker == _Asker(endpoint.name, on_demand=False) or self._is_orphan(asker))
            # Whoever does not go as far as where the limit was met is not meant.
            and pause.observation.failed_phase in plan
        )
        return max(holding, key=lambda pause: pause.until, default=None)

    def _is_orphan(self, asker: _Asker) -> bool:
        return not asker.on_demand and self._names is not None and asker.name not in self._names

    def _forget(self) -> None:
        """Drop the pauses of those who are gone, and of probes on demand, once they are over."""
        now = asyncio.get_running_loop().time()
        for client, pauses in list(self._pauses.items()):
            for asker, pause in list(pauses.items()):
                if pause.until <= now and (asker.on_demand or self._is_orphan(asker)):
                    del pauses[asker]
            if not pauses:
                del self._pauses[client]

    def _most(self, observation: Observation) -> float | None:
        """Return how long a pause after this may become, None when there is to be none."""
        symptom = observation.result.symptom
        if symptom is None or observation.result.auth_withheld:  # a refusal that stands is not heard now
            return None
        if observation.diagnosis.error_class in LIMITS:
            return self._settings.max
        if isinstance(symptom.evidence, Reply) and symptom.evidence.code == 421:
            return min(self._settings.initial, self._settings.max)
        return None


def _client(endpoint: Endpoint) -> _Client:
    username = endpoint.auth.username if endpoint.auth is not None else None
    return _Client(endpoint.host.lower().rstrip("."), endpoint.port, endpoint.tls, username)


def _stands(last: Observation, endpoint: Endpoint) -> Observation:
    """Return `last` as the verdict on `endpoint`, to which no connection is made now."""
    result = ProbeResult(
        endpoint=endpoint,
        started=time.time(),
        seconds=0.0,
        steps=tuple(Step(phase, StepStatus.SKIPPED, None, note="held back") for phase in plan_for(endpoint)),
        symptom=last.result.symptom,
        reply=last.result.reply,
        held_back=True,
    )
    return replace(last, result=result, follow_ups=())
