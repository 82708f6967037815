"""The schema of the values: it refuses what nobody meant, in both Helms."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.chart.any_values import SCHEMA
from tests.chart.rendering import CHART, EXAMPLES, HELMS, PYTHON, ROOT, RefusedError, Validator, render

CHECKER = jsonschema.Draft7Validator(SCHEMA)
VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())


def rooms(schema: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every mapping of the chart's own that has a fixed set of keys."""
    if schema.get("additionalProperties") is False:
        yield path
    for name, inner in schema.get("properties", {}).items():
        yield from rooms(inner, (*path, name))


@pytest.mark.parametrize("path", list(rooms(SCHEMA)), ids=lambda path: ".".join(path) or "top")
def test_an_unknown_key_is_refused_wherever_it_stands(path: tuple[str, ...]) -> None:
    """A misspelt key is an error, never silence."""
    values: Any = "x"
    for name in reversed((*path, "mispelt")):
        values = {name: values}
    assert any("mispelt" in error.message for error in CHECKER.iter_errors(values))


BAD: list[dict[str, Any]] = [
    {"replicas": "two"},
    {"replicas": 0},
    {"kind": "Job"},
    {"config": {"endpoints": [{"taget": "mail.example.com:587"}]}},
    {"config": {"endpoints": [{"target": "mail.example.com:587", "interval": "1 minute"}]}},
    {"config": {"global": {"interval": ""}}},
    {"config": {"modules": {"x": {"tls": "ssl"}}}},
    {"resources": {"limit": {"cpu": 1}}},
    {"affinity": {"nodeAfinity": {}}},
    {"tolerations": [{"kei": "x"}]},
    {"extraVolumes": [{"name": "x", "emtyDir": {}}]},
    {"extraEnv": [{"name": "X", "valu": "y"}]},
    {"securityContext": {"runAsUsr": 1}},
    {"prometheusRule": {"alerts": {"NoSuchAlert": {"enabled": False}}}},
    {"prometheusRule": {"additionalGroups": [{"name": "x", "rules": [{"alert": "X"}]}]}},
    {"webConfig": {"basicAuth": {"users": {"admin": "plain text"}}}},
    {"service": {"type": "ExternalName"}},
    {"image": {"digest": "sha256:short"}},
    {"containerPort": 80},
    {"serviceMonitor": {"interval": "30 sec"}},
    {"serviceMonitor": {"relabelings": [{"sourceLabel": ["x"]}]}},
    {"probe": {"groups": [{"name": "x", "targets": ["no-port"]}]}},
    {"commonLabels": {"bad label": "x"}},
    {"networkPolicy": {"egress": {"ports": [70000]}}},
]


@pytest.mark.parametrize("version", HELMS)
@pytest.mark.parametrize("values", BAD, ids=json.dumps)
def test_helm_refuses_bad_values(values: dict[str, Any], version: str) -> None:
    """By the schema, before any template runs."""
    with pytest.raises(RefusedError, match="values don't meet the specifications of the schema"):
        render(values, version)


def test_the_default_values_are_what_the_schema_describes() -> None:
    """Every default is valid, and every value that the schema knows has its default in values.yaml."""
    assert list(CHECKER.iter_errors(VALUES)) == []
    optional = {
        ("probe",),
        ("terminationGracePeriodSeconds",),
        ("successThreshold",),
        ("initialDelaySeconds",),
    }
    for path in rooms(SCHEMA):
        if path and path[0] == "config":
            continue
        here: Any = VALUES
        for name in path:
            here = here[name] if isinstance(here, dict) and name in here else None
        room: Any = SCHEMA
        for name in path:
            room = room["properties"][name]
        if isinstance(here, dict) and here:
            missing = [name for name in room["properties"] if name not in here and (name,) not in optional]
            assert not missing, (path, missing)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_is_valid(example: Path) -> None:
    """Also for a validator that is not Helm's."""
    assert list(CHECKER.iter_errors(yaml.safe_load(example.read_text()) or {})) == []


def test_what_is_made_elsewhere_is_in_step() -> None:
    """Rules, dashboards, schema and the table of the README are what their sources make."""
    done = subprocess.run(
        [PYTHON, ROOT / "helm" / "sync.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_every_value_is_documented() -> None:
    """The README's table has a row, with a meaning, for every value or for the mapping that it stands in."""
    rows = re.findall(r"^\| `([\w.]+)` \| `.*` \| (.*) \|$", (CHART / "README.md").read_text(), re.MULTILINE)
    assert all(meaning for _, meaning in rows)
    documented = {path for path, _ in rows}
    for path in leaves(VALUES):
        assert any(".".join(path[:length]) in documented for length in range(1, len(path) + 1)), path


def leaves(values: dict[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The way to every value that is not a mapping with something in it."""
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, (*above, name))
        else:
            yield (*above, name)


TYPOS: list[dict[str, Any]] = [
    {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}, "spec": {"prts": []}},
    {"apiVersion": "v1", "kind": "Unheard", "metadata": {"name": "x"}},
    {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "ServiceMonitor",
        "metadata": {"name": "x"},
        "spec": {"selector": {}, "endpoints": [{"prt": "http"}]},
    },
    {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "x"},
        "spec": {"groups": [{"name": "x", "rules": [{"alert": "X", "expr": "1", "fro": "5m"}]}]},
    },
    {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "x"},
        "spec": {"groups": [{"name": "x", "rules": [{"alert": "X", "expr": "1", "for": "5 min"}]}]},
    },
    {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "x"},
        "spec": {"parentRef": [], "rules": []},
    },
]


@pytest.mark.parametrize("manifest", TYPOS, ids=lambda one: one["kind"])
def test_the_validators_see_typos(manifest: dict[str, Any], validator: Validator) -> None:
    """Without this their silence would mean nothing."""
    assert validator.complaints([manifest], "1.31")


@pytest.mark.parametrize("name", ["name", "instance", "managed-by", "part-of"])
def test_a_common_label_of_the_chart_s_own_name_renders(name: str) -> None:
    """Labels that the chart sets itself may be given, alone as well."""
    assert render({"commonLabels": {f"app.kubernetes.io/{name}": "x"}})
