"""The committed JSON: in step with its source, clean by every rule, and well connected."""

from __future__ import annotations

import json
import re
from typing import Any

import promql_parser as promql
import pytest

from dashboards.source import DASHBOARDS, FOLDER, text_of
from dashboards.source.dashboard import ERRORS, REPOSITORY, Dashboard
from dashboards.source.words import GREY, Word, missing
from exporter.metrics.families import ENDPOINT_FAMILIES, EXPORTER_FAMILIES
from exporter.model import ErrorClass, FaultDomain
from tests.dashboards.linter import lint, numbers_of, panels_of, variables_of
from tests.dashboards.promql import parse, selectors
from tests.rules.shipped import rules

each = pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda one: one.file)

NOT_OURS = {
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "process_open_fds",
    "process_max_fds",
}


def committed(dashboard: Dashboard) -> dict[str, Any]:
    """The dashboard as it is committed."""
    found: dict[str, Any] = json.loads((FOLDER / dashboard.file).read_text())
    return found


@each
def test_json_is_in_step_with_its_source(dashboard: Dashboard) -> None:
    """The committed file is what the source writes; `python -m dashboards.source` makes it so."""
    assert (FOLDER / dashboard.file).read_text() == text_of(dashboard)


def test_no_other_dashboard_lies_about() -> None:
    """Every JSON file has a source."""
    assert {file.name for file in FOLDER.glob("*.json")} == {dashboard.file for dashboard in DASHBOARDS}


@each
def test_no_rule_is_broken(dashboard: Dashboard) -> None:
    """Neither the public rules nor ours find anything, and nothing is excluded."""
    assert lint(committed(dashboard)) == []


def test_identity_is_stable() -> None:
    """Links and bookmarks hold these names; ids are given by the Grafana that imports."""
    assert {one.file: one.uid for one in DASHBOARDS} == {
        "fleet.json": "submission-fleet",
        "endpoint.json": "submission-endpoint",
        "tls.json": "submission-tls",
        "slo.json": "submission-slo",
        "exporter.json": "submission-exporter",
    }
    for dashboard in DASHBOARDS:
        model = committed(dashboard)
        assert (model["uid"], model["id"], model["graphTooltip"]) == (dashboard.uid, None, 1)
        assert "__inputs" not in model


@each
def test_panels_have_places_of_their_own(dashboard: Dashboard) -> None:
    """No two panels overlap, none leaves the grid, and every id is there once."""
    panels = committed(dashboard)["panels"]
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24, panel["title"]
        assert not cells & taken, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in panels}) == len(panels)


@each
def test_titles_tell_panels_apart(dashboard: Dashboard) -> None:
    """A panel can be named to a colleague by its title."""
    titles = [panel["title"] for panel in panels_of(committed(dashboard))]
    assert len(set(titles)) == len(titles)


@each
def test_what_is_not_known_is_never_green(dashboard: Dashboard) -> None:
    """A number that should be there and is not is grey, whatever the colour of the lowest threshold."""
    for panel in dashboard.panels:
        if panel.kind == "stat" and not any(query.empty_when for query in panel.queries):
            mappings: Any = panel.defaults["mappings"]
            absent = [one for one in mappings if one["type"] == "special"]
            assert absent == [missing(Word(panel.no_value, GREY))], panel.title


@each
def test_colour_is_never_the_only_signal(dashboard: Dashboard) -> None:
    """Whatever a value mapping colours it also puts into words."""
    for panel in panels_of(committed(dashboard)):
        config = panel["fieldConfig"]
        lists = [config["defaults"]["mappings"]]
        lists += [
            p["value"] for one in config["overrides"] for p in one["properties"] if p["id"] == "mappings"
        ]
        for mapping in (one for mappings in lists for one in mappings):
            options = mapping["options"]
            results = options.values() if mapping["type"] == "value" else [options["result"]]
            assert all(result["text"] for result in results), panel["title"]


