"""Firewalls, routers and routes for real: one `check` of hosts behind each of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.namespaces.exporting import EASY, check, configuration, endpoint, verdict
from tests.namespaces.hosts import SUBMISSION, SUBMISSIONS, mail_hosts, name_server
from tests.namespaces.network import ROUTER, connected, require_namespaces
from tests.servers.certificates import Workshop
from tests.servers.dns import Answer, Behaviour
from tests.servers.submission import PASSWORD

pytestmark = pytest.mark.servers


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A mail host, the rules in front of it, and the verdict on it."""

    name: str
    address: str
    rules: tuple[str, ...]
    expected: tuple[str, str, str | None]
    port: int = SUBMISSION
    follow_ups: int = 0
    """Extra connections that may be made to either port of the host."""


BLOCKED = ("port_blocked", "network", "connect")
STUCK = ("connect_timeout", "network", "connect")
UNREACHABLE = ("host_unreachable", "network", "connect")
HEALTHY = ("none", "none", None)

# What a client sends after the handshake of TCP carries PSH: the greeting comes, and EHLO gets lost.
NO_COMMANDS = "tcp flags & (syn|fin|rst|psh) == psh drop"

HOSTS = (
    Host(name="nothing in the way", address="198.51.100.10", rules=(), expected=HEALTHY),
    Host(
        name="587 dropped",
        address="198.51.100.11",
        rules=("tcp dport 587 drop",),
        expected=BLOCKED,
        follow_ups=1,
    ),
    Host(
        name="465 dropped",
        address="198.51.100.12",
        rules=("tcp dport 465 drop",),
        expected=BLOCKED,
        port=SUBMISSIONS,
        follow_ups=1,
    ),
    Host(
        name="587 reset",
        address="198.51.100.13",
        rules=("tcp dport 587 reject with tcp reset",),
        expected=("wrong_port", "settings", "connect"),
        follow_ups=1,
    ),
    Host(
        name="both ports reset",
        address="198.51.100.14",
        rules=("tcp dport { 465, 587 } reject with tcp reset",),
        expected=("connect_refused", "server", "connect"),
    ),
    Host(name="everything dropped", address="198.51.100.15", rules=("drop",), expected=STUCK),
    Host(
        name="administratively prohibited",
        address="198.51.100.16",
        rules=("reject with icmpx type admin-prohibited",),
        expected=UNREACHABLE,
    ),
    Host(
        name="host unreachable",
        address="198.51.100.17",
        rules=("reject with icmpx type host-unreachable",),
        expected=UNREACHABLE,
    ),
    Host(
        name="stalls before the greeting",
        address="203.0.113.10",
        rules=("ct state established drop",),
        expected=("greeting_timeout", "server", "greeting"),
    ),
    Host(
        name="stalls after the greeting",
        address="203.0.113.11",
        rules=(NO_COMMANDS,),
        expected=("response_timeout", "server", "ehlo"),
    ),
)

V4, V6 = "203.0.113.20", "2001:db8:1::20"
NO_V4, NO_V6 = "203.0.113.21", "2001:db8:1::22"
"""Addresses that drop everything."""
NOWHERE = "2001:db8:2::1"
"""The client's routing table forbids this one."""

