"""`/probe?target=&module=`: one probe for whoever asks, as users of blackbox_exporter know it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web

from exporter.backoff import MessageTooSoonError
from exporter.metrics import Exposition
from exporter.model import Endpoint, Observation
from exporter.probe.screened import AddressRefusedError, Permits
from exporter.settings import ConfigError, Module, endpoint_for
from exporter.settings.problems import quoted
from exporter.settings.targets import parse_host
from exporter.web.admission import Admission
from exporter.web.blackbox import exposed
from exporter.web.caller import Caller, caller_of
from exporter.web.debug_text import debug_text
from exporter.web.negotiation import VARY, accepts_gzip, choose_exposition

MOST_PROBES = 64
"""Probes for strangers that may run at the same time."""
TIMEOUT_HEADER = "X-Prometheus-Scrape-Timeout-Seconds"
TIMEOUT_OFFSET = 0.5
"""Seconds of the scrape that are left for the way back; blackbox_exporter's default."""
_PLAIN = "text/plain"
_STOPPING = "the exporter is stopping"
_LED_BY_ANYBODY = (
    "and nothing shows that it was you who asked, and not a page of another site in your browser"
)
_REMEDY = """.
Ask with a program, such as curl, or type the address into a browser at https:// or http://localhost"""
_YES = frozenset(("1", "t", "T", "TRUE", "true", "True"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What may be asked for: the present configuration, as far as `/probe` needs it."""

    modules: Mapping[str, Module]
    default_module: Module
    configured: AbstractSet[tuple[str, int]]
    """Host and port of every configured endpoint."""


Observe = Callable[[Endpoint, Permits], Coroutine[Any, Any, Observation]]
"""Probes an endpoint once, at addresses that are permitted only; AddressRefusedError when none is.

MessageTooSoonError: it would send a message, and the last one is not 15 minutes old."""


class OnDemand:
    """Answers `/probe`."""

    def __init__(self, reach: Callable[[], Reach], observe: Observe) -> None:
        self._reach = reach
        self._observe = observe
        self._running: set[asyncio.Task[Observation]] = set()
        self._stopping = False

    async def get(self, request: web.Request) -> web.Response:
        """Probe and answer 200 whatever the target did; 400, 403, 429 and 503 say why nothing was probed."""
        caller = caller_of(request.headers)
        if caller is Caller.EMBEDDED:
            return _answer(403, f"other sites' pages may not probe through this exporter{_REMEDY}")
        try:
            admission = self._admission(request)
        except ConfigError as error:
            return _answer(400, "\n".join(str(problem) for problem in error.problems))
        except ValueError as error:
            return _answer(400, str(error))
        refusal = admission.refusal()
        if refusal is not None:
            return _answer(403, refusal)
        if caller is Caller.LEADING and admission.needs_permission:
            return _answer(403, f"{admission.what_it_does}; {_LED_BY_ANYBODY}{_REMEDY}")
        if self._stopping:
            return _answer(503, _STOPPING)
        if len(self._running) >= MOST_PROBES:
            busy = _answer(503, f"{MOST_PROBES} probes are running for others; try again in a second")
            busy.headers["Retry-After"] = "1"
            return busy
        try:
            observation = await self._observed(admission)
        except AddressRefusedError as error:
            return _answer(403, admission.refusal_of(error.addresses))
        except MessageTooSoonError as error:
            wait = math.ceil(error.seconds)
            early = _answer(
                429, f"a message went to this target and recipient less than 15 minutes ago; {error}"
            )
            early.headers["Retry-After"] = str(wait)
            return early
        return _answer(503, _STOPPING) if observation is None else _report(request, observation)

    async def stop(self, grace: float) -> None:
        """Start nothing more; give running probes `grace` seconds, then cancel them and await their end."""
        self._stopping = True
        running = tuple(self._running)
        try:
            if running:
                await asyncio.wait(running, timeout=grace)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _observed(self, admission: Admission) -> Observation | None:
        """Probe in a task of its own, which ends with the request; None when `stop` has ended it."""
        task = asyncio.create_task(self._observe(admission.endpoint, admission.permits))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        try:
            return await task
        except asyncio.CancelledError:
            request = asyncio.current_task()
            if not self._stopping or (request is not None and request.cancelling()):
                raise
            return None

    def _admission(self, request: web.Request) -> Admission:
        """Read the request.  ConfigError or ValueError: it makes no sense."""
        reach = self._reach()
        target, name, hostname = (_once(request, key) for key in ("target", "module", "hostname"))
        if not target:
            raise ValueError("target is missing; ask for /probe?target=smtp.example.com:587&module=NAME")
        module = reach.modules.get(name) if name else reach.default_module
        if module is None:
            raise ValueError(f"module {quoted(name)} is not known; the configuration has no such module")
        timeout = _timeout(module, request.headers.get(TIMEOUT_HEADER))
        endpoint = _verified_as(hostname, endpoint_for(target, module, timeout=timeout))
        return Admission(module, replace(endpoint, module=name), reach.configured)


def _once(request: web.Request, parameter: str) -> str:
    """The value of a parameter, empty without one.  ValueError: there are several, and one would be ignored."""
    values = request.query.getall(parameter, [""])
    if len(values) > 1:
        raise ValueError(f"{parameter} is given {len(values)} times; give it once")
    return values[0]


def _verified_as(hostname: str, endpoint: Endpoint) -> Endpoint:
    """The endpoint with the TLS server name of the request, unless the module has one, as in blackbox_exporter."""
    if not hostname:
        return endpoint
    try:
        server_name = parse_host(hostname)
    except ConfigError as error:
        raise ConfigError([replace(problem, path="hostname") for problem in error.problems]) from None
    if endpoint.tls_config.server_name is not None:
        return endpoint
    return replace(endpoint, tls_config=replace(endpoint.tls_config, server_name=server_name))


def _timeout(module: Module, header: str | None) -> float:
    """The module's, or what the scrape leaves of its own.  ValueError: the header is no number."""
    if header is None:
        return module.timeout
    try:
        scrape = float(header)
    except ValueError:
        scrape = math.nan
    if not 0 < scrape < math.inf:
        raise ValueError(f"the header {TIMEOUT_HEADER} is not a number of seconds")
    return min(module.timeout, max(scrape - TIMEOUT_OFFSET, scrape / 2))


def _report(request: web.Request, observation: Observation) -> web.Response:
    if request.query.get("debug", "") in _YES:
        return web.Response(
            text=debug_text(observation, exposed(observation, Exposition.TEXT)),
            content_type=_PLAIN,
            charset="utf-8",
        )
    exposition = choose_exposition(request.headers.get("Accept", ""))
    response = web.Response(
        body=exposed(observation, exposition), headers={"Content-Type": exposition.content_type, "Vary": VARY}
    )
    if accepts_gzip(request.headers.get("Accept-Encoding", "")):  # aiohttp would take `gzip;q=0` for a yes
        response.enable_compression(web.ContentCoding.gzip)
    return response


def _answer(status: int, why: str) -> web.Response:
    return web.Response(status=status, text=f"{why}\n", content_type=_PLAIN)
