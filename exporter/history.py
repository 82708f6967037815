"""What an endpoint did of late: many short rows, a few whole failures.

A row is 15 bytes, so that a hundred of them for each of ten thousand endpoints fit into 15 MB.  A whole
observation with its transcript is some kilobytes; those are kept for failures only, and few.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from exporter.model import ErrorClass, FaultDomain, Observation, Phase

# Unix time, seconds, then the positions of class, phase and domain in their enums.
_ROW = struct.Struct("<dfBBB")
_CLASS_AT = 12
_CLASSES = tuple(ErrorClass)
_PHASES: tuple[Phase | None, ...] = (None, *Phase)
_DOMAINS = tuple(FaultDomain)
_CLASS_INDEX = {member: index for index, member in enumerate(_CLASSES)}
_PHASE_INDEX = {member: index for index, member in enumerate(_PHASES)}
_DOMAIN_INDEX = {member: index for index, member in enumerate(_DOMAINS)}
_HEALTHY = _CLASS_INDEX[ErrorClass.NONE]


class Row(NamedTuple):
    """One probe in short."""

    started: float
    """Unix time."""
    seconds: float
    """The whole probe, to seven digits."""
    error_class: ErrorClass
    """`none` for a success."""
    phase: Phase | None
    """Where it failed; None for a success."""
    fault_domain: FaultDomain

    @property
    def success(self) -> bool:
        """The probe reached its depth."""
        return self.error_class is ErrorClass.NONE


@dataclass(frozen=True, slots=True)
class Retention:
    """How much one endpoint's history may hold; histories of one board share the value."""

    rows: int = 100
    failures: int = 10
    """Whole failed observations."""
    transitions: int = 20


class History:
    """The rows, failures and transitions of one endpoint, each bounded by `retention`.

    Rows: when they are too many, the oldest success goes, so failures outlive successes.  Failures that
    were kept beyond their time fill at most half of the rows; then the oldest of them goes.  The newer
    half is therefore always an unbroken record, and rates over it are true.

    Failures: the first and the latest of each unbroken run of one verdict, since those between say the
    same again; when they are too many, the oldest goes.
    """

    __slots__ = ("_elders", "_failures", "_repeats", "_rows", "_transitions", "retention")

    def __init__(self, retention: Retention) -> None:
        self.retention = retention
        """May be replaced; a smaller one takes effect at the next observation."""
        self._rows = bytearray()
        self._elders = 0  # this many rows at the front are failures
        self._transitions = bytearray()
        self._failures: list[Observation] = []
        self._repeats = False  # the last failure kept is not the first of its run

    def __len__(self) -> int:
        return len(self._rows) // _ROW.size

    def rows(self) -> Iterator[Row]:
        """The probes that are kept, oldest first, as they are now."""
        return _unpacked(bytes(self._rows))

    def transitions(self) -> Iterator[Row]:
        """The first probe of each of the latest verdicts, oldest first: when what began."""
        return _unpacked(bytes(self._transitions))

    def failures(self) -> tuple[Observation, ...]:
        """The failed observations that are kept whole, oldest first."""
        return tuple(self._failures)

    def add(self, observation: Observation) -> bool:
        """Keep one observation, the newest; true when its verdict differs from the one before."""
        result, diagnosis = observation.result, observation.diagnosis
        packed = _ROW.pack(
            result.started,
            result.seconds,
            _CLASS_INDEX[diagnosis.error_class],
            _PHASE_INDEX[observation.failed_phase],
            _DOMAIN_INDEX[diagnosis.fault_domain],
        )
        changed = self._transitions[_CLASS_AT - _ROW.size :] != packed[_CLASS_AT:]
        self._rows += packed
        self._evict_rows()
        if changed:
            self._transitions += packed
            del self._transitions[: max(0, len(self._transitions) - self.retention.transitions * _ROW.size)]
        if not result.success:
            self._keep_whole(observation, first=changed)
        return changed

    def _evict_rows(self) -> None:
        most, quota = self.retention.rows, self.retention.rows // 2
        self._elders = min(self._elders, quota)
        while len(self) > most:
            while self._elders < quota and self._failed(self._elders):
                self._elders += 1
            victim = 0 if self._failed(self._elders) else self._elders
            del self._rows[victim * _ROW.size : (victim + 1) * _ROW.size]

    def _failed(self, index: int) -> bool:
        return self._rows[index * _ROW.size + _CLASS_AT] != _HEALTHY

    def _keep_whole(self, observation: Observation, *, first: bool) -> None:
        if not first and self._repeats:
            self._failures.pop()
        self._repeats = not first
        self._failures.append(observation)
        del self._failures[: max(0, len(self._failures) - self.retention.failures)]


def _unpacked(packed: bytes) -> Iterator[Row]:
    for started, seconds, error_class, phase, domain in _ROW.iter_unpack(packed):
        yield Row(started, seconds, _CLASSES[error_class], _PHASES[phase], _DOMAINS[domain])
