"""Hosts, ports and addresses as people write them."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.settings import ConfigError, parse_target
from exporter.settings.target_pattern import parse_target_pattern
from exporter.settings.targets import parse_helo, parse_host, parse_name_server


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("smtp.example.com", ("smtp.example.com", None)),
        ("SMTP.Example.COM.:587", ("smtp.example.com", 587)),
        ("localhost:25", ("localhost", 25)),
        ("my_mail-server:2525", ("my_mail-server", 2525)),
        ("192.0.2.1:465", ("192.0.2.1", 465)),
        ("[2001:DB8:0:0::1]:587", ("2001:db8::1", 587)),
        ("[::1]", ("::1", None)),
        ("[fe80::1%eth0]:25", ("fe80::1%eth0", 25)),
        ("[fe80::1%25eth0]:25", ("fe80::1%eth0", 25)),
        ("[fe80::1%25]:25", ("fe80::1%25", 25)),
        ("[fe80::1%254]:25", ("fe80::1%254", 25)),
        ("bücher.example:587", ("xn--bcher-kva.example", 587)),
        ("xn--bcher-kva.example:587", ("xn--bcher-kva.example", 587)),
        ("mail。example:587", ("mail.example", 587)),
        ("127.0.0.1:65535", ("127.0.0.1", 65535)),
    ],
)
def test_a_target_is_read_into_the_form_for_dns(text: str, expected: tuple[str, int | None]):
    """Lower case, A-label, no final dot, no brackets."""
    assert parse_target(text) == expected


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("2001:db8::1", "write [2001:db8::1]:587"),
        ("2001:db8:0:0:0:0:0:1:465", "write [2001:db8::1]:465"),
        ("2001:db8::2:465", "write [2001:db8::2]:465"),
        ("::1", "write [::1]:587"),
        ("a:1:2", "write host:port"),
        ("smtp://a.example", "write a.example:587"),
        ("smtp://a.example:25/path", "write a.example:25"),
        ("submissions://a.example", "write a.example:465 and tls: implicit"),
        ("smtps://", "write host:465 and tls: implicit"),
        ("me@example.com", "write host:port here, and the user name and password under auth"),
        ("[::1", "write it as [2001:db8::1]:587"),
        ("[::1]587", "write it as [2001:db8::1]:587"),
        ("[fe80::1%]:25", "write it as [2001:db8::1]:587"),
        ("[fe80::1%a b]:25", "write it as [2001:db8::1]:587"),
        ("a.example:", "write a port such as 587 or 465"),
        ("a.example:0", "write a number from 1 to 65535, such as 587 or 465"),
        ("a.example:065536", "write a number from 1 to 65535, such as 587 or 465"),
        ("a.example:٣", "write a number from 1 to 65535, such as 587 or 465"),
        ("", "write a host name such as smtp.example.com"),
        (".", "write a host name such as smtp.example.com"),
        ("127.1:25", "write four numbers from 0 to 255, such as 192.0.2.1"),
        ("0x7f.0.0.1:25", "write four numbers from 0 to 255, such as 192.0.2.1"),
        ("a.0x7f:25", "write four numbers from 0 to 255, such as 192.0.2.1"),
        ("2130706433:25", "write four numbers from 0 to 255, such as 192.0.2.1"),
        ("127.0.0.01:25", "write four numbers from 0 to 255, such as 192.0.2.1"),
        ("a..b:25", "use letters, digits, hyphens and dots; at most 63 characters between two dots"),
        ("-a.example:25", "use letters, digits, hyphens and dots; at most 63 characters between two dots"),
        ("a" * 64 + ":25", "use letters, digits, hyphens and dots; at most 63 characters between two dots"),
        (
            "a." * 127 + "com:25",
            "use letters, digits, hyphens and dots; at most 63 characters between two dots",
        ),
        ("a\nb:25", "use letters, digits, hyphens and dots; at most 63 characters between two dots"),
        ("fuß.example:25", "write the name in its xn-- form, as the provider gives it"),
        ("ü" * 5000, "write the name in its xn-- form"),
    ],
)
def test_a_bad_target_has_a_remedy(text: str, remedy: str):
    """What to write instead, as exactly as can be said."""
    with pytest.raises(ConfigError) as raised:
        parse_target(text)
    assert raised.value.problems[0].remedy == remedy


def test_a_password_in_a_target_is_not_repeated():
    """`user:password@host` is refused without a word of it."""
    with pytest.raises(ConfigError) as raised:
        parse_target("smtp://me:hunter2@a.example:587")
    assert "hunter2" not in str(raised.value)


HOSTS = st.one_of(
    st.text(max_size=30),
    st.text(alphabet="abcXYZ019-_.:[]%/@ü", max_size=30),
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(lambda address: f"[{address}]:25"),
)


@given(HOSTS)
@example("\u0661.2.3.4:25")
def test_any_text_is_a_target_or_an_error(text: str):
    """A host that comes out is ASCII, in its final form, and an address only when it is one."""
    try:
        host, port = parse_target(text)
    except ConfigError as refused:
        text = str(refused)
        host, port = "", None
    if not host:
        assert text.isprintable()
        return
    assert host.isascii()
    assert host == host.lower() or "%" in host
    shown = f"[{host}]" if ":" in host else host
    assert parse_target(shown if port is None else f"{shown}:{port}") == (host, port)
    if ":" in host or host.rpartition(".")[2].isdigit():
        ipaddress.ip_address(host)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Probe.Example.com", "probe.example.com"),
        ("[192.0.2.7]", "[192.0.2.7]"),
        ("[ipv6:2001:DB8:0::7]", "[IPv6:2001:db8::7]"),
    ],
)
def test_a_helo_is_a_name_or_a_literal(text: str, expected: str):
    """As in RFC 5321, 4.1.3."""
    assert parse_helo(text) == expected


@pytest.mark.parametrize("text", ["192.0.2.7", "2001:db8::7", "[IPv6:x]", "[2001:db8::7]", "a b", "a:25", ""])
def test_a_bare_address_is_no_helo(text: str):
    """Nor is anything else."""
    with pytest.raises(ConfigError):
        parse_helo(text)


@pytest.mark.parametrize(
    ("parse", "text", "expected"),
    [
        (parse_host, "2001:DB8::1", "2001:db8::1"),
        (parse_name_server, "2001:DB8::1", "2001:db8::1"),
        (parse_name_server, "[2001:DB8::1]", "2001:db8::1"),
        (parse_name_server, "192.0.2.1:53", "192.0.2.1:53"),
    ],
)
def test_addresses_come_back_in_their_shortest_form(parse: Callable[[str], str], text: str, expected: str):
    """With and without brackets."""
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "host", "port", "covered"),
    [
        ("smtp.example.com", "smtp.example.com", 587, True),
        ("SMTP.example.com:587", "smtp.example.com", 587, True),
        ("smtp.example.com:587", "smtp.example.com", 465, False),
        ("smtp.example.com", "xsmtp.example.com", 587, False),
        ("*.example.com:587", "a.example.com", 587, True),
        ("*.example.com:587", "a.b.example.com", 587, True),
        ("*.example.com:587", "example.com", 587, False),
        ("*.example.com:587", "evilexample.com", 587, False),
        ("*.bücher.example", "a.xn--bcher-kva.example", 587, True),
        ("*", "anything.example", 25, True),
        ("*:587", "anything.example", 25, False),
        ("192.0.2.0/24", "smtp.example.com", 587, False),
    ],
)
def test_a_pattern_covers_names(text: str, host: str, port: int, *, covered: bool):
    """Every depth below the wildcard, and never the domain itself."""
    assert parse_target_pattern(text).covers_name(host, port) is covered


@pytest.mark.parametrize(
    ("text", "address", "port", "covered"),
    [
        ("192.0.2.0/24:587", "192.0.2.77", 587, True),
        ("192.0.2.0/24:587", "192.0.2.77", 465, False),
        ("192.0.2.0/24", "192.0.3.1", 587, False),
        ("192.0.2.1", "192.0.2.1", 25, True),
        ("[2001:db8::/32]:587", "2001:db8::1", 587, True),
        ("[2001:db8::1]", "2001:db8::1", 587, True),
        ("2001:db8::/32", "2001:db8::1", 587, True),
        ("2001:db8::/32", "192.0.2.1", 587, False),
        ("*", "192.0.2.1", 587, False),
        ("*.example.com", "192.0.2.1", 587, False),
    ],
)
def test_a_pattern_covers_addresses(text: str, address: str, port: int, *, covered: bool):
    """Only an address or a network does, never a name pattern."""
    assert parse_target_pattern(text).covers_address(address, port) is covered


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*.",
        "**",
        "a*.example.com",
        "[::1",
        "[::1]x",
        "10.0.0.0/33",
        "10.0.0.1/8",
        "a/b",
        "a:b",
        "10.1:25",
    ],
)
def test_what_is_no_pattern_is_refused(text: str):
    """With the forms that are."""
    with pytest.raises(ConfigError):
        parse_target_pattern(text)
