"""Reads everything that a configuration is made of, without holding up who runs meanwhile."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from exporter.diagnosis import Rulebook, RuleError, load_rules
from exporter.settings import ConfigError, Settings, load
from exporter.sharding import Shard

T = TypeVar("T")

SWITCH_SECONDS = 0.0001
"""For how long the reading thread keeps the interpreter.  The loop loses it with every call of the kernel, a dozen
times a turn: at half a millisecond, let alone Python's own five, the longest turns are spent on waiting for it."""
MANY_OBJECTS = 20_000
"""So many that the collector's walk over them would be felt: a millisecond or more."""


class UnusableError(Exception):
    """A configuration that cannot be used: all of its problems, one a line."""

    def __init__(self, problems: Iterable[object], watched: Iterable[Path]) -> None:
        self.problems = tuple(map(str, problems))
        self.watched_files = tuple(watched)
        """The files whose change may mend it."""
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """One valid configuration with the rules that it names."""

    settings: Settings
    """With our share of the endpoints only."""
    rulebook: Rulebook
    targets: frozenset[tuple[str, int]]
    """Host and port of every endpoint, those of other shards included."""


def read(file: Path, shard: Shard) -> Configuration:
    """Return the configuration in `file`.  Blocking.  UnusableError with every problem found."""
    try:
        settings = load(file)
    except ConfigError as error:
        raise UnusableError(error.problems, error.watched_files) from None
    return complete(settings, shard)


def complete(settings: Settings, shard: Shard) -> Configuration:
    """Return `settings` with their rules.  Blocking.  UnusableError: the rules hold faults."""
    try:
        rulebook = load_rules(settings.rules_files)
    except RuleError as error:
        raise UnusableError(error.problems, settings.watched_files) from None
    targets = frozenset((endpoint.host, endpoint.port) for endpoint in settings.endpoints)
    return Configuration(settings=shard.share(settings), rulebook=rulebook, targets=targets)


async def read_aside(file: Path, shard: Shard) -> Configuration:
    """The same in a thread, which lets the event loop run every tenth of a millisecond; one call at a time."""
    return await asyncio.to_thread(_gently, lambda: read(file, shard))


def _gently(work: Callable[[], T]) -> T:
    """Do `work` without long claims on the interpreter: short turns, and no collection of garbage.

    What was made is put aside before collections are allowed again: the first one would walk over all of
    it, and so would every full one after.  Reading makes no cycles, so nothing is kept that could go.
    """
    interval, collecting = sys.getswitchinterval(), gc.isenabled()
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.disable()
    try:
        return work()
    finally:
        if gc.get_count()[0] > MANY_OBJECTS:
            gc.freeze()
        if collecting:
            gc.enable()
        sys.setswitchinterval(interval)
