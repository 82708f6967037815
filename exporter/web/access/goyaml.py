"""YAML as Go's yaml.v2 reads it, the library of the programs that a web configuration is shared with.

A scalar has the kind that its tag says, if its text can be that; without a tag and quotes, the kind that its
text looks like.  Other tags make it nothing but text.  Only the first document counts.
"""

from __future__ import annotations

import base64
import binascii
import re
from datetime import datetime
from enum import StrEnum
from typing import Any

import yaml

from exporter.nesting import TooDeepError, check_nesting
from exporter.settings.problems import quoted

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DEEPEST = 32
_YAML = "tag:yaml.org,2002:"
_UNTAGGED, _QUOTED = "", '"'
"""What stands for the tag of a node that was given none."""

_TRUE = frozenset(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"))
_FALSE = frozenset(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"))
_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_NO_NUMBERS = frozenset(
    (*(f"{sign}.{word}" for sign in ("", "+", "-") for word in ("inf", "Inf", "INF")), ".nan", ".NaN", ".NAN")
)
_INTEGER = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}")
_TIME = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{1,2}-[0-9]{1,2})(?P<gap>[Tt ])(?P<time>[0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2})"
    r"(?:\.[0-9]+)?(?P<zone>Z|[-+][0-9]{2}:[0-9]{2})?"
)
_BARE_TAG = re.compile(r"(?:&\S+\s+)?!(?:\s|$)")
_ESCAPED_SLASH = re.compile(r"(?<!\\)(?:\\\\)*\\/")


class Kind(StrEnum):
    """What a scalar is, by the names of YAML's own tags; it is the tag of every scalar that `compose` returns."""

    NULL = "null"
    BOOL = "bool"
    INT = "int"
    FLOAT = "float"
    TIMESTAMP = "timestamp"
    TEXT = "str"
    MERGE = "merge"
    FOREIGN = "foreign"
    """Text where text is wanted, and nothing else."""


_RESOLVED = frozenset((Kind.NULL, Kind.BOOL, Kind.INT, Kind.FLOAT, Kind.TIMESTAMP))


