"""One load in progress: files become values of a known shape, and what is wrong is noted on the way."""

from __future__ import annotations

import os
import select
import stat
import time
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from exporter.settings.document import Section
from exporter.settings.files import Files, unreadable
from exporter.settings.problems import ConfigError, Place, fault
from exporter.settings.report import Report, Source
from exporter.settings.texts import check_label_name
from exporter.settings.wording import findings, kind_of
from exporter.settings.yaml_source import YamlError, read_yaml

S = TypeVar("S", bound=Section)

_LARGEST_FILE = 64 * 1024 * 1024
"""Bytes; beyond that nobody has written it, and a device has no end."""
_PIPE_SECONDS = 5.0
_MAY_BE_EMPTY = frozenset(
    {
        "backoff",
        "control_targets",
        "endpoint_files",
        "endpoints",
        "follow_up",
        "global",
        "labels",
        "modules",
        "nameservers",
        "resolver",
        "rules_files",
        "tls_config",
    }
)
"""Keys with nothing below them yet, as when all of it is commented out."""


class Reading:
    """The files read so far and the problems found so far."""

    def __init__(self) -> None:
        self.files = Files()
        self.report = Report()
        self._sources = 0
        self._labels: dict[str, ConfigError | None] = {}

    def source(self, path: Path) -> Source:
        """The content of a YAML file; `data` stays None when there is none to be had."""
        source = Source(path=path, order=self._sources)
        self._sources += 1
        self.files.watch(path)

        def complain(place: Place, line: int, message: str, remedy: str) -> None:
            self.report.add(source, place, fault(message, remedy), line=line, is_doubtful=True)

        try:
            source.data = read_yaml(_text(path), complain, may_be_empty=_MAY_BE_EMPTY)
        except OSError as error:
            self.report.add(source, (), unreadable(str(path), error))
        except UnicodeDecodeError as error:
            line = None if error.start == 0 else error.object.count(b"\n", 0, error.start) + 1
            self.report.add(source, (), fault("this is not UTF-8 text", "save the file as UTF-8"), line=line)
        except YamlError as error:
            self.report.add(source, (), fault(error.message, error.remedy), line=error.line)
        else:
            if source.data is None:
                self.report.add(
                    source, (), fault("the file is empty", "write endpoints: and a list below it")
                )
        return source

    def section(self, source: Source, shape: type[S], place: Place, data: Any) -> S:
        """`data`, which stands at `place`, in its shape; what does not fit is noted and left out."""
        try:
            return shape.model_validate(data)
        except ValidationError as error:
            found = list(findings(error, shape, data))
        for finding in found:
            self.report.add(
                source,
                (*place, *finding.place),
                fault(finding.message, finding.remedy),
                spoils=[(*place, *finding.blamed)],
            )
        return shape.model_validate(_without(data, [finding.place for finding in found]))

    def root(self, source: Source, kinds: tuple[type, ...], wanted: str, remedy: str) -> bool:
        """Whether the file holds one of `kinds` at its top; when not, that is noted."""
        if source.data is None:
            return False
        if isinstance(source.data, kinds):
            return True
        self.report.add(
            source, (), fault(f"the file holds {kind_of(source.data)} and must hold {wanted}", remedy)
        )
        return False

    def labels(self, source: Source, place: Place, labels: Mapping[str, str] | None) -> dict[str, str]:
        """The labels whose names may be used; the others are noted."""
        good = {}
        for name, value in (labels or {}).items():
            if name not in self._labels:
                self._labels[name] = _label_error(name)
            error = self._labels[name]
            if error is None:
                good[name] = value
            else:
                self.report.add(source, (*place, name), error)
        return good


def _label_error(name: str) -> ConfigError | None:
    try:
        check_label_name(name)
    except ConfigError as error:
        return error
    return None


def _without(data: Any, places: Iterable[Place]) -> Any:
    """A copy of `data` without the values at `places`; a list that holds one goes as a whole."""
    if not isinstance(data, dict):
        return {}
    top = dict(data)
    for place in places:
        node = top
        for step, following in pairwise(place):
            if step not in node or isinstance(following, int):
                node.pop(step, None)
                break
            node[step] = dict(node[step])
            node = node[step]
        else:
            node.pop(place[-1], None)
    return top


def _text(path: Path) -> str:
    """What the file at `path` holds.  OSError, UnicodeDecodeError; YamlError: it is too large to be meant."""
    if stat.S_ISFIFO(path.stat().st_mode):
        content = _piped(path)
    else:
        with path.open("rb") as stream:
            content = stream.read(_LARGEST_FILE + 1)
    if len(content) > _LARGEST_FILE:
        raise YamlError(None, "the file is larger than 64 MiB", "split it with endpoint_files")
    return content.decode("utf-8-sig")


def _piped(path: Path) -> bytes:
    """What comes through a pipe, as of `validate <(…)`; nobody can end the wait for one that nobody writes to."""
    end = time.monotonic() + _PIPE_SECONDS
    content = b""
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb", buffering=0) as stream:  # noqa: PTH123
        ready = select.poll()
        ready.register(stream, select.POLLIN)
        while len(content) <= _LARGEST_FILE:
            left = end - time.monotonic()
            if left <= 0 or not ready.poll(left * 1000):
                problem = f"this is a pipe, and its end did not come within {_PIPE_SECONDS:.0f} s"
                raise YamlError(None, problem, "name a regular file")
            piece = stream.read(65_536)
            if piece == b"":
                break
            content += piece or b""
    return content
