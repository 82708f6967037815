"""Reloads, removals, crowds and many failures at once: the manners hold, and nothing is lost by them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from exporter.followup import FollowUps
from exporter.followup.turns import SPACING
from exporter.model import Endpoint, ErrorClass, Observation, ProbeResult
from exporter.settings import FollowUpSettings
from tests.followup.scenes import Network, endpoint, follow_ups, healthy, refused, silent
from tests.virtual_time import run_virtual

PAUSE, MINUTE = 300.0, 60.0
OTHER = endpoint("other", host="other.example.com")


class Closing(Network):
    """A network that notices connections which were given up."""

    def __init__(self, answers: dict[int, bool]) -> None:
        super().__init__(answers)
        self.given_up = 0

    async def run(self, target: Endpoint) -> ProbeResult:
        """Stand where the prober stands."""
        try:
            return await super().run(target)
        except asyncio.CancelledError:
            self.given_up += 1
            raise


def while_it_waits(network: Network, act: Callable[[FollowUps], None]) -> FollowUps:
    """Let `act` happen while a failure of `mail.example.com` waits for its turn behind another host."""

    async def scenario() -> FollowUps:
        examined = follow_ups(network, ports=(25, 465))
        await examined.examine(silent(OTHER))
        waiting = asyncio.create_task(examined.examine(silent(endpoint())))
        await asyncio.sleep(0.5)
        act(examined)
        observation = await waiting
        assert observation.follow_ups == ()
        assert observation.diagnosis.error_class is ErrorClass.CONNECT_TIMEOUT
        return examined

    return run_virtual(scenario())


@pytest.mark.parametrize(
    "changed", [FollowUpSettings(ports=()), FollowUpSettings(enabled=False)], ids=["no ports", "disabled"]
)
def test_a_reload_counts_for_who_waits(changed: FollowUpSettings) -> None:
    """A port that the new configuration does not name is not knocked at, not even from before."""
    network = Network({})
    while_it_waits(network, lambda examined: examined.use(network, changed))  # type: ignore[arg-type]
    assert {target.partition(":")[0] for _, target in network.made} == {OTHER.host}


@pytest.mark.parametrize("crowd", [False, True], ids=["reloaded", "a crowd"])
def test_the_second_connection_is_asked_for_anew(*, crowd: bool) -> None:
    """What was forbidden during the first connection of a follow-up is not made after it."""
    network = Network({})
    network.seconds = 3.0
    fleet = [endpoint(str(n), host=f"h{n}.example.com") for n in range(4)]

    async def scenario() -> Observation:
        board: dict[str, Observation] = {}
        examined = follow_ups(network, latest=board.values, ports=(465, 25))
        asking = asyncio.create_task(examined.examine(silent(endpoint())))
        await asyncio.sleep(1.0)
        if crowd:
            board.update({o.name: silent(o) for o in fleet})
        else:
            examined.use(network, FollowUpSettings(ports=(465,)))  # type: ignore[arg-type]
        return await asking

    assert len(run_virtual(scenario()).follow_ups) == 1
    assert [target for _, target in network.made] == ["mail.example.com:465"]


def test_half_an_answer_takes_nothing_back() -> None:
    """A verdict that is looked at again stands when a crowd forbids the connection that would confirm it."""
    network = Network({465: True})
    fleet = [endpoint(str(n), host=f"h{n}.example.com") for n in range(4)]
    target = endpoint(port=2525)

    async def scenario() -> list[ErrorClass]:
        board: dict[str, Observation] = {}
        examined = follow_ups(network, latest=board.values, ports=(587, 465))
        seen = [await examined.examine(silent(target))]
        await asyncio.sleep(3600.0)
        network.seconds = 3.0
        again = asyncio.create_task(examined.examine(silent(target)))
        await asyncio.sleep(1.0)
        board.update({o.name: silent(o) for o in fleet})
        return [o.diagnosis.error_class for o in (*seen, await again)]

    assert run_virtual(scenario()) == [ErrorClass.PORT_BLOCKED] * 2
    assert [target for _, target in network.made][2:] == ["mail.example.com:587"]


def removed(network: Network, after: float) -> list[tuple[float, str]]:
    """Remove an endpoint that many seconds after its failure; what another of its host, failing then, makes."""

    async def scenario() -> None:
        examined = follow_ups(network)
        await examined.examine(refused(OTHER))
        going = asyncio.create_task(examined.examine(silent(endpoint("a"))))
        await asyncio.sleep(after)
        going.cancel()
        await asyncio.gather(going, return_exceptions=True)
        await examined.examine(silent(endpoint("b", port=2525)))

    network.seconds = 0.0
    run_virtual(scenario())
    return [(at, target) for at, target in network.made if not target.startswith(OTHER.host)]


def test_who_is_removed_before_its_turn_has_asked_nothing() -> None:
    """The host of an endpoint that is gone need not rest for a connection that was never made."""
    network = Closing({465: True})
    made = removed(network, after=0.5)
    assert [target for _, target in made] == ["mail.example.com:587", "mail.example.com:465"]
    assert network.given_up == 0


def test_who_is_removed_during_its_experiment_has_asked() -> None:
    """A connection that was cut short was one all the same: it is closed, and the host rests."""
    network = Closing({})

    async def scenario() -> None:
        examined = follow_ups(network)
        network.seconds = 4.0
        going = asyncio.create_task(examined.examine(silent(endpoint("a"))))
        await asyncio.sleep(1.0)
        going.cancel()
        await asyncio.gather(going, return_exceptions=True)
        await examined.examine(silent(endpoint("b", port=2525)))

    run_virtual(scenario())
    assert len(network.made) == 1
    assert network.given_up == 1


def test_a_crowd_that_gathers_costs_no_turn() -> None:
    """Who waited in vain because others fell silent has its experiment as soon as they are back."""
    network = Network({465: True})
    crowd = [endpoint(str(n), host=f"h{n}.example.com") for n in range(4)]

    async def scenario() -> list[ErrorClass]:
        board: dict[str, Observation] = {o.name: healthy(o) for o in crowd}
        examined = follow_ups(network, latest=board.values)
        await examined.examine(refused(OTHER))
        waiting = asyncio.create_task(examined.examine(silent(endpoint())))
        await asyncio.sleep(0.5)
        board.update({o.name: silent(o) for o in crowd})
        first = await waiting
        board.update({o.name: healthy(o) for o in crowd})
        return [o.diagnosis.error_class for o in (first, await examined.examine(silent(endpoint())))]

    assert run_virtual(scenario()) == [ErrorClass.CONNECT_TIMEOUT, ErrorClass.PORT_BLOCKED]


def test_the_first_round_knows_its_crowd() -> None:
    """Failures that are not on the board yet, because they wait for a turn, are counted already."""
    network = Network({465: True})
    hosts = [endpoint(str(n), host=f"h{n}.example.com") for n in range(200)]

    async def scenario() -> None:
        board: dict[str, Observation] = {}
        examined = follow_ups(network, latest=board.values)

        async def one(target: Endpoint) -> None:
            board[target.name] = await examined.examine(silent(target))

        await asyncio.gather(*map(one, hosts))

    run_virtual(scenario())
    assert len(network.made) <= 1


@pytest.mark.parametrize("answers", [{465: True}, {}], ids=["proved", "not proved"])
def test_two_hundred_hosts_that_fail_at_once_have_their_turns(answers: dict[int, bool]) -> None:
    """One a second and no more, each host once a pause at most, and after a while every one has had its turn."""
    network = Network(answers)
    network.seconds = 3.0
    failing = [endpoint(str(n), host=f"h{n}.example.com") for n in range(200)]
    fine = [healthy(endpoint(f"ok{n}", host=f"ok{n}.example.com")) for n in range(500)]

    async def scenario() -> None:
        board = {o.result.endpoint.name: o for o in fine}
        examined = follow_ups(network, latest=lambda: tuple(board.values()))

        async def one(target: Endpoint, phase: float) -> None:
            await asyncio.sleep(phase)
            for _ in range(9):
                due = asyncio.get_running_loop().time() + MINUTE
                board[target.name] = await examined.examine(silent(target))
                await asyncio.sleep(due - asyncio.get_running_loop().time())

        await asyncio.gather(*(one(target, n * MINUTE / 200) for n, target in enumerate(failing)))

    run_virtual(scenario())
    times = [at for at, _ in network.made]
    assert all(later - earlier >= SPACING - 1e-6 for earlier, later in itertools.pairwise(times))
    by_host: dict[str, list[float]] = {}
    for at, target in network.made:
        by_host.setdefault(target, []).append(at)
    assert len(by_host) == len(failing)
    for own in by_host.values():
        assert all(later - earlier >= PAUSE for earlier, later in itertools.pairwise(own))


def test_a_host_is_one_in_any_spelling() -> None:
    """Capital letters and the final dot make no second host that might be asked as well."""
    network = Network({})

    async def scenario() -> None:
        examined = follow_ups(network)
        for n, host in enumerate(("mail.example.com", "MAIL.example.com", "mail.example.com.")):
            await examined.examine(silent(endpoint(str(n), host=host, port=2525 + n)))

    run_virtual(scenario())
    assert len({target.lower() for _, target in network.made}) == len(network.made) == 2  # one follow-up


def test_who_fails_while_its_host_is_asked_gets_the_answer() -> None:
    """Two ports that fall silent in the same moment have their classes in the same round."""
    network = Network({465: True})
    network.seconds = 2.0

    async def scenario() -> Iterable[Observation]:
        examined = follow_ups(network)
        return await asyncio.gather(
            *(examined.examine(silent(endpoint(str(port), port=port))) for port in (587, 2525, 587 + 1))
        )

    observations = run_virtual(scenario())
    assert {o.diagnosis.error_class for o in observations} == {ErrorClass.PORT_BLOCKED}
    assert len(network.made) == 1


def test_nobody_waits_for_a_host_longer_than_its_next_probe_allows() -> None:
    """Half an interval is the most that the follow-up of another endpoint may cost."""
    network = Network({465: True})
    network.seconds = 30.0

    async def scenario() -> float:
        examined = follow_ups(network)
        asking = asyncio.create_task(examined.examine(silent(endpoint("a"))))
        await asyncio.sleep(0)
        await examined.examine(silent(replace(endpoint("b", port=2525), interval=4.0)))
        waited = asyncio.get_running_loop().time()
        await asking
        return waited

    assert run_virtual(scenario()) == 2.0
