"""Builds the house and lives in it: wiring, reload, signals, shutdown.

The current `Settings` are the one thing that changes here.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from exporter import __version__, log
from exporter.backoff import Logins, Messages, MessageTooSoonError, Pauses
from exporter.board import Board
from exporter.configuration import Configuration, UnusableError, complete, read_aside
from exporter.diagnosis import diagnose, parse
from exporter.followup import FollowUps
from exporter.garbage import Collector
from exporter.joined import Joined
from exporter.loop_lag import LoopLag
from exporter.metrics.runtime import BackingOff
from exporter.model import Endpoint, Observation, StepStatus
from exporter.observe import Observer, bug_observation
from exporter.probe.address import Address
from exporter.probe.arrival import KernelTimes
from exporter.probe.oauth2 import Tokens
from exporter.probe.prober import Prober
from exporter.probe.resolver import Resolver
from exporter.probe.screened import AddressRefusedError, Permits, ScreenedResolver
from exporter.probe.seat import Seat
from exporter.probe.tls import TlsStore
from exporter.schedule import Scheduler
from exporter.settings import Settings
from exporter.sharding import Shard
from exporter.watch import LOOK_SECONDS, Stamps, Watch
from exporter.web import WebServer, create_app
from exporter.web.access import Access
from exporter.web.doorkeeper import Doorkeeper
from exporter.web.on_demand import OnDemand, Reach

# What a probe in flight is given to end by itself when the program is told to stop.
GRACE = 2.0

TICK = 0.02
"""Seconds between two moments at which probes start.  A probe waits for eight answers, each of which wakes the process
up, and that costs as much as what is done then; probes that start together are awake for each other's."""

BACKOFF = "backoff"
"""A start was left out because the server had said 421, or that we come too often."""


