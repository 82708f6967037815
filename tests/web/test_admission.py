"""Where `/probe` may be pointed: what is inside, what a module allows, what is configured."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model import Auth, Endpoint, Message, Phase, Secret, TlsConfig
from exporter.probe.address import Address
from exporter.settings import Module, endpoint_for
from exporter.settings.target_pattern import parse_target_pattern
from exporter.web.admission import Admission, inside
from tests.web.exporting import Answer, exporting, run

AUTH = Auth(username="probe", password=Secret("correct horse"))
MESSAGE = Message(sender="a@example.com", recipient="b@example.com")

WALLS = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "169.254.0.1",
    "169.254.169.254",
    "169.254.170.2",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "168.63.129.16",
    "192.0.0.192",
    "198.18.0.1",
    "224.0.0.1",
    "239.1.1.1",
    "240.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::1",
    "64:ff9b:1::8.8.8.8",
    "::ffff:0:127.0.0.1",
    "::ffff:0:10.0.0.1",
    "::ffff:0:169.254.169.254",
    "2a00:1450::5efe:10.0.0.1",
    "2a00:1450::200:5efe:127.0.0.1",
    "2002:808:808::5efe:10.0.0.1",
    "2001:0:7f00:1:8000:63bf:f7f7:f7f7",
    "2002:7f00:1::",
    "2002:a00:1::5",
    "2001:0:4136:e378:8000:63bf:f5ff:fffe",
    "fe80::1",
    "fe80::1%2",
    "fec0::1",
    "fc00::1",
    "fd00:ec2::254",
    "fd12:3456::1",
    "ff02::1",
]
OUTSIDE = [
    "192.0.2.1",
    "8.8.8.8",
    "172.15.255.255",
    "172.32.0.1",
    "100.63.255.255",
    "100.128.0.1",
    "169.253.1.1",
    "126.255.255.255",
    "128.0.0.1",
    "192.167.1.1",
    "11.0.0.1",
    "203.0.113.7",
    "2001:db8::1",
    "2a00:1450::1",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "::ffff:0:8.8.8.8",
    "2a00:1450::5efe:8.8.8.8",
    "2002:808:808::1",
]


def admission(
    target: str, *allowed: str, configured: tuple[tuple[str, int], ...] = (), **way: Any
) -> Admission:
    """The judgement on a target, for a module without credentials unless `way` has some."""
    module = Module(
        name="m", allowed_targets=tuple(map(parse_target_pattern, allowed)), until=Phase.EHLO, **way
    )
    if way.get("auth") is not None:
        module = Module(name="m", allowed_targets=module.allowed_targets, until=Phase.AUTH, auth=way["auth"])
    return Admission(module, endpoint_for(target, module), frozenset(configured))


@pytest.mark.parametrize("ip", WALLS)
def test_inner_addresses_are_known(ip: str) -> None:
    """Loopback, private, link-local, metadata and whatever wraps an inner IPv4 address in IPv6."""
    assert inside(ip) is not None
    target = f"[{ip}]:587" if ":" in ip else f"{ip}:587"
    judged = admission(target)
    assert judged.refusal() is None  # the name alone is no reason
    assert not judged.permits(Address(ip.partition("%")[0], 587))
    assert admission(target, configured=((judged.endpoint.host, 587),)).permits(
        Address(ip.partition("%")[0], 587)
    )


@pytest.mark.parametrize("ip", OUTSIDE)
def test_outer_addresses_may_be_probed(ip: str) -> None:
    """The open internet is what a module without credentials and without a list may probe."""
    assert inside(ip) is None
    assert admission("smtp.example.com:587").permits(Address(ip, 587))


@given(st.ip_addresses(v=4))
def test_a_wrapped_address_is_judged_like_the_address(ip: ipaddress.IPv4Address) -> None:
    """In every form that puts an IPv4 address into an IPv6 address, an inner one stays inner."""
    if inside(str(ip)) is not None:
        number = int(ip)
        for wrapped in (
            number,  # IPv4-compatible
            0xFFFF << 32 | number,  # mapped
            0xFFFF << 48 | number,  # translated (SIIT)
            0x64FF9B << 96 | number,  # NAT64
            0x2002 << 112 | number << 80,  # 6to4
            0x2A00 << 112 | 0x5EFE << 32 | number,  # ISATAP
            0x20010000 << 96 | 0x08080808 << 64 | number ^ 0xFFFFFFFF,  # Teredo
        ):
            assert inside(str(ipaddress.IPv6Address(wrapped))) is not None


@given(st.ip_addresses())
def test_nothing_private_counts_as_outside(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    """Python's own idea of private, link-local, loopback and multicast addresses is covered."""
    # Documentation and what wraps another address, which is judged by that.
    documentation = any(
        ip in ipaddress.ip_network(net)
        for net in (
            "192.0.2.0/24",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "2001:db8::/32",
            "2001::/23",
            "100::/64",
            "3fff::/20",
            "2002::/16",
        )
        if ip.version == ipaddress.ip_network(net).version
    )
    if (ip.is_private or ip.is_link_local or ip.is_loopback or ip.is_multicast) and not documentation:
        assert inside(str(ip)) is not None


