"""What is remembered of every endpoint: the one place that keeps observations.

One writer (the event loop) and no lock.  Readers on the same loop may keep `Board.entries` while they
yield: a reload replaces the mapping and never alters it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TypeVar

from exporter.histogram import Histogram
from exporter.history import History, Retention, Row
from exporter.model import (
    Endpoint,
    ErrorClass,
    FaultDomain,
    NotOffered,
    Observation,
    Phase,
    StepStatus,
)
from exporter.steps import at_once, in_turns

__all__ = ["Board", "Entry", "FailureKey", "Histogram", "History", "Row", "failure_key"]

K = TypeVar("K", bound=Hashable)

FailureKey = tuple[Phase, ErrorClass, FaultDomain]
"""What makes two failures the same: where, why, whose."""

# Half decades, from the machine room to another continent.  A connect above one second lost its first
# SYN (RFC 6298 2.1: the first retransmission comes after 1 s), above three seconds its second as well.
CONNECT_BOUNDS = (0.001, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
LATENCY_BOUNDS = (0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
SCHEDULE_LAG_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0)
LOOP_LAG_BOUNDS = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)

RECENT_FAILURES = 8
"""Series of `smtp_probe_failure` for one endpoint."""
COUNTED_FAILURES = 6
"""Series of `smtp_probe_failures_total`, and as many of `smtp_probe_outcomes_total` beside those of success.

