"""Every YAML block is accepted by what reads such a file: ours by our loaders, others by their own tools."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import promql_parser as promql
import pytest
import yaml

from exporter.diagnosis import load_rules
from exporter.settings import json_schema, load
from exporter.web.access.load import load_access
from tests.dashboards.promql import selectors
from tests.docs.reading import ROOT, Block, blocks
from tests.rules.test_expressions import LABELS_OF
from tests.servers.certificates import Workshop

BLOCKS = blocks("yaml")
CHART = ROOT / "helm" / "submission-exporter"
_OURS = frozenset(("global", "modules", "endpoints"))
_PROMETHEUS = frozenset(("global", "rule_files", "alerting", "scrape_configs"))
_ALERTMANAGER = frozenset(("route", "receivers", "inhibit_rules"))
_WEB = frozenset(("tls_server_config", "http_server_config", "basic_auth_users", "rate_limit"))
_FILE = re.compile(r"(?P<key>\w+_file): *(?P<path>[\w./-]+)")
_VARIABLE = re.compile(r"\w+_env: *(?P<name>\w+)")


@pytest.mark.servers
@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_examples_load(
    block: Block, tmp_path: Path, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files that they name are put where they say, in a folder of the test."""
    for found in _VARIABLE.finditer(block.text):
        monkeypatch.setenv(found["name"], "a value")
    text = _FILE.sub(lambda found: f"{found['key']}: {_stand_in(found, tmp_path, workshop)}", block.text)
    file = tmp_path / "example.yml"
    file.write_text(text)
    document = yaml.safe_load(text)
    match document:
        case list() if "class" in document[0] or "id" in document[0]:
            load_rules([file])
        case list():
            load_endpoints(file)
        case dict() if document.keys() <= _OURS and not _is_of_prometheus(document):
            jsonschema.validate(document, json_schema())
            load(file)
        case dict() if document.keys() <= _WEB:
            load_access(file)
        case dict() if "groups" in document:
            _accepted("/usr/bin/promtool", "check", "rules", "--lint=all", "--lint-fatal", str(file))
        case dict() if document.keys() <= _ALERTMANAGER:
            _accepted("/usr/bin/amtool", "check-config", str(_whole_alertmanager(document, file)))
        case dict() if document.keys() <= _PROMETHEUS:
            _accepted("/usr/bin/promtool", "check", "config", "--syntax-only", str(file))
        case dict():
            values = json.loads((CHART / "values.schema.json").read_text())
            jsonschema.validate(document, values)
            if "config" in document:
                jsonschema.validate(document["config"], json_schema())
        case _:
            pytest.fail(f"{block} is no file of a kind that is known")


def test_every_kind_of_file_is_shown() -> None:
    """So that the test above reads something of each."""
    keys = {key for block in BLOCKS for key in (yaml.safe_load(block.text) or ()) if isinstance(key, str)}
    assert {"endpoints", "modules", "scrape_configs", "route", "tls_server_config", "serviceMonitor"} <= keys


@pytest.mark.parametrize("block", blocks("promql"), ids=str)
def test_queries_parse_and_find_what_they_ask_for(block: Block) -> None:
    """Each selects metrics that exist, by labels that these have."""
    for found in selectors(promql.parse(block.text)):
        selector = found.node
        assert selector.name in LABELS_OF, selector.name
        for matcher in selector.matchers.matchers:
            assert matcher.name in LABELS_OF[selector.name], matcher.name


def load_endpoints(file: Path) -> None:
    """Read a file that `endpoint_files` names."""
    main = file.parent / "main.yml"
    main.write_text(f"global: {{endpoint_files: [{file.name}]}}\n")
    load(main)


def _is_of_prometheus(document: dict[str, Any]) -> bool:
    return "scrape_interval" in (document.get("global") or {})


def _stand_in(found: re.Match[str], folder: Path, workshop: Workshop) -> str:
    """Return the path of a file such as the key names."""
    match found["key"]:
        case "ca_file" | "client_ca_file":
            return workshop.ca_file
        case "cert_file":
            return workshop.valid().certificate_file
        case "key_file":
            return workshop.valid().key_file
        case _:
            path = folder / found["path"].strip("/").replace("/", "_")
            path.write_text("a value\n")
            return str(path)


def _whole_alertmanager(document: dict[str, Any], file: Path) -> Path:
    """Add the receivers that a piece of a configuration leaves out."""
    named = set(re.findall(r"receiver'?: '?([\w-]+)", str(document)))
    known = {receiver["name"] for receiver in document.setdefault("receivers", [])}
    document["receivers"] += [{"name": name} for name in sorted(named - known)]
    document.setdefault("route", {"receiver": document["receivers"][0]["name"]})
    file.write_text(json.dumps(document))
    return file


def _accepted(*command: str) -> None:
    checked = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert checked.returncode == 0, checked.stdout + checked.stderr
