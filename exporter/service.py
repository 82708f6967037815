"""Builds the house and lives in it: wiring, reload, signals, shutdown.

The current `Settings` are the one thing that changes here.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import Any

from exporter import __version__, log
from exporter.board import Board
from exporter.diagnosis import RuleError, load_rules
from exporter.followup import FollowUps
from exporter.loop_lag import LoopLag
from exporter.metrics.runtime import BackingOff
from exporter.model import Endpoint, Observation, StepStatus
from exporter.observe import Observer, bug_observation
from exporter.probe.prober import Prober
from exporter.probe.resolver import Resolver
from exporter.schedule import Scheduler
from exporter.settings import ConfigError, Settings, load
from exporter.web import WebServer, create_app

# What a probe in flight is given to end by itself when the program is told to stop.
GRACE = 2.0


class Service:
    """The running exporter: schedule → probe → diagnosis → board → metrics and page."""

    def __init__(self, settings: Settings, *, listen: str, config_file: Path | None = None) -> None:
        self.settings = settings
        self._config_file = config_file
        self._board = Board(history=settings.history)
        self._scheduler = Scheduler(
            self._probe,
            on_bug=self._bug,
            on_lag=self._board.schedule_lag.observe,
            on_skip=self._board.count_skipped,
            max_concurrent=settings.max_concurrent,
        )
        self._loop_lag = LoopLag(self._board.loop_lag.observe)
        self._resolver = Resolver(nameservers=settings.nameservers)
        prober = Prober(self._resolver)
        self._follow_ups = FollowUps(prober, settings.follow_up, latest=self._latest)
        self._observer = Observer(prober, load_rules(settings.rules_files), self._follow_ups)
        self._reloading = asyncio.Lock()
        self._loaded_at = time.time()
        self._load_ok = True
        app = create_app(
            self._board,
            self,
            ready=lambda: self._scheduler.running,
            probe_now=self._probe_now,
        )
        self.web = WebServer(app, listen)

    # ----------------------------------------------------------------- life

    async def start(self) -> None:
        """Bind the page, then begin to probe.  OSError: the address cannot be listened on."""
        await self.web.start()
        self._board.apply(self.settings.endpoints)
        self._scheduler.apply(self.settings.endpoints)
        self._scheduler.start()
        self._loop_lag.start()

    async def stop(self) -> None:
        """Let running probes take leave, then end everything that was opened."""
        self._loop_lag.stop()
        await self._scheduler.stop(GRACE)
        await self.web.stop()
        self._resolver.close()

    async def reload(self) -> bool:
        """Read the configuration again; a bad one changes nothing and is told in full.

        Unchanged endpoints keep timer, counters and history.
        """
        if self._config_file is None:
            return True
        async with self._reloading:
            try:
                # Off the loop: thousands of endpoints take seconds to parse and check.
                settings = await asyncio.to_thread(load, self._config_file)
                rulebook = await asyncio.to_thread(load_rules, settings.rules_files)
            except (ConfigError, RuleError) as error:
                self._load_ok = False
                for problem in error.problems:
                    log.event(logging.ERROR, "configuration not reloaded", problem=problem)
                return False
            if settings.nameservers != self.settings.nameservers:
                old, self._resolver = self._resolver, Resolver(nameservers=settings.nameservers)
                asyncio.get_running_loop().call_later(max_timeout(self.settings), old.close)
            prober = Prober(self._resolver)
            self._follow_ups.use(prober, settings.follow_up)
            self._observer = Observer(prober, rulebook, self._follow_ups)
            self.settings = settings
            self._board.apply(settings.endpoints, history=settings.history)
            change = await self._scheduler.apply_in_turns(
                settings.endpoints, max_concurrent=settings.max_concurrent
            )
            self._load_ok, self._loaded_at = True, time.time()
            log.event(
                logging.INFO,
                "configuration reloaded",
                added=len(change.added),
                changed=len(change.changed),
                removed=len(change.removed),
                kept=len(change.kept),
            )
            return True

    # ----------------------------------------------------------------- one probe

    async def _probe(self, endpoint: Endpoint) -> None:
        observation = await self._observer.observe(endpoint)
        self._board.record(observation)
        _log_observation(observation)

    async def _probe_now(self, name: str) -> str | None:
        """Probe out of turn; return why not, or None when it was done."""
        done = await self._scheduler.run_now(name)
        return None if done else "the endpoint was removed or changed meanwhile"

    def _latest(self) -> Iterable[Observation]:
        """Yield the newest observation of every endpoint that has one."""
        return (entry.latest for entry in self._board.entries.values() if entry.latest is not None)

    def _bug(self, endpoint: Endpoint, error: BaseException) -> None:
        log.event(logging.ERROR, "bug in a probe", error=error, endpoint=endpoint.name)
        self._board.count_bug()
        self._board.record(bug_observation(endpoint, error))

    # ----------------------------------------------------------------- what the metrics ask

    @property
    def version(self) -> str:
        """The version of the exporter."""
        return __version__

    @property
    def in_flight(self) -> int:
        """Probes that are running now."""
        return self._scheduler.in_flight

    @property
    def limit(self) -> int:
        """Probes that may run at the same time."""
        return self._scheduler.limit

    @property
    def config_reload_ok(self) -> bool:
        """The last attempt to load the configuration succeeded."""
        return self._load_ok

    @property
    def config_reload_time(self) -> float:
        """When the configuration was last loaded with success, Unix seconds."""
        return self._loaded_at

    def next_run(self, name: str) -> float | None:
        """When the endpoint is due next, Unix seconds."""
        return self._scheduler.next_run_unix(name)

    def backing_off(self, name: str) -> BackingOff:  # noqa: ARG002 - nothing backs off yet
        """What is held back for the endpoint now."""
        return BackingOff(auth=False, endpoint=False)

    def token_expiry(self, name: str) -> float | None:  # noqa: ARG002 - no tokens yet
        """When the endpoint's access token ends, Unix seconds."""
        return None


def max_timeout(settings: Settings) -> float:
    """Return the longest time that any probe may take, in seconds."""
    return max((endpoint.timeout for endpoint in settings.endpoints), default=0.0)


def _log_observation(observation: Observation) -> None:
    """Write one line a probe: failures as warnings, health for those who ask for debug."""
    result, diagnosis = observation.result, observation.diagnosis
    level = logging.DEBUG if result.success else logging.WARNING
    if not log.LOGGER.isEnabledFor(level):
        return
    fields: dict[str, Any] = {
        "endpoint": result.endpoint.name,
        "target": result.endpoint.target,
        "seconds": round(result.seconds, 6),
    }
    if not result.success:
        fields |= {
            "phase": observation.failed_phase,
            "error_class": diagnosis.error_class,
            "fault_domain": diagnosis.fault_domain,
            "rule": diagnosis.rule,
            "summary": diagnosis.summary,
        }
        failed = next((step for step in result.steps if step.status is StepStatus.FAILED), None)
        if failed is not None and failed.evidence is not None:
            fields["seen"] = type(failed.evidence).__name__
        if result.reply is not None:
            fields["reply"] = f"{result.reply.code} {result.reply.text}"[:300]
    log.event(level, "probe succeeded" if result.success else "probe failed", **fields)


def run(main: Callable[[asyncio.Event], Coroutine[Any, Any, int]]) -> int:
    """Run `main` on the fastest event loop there is; SIGTERM and SIGINT set the event it is given."""

    async def under_signals() -> int:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        return await main(stop)

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(under_signals())


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """Return uvloop's loop, or asyncio's where uvloop is missing."""
    try:
        import uvloop  # noqa: PLC0415 - it may be missing
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop
