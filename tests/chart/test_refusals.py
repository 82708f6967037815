"""Values that the schema allows and that contradict each other: refused with a sentence that names them and the remedy.

The likely ones of those that Kubernetes, the Prometheus Operator or the exporter would turn away are turned away before
they reach the cluster.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from exporter.settings import ConfigError, load
from exporter.settings.document import AuthSection, OAuth2Section
from tests.chart.rendering import HELMS, RefusedError, render

GROUP: dict[str, Any] = {"name": "g", "targets": ["a:25"]}
SPREAD = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}
SECRETS = "/etc/submission-exporter/secrets"
AUTH = {"username": "u", "password_file": "/p"}
MUTUAL = {
    "enabled": True,
    "secretName": "x",
    "clientAuthType": "RequireAndVerifyClientCert",
    "clientCaKey": "ca.crt",
}

WRONG: dict[str, dict[str, Any]] = {
    "sharding.enabled runs a StatefulSet": {"kind": "DaemonSet", "sharding": {"enabled": True}},
    "needs a certificate": {"webConfig": {"tls": {"enabled": True}}},
    "verifies client certificates": {
        "webConfig": {
            "tls": {"enabled": True, "secretName": "x", "clientAuthType": "RequireAndVerifyClientCert"}
        }
    },
    "lets nobody in": {"webConfig": {"basicAuth": {"enabled": True}}},
    "needs a user to scrape": {
        "webConfig": {"existingSecret": "x", "basicAuth": {"enabled": True}},
        "serviceMonitor": {"enabled": True},
    },
    "podMonitoring scrapes in the clear": {
        "webConfig": {"tls": {"enabled": True, "secretName": "x"}},
        "podMonitoring": {"enabled": True},
    },
    "asks for reloads in the clear": {
        "webConfig": {"tls": {"enabled": True, "secretName": "x"}},
        "configReloader": {"enabled": True},
    },
    "probe.enabled probes nothing": {"probe": {"enabled": True}},
    "not both": {"podDisruptionBudget": {"enabled": True, "minAvailable": 1, "maxUnavailable": "50%"}},
    "the same number": {"hostNetwork": True, "hostPort": 80},
    "at least one of ingress.hosts": {"ingress": {"enabled": True}},
    "needs a Gateway": {"httpRoute": {"enabled": True}},
    "are the same": {"configReloader": {"enabled": True, "containerPort": 10587}},
    'credentials: the Secret "x" stands there twice': {
        "credentials": [{"secretName": "x"}, {"secretName": "x", "items": [{"key": "a", "path": "b"}]}]
    },
    "certificateAuthorities: the ConfigMap": {"certificateAuthorities": [{"configMapName": "x"}] * 2},
    'extraVolumes: the volume "config"': {"extraVolumes": [{"name": "config", "emptyDir": {}}]},
    'extraVolumeMounts: the path "/x"': {
        "extraVolumes": [{"name": "x", "emptyDir": {}}],
        "extraVolumeMounts": [{"name": "x", "mountPath": "/x"}, {"name": "x", "mountPath": "/x"}],
    },
    'mounts the volume "y", which is not there': {"extraVolumeMounts": [{"name": "y", "mountPath": "/y"}]},
    'the container "exporter"': {"extraContainers": [{"name": "exporter", "image": "x:1"}]},
    'the container "config-reloader"': {
        "configReloader": {"enabled": True},
        "extraInitContainers": [{"name": "config-reloader", "image": "x:1"}],
    },
    'the variable "SHARD_INDEX"': {
        "sharding": {"enabled": True},
        "extraEnv": [{"name": "SHARD_INDEX", "value": "1"}],
    },
    "hostAliases: the address": {"hostAliases": [{"ip": "192.0.2.1", "hostnames": ["a"]}] * 2},
    'the pair "zone, ScheduleAnyway"': {"topologySpreadConstraints": [SPREAD, SPREAD]},
    'probe.groups: the name "g" stands there twice': {
        "probe": {"enabled": True, "groups": [GROUP, {**GROUP, "targets": ["b:25"]}]}
    },
    'additionalGroups: the group "submission-slo"': {
        "prometheusRule": {"enabled": True, "additionalGroups": [{"name": "submission-slo", "rules": []}]}
    },
    'asks for the module "nosuch"': {"probe": {"enabled": True, "groups": [{**GROUP, "module": "nosuch"}]}},
    "serviceMonitor.scrapeTimeout (1m30s) is longer": {
        "serviceMonitor": {"enabled": True, "interval": "1m", "scrapeTimeout": "1m30s"}
    },
    "probe.groups (g).scrapeTimeout (61s) is longer": {
        "probe": {"enabled": True, "groups": [{**GROUP, "scrapeTimeout": "61s"}]}
    },
    "probe.groups (g).scrapeTimeout (15s) is longer": {
        "probe": {"enabled": True, "groups": [{**GROUP, "interval": "10s500ms"}]}
    },
    "podMonitoring.timeout (2m) is longer": {"podMonitoring": {"enabled": True, "timeout": "2m"}},
    "Recreate takes no strategy.rollingUpdate": {
        "strategy": {"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}
    },
    "maxSurge is a DaemonSet's": {
        "kind": "StatefulSet",
        "updateStrategy": {"rollingUpdate": {"maxSurge": 1}},
    },
    "partition is a StatefulSet's": {
        "kind": "DaemonSet",
        "updateStrategy": {"rollingUpdate": {"partition": 1}},
    },
    "OnDelete takes no": {
        "kind": "StatefulSet",
        "updateStrategy": {"type": "OnDelete", "rollingUpdate": {"partition": 1}},
    },
    "strategy.type OnDelete is none of": {"strategy": {"type": "OnDelete"}},
    "updateStrategy.type Recreate is none of a StatefulSet's": {
        "kind": "StatefulSet",
        "updateStrategy": {"type": "Recreate"},
    },
    "strategy.rollingUpdate moves no pod": {
        "strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "0%"}}
    },
    "updateStrategy.rollingUpdate moves no pod": {
        "kind": "DaemonSet",
        "updateStrategy": {"rollingUpdate": {"maxUnavailable": 0}},
    },
    "takes maxSurge or maxUnavailable": {
        "kind": "DaemonSet",
        "updateStrategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}},
    },
    "(by default 1), not both": {
        "kind": "DaemonSet",
        "updateStrategy": {"rollingUpdate": {"maxSurge": "10%"}},
    },
    'serviceMonitor.extra repeats "interval"': {
        "serviceMonitor": {"enabled": True, "extra": {"interval": "30s"}}
    },
    'serviceMonitor.extra repeats "scheme"': {
        "webConfig": {"tls": {"enabled": True, "secretName": "x"}},
        "serviceMonitor": {"enabled": True, "extra": {"scheme": "http"}},
    },
    "list the targets in config.modules.m.allowed_targets": {
        "config": {"modules": {"m": {"auth": AUTH}}},
        "probe": {"enabled": True, "groups": [{**GROUP, "module": "m"}]},
    },
    "config.modules.m names a file below /etc/submission-exporter/secrets/x/": {
        "config": {"modules": {"m": {"auth": {**AUTH, "password_file": f"{SECRETS}/x/password"}}}},
        "credentials": [{"secretName": "xy"}],
    },
    "longer than Kubernetes waits": {"minReadySeconds": 600},
    "know no name server": {"dnsPolicy": "None"},
    "of a DaemonSet's pods": {"kind": "DaemonSet", "podDisruptionBudget": {"enabled": True}},
    "names two families": {"service": {"ipFamilies": ["IPv6", "IPv4"]}},
    "cannot be of type NodePort": {"service": {"type": "NodePort", "clusterIP": "None"}},
    "asks for no certificate": {
        "webConfig": {"tls": {"enabled": True, "secretName": "x", "clientCaKey": "ca.crt"}}
    },
    "demands a certificate of Prometheus; name it in serviceMonitor.tlsConfig": {
        "webConfig": {"tls": MUTUAL},
        "serviceMonitor": {"enabled": True},
    },
    "name it in probe.tlsConfig": {
        "webConfig": {"tls": MUTUAL},
        "probe": {"enabled": True, "groups": [GROUP]},
    },
    "in the namespace of serviceMonitor (monitoring)": {
        "webConfig": {"tls": {"enabled": True, "secretName": "x"}},
        "serviceMonitor": {"enabled": True, "namespace": "monitoring"},
    },
    'no Service may be called "1st"': {"fullnameOverride": "1st"},
}


@pytest.mark.parametrize("words", WRONG)
def test_contradictions_are_refused_with_a_remedy(words: str) -> None:
    """The message names the values."""
    version = HELMS[len(words) % len(HELMS)]
    with pytest.raises(RefusedError, match="submission-exporter: ") as caught:
        render(WRONG[words], version)
    assert words in str(caught.value)


SLIPS: dict[str, dict[str, Any]] = {
    "config.endpoints[0].timeout (15s) is longer": {
        "endpoints": [{"target": "a.example:587", "timeout": "15s", "interval": "10s"}]
    },
    "config.endpoints[1].timeout (1m30s) is longer than the interval (60s)": {
        "modules": {"slow": {"timeout": "1m30s"}},
        "endpoints": [
            {"target": "a.example:587", "module": "slow", "interval": "5m"},
            {"target": "b.example:587", "module": "slow"},
        ],
    },
    "config.global.timeout (45s) is longer": {"global": {"interval": "30s", "timeout": "45s"}},
    'config.endpoints[0] asks for the module "nosuch"': {
        "endpoints": [{"target": "a.example:587", "module": "nosuch"}]
    },
    'the name "a.example:587" stands there twice': {
        "endpoints": [{"target": "a.example:587"}, {"name": "a.example:587", "target": "b.example:587"}]
    },
}


@pytest.mark.parametrize("words", SLIPS)
def test_likely_slips_of_the_configuration_are_refused_by_both(words: str, tmp_path: Path) -> None:
    """The chart says it before the exporter has to; a configuration of somebody else's is not looked at."""
    with pytest.raises(RefusedError, match="submission-exporter: ") as caught:
        render({"config": SLIPS[words]})
    assert words in str(caught.value)
    assert render({"config": SLIPS[words], "configExistingSecret": "ours"})
    file = tmp_path / "submission-exporter.yml"
    file.write_text(json.dumps(SLIPS[words]))
    with pytest.raises(ConfigError):
        load(file)


