"""Look-ups share nothing and leave nothing."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from exporter.model import NameFailureKind
from exporter.probe.resolver import LookupFailed, Resolver
from tests.probe.loops import both_loops, left_in_loop, open_descriptors, run, threads
from tests.servers.dns import REFUSED, Answer, DnsServer, Silent, Truncated

BOTH = Answer(a=("127.0.0.1",), aaaa=("::1",))


@both_loops
def test_every_lookup_really_asks(run_in):
    """No answer is remembered, however long its TTL: n look-ups are n questions a family."""

    async def several(resolver):
        for _ in range(5):
            await resolver.resolve("mail.test", 587)
        with pytest.raises(LookupFailed):
            await resolver.resolve("nx.test", 587)
        with pytest.raises(LookupFailed):
            await resolver.resolve("nx.test", 587)

    with DnsServer({"mail.test": BOTH}) as dns:
        run(several(Resolver(nameservers=(dns.nameserver,))), run_in)
        assert (dns.count("mail.test", "A"), dns.count("mail.test", "AAAA")) == (5, 5)
        assert dns.count("nx.test", "A") == 2


@both_loops
def test_silent_names_delay_no_other(run_in):
    """A hundred look-ups that hang take nothing from a hundred that do not; cancelled, they are gone."""

    async def crowd(resolver):
        before = open_descriptors()
        loop = asyncio.get_running_loop()
        idle = left_in_loop(loop)
        tasks = [
            asyncio.create_task(resolver.resolve(f"{n}.{kind}.test", 587))
            for n in range(100)
            for kind in ("silent", "fine")
        ]
        silent, fine = tasks[::2], tasks[1::2]
        # The wait is far beyond the test's own limit: were one behind the other, this would not end.
        answers = await asyncio.gather(*fine)
        assert not any(task.done() for task in silent)
        for task in silent:
            task.cancel()
        await asyncio.wait(silent)
        assert all(task.cancelled() for task in silent)
        assert open_descriptors() == before
        assert left_in_loop(loop) == idle
        return answers

    with DnsServer({"*.silent.test": Silent(), "*.fine.test": BOTH}) as dns:
        answers = run(crowd(Resolver(nameservers=(dns.nameserver,), timeout=600.0)), run_in)
        assert len(answers) == 100
        assert all(len(addresses) == 2 for addresses in answers)


@both_loops
def test_thousand_lookups_leave_no_thread_and_no_socket(run_in):
    """Threads and file descriptors stay flat over a thousand look-ups, good and bad."""

    async def many(resolver):
        await asyncio.gather(one(resolver, 0), one(resolver, 1))
        loop = asyncio.get_running_loop()
        before, idle = (threads(), open_descriptors()), left_in_loop(loop)
        numbers = itertools.count()
        peak = 0

        async def worker():
            nonlocal peak
            for _ in range(50):
                await one(resolver, next(numbers))
                peak = max(peak, threads())

        await asyncio.gather(*(worker() for _ in range(20)))
        assert peak <= before[0]
        assert (threads(), open_descriptors()) == before
        assert left_in_loop(loop) == idle

    async def one(resolver, number):
        if number % 2:
            await resolver.resolve("mail.test", 587)
        else:
            with pytest.raises(LookupFailed):
                await resolver.resolve("refused.test", 587)

    with DnsServer({"mail.test": BOTH, "refused.test": REFUSED}) as dns:
        run(many(Resolver(nameservers=(dns.nameserver,))), run_in)


@both_loops
def test_deadline_leaves_nothing_open(run_in):
    """A look-up that a deadline ends closes its sockets, timers and readers before it unwinds."""

    async def hurried(resolver):
        loop = asyncio.get_running_loop()
        before, idle = open_descriptors(), left_in_loop(loop)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await resolver.resolve("silent.test", 587)
        assert open_descriptors() == before
        assert left_in_loop(loop) == idle

    with DnsServer({"silent.test": Silent()}) as dns:
        run(hurried(Resolver(nameservers=(dns.nameserver,))), run_in)


@both_loops
def test_deadline_while_tcp_connects_leaves_nothing_open(run_in):
    """The same holds while the question is on its way over TCP."""

    async def hurried(resolver):
        loop = asyncio.get_running_loop()
        before, idle = open_descriptors(), left_in_loop(loop)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await resolver.resolve("big.test", 587)
        assert open_descriptors() == before
        assert left_in_loop(loop) == idle

    with DnsServer({"big.test": Truncated(BOTH)}, tcp_silent=True) as dns:
        run(hurried(Resolver(nameservers=(dns.nameserver,))), run_in)
        assert {query.transport for query in dns.queries} == {"udp"}


def test_close_ends_running_lookups():
    """Closing the resolver answers whoever still waits."""

    async def closing():
        resolver = Resolver(nameservers=(dns.nameserver,), timeout=600.0)
        task = asyncio.create_task(resolver.resolve("silent.test", 587))
        await asyncio.sleep(0)
        resolver.close()
        resolver.close()
        with pytest.raises(LookupFailed) as failed:
            await task
        return failed.value.evidence.kind

    with DnsServer({"silent.test": Silent()}) as dns:
        assert asyncio.run(closing()) is NameFailureKind.UNREACHABLE
