"""Which endpoints are left alone altogether: those that said 421, or that we come to too often."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from dataclasses import dataclass

from exporter import log
from exporter.model import Endpoint, ErrorClass, Observation, Reply
from exporter.settings import BackoffSettings

LIMITS = frozenset({ErrorClass.CONNECTION_LIMIT, ErrorClass.RATE_LIMITED, ErrorClass.AUTH_RATE_LIMITED})
"""What our own frequency brings about."""


@dataclass(frozen=True, slots=True)
class _Pause:
    endpoint: Endpoint
    seconds: float
    until: float
    """Loop time."""


class Pauses:
    """The endpoints that are left alone now, by name; one a process."""

    def __init__(self, settings: BackoffSettings) -> None:
        self._settings = settings
        self._pauses: dict[str, _Pause] = {}

    def use(self, settings: BackoffSettings, names: Collection[str]) -> None:
        """Go on with other settings, and for these endpoints alone."""
        self._settings = settings
        self._pauses = {name: pause for name, pause in self._pauses.items() if name in names}

    def remaining(self, endpoint: Endpoint) -> float:
        """Return for how many seconds `endpoint` is still left alone; 0 when it may be probed.

        The probe that comes nearest to the end of the pause is made.  A changed endpoint is a new one.
        """
        pause = self._pauses.get(endpoint.name)
        if pause is None or pause.endpoint != endpoint:
            return 0.0
        left = pause.until - asyncio.get_running_loop().time()
        return left if left > endpoint.interval / 2 else 0.0

    def note(self, observation: Observation) -> None:
        """Begin or lengthen a pause after a 421 or a rate limit; end it after anything else.

        The first is two intervals at most, so that one hiccup costs one probe.  A server that is down is
        then asked every few minutes at least (`backoff.initial`), for its recovery has to be seen; only
        a limit that is ours to keep lets the pause grow up to `backoff.max`.
        """
        endpoint, settings = observation.result.endpoint, self._settings
        longest = self._longest(observation)
        if longest is None:
            self._pauses.pop(endpoint.name, None)
            return
        known = self._pauses.get(endpoint.name)
        before = known.seconds if known is not None and known.endpoint == endpoint else 0.0
        seconds = min(2 * before or min(settings.initial, 2 * endpoint.interval), longest)
        until = asyncio.get_running_loop().time() + seconds
        self._pauses[endpoint.name] = _Pause(endpoint, seconds, until)
        if not before:
            log.event(
                logging.WARNING,
                "probes held back",
                endpoint=endpoint.name,
                error_class=observation.diagnosis.error_class,
                seconds=round(seconds),
            )

    def _longest(self, observation: Observation) -> float | None:
        """Return how long a pause after this may become, None when there is to be none."""
        symptom = observation.result.symptom
        if symptom is None or observation.result.auth_withheld:  # a refusal that stands is not heard now
            return None
        if observation.diagnosis.error_class in LIMITS:
            return self._settings.max
        if isinstance(symptom.evidence, Reply) and symptom.evidence.code == 421:
            return min(self._settings.initial, self._settings.max)
        return None
