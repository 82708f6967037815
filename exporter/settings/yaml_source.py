"""YAML text as plain values that remember their lines, and its faults in plain words.

Scalars are read by the core schema of YAML 1.2 (section 10.3), as editors do, not by PyYAML's YAML 1.1:
`no`, `off`, `12:30` and `2001-01-01` are text, `010` is ten.  Merge keys (`<<`) are understood.
The same key twice, an empty value and an unknown tag are problems, which PyYAML lets pass.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import yaml

from exporter.nesting import Nesting, TooDeepError
from exporter.settings.problems import Place

Complain = Callable[[Place, int, str, str], None]
"""Takes place, line, message and remedy of a problem that does not stop the reading."""

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DEEPEST = 32
_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}" for name in ("map", "seq", "str", "int", "float", "bool", "null")
)

_INTEGER = re.compile(r"[-+]?[0-9]{1,100}|0o[0-7]{1,100}|0x[0-9a-fA-F]{1,100}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_SPECIAL: dict[str, bool | float | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}
_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPED_PAIR = re.compile(
    r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})"
)


class LinedDict(dict[str, Any]):
    """A mapping that knows the line of each key, from 1."""

    __slots__ = ("lines",)

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[str, int] = {}


class LinedList(list[Any]):
    """A sequence that knows the line of each item, from 1."""

    __slots__ = ("lines",)

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[int] = []


class YamlError(Exception):
    """The text cannot be read on: `line` (from 1; None for the whole), `message` and `remedy`."""

    def __init__(self, line: int | None, message: str, remedy: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message
        self.remedy = remedy


def read_yaml(text: str, complain: Complain, *, may_be_empty: frozenset[str]) -> Any:
    """The one document of `text`, as LinedDict, LinedList, str, int, float and bool.

    A key without a value is left out: silently when it is one of `may_be_empty`, else with a complaint.
    None stands for an empty document or list item.  Raises YamlError when the text is not YAML.
    """
    # JSON writes 😀 as two escapes, YAML must not.  A search in vain would take a tenth of a second a megabyte.
    if "\\u" in text and text.lstrip().startswith(("{", "[")):
        text = _ESCAPED_PAIR.sub(_joined_pair, text)
    try:
        events = _Loader(text)
        try:
            return _Reader(events, complain, may_be_empty).document()
        finally:
            events.dispose()
    except yaml.reader.ReaderError:
        raise _unreadable(text) from None
    except yaml.MarkedYAMLError as error:
        raise _in_plain_words(text, error) from None


def line_of(data: Any, place: Place) -> int | None:
    """The line of the value at `place`, or of the nearest thing around it that is there."""
    line: int | None = None
    for step in place:
        match data, step:
            case LinedDict(), str() if step in data:
                line = data.lines[step]
            case LinedList(), int() if step < len(data):
                line = data.lines[step]
            case _:
                return line
        data = data[step]
    return line


_UNFINISHED = object()


class _Reader:
    """Builds values from parser events: at most `_DEEPEST` deep, an alias shares what it refers to."""

    def __init__(self, events: Any, complain: Complain, may_be_empty: frozenset[str]) -> None:
        self._events = events
        self._complain = complain
        self._may_be_empty = may_be_empty
        self._anchors: dict[str, Any] = {}
        self._place: list[str | int] = []
        self._nesting = Nesting(_DEEPEST)

    def document(self) -> Any:
        next_event = self._events.get_event
        next_event()  # the stream's start
        event = next_event()
        if isinstance(event, yaml.StreamEndEvent):
            return None
        value = self._value(next_event())
        next_event()  # the document's end
        event = next_event()
        if not isinstance(event, yaml.StreamEndEvent):
            raise YamlError(
                event.start_mark.line + 1,
                "a second YAML document begins here",
                "keep one document in a file: take out the line ---",
            )
        return value

    def _value(self, event: Any) -> Any:
        anchor = event.anchor
        line: int = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            return self._aliased(anchor, line)
        if anchor is not None:
            self._anchors[anchor] = _UNFINISHED
        if event.tag is not None and event.tag not in _TAGS and event.tag != "!":
            raise YamlError(line, "a YAML tag stands here", "put a value that begins with ! in quotes")
        value: Any
        if isinstance(event, yaml.ScalarEvent):
            value = self._scalar(event)
        else:
            try:
                self._nesting.enter()
            except TooDeepError:
                raise YamlError(line, "nested too deeply", "correct the brackets or indentation") from None
            is_sequence = isinstance(event, yaml.SequenceStartEvent)
            value = self._sequence() if is_sequence else self._mapping()
            self._nesting.leave()
        if anchor is not None:
            self._anchors[anchor] = value
        return value

    def _aliased(self, anchor: str, line: int) -> Any:
        # The name stays unsaid: an unquoted password that begins with * looks like an alias.
        if anchor not in self._anchors:
            raise YamlError(line, "an alias refers to an anchor that is not there", _QUOTE_INDICATOR)
        value = self._anchors[anchor]
        if value is _UNFINISHED:
            raise YamlError(line, "an alias stands inside of what it refers to", _QUOTE_INDICATOR)
        return value

    def _scalar(self, event: Any) -> Any:
        text: str = event.value
        if event.tag is not None and event.tag.endswith(":str"):
            return text
        if event.implicit[0] or (event.tag is not None and event.tag != "!"):
            return _plain(text)
        if not text.isascii() and _SURROGATE.search(text):
            line = event.start_mark.line + 1
            raise YamlError(line, "half of a surrogate pair stands here", "write the character itself")
        return text

    def _sequence(self) -> LinedList:
        result = LinedList()
        next_event = self._events.get_event
        while not isinstance(event := next_event(), yaml.SequenceEndEvent):
            self._place.append(len(result))
            result.lines.append(event.start_mark.line + 1)
            result.append(self._value(event))
            self._place.pop()
        return result

    def _mapping(self) -> LinedDict:
        result = LinedDict()
        lines = result.lines
        merged: list[LinedDict] = []
        next_event = self._events.get_event
        while not isinstance(event := next_event(), yaml.MappingEndEvent):
            line = event.start_mark.line + 1
            key = self._key(event)
            self._place.append(key)
            if key == "<<" and event.implicit[0]:
                merged += self._merged(event, self._value(next_event()))
            elif key in lines:
                self._complain(
                    tuple(self._place),
                    line,
                    f"this key is written twice, the first time on line {lines[key]}",
                    "keep one of the two",
                )
                self._value(next_event())
            else:
                lines[key] = line
                value_event = next_event()
                value = self._value(value_event)
                if value is not None:
                    result[key] = value
                elif key not in self._may_be_empty:
                    self._empty(value_event, line)
            self._place.pop()
        for other in merged:
            for key, value in other.items():
                if key not in lines:
                    result[key] = value
                    lines[key] = other.lines[key]
        return result

    def _key(self, event: Any) -> str:
        if isinstance(event, yaml.ScalarEvent):
            return str(event.value)
        raise YamlError(event.start_mark.line + 1, "a key is not a word", "write keys as plain words")

    def _merged(self, event: Any, value: Any) -> list[LinedDict]:
        sources = value if isinstance(value, LinedList) else [value]
        if all(isinstance(source, LinedDict) for source in sources):
            return list(sources)
        raise YamlError(
            event.start_mark.line + 1,
            "<< takes a mapping or a list of mappings",
            "let it name the anchor of a mapping",
        )

    def _empty(self, event: Any, line: int) -> None:
        remedy = "write one, or remove the key"
        if event.anchor is not None and isinstance(event, yaml.ScalarEvent):
            remedy = _QUOTE_INDICATOR
        self._complain(tuple(self._place), line, "this key has no value", remedy)


_QUOTE_INDICATOR = "put a value that begins with * or & in quotes"


def _plain(text: str) -> Any:
    if text in _SPECIAL:
        return _SPECIAL[text]
    if text[0] in "+-.0123456789":
        if _INTEGER.fullmatch(text):
            return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
        if _FLOAT.fullmatch(text):
            return float(text)
    return text


def _joined_pair(match: re.Match[str]) -> str:
    high, low = int(match[2], 16), int(match[3], 16)
    return match[1] + chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))


def _unreadable(text: str) -> YamlError:
    allowed = "\t\n\r\u0085\u00a0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff"
    found = re.search(f"[^ -~{allowed}]", text)
    line = text.count("\n", 0, found.start()) + 1 if found else None
    return YamlError(line, "a control character stands here", "remove it, or write it as an escape in quotes")


def _in_plain_words(text: str, error: yaml.MarkedYAMLError) -> YamlError:
    """What is wrong, told without a word of the text: an unquoted password breaks YAML easily."""
    problem = error.problem or ""
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark is not None else (0, 0)
    lines = text.splitlines()
    source = lines[line] if line < len(lines) else ""
    at = source[column : column + 1]
    opened = error.context_mark.line if error.context_mark is not None else line
    message = "this is not valid YAML"
    remedy = "check indentation, colons, quotes and brackets of this line and the one before"
    if at == "\t" or "\t" in source[: len(source) - len(source.lstrip())]:
        message = "a tab stands where YAML wants spaces"
        remedy = "indent with spaces"
    elif "cannot start any token" in problem:
        message = "a value begins with a character that YAML keeps for itself, such as @, ` or %"
        remedy = "put the value in quotes"
    elif "alphabetic or numeric" in problem:
        message = "a value begins with * or & and no name follows"
        remedy = "put the value in quotes"
    elif "mapping values are not allowed" in problem:
        message = "a second colon stands in this line, or the indentation is wrong"
        remedy = "put a value that holds a colon and a space in quotes, or line up the keys"
    elif "quoted scalar" in (error.context or "") and "unexpected end" in problem:
        line, column = opened, error.context_mark.column if error.context_mark is not None else 0
        message = "a quotation mark opens here and is never closed"
        remedy = "close it, or double a quotation mark that belongs to the value"
    elif "escape" in problem or "hexdecimal" in problem or "hexadecimal" in problem:
        message = "a backslash in double quotes begins an escape that YAML does not know"
        remedy = "use single quotes, or write two backslashes"
    elif "',' or" in problem:
        message = f"the bracket opened on line {opened + 1} is not closed before this"
        remedy = (
            "close the bracket, put a comma between items, or put a value with a comma or bracket in quotes"
        )
    elif "could not find expected ':'" in problem:
        line, column = opened, error.context_mark.column if error.context_mark is not None else 0
        message = "this line is neither `key: value` nor an item of a list"
        remedy = "put a colon and a space after the key, or a hyphen and a space before the item"
    elif problem.startswith(
        ("did not find expected key", "expected <block end>", "did not find expected '-'")
    ):
        message = "this does not fit what is above it: indentation or quotes are wrong"
        remedy = "line up the keys of one mapping, and quote a value as a whole"
    return YamlError(line + 1, f"{message} (column {column + 1})", remedy)