@each
def test_every_metric_is_one_of_the_exporters(dashboard: Dashboard) -> None:
    """No query asks for a series that is not in the table of families, or one that Prometheus itself adds."""
    known = {
        family.name + suffix
        for family in (*ENDPOINT_FAMILIES, *EXPORTER_FAMILIES)
        for suffix in family.suffixes
    }
    model = committed(dashboard)
    for panel in panels_of(model):
        for target in panel["targets"]:
            for found in selectors(parse(target["expr"], numbers_of(model))):
                assert found.node.name in known | NOT_OURS, panel["title"]


def test_every_metric_is_shown_or_watched() -> None:
    """Each family is on a dashboard or in a rule; what is on neither says why here."""
    on_neither: dict[str, str] = {}
    asked = {
        found.node.name
        for dashboard in DASHBOARDS
        for model in [committed(dashboard)]
        for panel in panels_of(model)
        for target in panel["targets"]
        for found in selectors(parse(target["expr"], numbers_of(model)))
    }
    asked |= {found.node.name for rule in rules() for found in selectors(promql.parse(rule.expression))}
    unseen = {
        family.exposed_name
        for family in (*ENDPOINT_FAMILIES, *EXPORTER_FAMILIES)
        if not asked & {family.name + suffix for suffix in family.suffixes}
    }
    assert unseen == on_neither.keys()


def test_every_cause_and_owner_has_words() -> None:
    """A table shows no bare error class and no bare fault domain."""
    fleet = committed(DASHBOARDS[0])
    (table,) = (panel for panel in panels_of(fleet) if panel["type"] == "table")
    mapped = {
        override["matcher"]["options"]: set(one["value"][0]["options"])
        for override in table["fieldConfig"]["overrides"]
        for one in override["properties"]
        if one["id"] == "mappings" and one["value"][0]["type"] == "value"
    }
    assert mapped["Cause"] == set(ErrorClass)
    assert mapped["Who is to act"] == set(FaultDomain)


def links_of(dashboard: Dashboard) -> list[str]:
    """The address of every data link."""
    return re.findall(r'"url": "(/d/[^"]*|http[^"]*|\$\{exporter_url[^"]*)"', text_of(dashboard))


def test_links_lead_from_fleet_to_endpoint_to_explanation() -> None:
    """From the fleet an endpoint's dashboard, its page and its cause are one click away."""
    links = links_of(DASHBOARDS[0])
    to_endpoint = [one for one in links if one.startswith("/d/submission-endpoint?")]
    assert to_endpoint
    assert all("&var-endpoint=${__data.fields.smtp_endpoint:percentencode}" in one for one in to_endpoint[:1])
    assert any(one.startswith("${exporter_url}/endpoint?name=") for one in links)
    assert f"{ERRORS}#${{__data.fields.error_class}}" in links
    assert f"{ERRORS}#${{__field.labels.error_class}}" in links_of(DASHBOARDS[1])
    assert f"{REPOSITORY}/docs/runbooks" in links


def test_linked_explanations_exist() -> None:
    """Every runbook that a panel leads to is a page of the documentation, and every cause has a heading."""
    links = {link for dashboard in DASHBOARDS for link in links_of(dashboard) if link.startswith(REPOSITORY)}
    pages = {link.removeprefix(f"{REPOSITORY}/").partition("#")[0] for link in links}
    assert len(pages) > 10
    assert [page for page in pages if not (FOLDER.parent / page).exists()] == []
    headings = set(
        re.findall(r"^#+ `?(\w+)`?$", (FOLDER.parent / "docs" / "errors.md").read_text(), re.MULTILINE)
    )
    assert set(ErrorClass) - {ErrorClass.NONE} <= headings


@each
def test_links_name_variables_that_are_there(dashboard: Dashboard) -> None:
    """A variable in a link is one of this dashboard, and one of the dashboard that it leads to."""
    targets = {f"/d/{one.uid}": set(variables_of(committed(one))) for one in DASHBOARDS}
    for link in links_of(dashboard):
        used = set(re.findall(r"\$\{(?!__)(\w+)", link))
        assert used <= set(variables_of(committed(dashboard))), link
        if link.startswith("/d/"):
            path, _, query = link.partition("?")
            assert set(re.findall(r"&var-(\w+)=", query)) <= targets[path], link
