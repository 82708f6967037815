"""`serve` through an outage: who is blamed, that the blame does not flap, and that it ends by itself."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.namespaces.exporting import EASY, Inside, configuration, endpoint, serving
from tests.namespaces.hosts import SUBMISSION, SUBMISSIONS, Visitors, mail_hosts
from tests.namespaces.network import Namespace, connected, require_namespaces
from tests.servers.certificates import Workshop
from tests.servers.submission import PASSWORD

pytestmark = pytest.mark.servers

PAUSE_SECONDS = 2.0
FLEET = ("198.51.100.10", "198.51.100.20", "203.0.113.10", "203.0.113.20")
"""Four hosts in two networks."""
BLOCKED, MOVED = "198.51.100.30", "198.51.100.31"
ALL = (*FLEET, BLOCKED, MOVED)

Probe = tuple[str, str]


def everywhere(seen: dict[str, dict[str, Any]], error_class: str) -> bool:
    """Say whether every endpoint has that class."""
    return all(found["error_class"] == error_class for found in seen.values())


def probed_since(exporter: Inside, name: str, since: float) -> list[Probe]:
    """Class and domain of the probes of an endpoint that began after that Unix time."""
    at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(since)) + f".{int(since * 1000) % 1000:03}Z"
    return [(row["error_class"], row["fault_domain"]) for row in exporter.probes(name) if row["started"] > at]


TARGETS = {
    "fleet": {f"host-{n}": f"{address}:{SUBMISSION}" for n, address in enumerate(FLEET)},
    "one host": {f"port-{port}": f"{FLEET[0]}:{port}" for port in (SUBMISSION, SUBMISSIONS)},
    "one port": {"alone": f"{FLEET[2]}:{SUBMISSION}"},
}
"""What each of three exporters probes."""
BLAMED: dict[str, Probe] = {
    "fleet": ("exporter_offline", "local"),
    "one host": ("connect_timeout", "network"),
    "one port": ("connect_timeout", "network"),
}


@pytest.fixture
def network(workshop: Workshop) -> Iterator[tuple[Namespace, Namespace, Visitors]]:
    """Client, world, and the visitors of the world's mail hosts."""
    require_namespaces()
    with connected(*ALL) as (client, world), mail_hosts(world, workshop, *ALL) as visitors:
        yield client, world, visitors


def _twice_more(
    exporter: Inside, names: Iterable[str], noticed: float, enough: float, _seen: dict[str, dict[str, Any]]
) -> bool:
    """Say whether every endpoint was probed twice since then, and the time has come."""
    return time.time() > enough and all(len(probed_since(exporter, name, noticed)) >= 2 for name in names)


def test_silence_everywhere_is_blamed_on_this_host_and_silence_of_one_is_not(
    network: tuple[Namespace, Namespace, Visitors], workshop: Workshop, tmp_path: Path
) -> None:
    """Four hosts in two networks, healthy just now, prove it; one host never does, whatever its endpoints.

    The verdict does not flap while it lasts, and ends by itself when packets come through again.
    """
    client, world, _ = network
    with ExitStack() as stack:
        exporters: dict[str, Inside] = {}
        for name, endpoints in TARGETS.items():
            folder = tmp_path / name
            folder.mkdir()
            file = configuration(
                folder,
                *(endpoint(key, target, workshop.ca_file) for key, target in endpoints.items()),
                follow_up={"pause": f"{PAUSE_SECONDS:.0f}s"},
            )
            exporters[name] = stack.enter_context(serving(client, folder, file))
        for exporter in exporters.values():
            exporter.wait_until(lambda seen: everywhere(seen, "none"), "healthy")
        world.rules(f"ip daddr {{ {', '.join(ALL)} }} drop")
        noticed = {
            name: exporter.wait_until(partial(everywhere, error_class=BLAMED[name][0]), BLAMED[name][0])
            for name, exporter in exporters.items()
        }
        # Long enough for another follow-up of every host, had it not been settled.
        enough = time.time() + 2 * PAUSE_SECONDS
        for name, exporter in exporters.items():
            exporter.wait_until(
                partial(_twice_more, exporter, TARGETS[name], noticed[name], enough), "probed twice more"
            )
            during = {probe for key in TARGETS[name] for probe in probed_since(exporter, key, noticed[name])}
            assert during == {BLAMED[name]}, name
            assert exporter.failing() == {(key, *BLAMED[name]) for key in TARGETS[name]}
        world.rules()
        for exporter in exporters.values():
            exporter.wait_until(lambda seen: everywhere(seen, "none"), "healthy again")
            assert exporter.failing() == set()


def test_a_proved_class_does_not_flap_and_costs_one_connection(
    network: tuple[Namespace, Namespace, Visitors], workshop: Workshop, tmp_path: Path
) -> None:
    """Rounds beyond the pause keep class and owner in /api and /metrics, from one follow-up a host."""
    client, world, visitors = network
    world.rules(
        f"ip daddr {BLOCKED} tcp dport {SUBMISSION} drop",
        f"ip daddr {MOVED} tcp dport {SUBMISSION} reject with tcp reset",
    )
    expected = {"blocked": ("port_blocked", "network"), "moved": ("wrong_port", "settings")}
    file = configuration(
        tmp_path,
        endpoint("blocked", f"{BLOCKED}:{SUBMISSION}", workshop.ca_file),
        endpoint("moved", f"{MOVED}:{SUBMISSION}", workshop.ca_file),
        endpoint("healthy", f"{FLEET[1]}:{SUBMISSION}", workshop.ca_file),
        timeout=EASY,
        follow_up={"pause": f"{PAUSE_SECONDS:.0f}s"},
    )
    visitors.forget()
    with serving(client, tmp_path, file) as exporter:
        began = time.time()
        exporter.wait_until(
            lambda seen: (
                time.time() > began + 2 * PAUSE_SECONDS
                and all((found.get("attempts_total") or 0) >= 3 for found in seen.values())
            ),
            "probed three times",
        )
        for name, probe in expected.items():
            assert {(row["error_class"], row["fault_domain"]) for row in exporter.probes(name)} == {probe}
        assert exporter.failing() == {(name, *probe) for name, probe in expected.items()}
        followed = {name: exporter.endpoints()[name]["follow_up"] for name in expected}
        for address in (BLOCKED, MOVED):
            (visit,) = visitors.at(address, SUBMISSIONS)
            assert set(visit.verbs) <= {"QUIT"}
            assert PASSWORD.encode() not in visit.data
        assert [f["decides"] for found in followed.values() for f in found] == ["port_blocked", "wrong_port"]
        world.rules()
        exporter.wait_until(lambda seen: everywhere(seen, "none"), "healthy again")
        assert exporter.failing() == set()
