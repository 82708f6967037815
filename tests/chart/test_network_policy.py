"""The NetworkPolicy lets through what the exporter does, as the exporter itself understands its configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from exporter.settings import Settings, load
from tests.chart.deploying import Deployed, Objects
from tests.chart.rendering import (
    CHART,
    EXAMPLES,
    Manifest,
    RefusedError,
    configuration,
    exporter,
    of_kind,
    policy,
    render,
)


def settings_of(manifests: list[Manifest], folder: Path, existing: Objects) -> Settings:
    """The configuration as the exporter reads it."""
    return load(Deployed(manifests, folder, existing).config_file)


def needed(settings: Settings) -> set[int]:
    """Every TCP port but DNS that the exporter may want to reach."""
    ports = {endpoint.port for endpoint in settings.endpoints}
    if settings.follow_up.enabled and settings.endpoints:
        ports |= set(settings.follow_up.ports)
        ports |= {port for _, port in settings.follow_up.control_targets}
    for endpoint in settings.endpoints:
        if endpoint.auth is not None and endpoint.auth.oauth2 is not None and endpoint.auth.oauth2.token_url:
            address = urlsplit(endpoint.auth.oauth2.token_url)
            ports.add(address.port or {"http": 80, "https": 443}[address.scheme])
    return ports


def allowed(manifests: list[Manifest], protocol: str) -> set[int]:
    """The ports that egress is open to, wherever."""
    return {
        one["port"]
        for rule in policy(manifests)["spec"]["egress"]
        for one in rule.get("ports", ())
        if one["protocol"] == protocol
    }


def rules_for(manifests: list[Manifest], port: int) -> list[dict[str, Any]]:
    """The egress rules that speak of a port."""
    rules = policy(manifests)["spec"]["egress"]
    return [rule for rule in rules if port in {one["port"] for one in rule["ports"]}]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_the_exporter_reaches_what_it_probes(example: Path, tmp_path: Path, existing: Objects) -> None:
    """With the policy switched on, egress is open to every port that the configuration means."""
    values = {"networkPolicy": {"enabled": True}}
    merged = _merged(example, values)
    manifests = render(merged)
    if configuration(manifests) is None or "egress" not in policy(manifests)["spec"]:
        return
    settings = settings_of(manifests, tmp_path, existing)
    assert needed(settings) <= allowed(manifests, "TCP")
    names = {53} | {int(one.rpartition(":")[2]) for one in settings.nameservers if _has_port(one)}
    assert names <= allowed(manifests, "TCP")
    assert names <= allowed(manifests, "UDP")


def test_no_follow_up_where_it_could_not_get_through(tmp_path: Path) -> None:
    """`followUp: false` keeps the ports shut and switches the experiments off; other settings stay."""
    manifests = render(CHART / "ci" / "network-policy-tight-values.yaml")
    settings = settings_of(manifests, tmp_path, {})
    assert not settings.follow_up.enabled
    assert settings.follow_up.pause == 600
    # 443 is the operator's own rule.
    assert allowed(manifests, "TCP") == {53, 587, 443}


@pytest.mark.parametrize("follow_up", [True, False])
def test_follow_up_goes_through_or_is_off(follow_up: bool, tmp_path: Path) -> None:
    """Whatever ports are open: never an experiment against a closed door."""
    values = {
        "networkPolicy": {"enabled": True, "egress": {"ports": [2525], "followUp": follow_up}},
        "config": {
            "global": {"follow_up": {"ports": [587, 2465], "control_targets": ["mx.example.com:26"]}},
            "endpoints": [{"target": "mail.example.com:2525"}],
        },
    }
    manifests = render(values)
    settings = settings_of(manifests, tmp_path, {})
    assert settings.follow_up.enabled is follow_up
    assert allowed(manifests, "TCP") == {53, 2525} | ({587, 2465, 26} if follow_up else set())


def test_tokens_are_fetched_from_elsewhere() -> None:
    """`to` says where the mail servers are, and shuts nobody out of the token endpoint; `tokenTo` does."""
    servers, provider = ({"ipBlock": {"cidr": f"192.0.2.{number}/32"}} for number in (1, 2))
    oauth2 = {
        "token_url": "https://login.example.com:8443/token",
        "client_id": "x",
        "refresh_token_file": "/x",
    }
    config = {
        "modules": {"m": {"auth": {"username": "u", "oauth2": oauth2}}},
        "endpoints": [{"target": "mail.example.com:587", "module": "m"}],
    }
    for more in ({}, {"tokenTo": [provider]}):
        egress = {"to": [servers], **more}
        manifests = render({"networkPolicy": {"enabled": True, "egress": egress}, "config": config})
        (mail,), (token,) = (rules_for(manifests, port) for port in (587, 8443))
        assert mail["to"] == [servers]
        assert token.get("to") == more.get("tokenTo")


SERVERS, ELSEWHERE = ({"ipBlock": {"cidr": f"192.0.2.{number}/32"}} for number in (1, 2))


@pytest.mark.parametrize("control_to", [[], [ELSEWHERE]])
@pytest.mark.parametrize("to", [[], [SERVERS]])
@pytest.mark.parametrize("follow_up", [True, False])
def test_control_targets_are_reached_wherever_mail_servers_are(
    follow_up: bool, to: list[Any], control_to: list[Any], tmp_path: Path
) -> None:
    """`to` says where the mail servers are; what tells whether this side is online is elsewhere, or not asked."""
    targets = ["one.example.net:587", "[2001:db8::1]:2526"]
    manifests = render(
        {
            "networkPolicy": {
                "enabled": True,
                "egress": {"ports": [587], "to": to, "controlTo": control_to, "followUp": follow_up},
            },
            "config": {
                "global": {"follow_up": {"ports": [465], "control_targets": targets}},
                "endpoints": [{"target": "mail.example.com:587"}],
            },
        }
    )
    settings = settings_of(manifests, tmp_path, {})
    assert settings.follow_up.enabled is follow_up
    for _, port in settings.follow_up.control_targets:
        wide = [rule.get("to", []) for rule in rules_for(manifests, port)]
        assert (control_to in wide) is (follow_up or (port == 587 and to == control_to))
    # The experiments go to the same hosts as the probes.
    assert [rule.get("to", []) for rule in rules_for(manifests, 465)] == [to] * follow_up


def test_configured_name_servers_are_reached_wherever_the_others_are() -> None:
    """`dnsTo` shuts none of them out: the exporter asks these and no others."""
    servers = ["192.0.2.53:5353", "2001:db8::53", "[2001:db8::54]:5354"]
    cluster: dict[str, Any] = {"namespaceSelector": {}}
    manifests = render(
        {
            "networkPolicy": {"enabled": True, "egress": {"dnsTo": [cluster]}},
            "config": {"global": {"resolver": {"nameservers": servers}}},
        }
    )
    (rule,) = rules_for(manifests, 5353)
    assert {one["port"] for one in rule["ports"]} == {53, 5353, 5354}
    blocks = ["192.0.2.53/32", "2001:db8::53/128", "2001:db8::54/128"]
    assert rule["to"] == [cluster, *({"ipBlock": {"cidr": one}} for one in blocks)]


def test_the_test_of_the_chart_gets_out() -> None:
    """Where nothing is allowed that no policy allows, `helm test` reaches name servers and the exporter's pods."""
    manifests = render({"networkPolicy": {"enabled": True}})
    (test,) = of_kind(manifests, "Pod")
    (own,) = (one for one in of_kind(manifests, "NetworkPolicy") if one is not policy(manifests))
    assert own["spec"]["podSelector"]["matchLabels"].items() <= test["metadata"]["labels"].items()
    names, page = own["spec"]["egress"]
    assert {(one["port"], one["protocol"]) for one in names["ports"]} == {(53, "UDP"), (53, "TCP")}
    assert page["ports"] == [{"port": 10587, "protocol": "TCP"}]
    assert page["to"] == [{"podSelector": policy(manifests)["spec"]["podSelector"]}]


