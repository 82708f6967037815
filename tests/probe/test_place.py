"""A probe gives up its place while nobody answers, and is told from the server when it waits to have it back."""

from __future__ import annotations

import asyncio

import pytest

from exporter.model import Endpoint, Injected, NameFailure, Phase, ProbeResult, TimedOut, TlsMode
from exporter.places import Places
from exporter.probe import seat
from exporter.probe.prober import Prober
from exporter.probe.resolver import Resolver
from exporter.probe.seat import Seat
from exporter.schedule import Scheduler
from tests.probe.probing import endpoint, probe, run, trusting
from tests.probe.tcp_ports import silent
from tests.servers.certificates import Workshop
from tests.servers.dns import Answer, DnsServer
from tests.servers.scripted import (
    Stage,
    Step,
    bye,
    ehlo,
    expect,
    greet,
    pause,
    reset,
    say,
    scripted,
    stall,
    steps,
)
from tests.virtual_time import run_virtual


class Noted:
    """A place for which one waits `seconds`, and what was done with it."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.done: list[str] = []

    def leave(self) -> None:
        """Note it."""
        self.done.append("leave")

    async def back(self, patience: float | None = None) -> None:
        """Take the time."""
        await asyncio.sleep(self.seconds if patience is None else min(self.seconds, patience))
        self.done.append("back")


def probed(host: str, place: Noted, timeout: float = 5.0, *, left: bool = False) -> ProbeResult:
    """Probe a healthy server under that name, with a name server of our own; with a place that is `left` already."""

    async def scenario() -> ProbeResult:
        with DnsServer({"mail.test": Answer(a=("127.0.0.1",))}) as dns:
            resolver = Resolver(nameservers=(dns.nameserver,))
            try:
                async with scripted([greet(), ehlo(), bye()]) as server:
                    target = endpoint(server.port, host=host, tls=TlsMode.NONE, timeout=timeout)
                    with Seat(place) as taken:
                        if left:
                            taken.leave()
                        return await Prober(resolver).run(target, seat=taken)
            finally:
                resolver.close()

    result: ProbeResult = run(scenario)
    return result


def test_waiting_for_a_place_counts_in_no_time_and_against_no_deadline() -> None:
    """The line may be longer than the timeout: the server is asked all the same, and nothing is said of it."""
    place = Noted(seconds=0.6)
    result = probed("mail.test", place, timeout=0.5)
    assert result.success
    assert place.done == ["leave", "back"]
    assert result.seconds < 0.5


def test_a_name_without_an_address_needs_no_place_any_more() -> None:
    """After a look-up that failed there is nothing to come back for."""
    place = Noted()
    result = probed("nx.test", place)
    assert result.symptom is not None
    assert isinstance(result.symptom.evidence, NameFailure)
    assert place.done == ["leave"]


@pytest.mark.parametrize("host", ["mail.test", "127.0.0.1"])
def test_who_waited_for_a_token_needs_no_place_to_look_a_name_up(host: str) -> None:
    """A token that took a second has cost the place; it is waited for once, before the connection."""
    place = Noted()
    assert probed(host, place, left=True).success
    assert place.done == ["leave", "back"]


def test_an_address_is_not_looked_up() -> None:
    """Who has no name to wait for keeps its place."""
    place = Noted()
    assert probed("127.0.0.1", place).success
    assert place.done == []


def held(place: Noted, *script: Step, **changes: object) -> ProbeResult:
    """Probe a server that follows the script, by its address."""

    async def scenario() -> ProbeResult:
        async with scripted(script) as server:
            with Seat(place) as taken:
                return await probe(endpoint(server.port, tls=TlsMode.NONE, **changes), seat=taken)

    result: ProbeResult = run(scenario)
    return result


def test_a_server_that_stays_silent_takes_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has not been answered for a while gives its place up, and needs it for nothing more."""
    monkeypatch.setattr(seat, "PATIENCE", 0.05)
    place = Noted()
    result = held(place, stall(), timeout=0.4)
    assert result.symptom is not None
    assert isinstance(result.symptom.evidence, TimedOut)
    assert place.done == ["leave"]


def test_a_lost_syn_takes_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that drops what is sent to it is silent, too."""
    monkeypatch.setattr(seat, "PATIENCE", 0.05)
    place = Noted()

    async def scenario() -> ProbeResult:
        with silent() as address, Seat(place) as taken:
            return await probe(endpoint(address.port, tls=TlsMode.NONE, timeout=0.4), seat=taken)

    result: ProbeResult = run(scenario)
    assert not result.success
    assert place.done == ["leave"]


def test_whoever_is_answered_at_last_waits_for_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow greeting is told as long as it was; the line that follows counts in nothing and against no deadline."""
    monkeypatch.setattr(seat, "PATIENCE", 0.1)
    place = Noted(seconds=0.9)
    result = held(place, pause(0.4), greet(), ehlo(), bye(), timeout=0.8)
    assert result.success
    assert place.done == ["leave", "back"]
    took = {step.phase: step.seconds or 0.0 for step in result.steps}
    assert 0.3 < took[Phase.GREETING] < 0.8
    assert result.seconds < 0.8


