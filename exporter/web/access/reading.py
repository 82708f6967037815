"""YAML as the programs read it that a web configuration is shared with: Go's yaml.v2, strict.

A file that Prometheus accepts must be accepted here, and the other way round.  So scalars are resolved
by the rules of that library: plain `y` and `on` are true, text may be written as a number, nothing at
all is the zero value, only the first document counts; unknown and repeated keys are faults.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

import yaml

from exporter.settings.problems import ConfigError, Problem, fault, nearest, quoted

T = TypeVar("T")

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STRING, _NULL, _MERGE = (f"tag:yaml.org,2002:{name}" for name in ("str", "null", "merge"))
_TRUE = frozenset(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"))
_FALSE = frozenset(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"))
_DEEPEST = 32
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
        return key in self.nodes and not is_null(self.nodes[key])

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
            if not is_null(item)
        )
        return tuple(text for text in read if text is not None)

    def flag(self, key: str, *, default: bool) -> bool:
        """The boolean under a key."""
        node = self.nodes.get(key)
        if node is None:
            return default
        if is_null(node):
            return False
        if isinstance(node, yaml.ScalarNode) and _is_plain(node):
            if node.value in _TRUE:
                return True
            if node.value in _FALSE:
                return False
        self.complain(key, "this is not a boolean", "write true or false, without quotes")
        return default


def read_sheet(sheet: Sheet, text: str, known: frozenset[str]) -> Section:
    """The first document of `text`; what is not YAML at all is noted, and read as empty."""
    try:
        _check_nesting(text)
        loader = _Loader(text)
        try:
            # An empty text has no document, and get_node would complain.
            node = loader.get_node() if loader.check_node() else None
        finally:
            loader.dispose()
        if node is not None:
            _check_depth(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = None if mark is None else mark.line + 1
        words = error.problem or error.context or "it cannot be read"
        sheet.complain(line, "", fault(f"this is not YAML: {words}", "correct the line"))
        node = None
    except yaml.YAMLError:
        sheet.complain(
            None, "", fault("this is not YAML: it holds control characters", "save it as plain UTF-8 text")
        )
        node = None
    except ValueError:
        sheet.complain(
            None, "", fault("this is not a web configuration: it is nested too deeply", "flatten it")
        )
        node = None
    if node is None or is_null(node):
        return Section(sheet, "", {})
    return _section(sheet, "", node, known)


def is_null(node: yaml.Node) -> bool:
    """The node is nothing: empty, `~` or `null`."""
    return isinstance(node, yaml.ScalarNode) and node.tag == _NULL


def text_of(node: yaml.Node) -> str:
    """The text of a scalar, however it is written; raises ConfigError for anything else."""
    if is_null(node):
        return ""
    if isinstance(node, yaml.ScalarNode):
        return str(node.value)
    raise fault(f"this is {_KINDS[type(node)]} and must be text", "write one value")


def _is_plain(node: yaml.ScalarNode) -> bool:
    # PyYAML takes a single letter for text where yaml.v2 sees a boolean.
    return not node.style and (node.tag != _STRING or node.value in {"y", "Y", "n", "N"})


def _section(sheet: Sheet, path: str, node: yaml.Node, known: frozenset[str] | None) -> Section:
    nodes: dict[str, yaml.Node] = {}
    if isinstance(node, yaml.MappingNode):
        _gather(sheet, path, node, known, nodes)
    else:
        message = f"this is {_KINDS[type(node)]} and must be a mapping"
        sheet.complain(node.start_mark.line + 1, path, fault(message, "write key: value"))
    return Section(sheet, path, nodes)


def _gather(
    sheet: Sheet, path: str, node: yaml.MappingNode, known: frozenset[str] | None, nodes: dict[str, yaml.Node]
) -> None:
    for key_node, value in node.value:
        line = key_node.start_mark.line + 1
        if key_node.tag == _MERGE:
            for merged in value.value if isinstance(value, yaml.SequenceNode) else (value,):
                if not isinstance(merged, yaml.MappingNode):
                    sheet.complain(line, path, fault("only a mapping can be merged", "name its anchor"))
                    continue
                inherited: dict[str, yaml.Node] = {}
                _gather(sheet, path, merged, known, inherited)
                for key, inner in inherited.items():
                    nodes.setdefault(key, inner)
            continue
        name: str | None = sheet.attempt(line, path, partial(text_of, key_node))
        if name is None:
            continue
        key = name
        if known is not None and key not in known:
            like = nearest(key, known)
            remedy = f"did you mean {like}?" if like is not None else "remove it"
            sheet.complain(line, path, fault(f"the key {quoted(key)} is not known", remedy))
        elif key in nodes:
            sheet.complain(line, path, fault(f"the key {quoted(key)} stands here twice", "keep one"))
        else:
            nodes[key] = value


def _check_nesting(text: str) -> None:
    """ValueError when the first document is nested too deeply: PyYAML composes in C, without a limit."""
    loader, depth = _Loader(text), 0
    try:
        while loader.check_event():
            event = loader.get_event()
            if isinstance(event, yaml.DocumentEndEvent):
                return
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if depth > _DEEPEST:
                raise ValueError("too deep")
    finally:
        loader.dispose()


def _check_depth(top: yaml.Node) -> None:
    """ValueError for a document that is deeper than any that means something, or that holds itself."""
    deepest: dict[int, int] = {}  # by node: an alias makes one node stand in many places
    waiting = [(top, 0)]
    while waiting:
        node, depth = waiting.pop()
        if depth > _DEEPEST:
            raise ValueError("too deep")
        if deepest.get(id(node), -1) >= depth or not isinstance(node, yaml.CollectionNode):
            continue
        deepest[id(node)] = depth
        for child in node.value:
            waiting += ((inner, depth + 1) for inner in (child if isinstance(child, tuple) else (child,)))
