from __future__ import annotations

import asyncio
import os
import resource
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pycares
import pytest
from pycares import errno as ares

from exporter.model import ConnectFailure, IpProtocol, NameFailure, NameFailureKind
from exporter.probe.cares import QueryOptions, Question, name_failure_kind
from exporter.probe.evidence import PhaseFailed
from exporter.probe.resolver import Address, LookupFailed, Resolver
from tests.probe.loops import both_loops, run
from tests.servers.dns import (
    NO_DATA,
    NXDOMAIN,
    REFUSED,
    SERVFAIL,
    Answer,
    DnsServer,
    Fails,
    Garbage,
    InTurn,
    PerFamily,
    Silent,
    Slow,
    Truncated,
)

# The shortest wait that c-ares knows; a shorter one is raised to it.
SHORTEST = 0.25

BOTH = Answer(a=("127.0.0.1",), aaaa=("::1",))


@pytest.fixture(autouse=True)
def _no_search_domains(monkeypatch):
    """Keep the search domains of the machine out of the questions."""
    monkeypatch.setenv("LOCALDOMAIN", "search.invalid")
    monkeypatch.setenv("RES_OPTIONS", "ndots:1")


def look_up(
    dns: DnsServer,
    name: str,
    protocol: IpProtocol = IpProtocol.ANY,
    *,
    factory: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop,
    **options: Any,
) -> tuple[str, ...]:
    """Look `name` up once; the addresses as text."""

    async def once() -> tuple[str, ...]:
        settings: dict[str, Any] = {"nameservers": (dns.nameserver,), "timeout": SHORTEST}
        resolver = Resolver(**settings | options)
        try:
            return tuple(str(address) for address in await resolver.resolve(name, 587, protocol))
        finally:
            resolver.close()

    return run(once(), factory)


def failure(*args: Any, **options: Any) -> NameFailure:
    """Look a name up in vain; what was wrong."""
    with pytest.raises(LookupFailed) as failed:
        look_up(*args, **options)
    return failed.value.evidence


@contextmanager
def closed_port() -> Iterator[str]:
    """A name server that is not there.

    Its UDP port is taken, so that nobody else gets it, by a socket that is connected elsewhere: to
    others the port is closed, and the kernel says so over ICMP.
    """
    with socket.socket(type=socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.connect(("127.0.0.1", 9))
        yield f"127.0.0.1:{taken.getsockname()[1]}"


# ------------------------------------------------------------------ answers


@both_loops
def test_asks_for_both_families_and_puts_ipv6_first(run_in):
    """Without a preference A and AAAA are asked once each, and RFC 6724 sorts the answers."""
    with DnsServer({"mail.test": BOTH}) as dns:
        assert look_up(dns, "mail.test", factory=run_in) == ("[::1]:587", "127.0.0.1:587")
        assert (dns.count("mail.test", "A"), dns.count("mail.test", "AAAA")) == (1, 1)


@pytest.mark.parametrize(
    ("protocol", "asked", "answer"),
    [
        (IpProtocol.IP4, {"A"}, ("127.0.0.1:587",)),
        (IpProtocol.IP6, {"AAAA"}, ("[::1]:587",)),
        (IpProtocol.PREFER_IP4, {"A", "AAAA"}, ("127.0.0.1:587", "[::1]:587")),
        (IpProtocol.PREFER_IP6, {"A", "AAAA"}, ("[::1]:587", "127.0.0.1:587")),
    ],
)
def test_preference_decides_what_is_asked_and_the_order(protocol, asked, answer):
    """`ip4` and `ip6` ask for one family alone, `prefer_*` for both with that family first."""
    with DnsServer({"mail.test": BOTH}) as dns:
        assert look_up(dns, "mail.test", protocol) == answer
        assert {query.qtype for query in dns.queries} == asked


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("192.0.2.1", "192.0.2.1:587"),
        ("2001:DB8::1", "[2001:db8::1]:587"),
        ("fe80::1%lo", "[fe80::1%lo]:587"),
        ("fe80::1%7", "[fe80::1%7]:587"),
    ],
)
def test_literal_answers_itself(host, shown):
    """An IP literal is its own address, and nobody is asked."""
    with DnsServer() as dns:
        assert look_up(dns, host) == (shown,)
        assert not dns.queries