NAMES: dict[str, Behaviour] = {
    "both.mail.test": Answer(a=(V4,), aaaa=(V6,)),
    "v6-dropped.mail.test": Answer(a=(V4,), aaaa=(NO_V6,)),
    "v6-unreachable.mail.test": Answer(a=(V4,), aaaa=(NOWHERE,)),
    "v4-dropped.mail.test": Answer(a=(NO_V4,), aaaa=(V6,)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A name with an address of either family, what may be tried of it, and the verdict."""

    host: str
    ip_protocol: str
    expected: tuple[str, str, str | None]
    connects: str = ""
    """How the address begins that is connected to in the end; nothing when none is."""
    timeout: str = "1s"


NAMED = {
    "any: both work": Name(host="both.mail.test", ip_protocol="any", expected=HEALTHY, connects="["),
    # The other family has its turn after a second of silence.
    "any: IPv6 is dropped": Name(
        host="v6-dropped.mail.test", ip_protocol="any", expected=HEALTHY, connects=V4, timeout="5s"
    ),
    "any: IPv6 has no route": Name(
        host="v6-unreachable.mail.test", ip_protocol="any", expected=HEALTHY, connects=V4
    ),
    "any: IPv4 is dropped": Name(
        host="v4-dropped.mail.test", ip_protocol="any", expected=HEALTHY, connects="["
    ),
    "prefer_ip4: IPv4 is dropped": Name(
        host="v4-dropped.mail.test", ip_protocol="prefer_ip4", expected=HEALTHY, connects="[", timeout="5s"
    ),
    "ip6: IPv6 is dropped": Name(host="v6-dropped.mail.test", ip_protocol="ip6", expected=STUCK),
    "ip6: IPv6 has no route": Name(
        host="v6-unreachable.mail.test",
        ip_protocol="ip6",
        expected=("host_unreachable", "local", "connect"),
    ),
    "ip4: IPv4 is dropped": Name(host="v4-dropped.mail.test", ip_protocol="ip4", expected=STUCK),
}


def test_a_firewall_is_told_by_what_it_does(workshop: Workshop, tmp_path: Path) -> None:
    """Silence, RST, ICMP and a stall have each their class and owner, with the fewest extra connections.

    A follow-up reads the greeting and takes leave; it never carries a credential.
    """
    require_namespaces()
    addresses = [host.address for host in HOSTS]
    with connected(*addresses) as (client, world):
        world.rules(*(f"ip daddr {host.address} {rule}" for host in HOSTS for rule in host.rules))
        with mail_hosts(world, workshop, *addresses) as visitors:
            endpoints = [
                endpoint(
                    host.name,
                    f"{host.address}:{host.port}",
                    workshop.ca_file,
                    tls="implicit" if host.port == SUBMISSIONS else "starttls",
                )
                for host in HOSTS
            ]
            found = check(client, configuration(tmp_path, *endpoints, timeout=EASY))
    assert {name: verdict(one) for name, one in found.items()} == {h.name: h.expected for h in HOSTS}
    for host in HOSTS:
        other = SUBMISSIONS if host.port == SUBMISSION else SUBMISSION
        extra = visitors.at(host.address, other)
        assert len(extra) == host.follow_ups, host.name
        assert all(set(visit.verbs) <= {"QUIT"} for visit in extra), host.name
        assert all(PASSWORD.encode() not in visit.data for visit in extra)
        # The probe, and at most one that offers TLS to a port that kept silent.
        assert len(visitors.at(host.address, host.port)) <= 2, host.name
    _is_explained(found["587 dropped"])


def _is_explained(found: dict[str, Any]) -> None:
    """The summary names both ports, the remedy the owner of the firewall, and the experiment is listed."""
    assert "587" in found["summary"]
    assert "465" in found["summary"]
    assert "firewall" in found["remedy"][0]
    (experiment,) = found["follow_up"]
    assert experiment["target"] == "198.51.100.11:465"
    assert experiment["decides"] == "port_blocked"
    assert found["duration_seconds"] < 2.5  # without the follow-up


def test_one_family_broken_and_the_other_fine(workshop: Workshop, tmp_path: Path) -> None:
    """Where both may be tried the working one is found; where only the broken one may, the other is named."""
    require_namespaces()
    with connected(V4, V6, NO_V4, NO_V6) as (client, world):
        client.ip("-6", "route", "add", "unreachable", f"{NOWHERE}/128")
        world.rules(f"ip daddr {NO_V4} drop", f"ip6 daddr {NO_V6} drop")
        with mail_hosts(world, workshop, V4, V6), name_server(world, ROUTER[0], NAMES) as dns:
            endpoints = [
                endpoint(
                    name,
                    f"{named.host}:{SUBMISSION}",
                    workshop.ca_file,
                    ip_protocol=named.ip_protocol,
                    timeout=named.timeout,
                    interval="10s",
                )
                for name, named in NAMED.items()
            ]
            found = check(client, configuration(tmp_path, *endpoints, resolver={"nameservers": [dns]}))
    assert {name: verdict(one) for name, one in found.items()} == {n: w.expected for n, w in NAMED.items()}
    for name, named in NAMED.items():
        one = found[name]
        address = "".join(a["address"] for a in one["attempts"] if a["outcome"] == "connected")
        assert address.startswith(named.connects), name
        assert bool(address) is bool(named.connects), name
        if named.connects:
            assert one["follow_up"] == [], name
        else:
            other, own = ("IPv4", "IPv6") if named.ip_protocol == "ip6" else ("IPv6", "IPv4")
            assert f"Over {other} the same server answers" in one["summary"], name
            assert f"Repair the {own} path" in one["remedy"][0], name
