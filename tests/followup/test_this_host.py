"""What proves that this host itself is cut off, and what only looks like it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

import pytest

from exporter.diagnosis import diagnose
from exporter.followup import FollowUps
from exporter.followup.kernel import no_default_route, without_interface
from exporter.followup.offline import (
    Known,
    LastHealth,
    could_be_offline,
    everybody_fails,
    is_reached,
    without_route,
)
from exporter.model import (
    HEALTHY,
    Attempt,
    AttemptOutcome,
    ConnectFailure,
    Endpoint,
    ErrorClass,
    Evidence,
    FollowUp,
    NameFailure,
    NameFailureKind,
    Observation,
    Phase,
    ProbeResult,
    Symptom,
    TimedOut,
    TlsMode,
)
from exporter.settings import FollowUpSettings
from exporter.steps import at_once
from tests.virtual_time import run_virtual

FLEET = (("a", "192.0.2.1"), ("b", "198.51.100.1"), ("c", "203.0.113.1"))
HEALTH = {name: LastHealth(100.0, ip) for name, ip in FLEET}


def observed(
    name: str, evidence: Evidence | None, phase: Phase = Phase.CONNECT, attempts: tuple[Attempt, ...] = ()
) -> Observation:
    """An endpoint that failed so, or did not."""
    endpoint = Endpoint(
        name=name,
        host=f"{name}.example.com",
        port=587,
        tls=TlsMode.STARTTLS,
        until=Phase.EHLO,
        interval=60.0,
        timeout=10.0,
    )
    symptom = None if evidence is None else Symptom(phase=phase, evidence=evidence, attempts=attempts)
    result = ProbeResult(
        endpoint=endpoint, started=0.0, seconds=1.0, steps=(), symptom=symptom, attempts=attempts
    )
    return Observation(result=result, diagnosis=HEALTHY if symptom is None else diagnose(symptom))


def attempt(
    ip: str = "192.0.2.1", outcome: AttemptOutcome = AttemptOutcome.TIMEOUT, errno: str | None = None
) -> Attempt:
    """One address that was tried."""
    return Attempt(f"[{ip}]:587" if ":" in ip else f"{ip}:587", outcome, 1.0, errno)


def silent(name: str, ip: str = "192.0.2.1") -> Observation:
    """No answer to SYN."""
    return observed(name, TimedOut(10.0), attempts=(attempt(ip),))


def fine(name: str, ip: str = "192.0.2.1") -> Observation:
    """A success."""
    return observed(name, None, attempts=(attempt(ip, AttemptOutcome.CONNECTED),))


def lookup(name: str, kind: NameFailureKind) -> Observation:
    """A look-up that failed so."""
    return observed(name, NameFailure(kind), Phase.DNS)


def unreachable(name: str, errno: str = "ENETUNREACH") -> Observation:
    """The kernel had no route."""
    attempts = (attempt(outcome=AttemptOutcome.UNREACHABLE, errno=errno),)
    return observed(name, ConnectFailure(errno, attempts), attempts=attempts)


SILENT_FLEET = [silent(name, ip) for name, ip in FLEET]


def compared(observations: Iterable[Observation], health: dict[str, LastHealth]) -> FollowUp | None:
    """What the comparison of these observations of just now proves."""
    known = (Known(o, 199.0, health.get(o.result.endpoint.name)) for o in observations)
    return at_once(everybody_fails(known, 200.0))


@pytest.mark.parametrize("kind", NameFailureKind)
def test_only_an_unanswered_name_is_a_sign(kind: NameFailureKind) -> None:
    """A resolver that says no has answered; one that is silent, or excuses itself, has not."""
    answered = {NameFailureKind.NOT_FOUND, NameFailureKind.NO_DATA, NameFailureKind.MALFORMED}
    assert could_be_offline(lookup("a", kind)) is (kind not in answered)


def test_a_name_that_never_existed_changes_nothing() -> None:
    """An endpoint with a misspelt name neither acquits this host nor counts against it."""
    misspelt = lookup("d", NameFailureKind.NOT_FOUND)
    assert compared([*SILENT_FLEET, misspelt], HEALTH) is not None
    health = HEALTH | {"d": LastHealth(100.0, "192.0.2.77")}
    assert compared([*SILENT_FLEET[:2], misspelt], health) is None


@pytest.mark.parametrize("ip", ["127.0.0.1", "127.9.9.9", "::1"])
def test_loopback_says_nothing_of_the_network(ip: str) -> None:
    """A server on this very host is reached, or not, whatever became of the network."""
    assert not could_be_offline(silent("bridge", ip))
    assert compared([*SILENT_FLEET, fine("bridge", ip)], HEALTH) is not None
    health = {name: LastHealth(100.0, f"127.0.{n}.1") for n, (name, _) in enumerate(FLEET)}
    here = [silent(name, f"127.0.{n}.1") for n, (name, _) in enumerate(FLEET)]
    assert compared(here, health) is None


@pytest.mark.parametrize("outcome", [AttemptOutcome.REFUSED, AttemptOutcome.RESET])
def test_one_address_that_answers_acquits_this_host(outcome: AttemptOutcome) -> None:
    """Among many silent addresses a refusal is an answer from outside."""
    attempts = (attempt(), attempt("192.0.2.2", outcome, "ECONNREFUSED"))
    observation = observed("a", ConnectFailure(None, attempts), attempts=attempts)
    assert not could_be_offline(observation)
    assert compared([*SILENT_FLEET, observation], HEALTH) is None


# --------------------------------------------------------------------------- interfaces

HEADER = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
SUBNET = "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
DEFAULT = "eth0\t00000000\tFE0200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
HALF = "tun0\t00000080\t00000000\t0001\t0\t0\t0\t00000080\t0\t0\t0\n"
BLACKHOLE = "*\t00000000\t00000000\t0201\t0\t0\t0\t00000000\t0\t0\t0\n"
ZERO = "0" * 32
UNREACHABLE6 = f"{ZERO} 00 {ZERO} 00 {ZERO} ffffffff 00000001 00000000 00200200       lo\n"
DEFAULT6 = (
    f"{ZERO} 00 {ZERO} 00 fe8000000000000000000000000000fe 00000400 00000001 00000000 00000003     eth0\n"
)


def tables(folder: Path, ipv4: str, ipv6: str | None) -> Path:
    """Routing tables as /proc/net shows them."""
    (folder / "route").write_text(HEADER + ipv4)
    if ipv6 is not None:
        (folder / "ipv6_route").write_text(ipv6)
    return folder


@pytest.mark.parametrize(
    ("ipv4", "ipv6", "cut_off"),
    [
        ("", None, True),
        (SUBNET, UNREACHABLE6, True),
        (BLACKHOLE, UNREACHABLE6, True),
        (SUBNET + DEFAULT, UNREACHABLE6, False),
        (SUBNET + HALF, None, False),
        (SUBNET, UNREACHABLE6 + DEFAULT6, False),
        ("what is this\n", None, False),
    ],
    ids=["nothing", "a subnet", "a black hole", "IPv4", "two halves", "IPv6", "another kernel"],
)
def test_a_default_route_of_either_family_will_do(
    ipv4: str, ipv6: str | None, cut_off: bool, tmp_path: Path
) -> None:
    """Neither family with a way out is proof; a table that cannot be understood is none."""
    assert (no_default_route(tables(tmp_path, ipv4, ipv6)) is not None) is cut_off
    assert no_default_route(tmp_path / "missing") is None


@pytest.mark.parametrize(
    ("observation", "others", "cut_off"),
    [
        (unreachable("a"), [], True),
        (unreachable("a", "ENETDOWN"), [unreachable("b")], True),
        (lookup("a", NameFailureKind.UNREACHABLE), [], True),
        (unreachable("a"), [fine("b")], False),
        (unreachable("a"), [fine("b", "127.0.0.1")], True),
        (unreachable("a", "EHOSTUNREACH"), [], False),
        (silent("a"), [], False),
        (lookup("a", NameFailureKind.TIMEOUT), [], False),
    ],
)
def test_no_route_counts_where_it_was_missed(
    observation: Observation, others: list[Observation], cut_off: bool, tmp_path: Path
) -> None:
    """Only a probe that the kernel turned down is explained, and only while nobody outside is reached."""
    found = without_route(
        observation, reached=any(map(is_reached, others)), tables=tables(tmp_path, SUBNET, None)
    )
    assert (found is not None) is cut_off
    if found is not None:
        assert found.decides is ErrorClass.EXPORTER_OFFLINE


@pytest.mark.parametrize(
    ("state", "cut_off"), [("up", False), ("unknown", False), ("down", True), ("lowerlayerdown", True)]
)
def test_an_interface_without_a_carrier_is_no_way_out(state: str, cut_off: bool, tmp_path: Path) -> None:
    """Switched on is not enough: a pulled cable, or a bridge without members, leads nowhere."""
    for name, flags, operational in (("lo", 0x9, "unknown"), ("eth0", 0x1003, state)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "flags").write_text(f"{flags:#x}\n")
        (tmp_path / name / "operstate").write_text(f"{operational}\n")
    assert (without_interface(tmp_path) is not None) is cut_off


def interface(folder: Path, name: str, flags: int) -> None:
    """Make an interface as sysfs shows it."""
    (folder / name).mkdir()
    (folder / name / "flags").write_text(f"{flags:#x}\n")


def test_a_host_without_an_interface_is_offline(tmp_path: Path) -> None:
    """Nothing but loopback up is proof; one other interface, or no knowledge, is none."""
    assert without_interface(tmp_path / "missing") is None
    assert without_interface(tmp_path) is None
    interface(tmp_path, "lo", 0x9)
    interface(tmp_path, "eth0", 0x1002)
    found = without_interface(tmp_path)
    assert found is not None
    assert found.decides is ErrorClass.EXPORTER_OFFLINE
    interface(tmp_path, "eth1", 0x1003)
    assert without_interface(tmp_path) is None


# --------------------------------------------------------------------------- control targets


class Slow:
    """A network in which every connection times out after three seconds."""

    def __init__(self) -> None:
        self.knocks: list[str] = []

    async def run(self, target: Endpoint) -> ProbeResult:
        """Stand where the prober stands."""
        self.knocks.append(target.target)
        await asyncio.sleep(3.0)
        return silent(target.name).result


def test_who_comes_while_the_control_targets_are_asked_gets_their_answer() -> None:
    """Failures of the same moment have the same verdict, and one of them knocks."""
    network = Slow()

    async def scenario() -> Iterable[Observation]:
        settings = FollowUpSettings(control_targets=(("control.example.net", 443),), ports=())
        examined = FollowUps(network, settings)  # type: ignore[arg-type]
        return await asyncio.gather(*(examined.examine(silent(name, ip)) for name, ip in FLEET))

    observations = run_virtual(scenario())
    assert {o.diagnosis.error_class for o in observations} == {ErrorClass.EXPORTER_OFFLINE}
    assert network.knocks == ["control.example.net:443"]