def test_cname_is_followed():
    """An alias leads to the addresses of its target."""
    with DnsServer({"alias.test": Answer(a=("127.0.0.9",), cname="target.test")}) as dns:
        assert look_up(dns, "alias.test", IpProtocol.IP4) == ("127.0.0.9:587",)


@both_loops
def test_truncated_answer_is_fetched_over_tcp(run_in):
    """A reply with the TC bit makes the resolver ask again over TCP (RFC 7766)."""
    with DnsServer({"big.test": Truncated(Answer(a=("127.0.0.2",)))}) as dns:
        assert look_up(dns, "big.test", IpProtocol.IP4, factory=run_in) == ("127.0.0.2:587",)
        assert [query.transport for query in dns.queries] == ["udp", "tcp"]


def test_name_outside_ascii_is_asked_as_a_label():
    """An internationalised name goes out as its A-labels, whatever its case."""
    with DnsServer({"xn--mnchen-3ya.test": BOTH}) as dns:
        assert look_up(dns, "MÜNCHEN.test", IpProtocol.IP4) == ("127.0.0.1:587",)


@pytest.mark.parametrize("broken", [SERVFAIL, REFUSED, NO_DATA, NXDOMAIN])
def test_one_family_is_enough(broken):
    """A family that fails takes nothing from the one that answers."""
    for zone in (PerFamily(Answer(a=("127.0.0.1",)), broken), PerFamily(broken, Answer(aaaa=("::1",)))):
        with DnsServer({"half.test": zone}) as dns:
            assert len(look_up(dns, "half.test")) == 1


def test_silence_about_ipv6_costs_one_wait():
    """When A is answered and AAAA is not, the look-up ends after the first wait."""
    with DnsServer({"half.test": PerFamily(Answer(a=("127.0.0.1",)), Silent())}) as dns:
        assert look_up(dns, "half.test") == ("127.0.0.1:587",)
        assert dns.count("half.test", "AAAA") == 1


# ------------------------------------------------------------------ failures, told apart


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (NXDOMAIN, NameFailureKind.NOT_FOUND),
        (NO_DATA, NameFailureKind.NO_DATA),
        (SERVFAIL, NameFailureKind.SERVFAIL),
        (Fails("NOTIMP"), NameFailureKind.SERVFAIL),
        (REFUSED, NameFailureKind.REFUSED),
        (Fails("FORMERR"), NameFailureKind.MALFORMED),
        (Garbage(), NameFailureKind.MALFORMED),
        (PerFamily(SERVFAIL, NO_DATA), NameFailureKind.SERVFAIL),
        (PerFamily(NO_DATA, SERVFAIL), NameFailureKind.SERVFAIL),
    ],
)
def test_failures_are_told_apart(behaviour, kind):
    """Each way in which DNS can deny an answer has its own kind, and the detail names who was asked."""
    with DnsServer({"bad.test": behaviour}) as dns:
        failed = failure(dns, "bad.test")
        assert failed.kind is kind
        assert dns.nameserver in failed.detail


@both_loops
def test_silence_is_a_timeout_after_three_tries(run_in):
    """A server that never answers is asked three times, then the look-up has timed out."""
    with DnsServer({"silent.test": Silent()}) as dns:
        failed = failure(dns, "silent.test", IpProtocol.IP4, factory=run_in)
        assert failed.kind is NameFailureKind.TIMEOUT
        assert dns.count("silent.test") == 3


def test_third_try_can_succeed():
    """A lost question and a failing server are both followed by another try."""
    turns = InTurn((Silent(), SERVFAIL, Answer(a=("127.0.0.3",))))
    with DnsServer({"third.test": turns}) as dns:
        assert look_up(dns, "third.test", IpProtocol.IP4) == ("127.0.0.3:587",)
        assert dns.count("third.test") == 3


def test_slow_answer_is_waited_for():
    """An answer within the wait counts, however late in it."""
    with DnsServer({"slow.test": Slow(0.05, BOTH)}) as dns:
        assert look_up(dns, "slow.test", IpProtocol.IP4, timeout=5.0) == ("127.0.0.1:587",)
        assert dns.count() == 1


