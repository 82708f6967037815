"""From a file to Settings: read, check, lay the layers over each other; every problem at once."""

from __future__ import annotations

import glob
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from exporter.settings import effective
from exporter.settings.document import (
    BackoffSection,
    Document,
    FollowUpSection,
    GlobalSection,
    ResolverSection,
)
from exporter.settings.fleet import Defaults, Fleet
from exporter.settings.layers import NOTHING
from exporter.settings.problems import ConfigError, Place, fault
from exporter.settings.reading import Reading
from exporter.settings.report import Source
from exporter.settings.values import (
    DEFAULT_HISTORY,
    DEFAULT_INTERVAL,
    DEFAULT_MAX_CONCURRENT,
    DEFAULT_TIMEOUT,
    BackoffSettings,
    FollowUpSettings,
    Settings,
)
from exporter.settings.wording import kind_of


def load(path: Path) -> Settings:
    """The settings in the YAML or JSON file `path`, and in the files that it names.

    Blocking, free of the event loop, and without effect but reading.  Raises ConfigError with every
    problem found.
    """
    reading = Reading()
    main = reading.source(Path(path))
    settings = None
    if reading.root(
        main, (dict,), "a mapping", "begin with global:, modules: or endpoints: and indent below it"
    ):
        settings = _Load(reading, main).settings()
    if settings is None or reading.report:
        raise ConfigError(reading.report.problems, watched=reading.files.watched)
    return settings


