"""Every server of the table, probed by `check`: one after the other, and all at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exporter.cli import main
from exporter.model import ErrorClass
from tests.battery.__main__ import LIMIT_SECONDS, check_all, verdict
from tests.battery.table import BY_NAME, CASES, HEALTHY, SICK, Table, table
from tests.servers.submission import PASSWORD

# Proved in a network of its own (tests/namespaces), a bug of ours, and what no rule knows: no server of a
# table can produce them.
NOT_HERE = {ErrorClass.EXPORTER_OFFLINE, ErrorClass.EXPORTER_ERROR, ErrorClass.UNCLASSIFIED, ErrorClass.NONE}


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Table]:
    """All servers, running, and the configuration that probes them."""
    with table(tmp_path_factory.mktemp("battery")) as opened:
        yield opened


def checked(servers: Table, name: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """What `check --output json` prints of one server."""
    code = main(["check", name, "--config.file", str(servers.file), "--output", "json"])
    printed = capsys.readouterr().out
    (found,) = json.loads(printed)
    assert code == (0 if found["success"] else 1)
    assert PASSWORD not in printed
    return dict(found)


@pytest.mark.parametrize("name", [case.name for case in SICK])
def test_what_is_wrong_is_named(name: str, servers: Table, capsys: pytest.CaptureFixture[str]) -> None:
    """A misbehaving server gets its class, its owner and the phase in which it went wrong."""
    found = checked(servers, name, capsys)
    assert verdict(found) == BY_NAME[name].verdict, found
    assert found["success"] is False
    assert found["summary"].endswith((".", "”"))
    assert 1 <= len(found["remedy"]) <= 3


@pytest.mark.parametrize("name", [case.name for case in HEALTHY])
def test_what_is_only_odd_is_healthy(name: str, servers: Table, capsys: pytest.CaptureFixture[str]) -> None:
    """What a mail client puts up with is no failure, and nothing is tried behind it."""
    found = checked(servers, name, capsys)
    assert verdict(found) == ("none", "none", None), found
    assert found["follow_up"] == []


def test_a_known_provider_is_told_its_right_settings(
    servers: Table, capsys: pytest.CaptureFixture[str]
) -> None:
    """The summary names port and encryption that the provider documents, where ours are others."""
    found = checked(servers, "connect: refused by a known provider", capsys)
    assert "use 465 with implicit TLS, or 587 with STARTTLS" in found["summary"]


def test_the_whole_table_at_once(tmp_path: Path) -> None:
    """One `check` of all servers concurrently comes to the same verdicts, within twenty seconds."""
    outcome = check_all(tmp_path)
    report = "\n".join((*outcome.lines(), outcome.summary))
    assert not outcome.wrong, "\n".join((*outcome.wrong, report))
    assert [found["endpoint"] for found in outcome.found] == [case.name for case in CASES]
    assert outcome.code == 1
    assert outcome.seconds < LIMIT_SECONDS, report
    assert PASSWORD not in outcome.errors


def test_no_class_is_left_out() -> None:
    """Every class that a server can produce has a server here, and enough are odd but healthy."""
    produced = {case.expected for case in SICK}
    assert set(ErrorClass) - NOT_HERE - produced == set()
    assert len({case.name for case in CASES}) == len(CASES)
    assert len(SICK) >= 70
    assert len(HEALTHY) >= 20