def test_family_without_address_is_no_data():
    """A name with A records alone has no data for `ip6`, and a literal of the other family neither."""
    with DnsServer({"v4.test": Answer(a=("127.0.0.1",))}) as dns:
        for host in ("v4.test", "127.0.0.1"):
            assert failure(dns, host, IpProtocol.IP6).kind is NameFailureKind.NO_DATA
        assert failure(dns, "::1", IpProtocol.IP4).kind is NameFailureKind.NO_DATA


@pytest.mark.parametrize(
    "host",
    [
        "",
        ".",
        "a..b",
        "two words.test",
        "tab\t.test",
        "nul\x00.test",
        "x" * 64 + ".test",
        ".".join(["x" * 60] * 5),
        "ü" * 300 + ".test",
        "\N{SNOWMAN}\N{ZERO WIDTH JOINER}.test",
    ],
)
def test_what_is_no_name_is_malformed(host):
    """A host that cannot be put into a question is called malformed, and nobody is asked."""
    with DnsServer() as dns:
        assert failure(dns, host).kind is NameFailureKind.MALFORMED
        assert not dns.queries


@pytest.mark.parametrize("zone", ["no-such-interface", "25lo", "4294967296", "9" * 30])
def test_a_zone_that_is_not_here_is_no_matter_of_names(zone):
    """What this machine lacks is an interface; no resolver, and no name, is to blame."""
    with DnsServer() as dns:
        with pytest.raises(PhaseFailed) as failed:
            look_up(dns, f"fe80::1%{zone}")
        assert failed.value.evidence == ConnectFailure("ENODEV")
        assert not dns.queries


def test_closed_port_is_unreachable():
    """When nothing listens at the name server's port, no resolver could be asked."""
    with DnsServer() as dns, closed_port() as nameserver:
        failed = failure(dns, "mail.test", nameservers=(nameserver,))
    assert failed.kind is NameFailureKind.UNREACHABLE


def test_second_nameserver_answers_for_a_dead_first():
    """A name server that refuses packets, or is silent, hands over to the next one."""
    with (
        DnsServer({"*.test": BOTH}) as alive,
        DnsServer({"*.test": Silent()}) as silent,
        closed_port() as closed,
    ):
        for dead in (closed, silent.nameserver):
            servers = (dead, alive.nameserver)
            assert look_up(alive, "mail.test", IpProtocol.IP4, nameservers=servers) == ("127.0.0.1:587",)
        assert silent.count() == 1
        assert alive.count() == 2


