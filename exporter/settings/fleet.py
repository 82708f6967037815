"""The modules and endpoints of a configuration, built and checked against each other."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from exporter.model import Endpoint
from exporter.settings.document import EndpointSection, ModuleSection
from exporter.settings.effective import endpoint_section, module_section
from exporter.settings.endpoints import Conflict, assemble, contradictions, omissions
from exporter.settings.layers import Layer, read_layer
from exporter.settings.problems import ConfigError, Place, fault, listed, nearest, printable, quoted
from exporter.settings.reading import Reading
from exporter.settings.report import Source
from exporter.settings.texts import check_name
from exporter.settings.values import Module
from exporter.settings.yaml_source import line_of

_MOST_NAMED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What `global` lays under every endpoint."""

    layer: Layer
    interval: float
    timeout: float
    labels: Mapping[str, str]


class Fleet:
    """Takes modules first, then endpoints; problems go to the reading's report."""

    def __init__(self, reading: Reading, main: Source, defaults: Defaults) -> None:
        self._reading = reading
        self._main = main
        self._report = reading.report
        self._defaults = defaults
        self._layers: dict[str, tuple[Layer, Place]] = {}
        self._names: dict[str, tuple[Source, Place]] = {}
        self._bases: set[str] = set()
        self.modules: dict[str, Module] = {}
        self.endpoints: list[Endpoint] = []
        self.effective_modules: dict[str, Mapping[str, Any]] = {}
        self.effective_endpoints: list[Mapping[str, Any]] = []

    def add_modules(self, sections: Mapping[str, ModuleSection]) -> None:
        """The modules of the main file."""
        source = self._main
        for name, section in sections.items():
            place: Place = ("modules", name)
            try:
                check_name(name)
            except ConfigError as error:
                self._report.add(source, place, error)
            layer = self._layer(source, section, place).over(self._defaults.layer)
            self._layers[name] = layer, place
            way = layer.way(
                name, timeout=self._defaults.timeout, allowed_targets=tuple(section.allowed_targets or ())
            )
            self.modules[name] = way
            self.effective_modules[name] = module_section(way, layer.auth_written)
            self._judge(source, place, contradictions(_stand_in(way)), source.data["modules"][name])

    def add_endpoints(self, source: Source, place: Place, items: Iterable[Any]) -> None:
        """The endpoints of one file; `place` is where their list stands."""
        for index, item in enumerate(items):
            self._add_endpoint(source, (*place, index), item)

    def judge_modules(self) -> None:
        """Notes what the modules lack that are for /probe, once every endpoint is known.

        Where endpoints build on a module they may add what it lacks; /probe adds nothing.
        """
        for name, way in self.modules.items():
            if way.allowed_targets or name not in self._bases:
                written = self._main.data["modules"][name]
                self._judge(self._main, self._layers[name][1], omissions(_stand_in(way)), written or {})

    def _add_endpoint(self, source: Source, place: Place, item: Any) -> None:
        if item is None:
            self._report.add(
                source, place, fault("this item of the list is empty", "write a target, or remove it")
            )
            return
        section = self._reading.section(source, EndpointSection, place, item)
        if not isinstance(item, dict):
            return
        target_place = (*place, "target")
        if section.target is None and not self._report.is_spoilt(source, target_place):
            error = fault("no target is given", "add target: host:port")
            self._report.add(source, place, error, spoils=[target_place])
        name = self._claimed_name(source, place, section, item)
        labels = self._reading.labels(source, (*place, "labels"), section.labels)
        self._bases.add(section.module or "")
        below, is_complete = self._below(source, place, section.module)
        layer = self._layer(source, section, place).over(below)
        interval = section.interval or self._defaults.interval
        endpoint = assemble(
            layer.way(section.module or "", timeout=min(self._defaults.timeout, interval)),
            *(section.target or ("target.invalid", 587)),
            name=name,
            interval=interval,
            labels=tuple(sorted({**self._defaults.labels, **labels}.items())),
        )
        if is_complete:
            conflicts = chain(_no_user(endpoint, item), contradictions(endpoint), omissions(endpoint))
            self._judge(source, place, conflicts, item, section.module)
        self.endpoints.append(endpoint)
        self.effective_endpoints.append(endpoint_section(endpoint, layer.auth_written))

    def _layer(self, source: Source, section: EndpointSection | ModuleSection, place: Place) -> Layer:
        return read_layer(section, self._reading.files, self._report.at(source, place))

    def _below(self, source: Source, place: Place, module: str | None) -> tuple[Layer, bool]:
        """What lies under an endpoint, and whether that is all that was meant to."""
        if module is None:
            return self._defaults.layer, not self._report.is_spoilt(source, (*place, "module"))
        if module in self._layers:
            return self._layers[module][0], True
        declared = self._main.data.get("modules", {})
        if isinstance(declared, dict) and module not in declared:
            near = nearest(module, declared)
            if near is not None:
                remedy = f"did you mean {printable(near)}?"
            elif declared:
                known = sorted(map(printable, declared))[:_MOST_NAMED]
                remedy = f"write {listed(known)}, or add it under modules"
            else:
                remedy = "add it under modules, or remove this key"
            self._report.add(
                source, (*place, "module"), fault(f"there is no module {quoted(module)}", remedy)
            )
        return self._defaults.layer, False

    def _claimed_name(
        self, source: Source, place: Place, section: EndpointSection, item: Mapping[str, Any]
    ) -> str:
        """The name of an endpoint, which no other may have."""
        key = "name" if section.name is not None else "target"
        name = section.name or item.get("target")
        is_spoilt = any(self._report.is_spoilt(source, (*place, spoilt)) for spoilt in ("name", key))
        if not isinstance(name, str) or is_spoilt:
            return ""
        place = (*place, key)
        first_source, first_place = self._names.setdefault(name, (source, place))
        if first_source is not source or first_place != place:
            line = line_of(first_source.data, first_place)
            where = f"on line {line}" if first_source is source else f"in {first_source.shown}:{line}"
            error = fault(
                f"the name {quoted(name)} is already taken {where}", "give one of the two another name"
            )
            self._report.add(source, place, error)
        return name

    def _judge(
        self,
        source: Source,
        place: Place,
        conflicts: Iterator[Conflict],
        written: Mapping[str, Any],
        module: str | None = None,
    ) -> None:
        """Notes the conflicts between keys that are sound in themselves, wherever they are written."""
        here = [(source, place)]
        below: list[tuple[Source, Place]] = [(self._main, ("global",))]
        if module is not None:
            here.append((self._main, self._layers[module][1]))
        for conflict in conflicts:
            keys = [tuple(key.split(".")) for key in conflict.keys]
            sources = ((key, here if key[0] in written else here + below) for key in keys)
            if any(
                self._report.is_spoilt(where, (*at, *key)) for key, spots in sources for where, at in spots
            ):
                continue
            at = _first_written(written, (*keys, *(key[:1] for key in keys)))
            if at is None:
                at = ("module",) if module is not None else ()
            self._report.add(
                source, (*place, *at), fault(conflict.message, conflict.remedy), spoils=[(*place, *keys[0])]
            )


def _stand_in(way: Module) -> Endpoint:
    """An endpoint with any host and port: what only some targets contradict is judged with the target."""
    return assemble(way, "module.invalid", 587, name=way.name, interval=math.inf)


def _no_user(endpoint: Endpoint, item: Mapping[str, Any]) -> Iterator[Conflict]:
    """An `auth` that says how to log in, and neither it nor the module says who."""
    if "auth" in item and endpoint.auth is None:
        yield Conflict(
            ("auth",),
            "no user name and no password are given",
            "add username and password_file, or remove auth",
        )


def _first_written(written: Mapping[str, Any], places: Iterable[Place]) -> Place | None:
    """The first of `places` that `written` has."""
    for place in places:
        node: Any = written
        for step in place:
            node = node.get(step) if isinstance(node, dict) else None
        if node is not None:
            return place
    return None
