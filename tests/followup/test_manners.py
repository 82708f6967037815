"""When an experiment is made, how long its verdict holds, and what proves that this host is offline."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace

import pytest

from exporter.diagnosis import diagnose
from exporter.followup.examine import LONGEST_WAIT
from exporter.followup.offline import Known, LastHealth, everybody_fails
from exporter.model import (
    Endpoint,
    ErrorClass,
    FaultDomain,
    NameFailure,
    NameFailureKind,
    Observation,
    Phase,
    ProbeResult,
    Reply,
    Symptom,
)
from exporter.steps import at_once
from tests.followup.scenes import Network, endpoint, follow_ups, healthy, refused, silent
from tests.virtual_time import run_virtual


def test_a_silent_port_beside_one_that_answers_is_blocked() -> None:
    """The verdict names both ports, blames the network and lists the experiment."""
    network = Network({465: True})

    async def scenario() -> Observation:
        return await follow_ups(network).examine(silent(endpoint()))

    observation = run_virtual(scenario())
    assert observation.diagnosis.error_class is ErrorClass.PORT_BLOCKED
    assert observation.diagnosis.fault_domain is FaultDomain.NETWORK
    assert "587" in observation.diagnosis.summary
    assert "465" in observation.diagnosis.summary
    assert [f.decides for f in observation.follow_ups] == [ErrorClass.PORT_BLOCKED]
    assert observation.result.seconds == 10.0


def test_a_refused_port_beside_one_that_answers_is_the_wrong_one() -> None:
    """The settings are to blame, and the remedy is the other port."""

    async def scenario() -> Observation:
        return await follow_ups(Network({465: True})).examine(refused(endpoint()))

    observation = run_virtual(scenario())
    assert observation.diagnosis.error_class is ErrorClass.WRONG_PORT
    assert observation.diagnosis.fault_domain is FaultDomain.SETTINGS
    assert "465" in observation.diagnosis.remedy[0]


def test_an_experiment_that_proves_nothing_changes_nothing() -> None:
    """A host silent on both ports keeps the raw class; what was tried is listed."""

    async def scenario() -> Observation:
        return await follow_ups(Network({})).examine(silent(endpoint()))

    observation = run_virtual(scenario())
    assert observation.diagnosis.error_class is ErrorClass.CONNECT_TIMEOUT
    assert [f.decides for f in observation.follow_ups] == [None]


def test_a_verdict_holds_while_the_symptom_stays_the_same() -> None:
    """One experiment serves a whole outage: the class does not flap and nobody is asked again."""
    network = Network({465: True})

    async def scenario() -> list[ErrorClass]:
        examined = follow_ups(network)
        classes = []
        for _ in range(20):
            classes.append((await examined.examine(silent(endpoint()))).diagnosis.error_class)
            await asyncio.sleep(60)
        return classes

    assert set(run_virtual(scenario())) == {ErrorClass.PORT_BLOCKED}
    assert len(network.made) == 1


def test_health_and_another_symptom_end_a_verdict() -> None:
    """After a success, or when the failure looks different, the question is open again."""
    network = Network({465: True})

    async def scenario() -> list[ErrorClass]:
        examined = follow_ups(network, pause=10.0)
        seen = [await examined.examine(silent(endpoint()))]
        await asyncio.sleep(11)
        seen.append(await examined.examine(refused(endpoint())))
        await examined.examine(healthy(endpoint()))
        await asyncio.sleep(11)
        seen.append(await examined.examine(silent(endpoint())))
        return [observation.diagnosis.error_class for observation in seen]

    assert run_virtual(scenario()) == [
        ErrorClass.PORT_BLOCKED,
        ErrorClass.WRONG_PORT,
        ErrorClass.PORT_BLOCKED,
    ]
    assert len(network.made) == 3


def test_a_host_is_asked_once_a_pause() -> None:
    """A second endpoint of the same host waits for the pause, and one with the same target shares the verdict."""
    network = Network({})

    async def scenario() -> None:
        examined = follow_ups(network, pause=300.0, ports=(587, 465, 2525))
        await examined.examine(silent(endpoint("a")))
        await examined.examine(silent(endpoint("b", port=465)))
        assert len(network.made) == 2
        shared = await examined.examine(silent(endpoint("c")))
        assert len(shared.follow_ups) == 2
        assert len(network.made) == 2
        await asyncio.sleep(301)
        await examined.examine(silent(endpoint("b", port=465)))

    run_virtual(scenario())
    assert len(network.made) == 4


def test_a_host_that_waits_for_its_turn_has_been_asked() -> None:
    """Several endpoints of one host that fail in the same moment cost one follow-up, turn or no turn."""
    network = Network({})

    async def scenario() -> None:
        examined = follow_ups(network)
        await asyncio.gather(
            examined.examine(silent(endpoint("first", host="other.example.com"))),
            *(examined.examine(silent(endpoint(f"e{port}", port=port))) for port in (587, 465, 2525, 25)),
        )

    run_virtual(scenario())
    assert [target.partition(":")[0] for _, target in network.made] == [
        "other.example.com",
        "mail.example.com",
    ]


def test_what_proved_nothing_is_still_shown_while_it_may_not_be_repeated() -> None:
    """After the pause another endpoint of the host may go first; what was found before stays in sight."""
    network = Network({})

    async def scenario() -> Observation:
        examined = follow_ups(network, pause=100.0)
        await examined.examine(silent(endpoint("a")))
        await asyncio.sleep(101)
        await examined.examine(silent(endpoint("b", port=465)))
        return await examined.examine(silent(endpoint("a")))

    assert [follow_up.decides for follow_up in run_virtual(scenario()).follow_ups] == [None]
    assert len(network.made) == 2


def test_without_a_pause_a_host_is_asked_for_every_failure() -> None:
    """A person who checks several endpoints of one host gets each one explained, in turns."""
    network = Network({2525: True})

    async def scenario() -> set[ErrorClass]:
        examined = follow_ups(network, pause=0.0, ports=(2525,))
        found = await asyncio.gather(
            *(examined.examine(silent(endpoint(f"e{port}", port=port))) for port in (587, 465, 25))
        )
        return classes(found)

    assert run_virtual(scenario()) == {ErrorClass.PORT_BLOCKED}
    assert [at for at, _ in network.made] == [0.0, 1.0, 2.0]


def test_the_whole_process_makes_one_follow_up_a_second() -> None:
    """Failures of many hosts at once take turns; who would wait too long goes without."""
    network = Network({})

    async def scenario() -> None:
        examined = follow_ups(network)
        await asyncio.gather(
            *(examined.examine(silent(endpoint(str(n), host=f"h{n}.example.com"))) for n in range(20))
        )

    run_virtual(scenario())
    times = [at for at, _ in network.made]
    assert times == [float(n) for n in range(int(LONGEST_WAIT) + 1)]


def test_a_turn_that_would_cost_the_next_probe_is_not_waited_for() -> None:
    """With an interval of two seconds a failed probe waits for one second at most, not for five."""
    network = Network({})

    async def scenario() -> float:
        examined = follow_ups(network)
        often = (replace(endpoint(str(n), host=f"h{n}.example.com"), interval=2.0) for n in range(20))
        await asyncio.gather(*(examined.examine(silent(one)) for one in often))
        return asyncio.get_running_loop().time()

    assert run_virtual(scenario()) == 1.0
    assert [at for at, _ in network.made] == [0.0, 1.0]


def test_a_crowd_is_left_alone() -> None:
    """When a third of the hosts fail together no experiment is made."""
    network = Network({465: True})
    crowd = [silent(endpoint(str(n), host=f"h{n}.example.com")) for n in range(4)]
    crowd += [healthy(endpoint(f"ok{n}", host=f"ok{n}.example.com")) for n in range(8)]

    async def scenario() -> Observation:
        return await follow_ups(network, latest=lambda: crowd).examine(crowd[0])

    assert run_virtual(scenario()).diagnosis.error_class is ErrorClass.CONNECT_TIMEOUT
    assert network.made == []


def test_hosts_that_answer_make_no_crowd() -> None:
    """Four hosts with a wrong password have nothing in common with a fifth that falls silent."""
    refusing = []
    for number in range(4):
        target = endpoint(str(number), host=f"h{number}.example.com")
        symptom = Symptom(phase=Phase.AUTH, evidence=Reply(535, (b"no",)))
        result = ProbeResult(endpoint=target, started=0.0, seconds=0.1, steps=(), symptom=symptom)
        refusing.append(Observation(result=result, diagnosis=diagnose(symptom)))

    async def scenario() -> Observation:
        return await follow_ups(Network({465: True}), latest=lambda: refusing).examine(silent(endpoint()))

    assert run_virtual(scenario()).diagnosis.error_class is ErrorClass.PORT_BLOCKED


def test_switched_off_means_off() -> None:
    """`follow_up.enabled: false` leaves every failure as it is."""
    network = Network({465: True})

    async def scenario() -> Observation:
        return await follow_ups(network, enabled=False).examine(silent(endpoint()))

    assert run_virtual(scenario()).follow_ups == ()
    assert network.made == []


# --------------------------------------------------------------------------- this host

FLEET = [
    (endpoint("a", host="a.example.com"), "192.0.2.1"),
    (endpoint("b", host="b.example.net"), "198.51.100.1"),
    (endpoint("c", host="c.example.org"), "203.0.113.1"),
]


def fleet_scenario(
    network: Network, places: list[tuple[Endpoint, str]], failing: int, **settings: object
) -> list[Observation]:
    """Let all be healthy, then let the first `failing` time out; return the last round's observations."""

    async def scenario() -> list[Observation]:
        board: dict[str, Observation] = {}
        examined = follow_ups(network, latest=board.values, **settings)
        for target, ip in places:
            board[target.name] = await examined.examine(healthy(target, ip))
        for _ in range(2):
            for number, (target, ip) in enumerate(places):
                raw = silent(target, ip) if number < failing else healthy(target, ip)
                board[target.name] = await examined.examine(raw)
        return list(board.values())

    return list(run_virtual(scenario()))


