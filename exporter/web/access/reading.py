"""Mappings, lists and values of a web configuration, as Prometheus' programs take them.

A file that they accept must be accepted here, and the other way round: text may be written as a number,
nothing at all is the zero value; unknown and repeated keys are faults.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

import yaml

from exporter.settings.problems import ConfigError, Problem, fault, nearest, quoted
from exporter.web.access.goyaml import Kind, UnreadableError, compose, is_true

T = TypeVar("T")

_MOST_MERGES = 100
_KINDS = {yaml.MappingNode: "a mapping", yaml.SequenceNode: "a list", yaml.ScalarNode: "one value"}


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file being read, and everything that was found wrong in it."""

    file: str
    problems: list[Problem] = field(default_factory=list)

    def complain(self, line: int | None, path: str, error: ConfigError) -> None:
        """Note the faults of one value."""
        self.problems.extend(
            replace(problem, file=self.file, line=line, path=path) for problem in error.problems
        )

    def attempt(self, line: int | None, path: str, read: Callable[[], T]) -> T | None:
        """Return what `read` makes of one value; its ConfigError is noted and gives None."""
        try:
            return read()
        except ConfigError as error:
            self.complain(line, path, error)
            return None


@dataclass(frozen=True, slots=True)
class Section:
    """A mapping of the file: its keys, each with its node."""

    sheet: Sheet
    path: str
    nodes: Mapping[str, yaml.Node]

    def line(self, key: str) -> int | None:
        """The line of a key's value, from 1."""
        node = self.nodes.get(key)
        return None if node is None else node.start_mark.line + 1

    def place(self, key: str) -> str:
        """The dotted path of a key."""
        return f"{self.path}.{key}" if self.path else key

    def gives(self, key: str) -> bool:
        """There is something under a key."""
        return key in self.nodes and not is_left_out(self.nodes[key])

    def complain(self, key: str, message: str, remedy: str) -> None:
        """Note a fault of a key's value, or of its absence."""
        self.sheet.complain(self.line(key), self.place(key), fault(message, remedy))

    def section(self, key: str, known: frozenset[str] | None) -> Section:
        """The mapping under a key; empty when there is none or it is something else."""
        node = self.nodes.get(key)
        if node is None or is_null(node):
            return Section(self.sheet, self.place(key), {})
        return _section(self.sheet, self.place(key), node, known)

    def text(self, key: str) -> str:
        """The text under a key; empty when there is none."""
        node = self.nodes.get(key)
        if node is None:
            return ""
        return self.sheet.attempt(self.line(key), self.place(key), partial(text_of, node)) or ""

    def texts(self, key: str) -> tuple[str, ...] | None:
        """The list of texts under a key, without what is nothing; None when there is no list."""
        node = self.nodes.get(key)
        if node is None or is_null(node):
            return None
        if not isinstance(node, yaml.SequenceNode):
            self.complain(key, f"this is {_KINDS[type(node)]} and must be a list", "write [a, b]")
            return None
        read = (
            self.sheet.attempt(item.start_mark.line + 1, self.place(key), partial(text_of, item))
            for item in node.value
            if not is_left_out(item)
        )
        return tuple(text for text in read if text is not None)

    def flag(self, key: str, *, default: bool) -> bool:
        """The boolean under a key."""
        node = self.nodes.get(key)
        if node is None:
            return default
        if is_null(node):
            return False
        if isinstance(node, yaml.ScalarNode) and node.tag == Kind.BOOL:
            return is_true(node)
        self.complain(key, "this is not a boolean", "write true or false, without quotes")
        return default


def read_sheet(sheet: Sheet, text: str, known: frozenset[str]) -> Section:
    """The first document of `text`; what is not YAML at all is noted, and read as empty."""
    try:
        node = compose(text)
    except UnreadableError as error:
        sheet.complain(error.line, "", fault(error.message, error.remedy))
        node = None
    if node is None or is_null(node):
        return Section(sheet, "", {})
    return _section(sheet, "", node, known)


def is_null(node: yaml.Node) -> bool:
    """The node is nothing: empty, `~` or `null`."""
    return isinstance(node, yaml.ScalarNode) and node.tag == Kind.NULL


def is_left_out(node: yaml.Node) -> bool:
    """The node is nothing to the types, too, that read themselves; to those `Null` is an empty text."""
    return is_null(node) and node.value in {"", "~", "null"}


def text_of(node: yaml.Node) -> str:
    """The text of a scalar, however it is written; raises ConfigError for anything else."""
    if is_null(node):
        return ""
    if isinstance(node, yaml.ScalarNode):
        return str(node.value)
    raise fault(f"this is {_KINDS[type(node)]} and must be text", "write one value")


def _section(sheet: Sheet, path: str, node: yaml.Node, known: frozenset[str] | None) -> Section:
    if not isinstance(node, yaml.MappingNode):
        message = f"this is {_KINDS[type(node)]} and must be a mapping"
        sheet.complain(node.start_mark.line + 1, path, fault(message, "write key: value"))
        return Section(sheet, path, {})
    gathering = _Gathering(sheet, path, known)
    gathering.add(node)
    return Section(sheet, path, gathering.nodes)


class _Gathering:
    """Collects the keys of a mapping and of all that is merged into it.

    In a structure what comes later counts; in a map of free keys each may come once, merged or not.
    """

    def __init__(self, sheet: Sheet, path: str, known: frozenset[str] | None) -> None:
        self.nodes: dict[str, yaml.Node] = {}
        self._sheet = sheet
        self._path = path
        self._known = known
        self._merges = 0

    def add(self, node: yaml.MappingNode) -> None:
        """Add the keys of a mapping, in their order."""
        own: set[str] = set()
        for key_node, value in node.value:
            if key_node.tag == Kind.MERGE:
                self._merge(key_node, value)
                continue
            line = key_node.start_mark.line + 1
            key: str | None = self._sheet.attempt(line, self._path, partial(text_of, key_node))
            if key is None:
                continue
            if self._known is not None and key not in self._known:
                like = nearest(key, self._known)
                remedy = f"did you mean {like}?" if like is not None else "remove it"
                self._complain(key_node, f"the key {quoted(key)} is not known", remedy)
            elif key in (own if self._known is not None else self.nodes):
                self._complain(key_node, f"the key {quoted(key)} stands here twice", "keep one")
            else:
                own.add(key)
                self.nodes[key] = value

    def _merge(self, key_node: yaml.Node, value: yaml.Node) -> None:
        # Of a list the first counts, so it comes last.  A list has to stand here itself, and be no alias.
        is_list = isinstance(value, yaml.SequenceNode) and value.start_mark.index > key_node.start_mark.index
        for merged in reversed(value.value) if is_list else (value,):
            self._merges += 1
            if self._merges > _MOST_MERGES:  # lists of aliases multiply
                self._complain(key_node, "this is merged from too many mappings", "write the keys out")
                return
            if isinstance(merged, yaml.MappingNode):
                self.add(merged)
            else:
                self._complain(key_node, "only a mapping can be merged", "name its anchor")

    def _complain(self, node: yaml.Node, message: str, remedy: str) -> None:
        self._sheet.complain(node.start_mark.line + 1, self._path, fault(message, remedy))