def within(seconds: float, step: Step, otherwise: Step) -> Step:
    """Another step where the first one takes longer."""

    async def either(stage: Stage) -> None:
        try:
            async with asyncio.timeout(seconds):
                await step(stage)
        except TimeoutError:
            await otherwise(stage)

    return either


GIVING_UP = {
    "421": say("421 4.4.2 mail.test Error: timeout exceeded"),
    "closed": steps(),
    "reset": reset(),
}


@pytest.mark.parametrize("giving_up", GIVING_UP.values(), ids=GIVING_UP)
def test_no_server_loses_patience_while_we_wait_for_a_place(
    giving_up: Step, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With all places taken for long the next command is sent all the same, before the server hangs up on us."""
    monkeypatch.setattr(seat, "PATIENCE", 0.05)
    monkeypatch.setattr(seat, "COURTESY", 0.1)
    counts: list[tuple[int, int]] = []

    async def scenario() -> ProbeResult:
        room = Places(1, on_room=lambda: None, on_wait=lambda _: None)
        mine = room.take()
        loop = asyncio.get_running_loop()
        loop.call_later(0.15, lambda: loop.call_later(1.5, room.take().end))
        script = (pause(0.3), greet(), within(0.8, expect("EHLO"), giving_up), say("250 mail.test"), bye())
        async with scripted(script) as server:
            with Seat(mine) as taken:
                result = await probe(endpoint(server.port, tls=TlsMode.NONE), seat=taken)
            counts.append((room.held, room.aside))
            mine.end()
        counts.append((room.held, room.aside))
        return result

    result: ProbeResult = run(scenario)
    assert result.success
    assert result.seconds < 0.6
    assert counts == [(2, 0), (1, 0)]


def test_what_is_injected_while_we_wait_for_a_place_is_not_passed_over(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plaintext behind a slow STARTTLS reply is evidence as long as the handshake has not begun."""
    monkeypatch.setattr(seat, "PATIENCE", 0.05)
    script = (
        *(greet(), ehlo("STARTTLS"), expect("STARTTLS"), pause(0.2), say("220 go")),
        *(pause(0.1), say("250 injected"), stall()),
    )

    async def scenario() -> ProbeResult:
        async with scripted(script) as server:
            target = endpoint(server.port, tls_config=trusting(workshop.ca_file), timeout=1.0)
            with Seat(Noted(seconds=0.5)) as taken:
                return await probe(target, seat=taken)

    result: ProbeResult = run(scenario)
    assert result.symptom is not None
    assert result.symptom.evidence == Injected(b"250 injected\n")


def test_each_step_has_patience_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server may be slow at every step: as long as it answers, the probe is at work."""
    monkeypatch.setattr(seat, "PATIENCE", 0.4)
    place = Noted()
    slow = (pause(0.25), greet(), expect("EHLO"), pause(0.25), say("250 mail.test"), bye())
    assert held(place, *slow).success
    assert place.done == []


def test_who_was_slow_once_gives_its_place_up_sooner() -> None:
    """A server that takes seconds for each answer has a place for tenths of them only, after the first."""
    place = Noted()

    async def scenario() -> None:
        with Seat(place) as taken:
            await asyncio.sleep(seat.PATIENCE - 0.1)
            taken.begin_step()
            await asyncio.sleep(seat.PATIENCE - 0.1)
            assert place.done == []
            await asyncio.sleep(0.2)
            assert place.done == ["leave"]
            await taken.back(connected=True)
            await asyncio.sleep(seat.PATIENCE_WHEN_SLOW - 0.01)
            assert place.done == ["leave", "back"]
            await asyncio.sleep(0.02)
        assert place.done == ["leave", "back", "leave"]

    run_virtual(scenario())


def test_a_silent_server_keeps_no_other_endpoint_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """With room for a single probe, the one that is answered is done before the silent one has timed out."""
    monkeypatch.setattr(seat, "PATIENCE", 0.05)
    ended: list[str] = []

    async def scenario() -> None:
        resolver = Resolver()

        async def job(target: Endpoint) -> None:
            with Seat(scheduler.place(target.name)) as taken:
                await Prober(resolver).run(target, seat=taken)
            ended.append(target.name)

        def bug(_: Endpoint, error: BaseException) -> None:
            raise error

        scheduler = Scheduler(
            job, on_bug=bug, on_lag=lambda _: None, on_skip=lambda _: None, max_concurrent=1
        )
        async with scripted([stall()]) as hangs, scripted([greet(), ehlo(), bye()]) as answers:
            plain = {"tls": TlsMode.NONE, "interval": 3600.0}
            scheduler.apply(
                [
                    endpoint(hangs.port, name="hangs", timeout=2.0, **plain),
                    endpoint(answers.port, name="answers", **plain),
                ]
            )
            scheduler.start()
            try:
                await asyncio.gather(scheduler.run_now("hangs"), scheduler.run_now("answers"))
            finally:
                await scheduler.stop()
                resolver.close()

    run(scenario)
    assert ended == ["answers", "hangs"]
