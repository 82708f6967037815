"""How deep a YAML document may be nested: PyYAML composes in C, and has no limit of its own."""

from __future__ import annotations

from collections.abc import Iterable

import yaml


class TooDeepError(Exception):
    """A collection lies deeper than any that means something."""


class Nesting:
    """Counts the collections that are open, of which there may be `most`."""

    __slots__ = ("_most", "_open")

    def __init__(self, most: int) -> None:
        self._most = most
        self._open = 0

    def enter(self) -> None:
        """Note that a collection begins.  TooDeepError: it is one too many."""
        self._open += 1
        if self._open > self._most:
            raise TooDeepError

    def leave(self) -> None:
        """Note that it ends."""
        self._open -= 1


def check_nesting(events: Iterable[yaml.Event], most: int) -> None:
    """TooDeepError when more than `most` collections lie in each other."""
    nesting = Nesting(most)
    for event in events:
        if isinstance(event, yaml.CollectionStartEvent):
            nesting.enter()
        elif isinstance(event, yaml.CollectionEndEvent):
            nesting.leave()
