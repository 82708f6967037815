"""The reference says what the program does: all of it, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families

from docs.source.command_line import commands
from docs.source.http import PAGES as FOR_BROWSERS
from docs.source.http import openapi
from docs.source.metrics import BLACKBOX_NAMES, counted_series
from docs.source.pages import PAGES, REFERENCE
from exporter.board import Board
from exporter.demo.fleet import SCENES
from exporter.metrics import Exposition
from exporter.metrics.families import ENDPOINT_FAMILIES, EXPORTER_FAMILIES
from exporter.model import ErrorClass
from exporter.settings import json_schema, load, parse_duration
from exporter.web.app import create_app
from exporter.web.blackbox import exposed
from tests.docs.reading import PAGES as ALL_PAGES
from tests.docs.reading import ROOT
from tests.metrics.synthetic import StillRuntime, healthy
from tests.rules.shipped import recordings

FAMILIES = (*ENDPOINT_FAMILIES, *EXPORTER_FAMILIES)
KNOWN = (
    {family.exposed_name for family in FAMILIES}
    | {family.name + suffix for family in FAMILIES for suffix in family.suffixes}
    | set(recordings())
)


@pytest.mark.parametrize("name", PAGES)
def test_generated_pages_are_in_step(name: str) -> None:
    """`python -m docs.source` would change nothing."""
    assert (REFERENCE / name).read_text(encoding="utf-8") == PAGES[name]()


def test_every_metric_is_in_the_reference() -> None:
    """Under the name that is typed into a query, with its help and every label."""
    text = PAGES["metrics.md"]()
    for family in FAMILIES:
        (row,) = re.findall(rf"^\| `{family.exposed_name}` \|.*$", text, re.MULTILINE)
        assert family.help in row
        assert all(f"`{label}`" in row for label in family.labels)


def test_series_add_up() -> None:
    """What the rows say is what the sum says."""
    counted = {name: int(count) for name, count in counted_series().items()}
    assert sum(counted.values()) == 2 * counted["all"] > 50


def test_figures_in_the_text_are_the_real_ones() -> None:
    """What README and tutorial count: series, servers of the demo, healthy and broken ones."""
    readme, tutorial = (ROOT / "README.md").read_text(), (ROOT / "docs/tutorial.md").read_text()
    assert f"A healthy endpoint has {counted_series()['all']} series." in readme
    broken = sum(scene.expected is not ErrorClass.NONE for scene in SCENES)
    assert (len(SCENES), broken) == (11, 8)
    assert "eleven mail servers" in readme
    assert "Three endpoints are healthy, eight fail" in tutorial


def test_names_of_blackbox_exporter_are_those_of_probe() -> None:
    """The metrics of `/probe` that are not our own."""
    text = exposed(healthy(), Exposition.TEXT).decode()
    names = {family.name for family in text_string_to_metric_families(text)}
    assert {name for name in names if name.startswith("probe_")} == set(BLACKBOX_NAMES)


@pytest.mark.parametrize("page", ALL_PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_metric_that_is_named_exists(page: Path) -> None:
    """In the exporter, or in a recording rule; `name_*` and `name_` stand for several."""
    text = page.read_text(encoding="utf-8")
    for name in re.findall(r"\b(?:[a-z_]+:)?(?:smtp_probe|submission_exporter)_[a-z0-9_:]+", text):
        assert any(known == name or known.startswith(f"{name.rstrip('_')}_") for known in KNOWN), name


def _keys(node: Any, definitions: dict[str, Any]) -> set[tuple[str, str]]:
    return {(name, key) for name, section in definitions.items() for key in section.get("properties", ())}


def test_every_key_of_the_schema_is_in_the_reference_and_no_other() -> None:
    """Section by section, in the order of the schema."""
    text = PAGES["configuration.md"]()
    schema = json_schema()
    tables = re.findall(r"\| key \| type .*?\n\|[-|]+\n(.*?)(?:\n\n|\Z)", text, re.DOTALL)
    documented = [re.findall(r"^\| `(\w+)` \|", rows, re.MULTILINE) for rows in tables]
    sections = [list(schema["properties"])] + [
        list(section["properties"]) for section in schema["$defs"].values() if "properties" in section
    ]
    assert sorted(documented) == sorted(sections)


def test_defaults_are_those_of_a_loaded_file(tmp_path: Path) -> None:
    """What an almost empty configuration comes to."""
    file = tmp_path / "minimal.yml"
    file.write_text(
        "endpoints: [{target: 'smtp.example.com:587', auth: {username: u, password: p}, "
        "message: {from: a@example.com, to: b@example.com}}]"
    )
    settings = load(file)
    (endpoint,) = settings.endpoints
    assert endpoint.auth is not None
    assert endpoint.message is not None
    actual = {
        "interval": endpoint.interval,
        "timeout": endpoint.timeout,
        "max_concurrent": str(settings.max_concurrent),
        "history": str(settings.history),
        "phase_latency": str(settings.phase_latency).lower(),
        "enabled": str(settings.follow_up.enabled).lower(),
        "pause": settings.follow_up.pause,
        "ports": str(list(settings.follow_up.ports)),
        "control_targets": str(list(settings.follow_up.control_targets)),
        "initial": settings.backoff.initial,
        "max": settings.backoff.max,
        "rules_files": str(list(settings.rules_files)),
        "ip_protocol": endpoint.ip_protocol.value,
        "insecure_skip_verify": str(endpoint.tls_config.insecure_skip_verify).lower(),
        "strict": str(endpoint.tls_config.strict).lower(),
        "allow_plaintext": str(endpoint.auth.allow_plaintext).lower(),
    }
    text = PAGES["configuration.md"]()
    for key, value in actual.items():
        (written,) = {row.split(" | ")[2] for row in re.findall(rf"^\| `{key}` \|.*", text, re.MULTILINE)} - {
            "`global.interval`",
            "`global.timeout`",
        }
        default = written.strip("`")
        assert (parse_duration(default) if isinstance(value, float) else default) == value, key
    assert f"| {endpoint.message.subject} |" in text


def test_every_option_is_in_the_reference() -> None:
    """With all its spellings, under its command."""
    text = PAGES["cli.md"]()
    for name, command in commands().items():
        section = text.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        options = re.findall(r"--[\w.-]+", command.format_help())
        assert all(f"`{option}" in section for option in options if option != "--help"), name


def test_every_route_is_in_the_reference_and_no_other() -> None:
    """Of an application to which everything was given."""
    app = create_app(
        Board(),
        StillRuntime(),
        ready=lambda: True,
        reload=_given,
        probe_now=_given,
        on_demand=_given,
        configuration=lambda: "",
    )
    served = {
        (route.method, route.resource.canonical)
        for route in app.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    described = {
        (method.upper(), path)
        for path, methods in openapi()["paths"].items()
        for method in methods
        if method != "parameters"
    }
    pages = {("GET", path.replace("…", "{name}")) for path in FOR_BROWSERS}
    pages.add(("POST", "/errors"))  # the form of that page
    assert served == described | pages


class _Given:
    """Stands for what is only asked for its `get` here."""

    async def get(self, _request: web.Request) -> web.Response:
        raise NotImplementedError

    async def __call__(self, *_: object) -> Any:
        raise NotImplementedError


_given: Any = _Given()