When there would be more, the one that was not counted for the longest time goes: the budget of series holds
whatever a server comes up with, and whoever computes rates meets a counter that starts again.
"""
FINGERPRINTS = 5
FINGERPRINT_SECONDS = 3600.0
"""So many different leaf certificates within this time are called varying."""
MECHANISMS = 32
"""Mechanisms remembered for one endpoint: more than there are, and a bound on a server that invents them."""
STEP = 100
"""Endpoints that a reload handles before the event loop gets its turn: a millisecond or so."""
WHOLE_FAILURES = 20_000
"""Failed observations, some kilobytes each, that all endpoints together may keep whole."""


@dataclass(slots=True, eq=False)
class Entry:
    """What is known of one endpoint; only the board writes it."""

    endpoint: Endpoint
    history: History
    connect_latency: Histogram
    """Seconds of `connect` in every probe in which it passed."""
    latency: Histogram
    """Seconds of every successful probe, whole."""
    phase_latency: dict[Phase, Histogram]
    """Seconds of every passed phase; empty unless the board was asked for it."""
    failures: dict[FailureKey, int]
    outcomes: dict[tuple[Phase, ErrorClass], int]
    """How the stages CONNECT, TLS and AUTH ended, by `stage_outcomes`."""
    follow_ups: dict[str, int]
    """Experiments by result: the class that one proved, or `inconclusive`."""
    latest: Observation | None = None
    """Right after a reload it may be of the settings before; its own endpoint says which."""
    since: float | None = None
    """Unix time at which the present verdict (health, or one failure key) began."""
    attempts: int = 0
    successes: int = 0
    recent_failures: tuple[FailureKey, ...] = ()
    """At most eight keys seen before, the latest last."""
    data_uncertain: int = 0
    mechanisms: frozenset[tuple[str, str]] = frozenset()
    """SASL mechanisms that this endpoint has ever offered, each `before` or `after` TLS."""
    fingerprints: tuple[tuple[str, float], ...] = ()
    """The last different leaf certificates, at most five, with the Unix time each was last seen."""
    version: int = 0
    """Higher after every change, and never given twice by one board: a key for rendered text."""

    @property
    def certificate_varies(self) -> bool:
        """Five different leaf certificates were seen within an hour: a fleet behind one name."""
        if len(self.fingerprints) < FINGERPRINTS:
            return False
        seen = [at for _, at in self.fingerprints]
        return max(seen) - min(seen) <= FINGERPRINT_SECONDS


class Board:
    """All entries, and the figures of the exporter itself."""

    def __init__(self, *, history: int = 100, phase_latency: bool = False) -> None:
        self._history = history
        self._phase_latency = phase_latency
        self._retention = Retention(rows=history)
        self._entries: dict[str, Entry] = {}
        self.version = 0
        """The highest version of any entry; also raised when an entry goes."""
        self.schedule_lag = Histogram(SCHEDULE_LAG_BOUNDS)
        """Seconds between the time a probe was due and its start."""
        self.loop_lag = Histogram(LOOP_LAG_BOUNDS)
        """Seconds by which the event loop was late for a timer."""
        self.skipped: dict[str, int] = {"late": 0, "overlap": 0, "backoff": 0}
        """Starts that were left out, by reason."""
        self.bugs = 0

    @property
    def entries(self) -> Mapping[str, Entry]:
        """The entries by endpoint name, in the order of the configuration."""
        return MappingProxyType(self._entries)

    def apply(
        self, endpoints: Iterable[Endpoint], *, history: int | None = None, phase_latency: bool | None = None
    ) -> None:
        """Make the board hold exactly `endpoints`, and from now on `history` rows for each.

        `phase_latency` begins or ends the histograms of single phases.  None leaves either as it is.  An endpoint that is gone takes its entry along.  One with the name, host, port and labels of
        before keeps counters and history, however it is probed now; any other starts afresh.
        """
        at_once(self._change(endpoints, history, phase_latency))

    async def apply_in_turns(
        self, endpoints: Iterable[Endpoint], *, history: int | None = None, phase_latency: bool | None = None
    ) -> None:
        """The same for very many, without holding up the event loop; one call at a time."""
        await in_turns(self._change(endpoints, history, phase_latency))

    def _change(
        self, endpoints: Iterable[Endpoint], history: int | None, phase_latency: bool | None
    ) -> Generator[None, None, None]:
        if history is not None:
            self._history = history
        if phase_latency is not None:
            self._phase_latency = phase_latency
        wanted = {endpoint.name: endpoint for endpoint in endpoints}
        self._retention = _retention(self._history, len(wanted))
        yield
        entries: dict[str, Entry] = {}
        known = 0
        for name, endpoint in wanted.items():
            before = self._entries.get(name)
            known += before is not None
            entries[name] = self._entry(before, endpoint)
            if len(entries) % STEP == 0:
                yield
        if known < len(self._entries):
            self.version += 1
        yield
        self._entries = entries

    def record(self, observation: Observation) -> None:
        """Count one observation, unless its endpoint is no longer on the board as it was probed.

        What a reload has not ended, it has spared: a probe that is the same under other labels, and one
        that had begun to send a message.
        """
        entry = self._entries.get(observation.result.endpoint.name)
        if entry is None:
            return
        if not _same(entry.endpoint, observation.result.endpoint):
            spared = _spared(entry.endpoint, observation)
            if spared is None:
                if observation.result.data_uncertain:
                    entry.data_uncertain += 1
                    self._touch(entry)
                return
            observation = spared
        self._touch(entry)
        _count_follow_ups(entry, observation)
        _count_verdict(entry, observation)
        _count_latency(entry, observation, phases=self._phase_latency)
        _note_fingerprint(entry, observation)
        _note_mechanisms(entry, observation)
        for outcome in stage_outcomes(observation):
            _count_one_more(entry.outcomes, outcome, kept=_is_success)
        entry.data_uncertain += observation.result.data_uncertain
        if entry.history.add(observation):
            entry.since = observation.result.started
        entry.latest = observation

    def count_skipped(self, reason: str) -> None:
        """Count one start that was left out."""
        self.skipped[reason] = self.skipped.get(reason, 0) + 1

    def count_bug(self) -> None:
        """Count one exception of ours that nobody foresaw."""
        self.bugs += 1

    def _entry(self, old: Entry | None, endpoint: Endpoint) -> Entry:
        if old is None or _identity(old.endpoint) != _identity(endpoint):
            entry = Entry(
                endpoint=endpoint,
                history=History(self._retention),
                connect_latency=Histogram(CONNECT_BOUNDS),
                latency=Histogram(LATENCY_BOUNDS),
                phase_latency={},
                failures={},
                outcomes={},
                follow_ups={},
            )
            self._touch(entry)
            return entry
        if old.phase_latency and not self._phase_latency:
            old.phase_latency.clear()
            self._touch(old)
        if not _same(old.endpoint, endpoint):
            self._touch(old)
        old.endpoint = endpoint
        old.history.retention = self._retention
        return old

    def _touch(self, entry: Entry) -> None:
        self.version += 1
        entry.version = self.version


def failure_key(observation: Observation) -> FailureKey | None:
    """Where, why and whose the failure is; None in health.

    A bug of ours may have struck before any phase was open; it is counted where a probe begins.
    """
    if observation.result.success:
        return None
    diagnosis = observation.diagnosis
    return (observation.failed_phase or Phase.DNS, diagnosis.error_class, diagnosis.fault_domain)


def stage_outcomes(observation: Observation) -> list[tuple[Phase, ErrorClass]]:
    """How the stages CONNECT, TLS and AUTH ended, as far as this probe decided them.

    CONNECT takes in the name look-up; TLS takes in STARTTLS and its being offered; AUTH takes in its
    being offered.  A stage that was not planned, not reached or withheld says nothing.
    """
    result = observation.result
    if result.held_back:
        return []
    passed = {step.phase for step in result.steps if step.status is StepStatus.PASSED}
    failed = _failed_stage(observation)
    if failed is Phase.AUTH and result.auth_withheld:
        failed = None
    outcomes: list[tuple[Phase, ErrorClass]] = []
    for stage in (Phase.CONNECT, Phase.TLS, Phase.AUTH):
        if stage is failed:
            outcomes.append((stage, observation.diagnosis.error_class))
        elif stage in passed:
            outcomes.append((stage, ErrorClass.NONE))
    return outcomes


def _failed_stage(observation: Observation) -> Phase | None:
    symptom = observation.result.symptom
    if symptom is None:
        return None
    if isinstance(symptom.evidence, NotOffered):
        # What was missing decides, not the EHLO that showed it.
        return Phase.TLS if symptom.evidence.capability == "STARTTLS" else Phase.AUTH
    match symptom.phase:
        case Phase.DNS | Phase.CONNECT:
            return Phase.CONNECT
        case Phase.STARTTLS | Phase.TLS:
            return Phase.TLS
        case Phase.AUTH:
            return Phase.AUTH
        case _:
            return None


def _count_follow_ups(entry: Entry, observation: Observation) -> None:
    # A verdict that is held carries its experiment along from probe to probe; that happened once.
    counted = entry.latest.follow_ups if entry.latest is not None else ()
    for follow_up in observation.follow_ups:
        if not follow_up.held and follow_up not in counted:
            result = follow_up.decides.value if follow_up.decides else "inconclusive"
            entry.follow_ups[result] = entry.follow_ups.get(result, 0) + 1


def _count_verdict(entry: Entry, observation: Observation) -> None:
    entry.attempts += 1
    key = failure_key(observation)
    if key is None:
        entry.successes += 1
        return
    _count_one_more(entry.failures, key, kept=lambda _: False)
    if entry.recent_failures[-1:] != (key,):
        others = tuple(seen for seen in entry.recent_failures if seen != key)
        entry.recent_failures = (*others, key)[-RECENT_FAILURES:]


def _count_one_more(counts: dict[K, int], key: K, *, kept: Callable[[K], bool]) -> None:
    """Count `key`, which becomes the last; of more than may be counted the first goes, unless it is `kept`."""
    counts[key] = counts.pop(key, 0) + 1
    if len(counts) <= COUNTED_FAILURES:  # as nearly always, and every probe comes by here
        return
    losable = [known for known in counts if not kept(known)]
    for known in losable[:-COUNTED_FAILURES]:
        del counts[known]


def _is_success(outcome: tuple[Phase, ErrorClass]) -> bool:
    return outcome[1] is ErrorClass.NONE


def _count_latency(entry: Entry, observation: Observation, *, phases: bool) -> None:
    result = observation.result
    if result.success:
        entry.latency.observe(result.seconds)
    spent: dict[Phase, float] = {}
    for step in result.steps:
        if step.status is StepStatus.PASSED and step.seconds is not None:
            spent[step.phase] = spent.get(step.phase, 0.0) + step.seconds
    if Phase.CONNECT in spent:
        entry.connect_latency.observe(spent[Phase.CONNECT])
    if phases:
        for phase, seconds in spent.items():
            entry.phase_latency.setdefault(phase, Histogram(LATENCY_BOUNDS)).observe(seconds)


def _note_mechanisms(entry: Entry, observation: Observation) -> None:
    for offer, tls in ((observation.result.before_tls, "before"), (observation.result.after_tls, "after")):
        if offer is not None:
            fresh = {(mechanism, tls) for mechanism in offer.mechanisms[:MECHANISMS]} - entry.mechanisms
            if fresh and len(entry.mechanisms) < MECHANISMS:
                entry.mechanisms |= fresh


def _note_fingerprint(entry: Entry, observation: Observation) -> None:
    result = observation.result
    if result.tls is None or not result.tls.fingerprint_sha256:
        return
    new = result.tls.fingerprint_sha256
    others = tuple(seen for seen in entry.fingerprints if seen[0] != new)
    entry.fingerprints = (*others, (new, result.started))[-FINGERPRINTS:]


def _retention(rows: int, endpoints: int) -> Retention:
    # First and latest failure of the present trouble are always worth their memory.
    share = WHOLE_FAILURES // max(1, endpoints)
    return Retention(rows=rows, failures=min(10, max(2, share)))


def _identity(endpoint: Endpoint) -> tuple[str, str, int, tuple[tuple[str, str], ...]]:
    return endpoint.name, endpoint.host, endpoint.port, endpoint.labels


def _spared(endpoint: Endpoint, observation: Observation) -> Observation | None:
    """Return what a probe of the settings before says about `endpoint`, None when it says nothing."""
    result = observation.result
    if result.endpoint.is_probed_like(endpoint):
        return replace(observation, result=replace(result, endpoint=endpoint))
    sent = any(step.phase is Phase.DATA and step.status is not StepStatus.SKIPPED for step in result.steps)
    return observation if sent and _identity(result.endpoint) == _identity(endpoint) else None


def _same(one: Endpoint, other: Endpoint) -> bool:
    return one is other or one == other