@pytest.mark.parametrize(
    ("target", "allowed", "may"),
    [
        ("smtp.example.com:587", [], False),
        ("smtp.example.com:587", ["*.example.com:587"], True),
        ("deep.smtp.example.com:587", ["*.example.com:587"], True),
        ("example.com:587", ["*.example.com:587"], False),
        ("smtp.example.com:465", ["*.example.com:587"], False),
        ("smtp.example.com:465", ["*.example.com"], True),
        ("smtp.example.com.evil.test:587", ["*.example.com"], False),
        ("evilexample.com:587", ["*.example.com"], False),
        ("SMTP.Example.COM:587", ["smtp.example.com:587"], True),
        ("smtp.example.com.:587", ["smtp.example.com:587"], True),
        ("bücher.example:587", ["xn--bcher-kva.example"], True),
        ("192.0.2.7:587", ["*"], False),
        ("192.0.2.7:587", ["192.0.2.0/24:587"], True),
        ("192.0.2.7:465", ["192.0.2.0/24:587"], False),
        ("smtp.example.com:587", ["0.0.0.0/0"], False),
        ("[2001:db8::7]:587", ["[2001:db8::/32]:587"], True),
        ("[::ffff:192.0.2.7]:587", ["192.0.2.0/24"], False),
    ],
)
@pytest.mark.parametrize("way", [{"auth": AUTH}, {"message": MESSAGE, "until": Phase.MAIL}])
def test_credentials_go_to_allowed_names_only(
    target: str, allowed: list[str], may: bool, way: dict[str, Any]
) -> None:
    """A module with credentials, or one that goes to MAIL, is judged by the name, before any look-up."""
    module = Module(
        name="m",
        allowed_targets=tuple(map(parse_target_pattern, allowed)),
        **({"until": Phase.AUTH} | way),
    )
    refusal = Admission(module, endpoint_for(target, module), frozenset()).refusal()
    assert (refusal is None) is may
    if refusal is not None:
        assert "allowed_targets" in refusal
        assert "module m" in refusal


@pytest.mark.parametrize("until", [Phase.MAIL, Phase.RCPT, Phase.DATA])
def test_configured_endpoint_lends_no_credentials(until: Phase) -> None:
    """That a target is probed anyway does not entitle another module's secrets to go there."""
    module = Module(name="m", until=until, message=MESSAGE)
    configured = frozenset({("smtp.example.com", 587)})
    assert Admission(module, endpoint_for("smtp.example.com:587", module), configured).refusal() is not None


