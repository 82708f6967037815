"""What was proved holds, is used for the whole host, and is looked at again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from exporter.followup.memory import RECHECK, WORKED_WITHIN
from exporter.model import Confidence, Endpoint, ErrorClass, FaultDomain, Observation
from tests.followup.scenes import Network, endpoint, follow_ups, healthy, refused, silent
from tests.virtual_time import run_virtual

MINUTE, HOUR = 60.0, 3600.0

Probe = Callable[[Endpoint], Observation]


def seen_each_minute(
    probes: list[Probe], network: Network | None = None, target: Endpoint | None = None
) -> list[Observation]:
    """Probe once a minute with these outcomes, on a host that answers on 465."""

    async def scenario() -> list[Observation]:
        examined = follow_ups(network or Network({465: True}))
        seen = []
        for probe in probes:
            seen.append(await examined.examine(probe(target or endpoint())))
            await asyncio.sleep(MINUTE)
        return seen

    return run_virtual(scenario())


def failed(seen: list[Observation]) -> list[ErrorClass]:
    """The classes of the failures."""
    return [o.diagnosis.error_class for o in seen if not o.result.success]


def test_a_port_that_comes_and_goes_keeps_its_class() -> None:
    """A success does not take back what was proved while no new experiment may be made."""
    network = Network({465: True})
    seen = seen_each_minute([silent, healthy] * 30, network)
    assert set(failed(seen)) == {ErrorClass.PORT_BLOCKED}
    assert len(network.made) <= 60 * MINUTE / 300


def test_two_symptoms_in_turn_keep_their_classes() -> None:
    """Each symptom has its own class, from what one experiment showed about the host."""
    network = Network({465: True})
    seen = failed(seen_each_minute([silent, refused] * 30, network))
    assert set(seen[::2]) == {ErrorClass.PORT_BLOCKED}
    assert set(seen[1::2]) == {ErrorClass.WRONG_PORT}
    assert len(network.made) <= 60 * MINUTE / 300


def test_one_experiment_serves_two_ports_of_a_host() -> None:
    """That 465 answers was seen for 587; it explains the silence of 2525 without another connection."""
    network = Network({465: True})

    async def scenario() -> list[Observation]:
        examined = follow_ups(network)
        return [await examined.examine(silent(endpoint(str(port), port=port))) for port in (587, 2525)]

    first, second = run_virtual(scenario())
    assert failed([first, second]) == [ErrorClass.PORT_BLOCKED] * 2
    assert "2525" in second.diagnosis.summary
    assert [f.held for f in (*first.follow_ups, *second.follow_ups)] == [False, True]
    assert len(network.made) == 1


def test_what_was_found_for_another_port_holds_as_long() -> None:
    """An explanation that came of another port's experiment costs no connection after the pause either."""
    network = Network({465: True})

    async def scenario() -> set[ErrorClass]:
        examined = follow_ups(network)
        await examined.examine(silent(endpoint("a")))
        seen = []
        for _ in range(30):
            await asyncio.sleep(MINUTE)
            seen.append(await examined.examine(silent(endpoint("b", port=2525))))
        return set(failed(seen))

    assert run_virtual(scenario()) == {ErrorClass.PORT_BLOCKED}
    assert len(network.made) == 1


def test_a_service_that_stopped_is_no_wrong_setting() -> None:
    """A port that worked a minute ago and is refused keeps its class; the other port is named."""
    _, seen, again = seen_each_minute([healthy, refused, refused])
    assert seen.diagnosis.error_class is ErrorClass.CONNECT_REFUSED
    assert seen.diagnosis.fault_domain is FaultDomain.SERVER
    assert seen.diagnosis.confidence is not Confidence.CERTAIN
    assert "465" in seen.diagnosis.summary
    assert again.diagnosis == seen.diagnosis


def test_a_port_that_never_worked_may_be_a_service_that_stopped() -> None:
    """Without a memory of health the settings are the likelier reading, and not the only one."""
    (seen,) = seen_each_minute([refused])
    assert seen.diagnosis.error_class is ErrorClass.WRONG_PORT
    assert seen.diagnosis.confidence is Confidence.LIKELY
    assert seen.diagnosis.runner_up is ErrorClass.CONNECT_REFUSED


@pytest.mark.parametrize(
    ("hours", "expected"), [(23, ErrorClass.CONNECT_REFUSED), (25, ErrorClass.WRONG_PORT)]
)
def test_a_success_speaks_for_the_settings_for_a_day(hours: int, expected: ErrorClass) -> None:
    """Health of the day before yesterday says nothing of today's port."""

    async def scenario() -> Observation:
        examined = follow_ups(Network({465: True}))
        await examined.examine(healthy(endpoint()))
        await asyncio.sleep(hours * HOUR)
        return await examined.examine(refused(endpoint()))

    assert failed([run_virtual(scenario())]) == [expected]
    assert 23 * HOUR < WORKED_WITHIN < 25 * HOUR


def test_who_is_to_blame_does_not_change_with_the_days() -> None:
    """Whether the port had worked is asked of the beginning of the outage, not of now."""
    target = replace(endpoint(), interval=HOUR)

    async def scenario() -> list[Observation]:
        examined = follow_ups(Network({465: True}))
        await examined.examine(healthy(target))
        seen = []
        for _ in range(72):
            await asyncio.sleep(HOUR)
            seen.append(await examined.examine(refused(target)))
        return seen

    assert set(failed(run_virtual(scenario()))) == {ErrorClass.CONNECT_REFUSED}


def test_health_on_other_settings_says_nothing_of_these() -> None:
    """A healthy endpoint on another port does not acquit the settings of this one."""

    async def scenario() -> Observation:
        examined = follow_ups(Network({465: True}))
        await examined.examine(healthy(endpoint("other", port=465)))
        return await examined.examine(refused(endpoint()))

    assert failed([run_virtual(scenario())]) == [ErrorClass.WRONG_PORT]


def test_a_verdict_that_holds_is_looked_at_again_each_hour() -> None:
    """One connection an hour, shown as an experiment of its own, and the class stays while the answer does."""
    network = Network({465: True})
    seen = seen_each_minute([silent] * (6 * 60), network)
    assert set(failed(seen)) == {ErrorClass.PORT_BLOCKED}
    assert [at for at, _ in network.made] == [n * RECHECK for n in range(6)]
    fresh = [number for number, o in enumerate(seen) if any(not f.held for f in o.follow_ups)]
    assert fresh == [n * 60 for n in range(6)]


def test_a_verdict_falls_with_its_proof() -> None:
    """When the whole host dies later on, nobody goes on saying that its other port answers."""
    network = Network({465: True})

    async def scenario() -> list[Observation]:
        examined = follow_ups(network)
        seen = []
        for minute in range(180):
            if minute == 10:
                network.answers = {}
            seen.append(await examined.examine(silent(endpoint())))
            await asyncio.sleep(MINUTE)
        return seen

    seen = failed(run_virtual(scenario()))
    changed = int(RECHECK / MINUTE)
    assert set(seen[:changed]) == {ErrorClass.PORT_BLOCKED}
    assert set(seen[changed:]) == {ErrorClass.CONNECT_TIMEOUT}