def classes(observations: Iterable[Observation]) -> set[ErrorClass]:
    """The classes of several observations."""
    return {observation.diagnosis.error_class for observation in observations}


def test_a_whole_fleet_that_falls_silent_is_this_hosts_problem() -> None:
    """Three endpoints on three hosts in two networks, healthy just now, all silent: offline, local."""
    observations = fleet_scenario(Network({}), FLEET, failing=3)
    assert classes(observations) == {ErrorClass.EXPORTER_OFFLINE}
    assert {o.diagnosis.fault_domain for o in observations} == {FaultDomain.LOCAL}


def test_a_fleet_that_falls_silent_at_once_is_told_in_the_first_round() -> None:
    """Failures that wait for a turn or an experiment are known to the others, and look again when it is over."""

    async def scenario() -> list[Observation]:
        board: dict[str, Observation] = {}
        network = Network({})
        network.seconds = 5.0
        examined = follow_ups(network, latest=board.values)
        for target, ip in FLEET:
            board[target.name] = await examined.examine(healthy(target, ip))

        async def failing(number: int, target: Endpoint, ip: str) -> Observation:
            await asyncio.sleep(number)
            board[target.name] = await examined.examine(silent(target, ip))
            return board[target.name]

        return await asyncio.gather(*(failing(n, *place) for n, place in enumerate(FLEET)))

    assert classes(run_virtual(scenario())) == {ErrorClass.EXPORTER_OFFLINE}


