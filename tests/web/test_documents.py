"""The documents for other programs: configuration, targets, and the description of the addresses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aiohttp
import jsonschema
import pytest
import yaml

from exporter.board import Board
from exporter.model import ErrorClass, FaultDomain, Phase
from exporter.settings import load
from tests.metrics.reading import board_of
from tests.metrics.synthetic import StillRuntime, endpoint, failing, healthy
from tests.web.browsing import Page, browse, get
from tests.web.exporting import Answer, exporting, run

SECRET = "correct horse"


def described() -> dict[str, Any]:
    """The OpenAPI document as it is served."""
    document: dict[str, Any] = json.loads(get(Board(), "/api/v1/openapi.json"))
    return document


def check(value: Any, schema: str) -> None:
    """Hold a value against a schema of the document."""
    document = described()
    whole = {"$ref": f"#/components/schemas/{schema}", "components": document["components"]}
    jsonschema.validate(value, whole, cls=jsonschema.Draft202012Validator)


def fleet() -> Board:
    """Endpoints in every state."""
    board = Board()
    good, bad, new = endpoint("good"), endpoint("bad", labels=(("team", "mail"),)), endpoint("new")
    board.apply([good, bad, new])
    board.record(healthy(good))
    for phase in (Phase.CONNECT, Phase.TLS, Phase.AUTH):
        board.record(failing(phase, ErrorClass.CONNECT_TIMEOUT, FaultDomain.NETWORK, probed=bad))
    return board


def test_list_is_as_described() -> None:
    """Every endpoint, probed or not, has the shape that the document promises."""
    listed = json.loads(get(fleet(), "/api/v1/endpoints"))
    assert len(listed) == 3
    for one in listed:
        check(one, "Endpoint")


@pytest.mark.parametrize("name", ["good", "bad", "new"])
def test_endpoint_is_as_described(name: str) -> None:
    """One endpoint with its history has the shape that the document promises."""
    check(json.loads(get(fleet(), f"/api/v1/endpoints/{name}")), "EndpointWithHistory")


def test_description_is_closed() -> None:
    """A key that nobody described is found: the schemas allow no other."""
    (one, *_) = json.loads(get(fleet(), "/api/v1/endpoints"))
    with pytest.raises(jsonschema.ValidationError):
        check(one | {"surprise": 1}, "Endpoint")


def test_description_knows_the_closed_sets() -> None:
    """Phases, classes and owners in the document are those of the program."""
    schemas = described()["components"]["schemas"]
    assert schemas["Phase"]["enum"] == list(Phase)
    assert schemas["ErrorClass"]["enum"] == list(ErrorClass)
    assert schemas["FaultDomain"]["enum"] == list(FaultDomain)


def test_description_is_sound() -> None:
    """It says which version it describes, its references lead somewhere, its schemas are schemas."""
    document = described()
    assert document["openapi"].startswith("3.1.")
    assert document["info"]["version"] == StillRuntime.version
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    for reference in references(document):
        found: Any = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]


def references(part: Any) -> list[str]:
    """Every `$ref` in a part of the document."""
    if isinstance(part, dict):
        own = [part["$ref"]] if "$ref" in part else []
        return own + [one for value in part.values() for one in references(value)]
    if isinstance(part, list):
        return [one for value in part for one in references(value)]
    return []


def test_every_address_is_described_and_answers(tmp_path: Path) -> None:
    """The document names the addresses of a running exporter, with the statuses that they give."""
    document = described()
    undescribed = {"/", "/endpoint", "/errors", "/static/{name}", "/api/v1/openapi.json"}

    async def scenario() -> tuple[set[str], dict[str, int]]:
        async with exporting(tmp_path) as exporter:
            routes = {resource.canonical for resource in exporter.service.web._app.router.resources()}
            statuses = {}
            for path, operations in document["paths"].items():
                for method in operations:
                    answer = await exporter.ask(path.replace("{name}", "nobody"), method.upper())
                    statuses[f"{method} {path}"] = answer.status
            return routes, statuses

    routes, statuses = run(scenario())
    assert routes - undescribed == set(document["paths"])
    for operation, status in statuses.items():
        method, path = operation.split()
        assert str(status) in document["paths"][path][method]["responses"], operation


def test_targets_are_as_described() -> None:
    """Service discovery gets one group for each endpoint, with what may be relabelled."""
    groups = json.loads(get(fleet(), "/api/v1/sd"))
    for group in groups:
        check(group, "TargetGroup")
    assert groups[1] == {
        "targets": ["smtp.example.com:587"],
        "labels": {
            "__meta_submission_endpoint": "bad",
            "__meta_submission_module": "submission",
            "__meta_submission_tls": "starttls",
            "__meta_submission_until": "auth",
            "__meta_submission_label_team": "mail",
        },
    }
    assert json.loads(get(Board(), "/api/v1/sd")) == []


def test_configuration_is_whole_and_without_secrets(tmp_path: Path) -> None:
    """`/config` is YAML with every default, loads again when its secrets are given, and holds none."""
    configuration = {
        "modules": {"m": {"until": "ehlo"}},
        "endpoints": [
            {
                "name": f"endpoint {number}",
                "target": "smtp.example.com:587",
                "interval": "1h",
                "auth": {"username": "probe", "password": SECRET},
            }
            for number in range(300)
        ],
    }

    async def scenario() -> tuple[Answer, Answer]:
        async with exporting(tmp_path, configuration) as exporter:
            return await exporter.ask("/config"), await exporter.ask("/config", "HEAD")

    answer, head = run(scenario())
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert head.headers["Content-Type"] == answer.headers["Content-Type"]
    assert SECRET not in answer.text
    shown = yaml.safe_load(answer.text)
    assert len(shown["endpoints"]) == 300
    assert shown["endpoints"][0]["auth"] == {"username": "probe", "password": "<secret>"}
    assert shown["endpoints"][0]["timeout"] == "10s"
    again = tmp_path / "again.yml"
    again.write_text(answer.text)
    assert len(load(again).endpoints) == 300


def test_every_class_is_explained() -> None:
    """The page of the classes has a chapter at the anchor of each, and what to do."""
    html = get(board_of(healthy()), "/errors")
    page = Page.read(html)
    chapters = {section["id"] for section in page.all("section")}
    assert chapters == set(ErrorClass) - {"none"}
    anchors = {link["href"] for link in page.all("a") if (link["href"] or "").startswith("#")}
    assert "answer" not in chapters
    assert {anchor.removeprefix("#") for anchor in anchors if anchor} - {"content"} == chapters
    assert "Whose problem" in page.text


LINE = "535-5.7.8 Username and Password not accepted, <b>"


def explained(line: str) -> Page:
    """The page after somebody pasted a line."""

    async def visit(client: aiohttp.ClientSession) -> str:
        async with client.post("/errors", data={"line": line}) as response:
            assert response.status == 200
            return await response.text()

    return Page.read(browse(Board(), visit))


def test_pasted_error_is_explained() -> None:
    """A line that is pasted gets its class, its owner and what to do, and stands in the form again."""
    page = explained(LINE)
    assert LINE in page.text
    assert "Credentials rejected." in page.text
    assert "Whose problem: our credentials." in page.text
    assert "Enter the secret again" in page.text
    assert "0x800CCC18" in page.text
    assert page.all("section")[0]["id"] == "answer"


@pytest.mark.parametrize("line", ["", "  ", "x" * 9000, "\x00\x1b[31m\ud7ff"])
def test_any_line_has_a_page(line: str) -> None:
    """Nothing to explain is no error, a long line is read to its bound, and what does not print is written out."""
    page = explained(line)
    assert ("answer" in [section.get("id") for section in page.all("section")]) == bool(line.strip())
    assert "x" * 2001 not in page.text
    assert "\x1b" not in page.text


def test_pasted_error_is_read_by_the_operators_rules(tmp_path: Path) -> None:
    """The page explains as the probes do, by the rules of the configuration in force."""
    rules = tmp_path / "rules.yml"
    rule = {
        "id": "house.frobnicated",
        "class": "rate_limited",
        "source": "seen here",
        "words": ["frobnicated beyond repair"],
        "summary": "The house is full.",
        "examples": ["451 frobnicated beyond repair"],
    }
    rules.write_text(json.dumps([rule]))

    async def scenario() -> Answer:
        async with exporting(tmp_path, {"global": {"rules_files": [str(rules)]}}) as exporter:
            return await exporter.ask("/errors", "POST", data={"line": "451 frobnicated beyond repair"})

    assert "The house is full." in run(scenario()).text


def test_failures_lead_to_their_explanation() -> None:
    """Without any setting the name of a problem links to our own page."""
    for path in ("/", "/endpoint?name=bad"):
        links = [link["href"] for link in Page.read(get(fleet(), path)).all("a")]
        assert "errors#connect_timeout" in links


def test_page_says_what_it_was_built_from() -> None:
    """Version and Python stand at the bottom."""
    text = Page.read(get(fleet(), "/")).text
    assert "submission-exporter 1.2.3 on Python 3." in text