class UnreadableError(Exception):
    """It is not YAML, or Go's reader does not take it: `line` from 1, None for the whole."""

    def __init__(self, line: int | None, message: str, remedy: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message
        self.remedy = remedy


def compose(text: str) -> yaml.Node | None:
    """Return the first document, None when there is none; every scalar has its `Kind` for a tag."""
    try:
        _check_beginning(text)
        loader = _Loader(text)
        loader.resolve = _as_written
        try:
            # An empty text has no document, and get_node would complain.
            top: yaml.Node | None = loader.get_node() if loader.check_node() else None
        finally:
            loader.dispose()
        if top is not None:
            _Resolving(text).resolve(top)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        words = error.problem or error.context or "it cannot be read"
        line = None if mark is None else mark.line + 1
        raise UnreadableError(line, f"this is not YAML: {words}", "correct the line") from None
    except yaml.YAMLError:
        message = "this is not YAML: it holds control characters"
        raise UnreadableError(None, message, "save it as plain UTF-8 text") from None
    except TooDeepError:
        message = "this is not a web configuration: it is nested too deeply"
        raise UnreadableError(None, message, "flatten it") from None
    return top


def is_true(node: yaml.ScalarNode) -> bool:
    """Whether a scalar of the kind BOOL is true."""
    return node.value in _TRUE


def _as_written(kind: type[yaml.Node], _value: Any, implicit: Any) -> str:
    """Stand in for PyYAML's resolver, which follows other rules (it is asked for nodes without a tag)."""
    if kind is not yaml.ScalarNode:
        return f"{_YAML}{'seq' if kind is yaml.SequenceNode else 'map'}"
    return _UNTAGGED if implicit[0] else _QUOTED


def _check_beginning(text: str) -> None:
    """Check the first document's version and, before anything is composed, its nesting."""
    loader = _Loader(text)
    try:
        check_nesting(_first_document(loader), _DEEPEST)
    finally:
        loader.dispose()


def _first_document(loader: Any) -> Any:
    while loader.check_event():
        event = loader.get_event()
        if isinstance(event, yaml.DocumentStartEvent) and event.version not in (None, (1, 1)):
            raise UnreadableError(
                None, "this says that it is YAML of a version other than 1.1", "remove the line %YAML"
            )
        if isinstance(event, yaml.DocumentEndEvent):
            return
        yield event


class _Resolving:
    """Gives every scalar its kind, and refuses what is too deep by its aliases, or holds itself."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._deepest: dict[int, int] = {}
        """By node: an alias makes one node stand in many places."""

    def resolve(self, top: yaml.Node) -> None:
        """Resolve `top` and everything in it."""
        waiting = [(top, 0)]
        while waiting:
            node, depth = waiting.pop()
            if depth > _DEEPEST:
                raise TooDeepError
            known = self._deepest.get(id(node), -1)
            if known >= depth:
                continue
            self._deepest[id(node)] = depth
            if isinstance(node, yaml.CollectionNode):
                for child in node.value:
                    inner = child if isinstance(child, tuple) else (child,)
                    waiting += ((one, depth + 1) for one in inner)
            elif isinstance(node, yaml.ScalarNode) and known < 0:
                self._resolve_scalar(node)

    def _resolve_scalar(self, node: yaml.ScalarNode) -> None:
        source = self._text[node.start_mark.index : node.end_mark.index]
        if node.style == '"' and _ESCAPED_SLASH.search(source):
            line = node.start_mark.line + 1
            raise UnreadableError(line, r"this is not YAML: \/ is no escape", "write / alone")
        tag: str = node.tag
        if tag == _UNTAGGED and _BARE_TAG.match(source):
            node.tag = Kind.FOREIGN
        elif tag == _QUOTED:
            node.tag = Kind.TEXT
        elif tag in {_UNTAGGED, _YAML + Kind.MERGE} and node.value == "<<":
            node.tag = Kind.MERGE
        elif tag == _UNTAGGED:
            node.tag = _looks_like(node.value, dates=True)
        else:
            node.tag = _tagged(node, tag.removeprefix(_YAML) if tag.startswith(_YAML) else "")


def _tagged(node: yaml.ScalarNode, name: str) -> Kind:
    """Return the kind of a scalar with one of YAML's own tags; empty for any other."""
    if name == "binary":
        try:
            data = base64.b64decode(re.sub("[\r\n]", "", node.value), validate=True)
        except (binascii.Error, ValueError):
            raise _mismatch(node, name) from None
        node.value = data.decode("utf-8", "surrogateescape")
        return Kind.TEXT
    if name == Kind.TEXT:
        return Kind.TEXT
    if name not in _RESOLVED:
        return Kind.FOREIGN
    found = _looks_like(node.value, dates=name == Kind.TIMESTAMP)
    if found != name and (found, name) != (Kind.INT, Kind.FLOAT):
        raise _mismatch(node, name)
    if found is Kind.NULL:
        node.value = ""
    return Kind(name)


def _mismatch(node: yaml.ScalarNode, name: str) -> UnreadableError:
    return UnreadableError(
        node.start_mark.line + 1, f"what stands here is not a {quoted(name)}", f"remove the tag !!{name}"
    )


def _looks_like(text: str, *, dates: bool) -> Kind:
    if text in _NULL:
        return Kind.NULL
    if text in _TRUE or text in _FALSE:
        return Kind.BOOL
    if text in _NO_NUMBERS:
        return Kind.FLOAT
    if text[0] not in "+-.0123456789":
        return Kind.TEXT
    if dates and _is_timestamp(text):
        return Kind.TIMESTAMP
    number = text if text.startswith(".") else text.replace("_", "")
    if _INTEGER.fullmatch(number) and _fits_64_bits(number):
        return Kind.INT
    return Kind.FLOAT if _FLOAT.fullmatch(number) and abs(float(number)) != float("inf") else Kind.TEXT


def _fits_64_bits(number: str) -> bool:
    digits = number.lstrip("+-").lower()
    if len(digits) > 80:
        return False
    base = {"0x": 16, "0b": 2, "0o": 8}.get(digits[:2], 8 if digits.startswith("0") else 10)
    size = int(digits[2:] if digits[:2] in {"0x", "0b", "0o"} else digits, base)
    return size < (1 << 64) if number[0].isdigit() else size <= (1 << 63) - (not number.startswith("-"))


def _is_timestamp(text: str) -> bool:
    if _DATE.fullmatch(text):
        return _exists(text, "%Y-%m-%d")
    found = _TIME.fullmatch(text)
    if found is None or (found["gap"] == " ") != (found["zone"] is None):
        return False
    return _exists(f"{found['date']} {found['time']}", "%Y-%m-%d %H:%M:%S")


def _exists(text: str, form: str) -> bool:
    try:
        datetime.strptime(text, form)  # noqa: DTZ007 - whether there is such a day and time
    except ValueError:
        return False
    return True
