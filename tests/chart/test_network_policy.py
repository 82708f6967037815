"""The NetworkPolicy lets through what the exporter does, as the exporter itself understands its configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from exporter.settings import Settings, load
from tests.chart.deploying import Deployed, Objects
from tests.chart.rendering import CHART, EXAMPLES, Manifest, configuration, exporter, of_kind, render


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


def allowed(policy: dict[str, Any], protocol: str) -> set[int]:
    """The ports that egress is open to, wherever."""
    return {
        one["port"]
        for rule in policy["spec"]["egress"]
        for one in rule.get("ports", ())
        if one["protocol"] == protocol
    }


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_the_exporter_reaches_what_it_probes(example: Path, tmp_path: Path, existing: Objects) -> None:
    """With the policy switched on, egress is open to every port that the configuration means."""
    values = {"networkPolicy": {"enabled": True}}
    merged = _merged(example, values)
    manifests = render(merged)
    (policy,) = of_kind(manifests, "NetworkPolicy")
    if configuration(manifests) is None or "egress" not in policy["spec"]:
        return
    settings = settings_of(manifests, tmp_path, existing)
    assert needed(settings) <= allowed(policy, "TCP")
    names = {53} | {int(one.rpartition(":")[2]) for one in settings.nameservers if _has_port(one)}
    assert names <= allowed(policy, "TCP")
    assert names <= allowed(policy, "UDP")


def test_no_follow_up_where_it_could_not_get_through(tmp_path: Path) -> None:
    """`followUp: false` keeps the ports shut and switches the experiments off; other settings stay."""
    manifests = render(CHART / "ci" / "network-policy-tight-values.yaml")
    (policy,) = of_kind(manifests, "NetworkPolicy")
    settings = settings_of(manifests, tmp_path, {})
    assert not settings.follow_up.enabled
    assert settings.follow_up.pause == 600
    # 443 is the operator's own rule.
    assert allowed(policy, "TCP") == {53, 587, 443}


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
    (policy,) = of_kind(manifests, "NetworkPolicy")
    settings = settings_of(manifests, tmp_path, {})
    assert settings.follow_up.enabled is follow_up
    assert allowed(policy, "TCP") == {53, 2525} | ({587, 2465, 26} if follow_up else set())


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
        (policy,) = of_kind(manifests, "NetworkPolicy")
        (mail,), (token,) = (
            [one for one in policy["spec"]["egress"] if port in {each["port"] for each in one["ports"]}]
            for port in (587, 8443)
        )
        assert mail["to"] == [servers]
        assert token.get("to") == more.get("tokenTo")


def test_prometheus_gets_in_at_the_container_s_port() -> None:
    """A NetworkPolicy sees pods, so the port is the container's and not the Service's."""
    values = {"networkPolicy": {"enabled": True}, "containerPort": 12345, "service": {"port": 80}}
    manifests = render(values)
    (policy,), (service,) = of_kind(manifests, "NetworkPolicy"), of_kind(manifests, "Service")
    assert policy["spec"]["ingress"][0]["ports"] == [{"port": 12345, "protocol": "TCP"}]
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
