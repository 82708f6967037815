"""This host without a network, and the control targets that tell it from a dead server."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.namespaces.exporting import check, configuration, endpoint, verdict
from tests.namespaces.hosts import SUBMISSION, mail_hosts
from tests.namespaces.network import UPLINK, Namespace, connected, namespace, require_namespaces
from tests.servers.certificates import Workshop

pytestmark = pytest.mark.servers

DEAD, ALIVE, CONTROL = "198.51.100.10", "203.0.113.10", "203.0.113.53"
OFFLINE = ("exporter_offline", "local", "connect")


@pytest.fixture(autouse=True)
def _root() -> None:
    require_namespaces()


@pytest.fixture
def network(workshop: Workshop) -> Iterator[tuple[Namespace, Namespace]]:
    """A client and a world in which one host answers and one is silent."""
    with connected(DEAD, ALIVE, CONTROL) as (client, world), mail_hosts(world, workshop, ALIVE, CONTROL):
        world.rules(f"ip daddr {DEAD} drop")
        yield client, world


def checked(place: Namespace, folder: Path, workshop: Workshop, **top: Any) -> dict[str, dict[str, Any]]:
    """Check the dead and the living host."""
    return check(
        place,
        configuration(
            folder,
            endpoint("dead", f"{DEAD}:{SUBMISSION}", workshop.ca_file),
            endpoint("alive", f"{ALIVE}:{SUBMISSION}", workshop.ca_file),
            **top,
        ),
    )


def test_a_host_with_nothing_but_loopback_is_offline(workshop: Workshop, tmp_path: Path) -> None:
    """Where no interface is up every target and every name is out of reach, and it is nobody else's fault."""
    file = configuration(
        tmp_path,
        endpoint("address", f"{ALIVE}:{SUBMISSION}", workshop.ca_file),
        endpoint("name", f"mail.test:{SUBMISSION}", workshop.ca_file, timeout="5s", interval="5s"),
        endpoint("here", "127.0.0.1:9", workshop.ca_file),
        resolver={"nameservers": ["192.0.2.53"]},
    )
    with namespace("lonely") as alone:
        found = check(alone, file)
    assert verdict(found["address"]) == OFFLINE
    assert verdict(found["name"]) == ("exporter_offline", "local", "dns")
    # What lives on this host is not behind an interface.
    assert verdict(found["here"])[0] == "connect_refused"
    (evidence,) = found["address"]["follow_up"]
    assert "loopback" in evidence["outcome"]


def test_an_interface_that_is_down_is_no_interface(
    network: tuple[Namespace, Namespace], workshop: Workshop, tmp_path: Path
) -> None:
    """A cable pulled at this end, or at the other, cuts this host off."""
    client, world = network
    world.ip("link", "set", "lan0", "down")
    assert verdict(checked(client, tmp_path, workshop)["alive"]) == OFFLINE
    client.ip("link", "set", UPLINK, "down")
    assert verdict(checked(client, tmp_path, workshop)["alive"]) == OFFLINE


def test_no_route_to_the_outside_is_this_hosts_problem(
    network: tuple[Namespace, Namespace], workshop: Workshop, tmp_path: Path
) -> None:
    """Without a default route everything is out of reach; with one to the living host alone it is not."""
    client, _ = network
    client.ip("route", "del", "default")
    client.ip("-6", "route", "del", "default")
    assert {verdict(found) for found in checked(client, tmp_path, workshop).values()} == {OFFLINE}
    client.ip("route", "add", "default", "via", "192.0.2.254")
    assert verdict(checked(client, tmp_path, workshop)["alive"]) == ("none", "none", None)


def test_a_control_target_tells_a_dead_server_from_a_dead_network(
    network: tuple[Namespace, Namespace], workshop: Workshop, tmp_path: Path
) -> None:
    """When the control targets are out of reach as well it is this host; any answer of theirs acquits it."""
    client, world = network
    behaviours = {
        "accept": ("connect_timeout", "network", "connect"),
        "reject with tcp reset": ("connect_timeout", "network", "connect"),
        "drop": OFFLINE,
    }
    for rule, expected in behaviours.items():
        world.rules(f"ip daddr {DEAD} drop", f"ip daddr {CONTROL} tcp dport {SUBMISSION} {rule}")
        found = checked(
            client, tmp_path, workshop, follow_up={"control_targets": [f"{CONTROL}:{SUBMISSION}"]}
        )
        assert verdict(found["dead"]) == expected, rule
        assert verdict(found["alive"]) == ("none", "none", None), rule


def test_nothing_is_left_behind() -> None:
    """A namespace goes with its block, be it that the test in it fails."""
    names: list[str] = []

    def failing() -> None:
        with connected("198.51.100.1") as (client, world):
            names.extend((client.name, world.name))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    assert len(names) == 2
    assert not any(name in listed for name in names)
