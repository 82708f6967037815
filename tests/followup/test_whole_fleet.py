"""What counts as every endpoint failing now: several hosts, of now, and nobody reached meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from exporter.diagnosis import diagnose
from exporter.followup import lookout
from exporter.followup.hosts import Machines
from exporter.followup.offline import STEP, Known, LastHealth, everybody_fails
from exporter.model import (
    Attempt,
    AttemptOutcome,
    Endpoint,
    ErrorClass,
    FollowUp,
    Observation,
    Phase,
    ProbeResult,
    Symptom,
    TimedOut,
)
from exporter.steps import at_once
from tests.followup.scenes import Network, endpoint, follow_ups, healthy, silent
from tests.virtual_time import run_virtual

IPS = ("192.0.2.1", "198.51.100.1", "203.0.113.1")
MINUTE = 60.0

Fleet = list[tuple[Endpoint, str]]


def machines(places: Iterable[tuple[str, set[str]]]) -> int:
    """How many hosts these names with their addresses are."""
    found = Machines()
    for name, addresses in places:
        found.add(name, addresses)
    return found.count


def fleet(*hosts: str, interval: float = 60.0) -> Fleet:
    """An endpoint on each of these host names, each in a network of its own."""
    return [
        (replace(endpoint(name, host=host), interval=interval), ip)
        for name, host, ip in zip("abc", hosts, IPS, strict=True)
    ]


def silent_everywhere(target: Endpoint, *ips: str) -> Observation:
    """None of several addresses answered."""
    attempts = tuple(Attempt(f"{ip}:{target.port}", AttemptOutcome.TIMEOUT, 3.0) for ip in ips)
    symptom = Symptom(phase=Phase.CONNECT, evidence=TimedOut(10.0), attempts=attempts)
    result = ProbeResult(
        endpoint=target, started=0.0, seconds=10.0, steps=(), symptom=symptom, attempts=attempts
    )
    return Observation(result=result, diagnosis=diagnose(symptom))


def last_class(
    places: Fleet, lost: Callable[[Endpoint, str], Observation] = silent, apart: float = 1.0
) -> ErrorClass:
    """Let all be healthy and then fail one after the other; return the class of the last one."""

    async def scenario() -> ErrorClass:
        board: dict[str, Observation] = {}
        examined = follow_ups(Network({}), latest=board.values)
        for target, ip in places:
            board[target.name] = await examined.examine(healthy(target, ip))
        for target, ip in places:
            await asyncio.sleep(apart)
            board[target.name] = await examined.examine(lost(target, ip))
        return board[places[-1][0].name].diagnosis.error_class

    return run_virtual(scenario())


@pytest.mark.parametrize(
    ("hosts", "expected"),
    [
        (("a.example.com", "b.example.com", "c.example.com"), ErrorClass.EXPORTER_OFFLINE),
        (("a.example.com",) * 3, ErrorClass.CONNECT_TIMEOUT),
        (("a.example.com", "A.Example.com.", "c.example.com"), ErrorClass.CONNECT_TIMEOUT),
    ],
    ids=["three", "one with three addresses", "two, one of them spelt in two ways"],
)
def test_hosts_are_counted_by_name(hosts: tuple[str, ...], expected: ErrorClass) -> None:
    """A name that had another address each time it was healthy is one host all the same."""
    assert last_class(fleet(*hosts)) is expected


def test_names_with_an_address_in_common_are_one_host() -> None:
    """Names that lead to the same machine by any of their addresses count once."""
    places = fleet("smtp.example.com", "mail.example.com", "c.example.org")
    shared = "192.0.2.77"
    assert (
        last_class(places, lambda target, ip: silent_everywhere(target, ip, shared))
        is ErrorClass.CONNECT_TIMEOUT
    )
    assert last_class(places, silent_everywhere) is ErrorClass.EXPORTER_OFFLINE


def test_what_is_connected_by_a_third_is_one() -> None:
    """Two names without a common address are one host when a third shares one with each of them."""
    assert machines([("a", {"1"}), ("b", {"2"}), ("c", {"3"})]) == 3
    assert machines([("a", {"1"}), ("b", {"2"}), ("c", {"1", "2"})]) == 1
    assert machines([("a", {"1"}), ("a", {"2"}), ("1", {"1"})]) == 1
    assert machines([]) == 0


def test_failures_of_long_ago_are_not_failures_of_now() -> None:
    """Two that failed once, most of an hour ago, and were not tried since say nothing of this moment."""

    async def scenario() -> ErrorClass:
        board: dict[str, Observation] = {}
        examined = follow_ups(Network({}), latest=board.values)
        places = fleet("a.example.com", "b.example.com", "c.example.com", interval=3600.0)
        for target, ip in places:
            board[target.name] = await examined.examine(healthy(target, ip))
        for target, ip in places[1:]:
            await asyncio.sleep(2 * MINUTE)
            board[target.name] = await examined.examine(silent(target, ip))
        await asyncio.sleep(48 * MINUTE)
        target, ip = places[0]
        return (await examined.examine(silent(target, ip))).diagnosis.error_class

    assert run_virtual(scenario()) is ErrorClass.CONNECT_TIMEOUT


def test_a_success_between_the_failures_acquits_this_host() -> None:
    """What failed before somebody was last reached did not fail of the same cause."""

    async def scenario() -> list[ErrorClass]:
        board: dict[str, Observation] = {}
        examined = follow_ups(Network({}), latest=board.values)
        places = fleet("a.example.com", "b.example.com", "c.example.com", interval=300.0)
        (a, a_ip), *others = places
        for target, ip in places:
            board[target.name] = await examined.examine(healthy(target, ip))
        for target, ip in others:
            await asyncio.sleep(10)
            board[target.name] = await examined.examine(silent(target, ip))
        board["a"] = await examined.examine(healthy(a, a_ip))
        await asyncio.sleep(10)
        board["a"] = await examined.examine(silent(a, a_ip))
        seen = [board["a"].diagnosis.error_class]
        for target, ip in others:
            board[target.name] = await examined.examine(silent(target, ip))
        return [*seen, board["c"].diagnosis.error_class]

    assert run_virtual(scenario()) == [ErrorClass.CONNECT_TIMEOUT, ErrorClass.EXPORTER_OFFLINE]


def test_a_success_of_long_ago_acquits_nobody() -> None:
    """An endpoint that is tried once a day does not keep this host online until tomorrow."""
    now = 4000.0
    places = fleet("a.example.com", "b.example.com", "c.example.com")
    lost = [Known(silent(t, ip), now - 5.0, LastHealth(now - 60.0, ip)) for t, ip in places]
    daily = replace(endpoint("d", host="d.example.com"), interval=86_400.0)
    for age, proved in ((10.0, False), (1200.0, True)):
        seen = Known(healthy(daily, "192.0.2.9"), now - age, LastHealth(now - age, "192.0.2.9"))
        assert (at_once(everybody_fails([*lost, seen], now)) is not None) is proved


def test_a_healthy_server_on_this_very_host_acquits_nobody() -> None:
    """What is reached over loopback is reached without a network."""

    async def scenario() -> ErrorClass:
        board: dict[str, Observation] = {}
        examined = follow_ups(Network({}), latest=board.values)
        places = fleet("a.example.com", "b.example.com", "c.example.com")
        bridge = endpoint("bridge", host="localhost")
        for target, ip in places:
            board[target.name] = await examined.examine(healthy(target, ip))
        for target, ip in places * 2:
            await asyncio.sleep(10.0)
            board["bridge"] = await examined.examine(healthy(bridge, "127.0.0.1"))
            board[target.name] = await examined.examine(silent(target, ip))
        return board["a"].diagnosis.error_class

    assert run_virtual(scenario()) is ErrorClass.EXPORTER_OFFLINE


def test_an_outage_of_hours_keeps_its_class() -> None:
    """That all were healthy within the hour is asked of its beginning; one that is reached ends it for all."""

    async def scenario() -> list[ErrorClass]:
        board: dict[str, Observation] = {}
        examined = follow_ups(Network({}), latest=board.values)
        places = fleet("a.example.com", "b.example.com", "c.example.com")
        for target, ip in places:
            board[target.name] = await examined.examine(healthy(target, ip))
        seen = []
        for minute in range(180):
            for target, ip in places:
                board[target.name] = await examined.examine(silent(target, ip))
            if minute:
                seen += [o.diagnosis.error_class for o in board.values()]
            await asyncio.sleep(MINUTE)
        assert set(seen) == {ErrorClass.EXPORTER_OFFLINE}
        (a, a_ip), (b, b_ip), _ = places
        board["a"] = await examined.examine(healthy(a, a_ip))
        ended = [(await examined.examine(silent(b, b_ip))).diagnosis.error_class]
        # Another failure than the one that was explained is not covered, nor is a newcomer.
        board["a"] = await examined.examine(silent(a, a_ip))
        newcomer = endpoint("new", host="new.example.com")
        return [*ended, (await examined.examine(silent(newcomer, "192.0.2.200"))).diagnosis.error_class]

    assert run_virtual(scenario()) == [ErrorClass.CONNECT_TIMEOUT] * 2


def lost_fleet(size: int) -> dict[str, Observation]:
    """So many hosts, all of them silent."""
    places = [endpoint(f"e{n}", host=f"h{n}.example.com") for n in range(size)]
    return {place.name: silent(place, f"192.0.{n // 250}.{n % 250 + 1}") for n, place in enumerate(places)}


def answered(observation: Observation) -> Observation:
    """The same endpoint in health, at the address that is silent otherwise."""
    (attempt,) = observation.result.attempts
    return healthy(observation.result.endpoint, attempt.address.rpartition(":")[0])


def no_interface() -> FollowUp:
    """What is found where only loopback is up."""
    return FollowUp(
        experiment="look at the network interfaces",
        target="this host",
        outcome="none but loopback is up",
        seconds=0.0,
        decides=ErrorClass.EXPORTER_OFFLINE,
    )


def test_a_look_at_thousands_leaves_the_loop_to_others() -> None:
    """An outage of all is no reason to hold up the probes that tell of it."""

    async def scenario() -> int:
        board = lost_fleet(2000)
        examined = follow_ups(Network({}), latest=board.values)
        for observation in board.values():
            examined._memory.note(healthy(observation.result.endpoint), 0.0)
        look = asyncio.create_task(examined.examine(board["e0"]))
        turns = 0
        while not look.done():
            turns += 1
            await asyncio.sleep(0)
        return turns

    assert run_virtual(scenario()) > 2 * 2000 / STEP


@pytest.mark.parametrize(("size", "expected"), [(80, 2 * 3), (200, 1)])
def test_failures_at_once_share_a_look(size: int, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever fails while all are being looked at waits, and shares the next look where this counts no more; each asks thrice."""
    looks = {"fleet": 0, "interfaces": 0}

    def interfaces() -> None:
        looks["interfaces"] += 1

    async def scenario() -> None:
        board = lost_fleet(size)

        def latest() -> Iterable[Observation]:
            looks["fleet"] += 1
            return board.values()

        examined = follow_ups(Network({}), latest=latest)
        await asyncio.gather(*map(examined.examine, board.values()))

    monkeypatch.setattr(lookout, "without_interface", interfaces)
    run_virtual(scenario())
    assert looks == {"fleet": expected, "interfaces": expected}