@pytest.mark.parametrize(
    "config",
    [
        {"endpoints": [{"target": "mail.example.com:70000"}]},
        {"modules": {"m": {"allowed_targets": ["*.example.com:65536"]}}},
        {"global": {"follow_up": {"control_targets": ["mail.example.com:99999"]}}},
        {"global": {"resolver": {"nameservers": ["192.0.2.1:123456789012"]}}},
        {"modules": {"m": {"auth": {"oauth2": {"token_url": "https://example.com:0/token"}}}}},
    ],
    ids=str,
)
def test_no_port_is_above_65535(config: dict[str, Any]) -> None:
    """The exporter would refuse it and so would the API server: the chart names it first."""
    with pytest.raises(RefusedError, match="names no port from 1 to 65535"):
        render({"config": config})


def test_prometheus_gets_in_at_the_container_s_port() -> None:
    """A NetworkPolicy sees pods, so the port is the container's and not the Service's."""
    values = {"networkPolicy": {"enabled": True}, "containerPort": 12345, "service": {"port": 80}}
    manifests = render(values)
    (service,) = of_kind(manifests, "Service")
    assert policy(manifests)["spec"]["ingress"][0]["ports"] == [{"port": 12345, "protocol": "TCP"}]
    assert exporter(manifests)["ports"][0]["containerPort"] == 12345
    assert service["spec"]["ports"][0] == {
        "name": "http",
        "port": 80,
        "targetPort": "http",
        "protocol": "TCP",
        "appProtocol": "http",
    }


def _has_port(nameserver: str) -> bool:
    return nameserver.count(":") == 1 or "]:" in nameserver


def _merged(example: Path, more: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = yaml.safe_load(example.read_text()) or {}
    for name, inner in more.items():
        values[name] = {**values.get(name, {}), **inner}
    return values
