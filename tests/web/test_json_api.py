"""JSON for machines."""

from __future__ import annotations

import json
from typing import Any

from yarl import URL

from exporter.board import Board
from exporter.model import ErrorClass, FaultDomain, Phase
from exporter.report import observation_json
from exporter.web.api import pending_json
from tests.metrics.reading import board_of
from tests.metrics.synthetic import START, StillRuntime, endpoint, failing, healthy
from tests.web.browsing import get

REMEMBERED = {"since", "next_run", "attempts_total", "successes_total"}


def fetch(board: Board, path: str | URL, runtime: StillRuntime | None = None) -> Any:
    """The JSON at an address."""
    return json.loads(get(board, path, runtime))


def test_list_holds_what_check_prints() -> None:
    """Each object is the one of `check --output json`, with what is remembered beside it."""
    observation = healthy()
    runtime = StillRuntime()
    runtime.next_runs["mail"] = START + 60
    (found,) = fetch(board_of(observation), "/api/v1/endpoints", runtime)
    assert found.keys() - observation_json(observation).keys() == REMEMBERED
    assert {k: v for k, v in found.items() if k not in REMEMBERED} == observation_json(observation)
    assert found["since"] == "2027-01-15T08:00:00.000Z"
    assert found["next_run"] == "2027-01-15T08:01:00.000Z"
    assert (found["attempts_total"], found["successes_total"]) == (1, 1)


def test_endpoint_that_was_not_probed_has_the_same_keys() -> None:
    """A reader needs no second shape: what is not known is null or empty."""
    assert pending_json(endpoint()).keys() == observation_json(healthy()).keys()
    (found,) = fetch(board_of(), "/api/v1/endpoints")
    assert found["endpoint"] == "mail"
    assert found["success"] is None
    assert found["steps"] == []
    assert found["since"] is None
    assert found["next_run"] is None


def test_fleet_is_one_list() -> None:
    """All endpoints in the order of the configuration; none is an empty list."""
    board = Board()
    assert fetch(board, "/api/v1/endpoints") == []
    board.apply([endpoint(f"mail {n}") for n in range(200)])
    for entry in board.entries.values():
        board.record(healthy(entry.endpoint))
    assert [one["endpoint"] for one in fetch(board, "/api/v1/endpoints")] == [f"mail {n}" for n in range(200)]


def test_one_endpoint_has_its_history() -> None:
    """The kept probes, changes and whole failures come with the object."""
    failure = failing(Phase.AUTH, ErrorClass.AUTH_DISABLED, FaultDomain.CREDENTIALS, number=1)
    found = fetch(board_of(healthy(), failure), "/api/v1/endpoints/mail")
    assert found["error_class"] == "auth_disabled"
    history = found["history"]
    assert [probe["success"] for probe in history["probes"]] == [True, False]
    assert history["probes"][1] == {
        "started": "2027-01-15T08:01:00.000Z",
        "duration_seconds": history["probes"][1]["duration_seconds"],
        "success": False,
        "phase": "auth",
        "error_class": "auth_disabled",
        "fault_domain": "credentials",
    }
    assert [change["error_class"] for change in history["transitions"]] == ["none", "auth_disabled"]
    assert history["failures"] == [observation_json(failure)]


def test_name_may_hold_anything() -> None:
    """A name with slashes, dots, spaces and letters of any script has its address."""
    for name, path in (
        ("smtp.example.com:587", "smtp.example.com:587"),
        ("a/b", "a%2Fb"),
        ("[2001:db8::1]:587", "%5B2001:db8::1%5D:587"),
        ("post büro?#&", "post%20b%C3%BCro%3F%23%26"),
    ):
        board = board_of(healthy(endpoint(name)))
        found = fetch(board, URL(f"/api/v1/endpoints/{path}", encoded=True))
        assert found["endpoint"] == name