def test_without_file_descriptors_no_resolver_can_be_asked():
    """A process that has run out of file descriptors says so, instead of blaming the name."""

    async def exhausted():
        resolver = Resolver(nameservers=("127.0.0.1",))
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        lowest_free = os.dup(0)
        os.close(lowest_free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
        try:
            await resolver.resolve("mail.test", 587)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            resolver.close()

    with pytest.raises(LookupFailed) as failed:
        asyncio.run(exhausted())
    assert failed.value.evidence.kind is NameFailureKind.UNREACHABLE


@both_loops
def test_wait_that_ends_now_disturbs_no_answer(run_in, monkeypatch):
    """Events on two sockets may come in one turn of the loop, with the end of a wait between them."""

    async def ask():
        question = Question(QueryOptions((dns.nameserver,), SHORTEST, 3))
        try:
            asking = asyncio.create_task(question.ask("mail.test", socket.AF_INET))
            await asyncio.sleep(0)
            for _ in range(2):
                question._process(pycares.ARES_SOCKET_BAD, pycares.ARES_SOCKET_BAD)
            return await asking
        finally:
            question.close()

    monkeypatch.setattr(pycares.Channel, "timeout", lambda self, cap: 0.0)
    with DnsServer({"mail.test": BOTH}) as dns:
        assert run(ask(), run_in).ips == ("127.0.0.1",)


def test_every_status_has_a_kind():
    """No status of c-ares is left without a meaning."""
    assert {name_failure_kind(status) for status in ares.errorcode} == set(NameFailureKind)


# ------------------------------------------------------------------ configuration of the host


def test_hosts_file_goes_before_dns(tmp_path):
    """A name of the hosts file is not asked for, and `localhost` needs neither."""
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.7 mail.test alias\n::1 mail.test\n")
    with DnsServer({"*.test": BOTH}) as dns:
        assert look_up(dns, "mail.test", hosts_file=str(hosts)) == ("[::1]:587", "127.0.0.7:587")
        assert look_up(dns, "alias", hosts_file=str(hosts)) == ("127.0.0.7:587",)
        assert look_up(dns, "localhost", hosts_file=str(hosts)) == ("[::1]:587", "127.0.0.1:587")
        assert not dns.queries


def test_name_in_the_hosts_file_with_the_other_family_is_no_data(tmp_path):
    """A name that only the hosts file knows, and only with IPv4, exists: it has no IPv6 address."""
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.7 mail.test\n")
    with DnsServer() as dns:
        failed = failure(dns, "mail.test", IpProtocol.IP6, hosts_file=str(hosts))
        assert failed.kind is NameFailureKind.NO_DATA


def test_search_domains_and_ndots_are_read_for_every_lookup(monkeypatch):
    """A short name is completed by the search domains of the moment; ndots decides which comes first."""

    async def lookups(resolver):
        first = await resolver.resolve("mail", 587, IpProtocol.IP4)
        monkeypatch.setenv("LOCALDOMAIN", "other.test")
        second = await resolver.resolve("mail", 587, IpProtocol.IP4)
        monkeypatch.setenv("RES_OPTIONS", "ndots:2")
        third = await resolver.resolve("mail.sub", 587, IpProtocol.IP4)
        return [str(address) for (address,) in (first, second, third)]

    zone = {
        "mail.corp.test": Answer(a=("127.0.0.1",)),
        "mail.other.test": Answer(a=("127.0.0.2",)),
        "mail.sub.other.test": Answer(a=("127.0.0.3",)),
    }
    monkeypatch.setenv("LOCALDOMAIN", "corp.test")
    with DnsServer(zone) as dns:
        resolver = Resolver(nameservers=(dns.nameserver,))
        assert asyncio.run(lookups(resolver)) == ["127.0.0.1:587", "127.0.0.2:587", "127.0.0.3:587"]
        assert [query.name for query in dns.queries] == [
            "mail.corp.test",
            "mail.other.test",
            "mail.sub.other.test",
        ]


def test_trailing_dot_stops_the_search():
    """A name that ends in a dot is complete."""
    with DnsServer() as dns:
        assert failure(dns, "mail.test.").kind is NameFailureKind.NOT_FOUND
        assert set(dns.names()) == {"mail.test"}


def test_nameserver_may_be_ipv6():
    """`[::1]:port` is asked over IPv6."""
    with DnsServer({"mail.test": BOTH}, host="::1") as dns:
        assert look_up(dns, "mail.test", IpProtocol.IP4) == ("127.0.0.1:587",)


def test_cares_takes_the_hosts_file_of_its_variable_alone(tmp_path: Path, monkeypatch):
    """What `cares` relies on: with our flag c-ares reads the file that CARES_HOSTS names, if any."""

    async def ask():
        question = Question(QueryOptions((dns.nameserver,), SHORTEST, 3))
        try:
            return await question.ask("mail.test", socket.AF_INET)
        finally:
            question.close()

    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.7 mail.test\n")
    with DnsServer({"mail.test": BOTH}) as dns:
        monkeypatch.setenv("CARES_HOSTS", str(hosts))
        assert asyncio.run(ask()).ips == ("127.0.0.7",)
        assert not dns.queries
        monkeypatch.delenv("CARES_HOSTS")
        assert asyncio.run(ask()).ips == ("127.0.0.1",)
        assert dns.count() == 1


def test_answer_is_made_of_addresses():
    """What comes back is ready for a socket."""
    with DnsServer({"mail.test": BOTH}) as dns:
        resolver = Resolver(nameservers=(dns.nameserver,))
        addresses = asyncio.run(resolver.resolve("mail.test", 587))
        assert addresses == (Address("::1", 587), Address("127.0.0.1", 587))