@pytest.mark.parametrize(
    ("places", "failing"),
    [
        (FLEET[:1], 1),
        (FLEET[:2], 2),
        (FLEET, 2),
        ([(replace(target, host="one.example.com"), "192.0.2.1") for target, _ in FLEET], 3),
        ([(target, f"192.0.2.{n}") for n, (target, _) in enumerate(FLEET)], 3),
    ],
    ids=["one server", "two servers", "one still answers", "one host", "one network"],
)
def test_less_than_that_is_never_this_hosts_problem(places: list[tuple[Endpoint, str]], failing: int) -> None:
    """One dead server, all endpoints of one dead host, or one dead network keep the blame outside."""
    assert ErrorClass.EXPORTER_OFFLINE not in classes(fleet_scenario(Network({}), places, failing))


def test_offline_ends_by_itself() -> None:
    """As soon as one endpoint is reached again, nobody is called offline any more."""

    async def scenario() -> ErrorClass:
        board: dict[str, Observation] = {}
        examined = follow_ups(Network({}), latest=board.values)
        for target, ip in FLEET:
            board[target.name] = await examined.examine(healthy(target, ip))
        for target, ip in FLEET * 2:
            board[target.name] = await examined.examine(silent(target, ip))
        assert classes(board.values()) == {ErrorClass.EXPORTER_OFFLINE}
        board["a"] = await examined.examine(healthy(*FLEET[0]))
        return (await examined.examine(silent(*FLEET[1]))).diagnosis.error_class

    assert run_virtual(scenario()) is ErrorClass.CONNECT_TIMEOUT


