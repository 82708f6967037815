"""The problems of one load, gathered from all of its files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exporter.settings.problems import ConfigError, Place, Problem, dotted, printable, relocated
from exporter.settings.wording import presentable
from exporter.settings.yaml_source import line_of


@dataclass(slots=True)
class Source:
    """One file of the configuration."""

    path: Path
    order: int
    """Its position among the files, for the order of the problems."""
    data: Any = None
    """What it holds, as LinedDict and LinedList; None until it has been read."""

    @property
    def shown(self) -> str:
        """The file as messages name it: as it was given."""
        return printable(str(self.path))

    @property
    def folder(self) -> Path:
        """What relative names in this file count from."""
        return self.path.parent


class Report:
    """Problems so far, and the keys that they spoil: what a spoilt key decides is not judged."""

    def __init__(self) -> None:
        self._found: list[tuple[int, Problem]] = []
        self._spoilt: set[tuple[int, Place]] = set()

    def __bool__(self) -> bool:
        return bool(self._found)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """By file, then by line."""
        ordered = sorted(self._found, key=lambda found: (found[0], found[1].line or 0))
        return tuple(problem for _, problem in ordered)

    def add(
        self,
        source: Source,
        place: Place,
        error: ConfigError,
        *,
        line: int | None = None,
        spoils: Iterable[Place] = (),
        is_doubtful: bool = False,
    ) -> None:
        """Takes what is wrong at `place` of `source`.

        `spoils` names other places that it makes doubtful; with `is_doubtful` the last key of `place` may
        be no key at all.
        """
        line = line or line_of(source.data, place)
        path = dotted(presentable(place, is_doubtful=is_doubtful))
        found = relocated(error, file=source.shown, line=line, path=path)
        self._found.extend((source.order, problem) for problem in found)
        for spoilt in (place, *spoils):
            self._spoilt.update((source.order, spoilt[:depth]) for depth in range(1, len(spoilt) + 1))

    def is_spoilt(self, source: Source, place: Place) -> bool:
        """A problem was found at `place` or below."""
        return (source.order, place) in self._spoilt

    def at(self, source: Source, place: Place) -> Spot:
        """One section, for those who need not know where it stands."""
        return Spot(self, source, place)


@dataclass(frozen=True, slots=True)
class Spot:
    """A section of a file; places count from it."""

    report: Report
    source: Source
    place: Place

    def complain(self, below: Place, error: ConfigError) -> None:
        """Notes what is wrong at `below`."""
        self.report.add(self.source, (*self.place, *below), error)

    def is_spoilt(self, *keys: str) -> bool:
        """One of `keys` has a problem already."""
        return any(self.report.is_spoilt(self.source, (*self.place, key)) for key in keys)

    def inside(self, key: str) -> Spot:
        """The section below `key`."""
        return Spot(self.report, self.source, (*self.place, key))
