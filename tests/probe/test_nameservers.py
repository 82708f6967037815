from __future__ import annotations

import socket

import pycares
import pytest

from exporter.probe.resolver import Resolver, server_address


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("127.0.0.1", "127.0.0.1:53"),
        ("127.0.0.1:5353", "127.0.0.1:5353"),
        ("::1", "[::1]:53"),
        ("[::1]", "[::1]:53"),
        ("[::1]:5353", "[::1]:5353"),
        ("fe80::1%lo", "[fe80::1]:53%lo"),
        (f"[fe80::1%{socket.if_nametoindex('lo')}]:5353", "[fe80::1]:5353%lo"),
    ],
)
def test_nameserver_is_an_address_with_or_without_port(text, written):
    """All usual spellings of an address reach c-ares in the one that it reads."""
    assert server_address(text) == written
    channel = pycares.Channel(servers=[written], sock_state_cb=lambda *_: None)
    assert channel.servers == [written]
    channel.close()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("dns.test", "not an IP address"),
        ("", "not an IP address"),
        ("127.0.0.1:", "not a port"),
        ("127.0.0.1:0", "not a port"),
        ("127.0.0.1:65536", "not a port"),
        ("127.0.0.1:domain", "not a port"),
        ("[::1]:", "not a port"),
        ("[::1]5353", "not an IP address"),
        ("[::1", "not an IP address"),
        ("fe80::1", "needs its interface"),
        ("fe80::1%no-such-interface", "no network interface"),
        ("fe80::1%4000000", "No such device"),
    ],
)
def test_nameserver_that_is_no_address_is_named(text, problem):
    """The error says which name server is wrong and how."""
    with pytest.raises(ValueError, match=problem) as error:
        Resolver(nameservers=("127.0.0.1", text))
    assert repr(text) in str(error.value)