class _Load:
    """The main file from top to bottom, then the endpoint files that it names."""

    def __init__(self, reading: Reading, main: Source) -> None:
        self._reading = reading
        self._report = reading.report
        self._main = main
        self._globs: list[str] = []

    def settings(self) -> Settings:
        data = self._main.data
        # Endpoints are validated one by one: a fleet at once would hold the interpreter for too long.
        is_list = isinstance(data.get("endpoints"), list)
        document = self._reading.section(
            self._main, Document, (), {**data, "endpoints": []} if is_list else data
        )
        section = document.global_ or GlobalSection()
        defaults = self._defaults(section)
        follow_up = _follow_up(section.follow_up or FollowUpSection())
        backoff = self._backoff(section.backoff or BackoffSection())
        nameservers = tuple((section.resolver or ResolverSection()).nameservers or ())
        rules_files = tuple(self._rules_files(section))

        fleet = Fleet(self._reading, self._main, defaults)
        fleet.add_modules(document.modules or {})
        large: list[list[Any]] = [fleet.effective_endpoints]
        if is_list:
            fleet.add_endpoints(self._main, ("endpoints",), data["endpoints"])
            large.append(data["endpoints"])
        for source, place, items in self._endpoint_files(section):
            fleet.add_endpoints(source, place, items)
            large.append(items)
        fleet.judge_modules()

        default_module = defaults.layer.way("", timeout=defaults.timeout)
        max_concurrent = section.max_concurrent or DEFAULT_MAX_CONCURRENT
        history = section.history or DEFAULT_HISTORY
        settings = Settings(
            file=self._main.path,
            endpoints=tuple(fleet.endpoints),
            modules=MappingProxyType(fleet.modules),
            default_module=default_module,
            max_concurrent=max_concurrent,
            history=history,
            phase_latency=bool(section.phase_latency),
            follow_up=follow_up,
            backoff=backoff,
            nameservers=nameservers,
            rules_files=rules_files,
            watched_files=self._reading.files.watched,
            watched_globs=tuple(self._globs),
            effective=effective.render(
                {
                    "global": effective.global_section(
                        interval=defaults.interval,
                        module=default_module,
                        labels=defaults.labels,
                        max_concurrent=max_concurrent,
                        history=history,
                        phase_latency=bool(section.phase_latency),
                        rules_files=section.rules_files or (),
                        endpoint_files=section.endpoint_files or (),
                        follow_up=follow_up,
                        backoff=backoff,
                        nameservers=nameservers,
                    ),
                    "modules": fleet.effective_modules,
                    "endpoints": fleet.effective_endpoints,
                }
            ),
        )

        _let_go(large)
        return settings

    def _defaults(self, section: GlobalSection) -> Defaults:
        interval = section.interval or DEFAULT_INTERVAL
        timeout = section.timeout or DEFAULT_TIMEOUT
        if section.interval is not None and section.timeout is not None and timeout > interval:
            error = fault(
                "the timeout is longer than the interval", "shorten the timeout or lengthen the interval"
            )
            self._report.add(self._main, ("global", "timeout"), error)
        plain = {"helo": section.helo} if section.helo is not None else {}
        labels = self._reading.labels(self._main, ("global", "labels"), section.labels)
        return Defaults(
            layer=replace(NOTHING, plain=plain), interval=interval, timeout=timeout, labels=labels
        )

    def _backoff(self, section: BackoffSection) -> BackoffSettings:
        defaults = BackoffSettings()
        if section.initial is None and section.max is not None:
            # A shorter limit alone shortens the first wait too.
            return BackoffSettings(initial=min(defaults.initial, section.max), max=section.max)
        initial = section.initial or defaults.initial
        longest = section.max or max(defaults.max, initial)
        if initial > longest:
            error = fault("the first wait is longer than max", "lower initial or raise max")
            self._report.add(self._main, ("global", "backoff", "initial"), error)
        return BackoffSettings(initial=initial, max=longest)

    def _rules_files(self, section: GlobalSection) -> Iterator[Path]:
        for index, name in enumerate(section.rules_files or ()):
            try:
                yield self._reading.files.readable(self._main.folder, name)
            except ConfigError as error:
                self._report.add(self._main, ("global", "rules_files", index), error)

    def _endpoint_files(self, section: GlobalSection) -> Iterator[tuple[Source, Place, list[Any]]]:
        """Each endpoint file once, with its list and the place of it."""
        seen = {self._main.path}
        for index, pattern in enumerate(section.endpoint_files or ()):
            for path in self._matches(pattern, ("global", "endpoint_files", index)):
                if path not in seen:
                    seen.add(path)
                    yield from self._endpoint_list(self._reading.source(path))

    def _matches(self, pattern: str, place: Place) -> Iterator[Path]:
        folder = self._main.folder
        if not glob.has_magic(pattern):
            try:
                yield self._reading.files.readable(folder, pattern)
            except ConfigError as error:
                self._report.add(self._main, place, error)
            return
        self._globs.append(str(Path(glob.escape(str(folder.absolute()))) / pattern))
        # Path.glob follows neither absolute patterns nor symbolic links to folders.
        for match in sorted(glob.glob(pattern, root_dir=folder, recursive=True)):  # noqa: PTH207 - see above
            path = folder / match
            if path == self._main.path:
                itself = fault(
                    "the pattern matches this file itself", "keep endpoint files in a folder of their own"
                )
                self._report.add(self._main, place, itself)
            elif path.is_file() or not path.exists():  # a broken link is read, and so told
                yield path

    def _endpoint_list(self, source: Source) -> Iterator[tuple[Source, Place, list[Any]]]:
        if not self._reading.root(
            source, (dict, list), "a list of endpoints", "begin with endpoints: or with - target:"
        ):
            return
        if isinstance(source.data, list):
            yield source, (), source.data
            return
        for key in source.data:
            if key != "endpoints":
                error = fault("this key is not known in an endpoint file", "keep it in the main file")
                self._report.add(source, (key,), error)
        endpoints = source.data.get("endpoints", [])
        if isinstance(endpoints, list):
            yield source, ("endpoints",), endpoints
        else:
            error = fault(
                f"this is {kind_of(endpoints)} and must be a list", "begin each endpoint with - target:"
            )
            self._report.add(source, ("endpoints",), error)


def _let_go(lists: list[list[Any]]) -> None:
    """Empty the lists bit by bit: to give ten thousand entries back at once holds up every other thread."""
    for items in lists:
        while items:
            del items[-100:]


def _follow_up(section: FollowUpSection) -> FollowUpSettings:
    defaults = FollowUpSettings()
    return FollowUpSettings(
        enabled=defaults.enabled if section.enabled is None else section.enabled,
        pause=defaults.pause if section.pause is None else section.pause,
        ports=defaults.ports if section.ports is None else tuple(section.ports),
        control_targets=tuple(section.control_targets or ()),
    )