def test_a_refusal_is_an_answer() -> None:
    """A fleet that refuses is reached: this host is online."""

    def latest() -> Iterable[Observation]:
        return [refused(target) for target, _ in FLEET]

    health = [LastHealth(100.0, ip) for _, ip in FLEET]
    refusing = [Known(o, 199.0, h) for o, h in zip(latest(), health, strict=True)]
    assert at_once(everybody_fails(refusing, 200.0)) is None
    for age, proved in ((0.0, True), (3500.0, True), (3601.0, False)):
        fleet = [Known(silent(t, ip), 100.0 + age, h) for (t, ip), h in zip(FLEET, health, strict=True)]
        assert (at_once(everybody_fails(fleet, 100.0 + age)) is not None) is proved


def test_names_that_cannot_be_looked_up_count_as_silence() -> None:
    """A fleet whose every name look-up times out is cut off as well."""
    observations = []
    for target, ip in FLEET:
        symptom = Symptom(phase=Phase.DNS, evidence=NameFailure(NameFailureKind.TIMEOUT))
        result = ProbeResult(endpoint=target, started=0.0, seconds=5.0, steps=(), symptom=symptom)
        raw = Observation(result=result, diagnosis=diagnose(symptom))
        observations.append(Known(raw, 199.0, LastHealth(100.0, ip)))
    assert at_once(everybody_fails(observations, 200.0)) is not None


def test_control_targets_that_are_all_silent_prove_it() -> None:
    """Configured control targets decide for a single endpoint, and one that answers acquits this host."""
    control = (("control.example.com", 80), ("control.example.net", 80))
    dead = fleet_scenario(Network({}), FLEET[:1], 1, control_targets=control)
    assert classes(dead) == {ErrorClass.EXPORTER_OFFLINE}
    alive = fleet_scenario(Network({80: True}), FLEET[:1], 1, control_targets=control)
    assert ErrorClass.EXPORTER_OFFLINE not in classes(alive)


def test_control_targets_are_asked_rarely() -> None:
    """Many failures within a few seconds share one answer."""
    network = Network({80: True})

    async def scenario() -> None:
        examined = follow_ups(network, control_targets=(("control.example.com", 80),), ports=())
        for _ in range(5):
            await examined.examine(silent(endpoint()))

    run_virtual(scenario())
    assert len(network.made) == 1


def test_a_reply_is_never_a_sign_of_being_offline() -> None:
    """Who gets an answer is online."""
    symptom = Symptom(phase=Phase.GREETING, evidence=Reply(421, (b"busy",)))
    result = ProbeResult(endpoint=endpoint(), started=0.0, seconds=0.1, steps=(), symptom=symptom)

    async def scenario() -> Observation:
        raw = Observation(result=result, diagnosis=diagnose(symptom))
        return await follow_ups(Network({})).examine(raw)

    assert run_virtual(scenario()).diagnosis.error_class is not ErrorClass.EXPORTER_OFFLINE