@pytest.mark.parametrize("turns", [3, 10, 30, 1000])
def test_who_fails_together_on_one_host_has_one_class(turns: int) -> None:
    """However an experiment ends while others wait for the look at the fleet, they have its answer too."""

    class Slow(Network):
        async def run(self, target: Endpoint) -> ProbeResult:
            for _ in range(turns):
                await asyncio.sleep(0)
            return await super().run(target)

    async def scenario() -> set[ErrorClass]:
        together = [endpoint(f"s{n}", host="one.example.com") for n in range(60)]
        others = [endpoint(f"o{n}", host=f"o{n}.example.com") for n in range(100)]
        board = {place.name: healthy(place) for place in (*together, *others)}
        examined = follow_ups(Slow({465: True}), latest=board.values)
        found = await asyncio.gather(*(examined.examine(silent(place)) for place in together))
        return {observation.diagnosis.error_class for observation in found}

    assert run_virtual(scenario()) == {ErrorClass.PORT_BLOCKED}


def test_who_is_reached_counts_at_once_in_a_great_fleet() -> None:
    """A look that still counts proves nothing about this host any more once somebody has answered."""

    async def scenario() -> list[ErrorClass]:
        board = lost_fleet(1000)
        lost = list(board.values())
        examined = follow_ups(Network({}), latest=lambda: tuple(board.values()))
        for observation in lost:
            examined._memory.note(answered(observation), 0.0)
            examined._memory.note(observation, 1.0)
        await asyncio.sleep(1)
        found = [await examined.examine(lost[0])]
        board["e1"] = await examined.examine(answered(lost[1]))
        found.append(await examined.examine(lost[0]))
        return [observation.diagnosis.error_class for observation in found]

    assert run_virtual(scenario()) == [ErrorClass.EXPORTER_OFFLINE, ErrorClass.CONNECT_TIMEOUT]


def test_an_interface_that_is_back_counts_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """So does the look at our own interfaces, in a great fleet, when it found none."""
    found: list[FollowUp | None] = [no_interface()]

    async def scenario() -> list[ErrorClass]:
        board = lost_fleet(1000)
        examined = follow_ups(Network({}), latest=board.values)
        first = await examined.examine(board["e0"])
        found[0] = None
        second = await examined.examine(board["e1"])
        return [first.diagnosis.error_class, second.diagnosis.error_class]

    monkeypatch.setattr(lookout, "without_interface", lambda: found[0])
    assert run_virtual(scenario()) == [ErrorClass.EXPORTER_OFFLINE, ErrorClass.CONNECT_TIMEOUT]