def test_what_looks_like_a_slip_and_is_none() -> None:
    """A default timeout bends to a shorter interval, other mounts hold secrets too, TLS may end before the exporter."""
    config = {
        "modules": {
            "m": {"auth": {**AUTH, "password_file": f"{SECRETS}/x/password"}, "allowed_targets": ["a"]}
        },
        "endpoints": [{"target": "a.example:587", "interval": "5s"}],
    }
    values = {
        "config": config,
        "serviceMonitor": {"enabled": True, "extra": {"scheme": "https"}},
        "probe": {"enabled": True, "groups": [{**GROUP, "module": "m"}]},
    }
    mount = {"name": "x", "mountPath": f"{SECRETS}/x"}
    assert render({**values, "credentials": [{"secretName": "x"}]})
    assert render({**values, "extraVolumes": [{"name": "x", "emptyDir": {}}], "extraVolumeMounts": [mount]})
    rolling = {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    assert render({"kind": "DaemonSet", "updateStrategy": rolling})


def secrets() -> list[str]:
    """What the configuration takes as a text, from a file or from a variable; the login name is no secret."""
    sections = {**AuthSection.model_fields, **OAuth2Section.model_fields}
    found = [name for name in sections if {f"{name}_file", f"{name}_env"} <= set(sections)]
    return [name for name in found if name != "username"]


def _with(name: str) -> dict[str, Any]:
    oauth2 = {"token_url": "https://login.example.com/", "client_id": "x"}
    if name in AuthSection.model_fields:
        return {"username": "u", name: "s3cret"}
    return {"username": "u", "oauth2": {**oauth2, name: "s3cret"}}


@pytest.mark.parametrize("name", secrets())
def test_a_config_map_takes_no_secret(name: str) -> None:
    """Whatever can be kept in a file may not be written down there, in modules or at endpoints."""
    config = {
        "modules": {"m": {"auth": _with(name)}},
        "endpoints": [{"target": "a.example:587"}, {"target": "b.example:587", "auth": _with(name)}],
    }
    with pytest.raises(RefusedError) as caught:
        render({"configStorage": "ConfigMap", "config": config})
    told = str(caught.value)
    assert "config.modules.m.auth" in told
    assert "config.endpoints[1].auth" in told
    assert f"{name}; " in told
    assert f"{name}_file" in told
    assert "s3cret" not in told
    assert render({"config": config})
    assert render({"configStorage": "ConfigMap", "config": config, "configExistingSecret": "ours"})


def test_there_are_secrets_to_look_for() -> None:
    """Without this the test above would say nothing."""
    assert set(secrets()) == {"password", "client_secret", "refresh_token"}


@pytest.mark.parametrize(
    "config",
    [
        {"endpoints": [{"target": "user:s3cret@mail.example:587"}]},
        {"global": {"follow_up": {"control_targets": ["smtp://user:s3cret@mail.example:587"]}}},
        {"modules": {"m": {"auth": {"oauth2": {"token_url": "https://user:s3cret@login.example/"}}}}},
    ],
    ids=["target", "control target", "token_url"],
)
def test_a_config_map_takes_no_user_within_an_address(config: dict[str, Any]) -> None:
    """Nor does the exporter; but then the password would already lie there."""
    with pytest.raises(RefusedError, match="no place for secrets") as caught:
        render({"configStorage": "ConfigMap", "config": config})
    assert "s3cret" not in str(caught.value)


def test_what_is_no_secret_goes_into_a_config_map() -> None:
    """Login names, mail addresses and names of files."""
    auth = {"username": "u@example.com", "password_file": "/x"}
    message = {"from": "a@example.com", "to": "b@example.com"}
    endpoint = {"target": "a.example:587", "auth": auth, "message": message}
    assert render({"configStorage": "ConfigMap", "config": {"endpoints": [endpoint]}})