class Service:
    """The running exporter: schedule → probe → diagnosis → board → metrics and page."""

    def __init__(
        self,
        settings: Settings,
        *,
        listen: str,
        config_file: Path | None = None,
        shard: Shard | None = None,
        access: Access | None = None,
        web_config_file: Path | None = None,
        look_every: float = LOOK_SECONDS,
    ) -> None:
        """Wire everything.  UnusableError: the rules that the settings name hold faults.

        `look_every` is how often the files are looked at for changes, in seconds; 0 is never.
        """
        self._shard = shard or Shard()
        self._config_file = config_file
        self._configuration = complete(settings, self._shard)
        self._board = Board(history=settings.history, phase_latency=settings.phase_latency)
        self._messages = Messages()
        self._scheduler = Scheduler(
            self._probe,
            on_bug=self._bug,
            on_lag=self._board.schedule_lag.observe,
            on_skip=self._board.count_skipped,
            not_before=self._messages.not_before,
            is_committed=self._messages.is_sending,
            max_concurrent=settings.max_concurrent,
            tick=TICK,
        )
        self._loop_lag = LoopLag(self._board.loop_lag.observe)
        self._kernel_times = KernelTimes()
        self._garbage = Collector()
        self._resolver = Resolver(nameservers=settings.nameservers)
        self._tls, self._tokens = TlsStore(), Tokens(self._resolver)
        self._logins, self._pauses = Logins(settings.backoff), Pauses(settings.backoff)
        prober = Prober(self._resolver, self._tls, self._tokens)
        self._follow_ups = FollowUps(prober, settings.follow_up, latest=self._latest)
        self._observer = Observer(prober, self._configuration.rulebook, self._follow_ups, self._logins)
        self.reload = Joined(self._reload)
        """Read the configuration again; False when it was refused."""
        self._loaded_at = time.time()
        self._problems: tuple[str, ...] = ()
        self._watch = Watch(self.reload, every=look_every) if config_file and look_every else None
        self._door = Doorkeeper(access or Access(), web_config_file, look_every)
        self._on_demand = OnDemand(self._reach, self._observe_for_stranger)
        app = create_app(
            self._board,
            self,
            ready=lambda: self._scheduler.running,
            reload=self.reload_all,
            probe_now=self._probe_now,
            on_demand=self._on_demand,
            configuration=lambda: self.settings.effective,
            problems=lambda: (*self._problems, *self._door.problems),
            gate=self._door.gate,
            explain=lambda line: diagnose(parse(line), self._configuration.rulebook),
        )
        self.web = WebServer(app, listen, tls=self._door.tls)

    @property
    def settings(self) -> Settings:
        """The configuration in force, our share of its endpoints only."""
        return self._configuration.settings

    # ----------------------------------------------------------------- life

    async def start(self) -> None:
        """Bind the page, then begin to probe.  OSError: the address cannot be listened on."""
        await self.web.start()
        self._kernel_times.start()
        self._board.apply(self.settings.endpoints)
        names = {endpoint.name for endpoint in self.settings.endpoints}
        self._pauses.use(self.settings.backoff, names)
        self._messages.use(names)
        self._scheduler.apply(self.settings.endpoints)
        self._scheduler.start()
        self._loop_lag.start()
        self._garbage.start()
        self._door.start(self.web, keeps_secrets=_keeps_secrets(self.settings))
        if self._watch is not None:
            await asyncio.to_thread(self._keep_watch, self.settings.watched_files, self._watch.look())
            self._watch.start()

    async def stop(self) -> None:
        """Let running probes take leave, then end everything that was opened."""
        if self._watch is not None:
            await self._watch.stop()
        await self._door.stop()
        self._loop_lag.stop()
        self._garbage.stop()
        await asyncio.gather(self._scheduler.stop(GRACE), self._on_demand.stop(GRACE))
        await self.web.stop()
        self.close()

    def close(self) -> None:
        """End what was opened before the start."""
        self._door.close()
        self._kernel_times.stop()
        self._resolver.close()

    async def reload_all(self) -> bool:
        """Read the configuration and the web configuration again; False when one of them was refused."""
        opened = await self._door.reload()
        return await self.reload() and opened

    async def _reload(self) -> bool:
        """Read the configuration again; a bad one changes nothing and is told in full.

        Unchanged endpoints keep timer, counters and history.
        """
        if self._config_file is None:
            return True
        seen = await asyncio.to_thread(self._watch.look) if self._watch is not None else None
        try:
            configuration = await read_aside(self._config_file, self._shard)
        except UnusableError as error:
            self._problems = error.problems
            for problem in error.problems:
                log.event(logging.ERROR, "configuration not reloaded", problem=problem)
            watched: tuple[Path, ...] = (*self.settings.watched_files, *error.watched_files)
        except Exception as error:  # noqa: BLE001 - a bug of ours must not hide that the files were not taken
            self._problems = ("the configuration could not be read because of a bug; the log has the rest",)
            self._board.count_bug()
            log.event(logging.ERROR, "bug in a reload", error=error)
            watched = self.settings.watched_files
        else:
            await self._swap(configuration)
            watched = self.settings.watched_files
        if seen is not None:
            await asyncio.to_thread(self._keep_watch, watched, seen)
        return not self._problems

    async def _swap(self, configuration: Configuration) -> None:
        settings = configuration.settings
        if settings.nameservers != self.settings.nameservers:
            old, self._resolver = self._resolver, Resolver(nameservers=settings.nameservers)
            asyncio.get_running_loop().call_later(max_timeout(self.settings), old.close)
        self._tokens.use(self._resolver)
        self._logins.use(settings.backoff)
        names = {endpoint.name for endpoint in settings.endpoints}
        self._pauses.use(settings.backoff, names)
        self._messages.use(names)
        await asyncio.sleep(0)  # each of these steps takes a millisecond or two
        prober = Prober(self._resolver, self._tls, self._tokens)
        self._follow_ups.use(prober, settings.follow_up)
        self._observer = Observer(prober, configuration.rulebook, self._follow_ups, self._logins)
        self._configuration = configuration
        await asyncio.sleep(0)
        before = self._board.entries
        await self._board.apply_in_turns(
            settings.endpoints, history=settings.history, phase_latency=settings.phase_latency
        )
        await asyncio.sleep(0)
        change = await self._scheduler.apply_in_turns(
            settings.endpoints, max_concurrent=settings.max_concurrent
        )
        for entry in (self._board.entries[name] for name in change.changed):
            known = before[entry.endpoint.name].latest
            if entry.latest is None and known is not None and self._messages.remaining(entry.endpoint):
                self._board.record(known)  # the next probe may be a quarter of an hour away
        self._problems, self._loaded_at = (), time.time()
        log.event(
            logging.INFO,
            "configuration reloaded",
            added=len(change.added),
            changed=len(change.changed),
            removed=len(change.removed),
            kept=len(change.kept),
        )

    def _keep_watch(self, files: Iterable[Path], seen: tuple[float, Stamps]) -> None:
        assert self._watch is not None
        assert self._config_file is not None
        self._watch.keep_to((self._config_file, *files), self.settings.watched_globs, seen)

    # ----------------------------------------------------------------- one probe

    async def _probe(self, endpoint: Endpoint) -> None:
        if self._pauses.remaining(endpoint) or self._messages.remaining(endpoint):
            self._board.count_skipped(BACKOFF)
            entry, standing = self._board.entries.get(endpoint.name), self._pauses.standing(endpoint)
            if standing is not None and entry is not None and entry.latest is None:
                self._board.record(standing)  # new labels do not hide what is wrong
            return
        place = self._scheduler.place(endpoint.name)
        with self._messages.sending(endpoint) as sending, Seat(place) as seat:
            observation = await self._observer.observe(endpoint, on_message=sending.begin, seat=seat)
            self._pauses.note(observation)
            self._board.record(observation)
        _log_observation(observation)

    async def _probe_now(self, name: str) -> str | None:
        """Probe out of turn; return why not, or None when it was done."""
        entry = self._board.entries.get(name)
        if entry is not None:
            left = self._pauses.remaining(entry.endpoint)
            if left:
                return f"the server asked for patience; the next probe is made in {left:.0f} s"
            left = self._messages.remaining(entry.endpoint)
            if left:
                return f"it sends messages, at least 15 minutes apart; the next may be sent in {left:.0f} s"
            self._observer.ask_again(entry.endpoint)
        done = await self._scheduler.run_now(name)
        return None if done else "the endpoint was removed or changed meanwhile"

    def _reach(self) -> Reach:
        return Reach(
            modules=self.settings.modules,
            default_module=self.settings.default_module,
            configured=self._configuration.targets,
        )

    async def _observe_for_stranger(self, endpoint: Endpoint, permits: Permits) -> Observation:
        """Probe what `/probe` was asked for: without a follow-up, and remembered by the back-off alone."""
        led_to: set[str] = set()

        def permits_and_notes(address: Address) -> bool:
            permitted = permits(address)
            if permitted:
                sending.lead_to(address.ip)
                led_to.add(address.ip)
            return permitted

        prober = Prober(ScreenedResolver(self._resolver, permits_and_notes), self._tls, self._tokens)
        observer = Observer(prober, self._configuration.rulebook, None, self._logins)
        standing = self._pauses.standing(endpoint, on_demand=True)
        if standing is not None:
            return standing
        try:
            with self._messages.sending_on_demand(endpoint) as sending:
                observation = await observer.observe(
                    endpoint, on_message=sending.begin, addresses=lambda: led_to
                )
                self._pauses.note(observation, on_demand=True)
                return observation
        except (AddressRefusedError, MessageTooSoonError):
            raise
        except Exception as error:  # noqa: BLE001 - as at the scheduler's edge: a bug is counted, not spread
            log.event(logging.ERROR, "bug in a probe on demand", error=error, target=endpoint.target)
            self._board.count_bug()
            return bug_observation(endpoint, error)

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
        """Probes that are at work now."""
        return self._scheduler.in_flight

    @property
    def waiting(self) -> int:
        """Probes that wait for a name, or for somebody who has been silent for a second."""
        return self._scheduler.waiting

    @property
    def limit(self) -> int:
        """Probes that may be at work at the same time."""
        return self._scheduler.limit

    @property
    def config_reload_ok(self) -> bool:
        """The last attempt to load the configuration succeeded."""
        return not self._problems and not self._door.problems

    @property
    def config_reload_time(self) -> float:
        """When the configuration was last loaded with success, Unix seconds."""
        return self._loaded_at

    def next_run(self, name: str) -> float | None:
        """When the endpoint is due next, Unix seconds."""
        return self._scheduler.next_run_unix(name)

    def backing_off(self, name: str) -> BackingOff:
        """What is held back for the endpoint now."""
        entry = self._board.entries.get(name)
        if entry is None:
            return BackingOff(auth=False, endpoint=False)
        return BackingOff(
            # Whoever is healthy was not refused: a scrape of thousands need not look each of them up.
            auth=entry.latest is not None
            and not entry.latest.result.success
            and self._observer.backing_off(entry.endpoint),
            endpoint=self._pauses.remaining(entry.endpoint) > 0,
        )

    def token_expiry(self, name: str) -> float | None:
        """When the endpoint's access token ends, Unix seconds."""
        entry = self._board.entries.get(name)
        return self._observer.token_expiry(entry.endpoint) if entry is not None else None


def max_timeout(settings: Settings) -> float:
    """Return the longest time that any probe may take, in seconds."""
    return max((endpoint.timeout for endpoint in settings.endpoints), default=0.0)


def _keeps_secrets(settings: Settings) -> bool:
    """Say whether any endpoint or module logs in."""
    logins = (*(e.auth for e in settings.endpoints), *(m.auth for m in settings.modules.values()))
    return any(login is not None for login in logins)


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
