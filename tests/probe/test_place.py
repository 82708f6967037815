"""A probe gives up its place while it looks a name up, and is told from the server when it waits to have it back."""

from __future__ import annotations

import asyncio

from exporter.model import NameFailure, ProbeResult, TlsMode
from exporter.probe.prober import Prober
from exporter.probe.resolver import Resolver
from tests.probe.probing import endpoint, run
from tests.servers.dns import Answer, DnsServer
from tests.servers.scripted import bye, ehlo, greet, scripted


class Noted:
    """A place for which one waits `seconds`, and what was done with it."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.done: list[str] = []

    def leave(self) -> None:
        """Note it."""
        self.done.append("leave")

    async def back(self) -> None:
        """Take the time."""
        await asyncio.sleep(self.seconds)
        self.done.append("back")


def probed(host: str, place: Noted, timeout: float = 5.0) -> ProbeResult:
    """Probe a healthy server under that name, with a name server of our own."""

    async def scenario() -> ProbeResult:
        with DnsServer({"mail.test": Answer(a=("127.0.0.1",))}) as dns:
            resolver = Resolver(nameservers=(dns.nameserver,))
            try:
                async with scripted([greet(), ehlo(), bye()]) as server:
                    target = endpoint(server.port, host=host, tls=TlsMode.NONE, timeout=timeout)
                    return await Prober(resolver).run(target, place=place)
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


def test_an_address_is_not_looked_up() -> None:
    """Who has no name to wait for keeps its place."""
    place = Noted()
    assert probed("127.0.0.1", place).success
    assert place.done == []
