from __future__ import annotations

import itertools
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model import IpProtocol
from exporter.probe.address import Address, by_preference, interleave, parse_literal, wanted_family

ips = st.ip_addresses().map(str)
addresses = st.builds(Address, ips, st.integers(1, 65535))
lists = st.lists(addresses, max_size=12)


@given(st.ip_addresses(), st.integers(0, 65535))
def test_every_ip_literal_is_read(ip, port):
    """Each address of either family is a literal, and shows itself in its canonical form."""
    address = parse_literal(str(ip), port)
    assert address is not None
    if ip.version == 4:
        assert str(address) == f"{ip}:{port}"
        assert (address.family, address.sockaddr) == (socket.AF_INET, (str(ip), port))
    else:
        assert str(address) == f"[{ip}]:{port}"
        assert (address.family, address.sockaddr) == (socket.AF_INET6, (str(ip), port, 0, 0))


@pytest.mark.parametrize(
    "host", ["mail.test", "", "127.1", "1.2.3.400", "010.0.0.1", "[::1]", "::1/64", "1.2.3.4:25"]
)
def test_what_is_no_literal_is_a_name(host):
    """Anything but a complete, canonical-length address is left to the resolver."""
    assert parse_literal(host, 25) is None


def test_zone_is_an_interface():
    """The zone of a link-local address goes to the kernel as a number and is shown as it was written."""
    number = socket.if_nametoindex("lo")
    named, numbered = parse_literal("fe80::1%lo", 25), parse_literal(f"fe80::1%{number}", 25)
    assert named is not None
    assert numbered is not None
    assert named.sockaddr == numbered.sockaddr == ("fe80::1", 25, 0, number)
    assert str(named) == "[fe80::1%lo]:25"
    with pytest.raises(ValueError, match="no-such"):
        parse_literal("fe80::1%no-such", 25)


@given(lists, st.sampled_from(IpProtocol))
def test_preference_keeps_the_order_within_a_family(given_addresses, protocol):
    """A preference filters by family or sorts by it, and changes nothing else."""
    result = by_preference(given_addresses, protocol)
    for version in (4, 6):
        kept = [a for a in result if a.version == version]
        excluded = (protocol is IpProtocol.IP4 and version == 6) or (
            protocol is IpProtocol.IP6 and version == 4
        )
        assert kept == ([] if excluded else [a for a in given_addresses if a.version == version])
    versions = [a.version for a in result]
    if protocol is IpProtocol.ANY:
        assert list(result) == given_addresses
    elif protocol is IpProtocol.PREFER_IP4:
        assert versions == sorted(versions)
    elif protocol is IpProtocol.PREFER_IP6:
        assert versions == sorted(versions, reverse=True)


def test_family_of_the_question():
    """One family is asked for where only one may be tried, else both."""
    families = {protocol: wanted_family(protocol) for protocol in IpProtocol}
    assert families.pop(IpProtocol.IP4) is socket.AF_INET
    assert families.pop(IpProtocol.IP6) is socket.AF_INET6
    assert set(families.values()) == {socket.AF_UNSPEC}


@given(lists)
def test_families_take_turns(given_addresses):
    """Interleaving loses nothing, repeats nothing, keeps each family's order and alternates while it can."""
    woven = interleave(given_addresses)
    once = list(dict.fromkeys(given_addresses))
    assert sorted(map(str, woven)) == sorted(map(str, once))
    for version in (4, 6):
        assert [a for a in woven if a.version == version] == [a for a in once if a.version == version]
    if once:
        assert woven[0] == once[0]
        turns = 2 * min(sum(a.version == v for a in once) for v in (4, 6))
        assert all(one.version != other.version for one, other in itertools.pairwise(woven[:turns]))