@pytest.mark.parametrize(
    ("allowed", "ip", "may"),
    [
        (["*.example.com"], "192.0.2.7", True),
        (["*.example.com"], "10.0.0.7", False),
        (["*.example.com", "10.0.0.0/8:587"], "10.0.0.7", True),
        (["*.example.com", "10.0.0.0/8:465"], "10.0.0.7", False),
        (["*.example.com", "10.0.0.7"], "10.0.0.7", True),
        (["*.example.com", "10.0.0.7"], "10.0.0.8", False),
        (["*.example.com", "10.0.0.0/8"], "::ffff:10.0.0.7", False),
        (["*.example.com", "[::ffff:10.0.0.0/104]:587"], "::ffff:10.0.0.7", True),
    ],
)
@pytest.mark.parametrize("auth", [None, AUTH])
def test_name_does_not_open_the_walls(allowed: list[str], ip: str, may: bool, auth: Auth | None) -> None:
    """An allowed name with an inner address needs an address or network that holds it, on that port."""
    judged = admission("smtp.example.com:587", *allowed, auth=auth)
    assert judged.refusal() is None
    assert judged.permits(Address(ip, 587)) is may


def test_list_of_a_module_without_credentials_is_meant() -> None:
    """Where something is listed, nothing else is probed; the name or the address suffices."""
    assert not admission("smtp.other.test:587", "*.example.com").permits(Address("192.0.2.7", 587))
    assert admission("smtp.other.test:587", "192.0.2.0/24").permits(Address("192.0.2.7", 587))
    assert admission("localhost:587", "127.0.0.0/8").permits(Address("127.0.0.1", 587))
    assert "allowed_targets" in admission("smtp.other.test:587", "*.example.com").refusal_of(
        (Address("192.0.2.7", 587),)
    )


def test_refusal_names_the_kind_and_not_the_address() -> None:
    """What a name inside resolves to is nobody's business."""
    refusal = admission("intranet.example.com:587").refusal_of((Address("10.1.2.3", 587),))
    assert "a private address" in refusal
    assert "10.1.2.3" not in refusal


def test_module_without_a_name_is_spoken_of_too() -> None:
    """The global defaults have no name."""
    module = Module(auth=AUTH)
    refusal = Admission(module, endpoint_for("smtp.example.com:587", module), frozenset()).refusal()
    assert refusal is not None
    assert refusal.startswith("the module holds credentials and has no allowed_targets")


def test_a_client_certificate_is_a_credential() -> None:
    """A module that shows one needs permission as one that holds a password does."""
    shown = TlsConfig(cert_file="client.pem")
    refusal = admission("smtp.example.com:587", tls_config=shown).refusal()
    assert refusal is not None
    assert "shows a client certificate" in refusal
    assert admission("smtp.example.com:587", "*.example.com:587", tls_config=shown).refusal() is None


def test_refusals_over_http(tmp_path: Path) -> None:
    """403 with the reason, before and after the look-up, and 200 for a configured endpoint."""
    secret = {
        "tls": "none",
        "until": "auth",
        "auth": {"username": "u", "password": "p", "allow_plaintext": True},
    }
    configuration = {
        "modules": {"open": {"tls": "none", "timeout": "1s"}, "secret": secret},
        "endpoints": [{"name": "here", "target": "localhost:1", "tls": "none", "interval": "1h"}],
    }

    async def scenario() -> list[Answer]:
        async with exporting(tmp_path, configuration) as exporter:
            return [
                await exporter.probe(*request)
                for request in (
                    ("127.0.0.1:25", "open"),
                    ("localhost:25", "open"),
                    ("localhost:1", "secret"),
                    ("localhost:1", "open"),
                )
            ]

    literal, name, secrets, configured = run(scenario())
    assert (literal.status, name.status, secrets.status, configured.status) == (403, 403, 403, 200)
    assert "a loopback address" in literal.text
    assert "a loopback address" in name.text
    assert "holds credentials" in secrets.text


def test_an_endpoint_is_what_is_judged() -> None:
    """The endpoint carries the module's name, so its series say how the target was probed."""
    endpoint: Endpoint = admission("smtp.example.com:587").endpoint
    assert endpoint.name == "smtp.example.com:587"
