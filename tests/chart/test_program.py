"""What the chart renders is what the program takes: arguments, configuration, probes and scrapes."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from exporter.cli import _parser
from exporter.settings import load
from exporter.sharding import Shard, mine
from exporter.web.access.load import load_access
from tests.chart.deploying import HOST, Deployed, Objects
from tests.chart.rendering import EXAMPLES, configuration, of_kind, pod, render, workload
from tests.servers.certificates import Workshop
from tests.servers.prometheus import Prometheus, running_prometheus

# bcrypt of "s3cret", four rounds.
HASH = "$2b$04$7MBVH9uOt0JJ4khISIQaOOyAQ/lnG9kAfGrftbHPSW4iFmxQhZdtW"
OPERATOR = {
    "namespace": "mail",
    "service": "probe-submission-exporter",
    "pod": "probe-submission-exporter-0",
    "container": "exporter",
    "endpoint": "http",
}
every_example = pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)


@every_example
def test_arguments_and_configuration_are_accepted(example: Path, tmp_path: Path, existing: Objects) -> None:
    """The program's own parsers take every argument, the configuration and the web configuration."""
    manifests = render(example)
    deployed = Deployed(manifests, tmp_path, existing)
    options = _parser().parse_args(deployed.arguments())
    assert options.listen == f"127.0.0.1:{deployed.port}"
    if configuration(manifests) is not None:
        assert options.config == deployed.config_file
        load(options.config)
    if options.web_config is not None and options.web_config.exists():
        load_access(options.web_config)
    for container in [*of_kind(manifests, "Pod"), workload(manifests)["spec"]["template"]]:
        for one in [*container["spec"].get("initContainers", ()), *container["spec"]["containers"]]:
            if one["name"] in {"configuration", "answers"}:
                _parser().parse_args([deployed.here(argument) for argument in one["args"]])


def test_shards_share_the_endpoints(tmp_path: Path) -> None:
    """Each pod takes its share by its name; every endpoint is in exactly one."""
    targets = [{"target": f"mail-{number}.example.com:587"} for number in range(20)]
    manifests = render({"replicas": 4, "sharding": {"enabled": True}, "config": {"endpoints": targets}})
    deployed = Deployed(manifests, tmp_path)
    workload_ = workload(manifests)
    assert workload_["kind"] == "StatefulSet"
    assert {one["metadata"]["name"] for one in of_kind(manifests, "Service")} >= {
        workload_["spec"]["serviceName"]
    }
    (variable,) = deployed.container["env"]
    assert variable["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name"
    endpoints = load(deployed.config_file).endpoints
    probed: list[str] = []
    for number in range(workload_["spec"]["replicas"]):
        options = _parser().parse_args(deployed.arguments(pod_name=f"probe-submission-exporter-{number}"))
        shard = Shard.parse(options.shard_index, options.shard_count)
        probed += [one.name for one in mine(endpoints, shard.index, shard.count)]
    assert sorted(probed) == sorted(one.name for one in endpoints)


def asked(deployed: Deployed, probe: dict[str, Any]) -> int:
    """What the kubelet would see: 200 for a healthy exporter.  Like the kubelet, it trusts any certificate."""
    if "exec" in probe:
        command = [deployed.here(part) for part in probe["exec"]["command"][1:]]
        done = subprocess.run([sys.executable, "-m", "exporter", *command], check=False, timeout=30)
        return 200 if done.returncode == 0 else 500
    question = probe["httpGet"]
    assert question["port"] == "http"
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    address = f"{question['scheme'].lower()}://127.0.0.1:{deployed.port}{question['path']}"
    with urllib.request.urlopen(address, context=context, timeout=10) as answer:
        return int(answer.status)


WEB: dict[str, dict[str, Any]] = {
    "plain": {},
    "tls": {"tls": {"enabled": True, "secretName": "exporter-tls", "minVersion": "TLS13"}},
    "basic auth": {
        "basicAuth": {"enabled": True, "users": {"prometheus": HASH}, "scrapeSecretName": "login"}
    },
    "client certificate": {
        "tls": {
            "enabled": True,
            "secretName": "exporter-tls",
            "clientAuthType": "RequireAndVerifyClientCert",
            "clientCaKey": "ca.crt",
        }
    },
}


@pytest.mark.parametrize("web", WEB)
def test_the_kubelet_finds_it_healthy(web: str, tmp_path: Path, existing: Objects) -> None:
    """Startup, liveness and readiness probe pass however the page is guarded."""
    manifests = render({"webConfig": WEB[web], "config": {"endpoints": [{"target": "127.0.0.1:9"}]}})
    deployed = Deployed(manifests, tmp_path, existing)
    with deployed.running():
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert asked(deployed, deployed.container[probe]) == 200


@pytest.mark.parametrize("web", ["plain", "tls", "basic auth"])
def test_the_operator_scrapes_it_and_no_label_is_displaced(
    web: str, tmp_path: Path, workshop: Workshop, existing: Objects
) -> None:
    """With the Operator's target labels on every series, none of ours becomes `exported_*`."""
    values = {
        "webConfig": WEB[web],
        "serviceMonitor": {"enabled": True},
        "probe": {"enabled": True, "groups": [{"name": "all", "targets": ["127.0.0.1:9"]}]},
        "config": {
            "global": {"labels": {"site": "fra1", "team": "mail"}, "interval": "1s", "timeout": "1s"},
            "endpoints": [{"name": "nobody", "target": "127.0.0.1:9", "labels": {"tier": "one"}}],
        },
    }
    manifests = render(values)
    deployed = Deployed(manifests, tmp_path, existing)
    (monitor,), (probe,) = of_kind(manifests, "ServiceMonitor"), of_kind(manifests, "Probe")
    scrape = monitor["spec"]["endpoints"][0]
    address = f"127.0.0.1:{deployed.port}"
    assert probe["spec"]["prober"]["url"] == f"{HOST}:10587"
    assert probe["spec"]["prober"]["scheme"] == scrape.get("scheme", "http")
    with deployed.running():
        with running_prometheus(
            {address: OPERATOR},
            metrics_path=scrape["path"],
            scheme=scrape.get("scheme", "http"),
            **_access(scrape, workshop),
        ) as prometheus:
            prometheus.wait_for('smtp_probe_failure{error_class="connect_refused", team="mail", tier="one"}')
            check_labels(prometheus)
        with running_prometheus(
            {address: {"namespace": "mail", "instance": "127.0.0.1:9"}},
            metrics_path=probe["spec"]["prober"]["path"],
            params={"target": probe["spec"]["targets"]["staticConfig"]["static"]},
            scheme=probe["spec"]["prober"]["scheme"],
            **_access(probe["spec"], workshop),
        ) as prometheus:
            prometheus.wait_for('probe_success{instance="127.0.0.1:9"} == 0')
            check_labels(prometheus)


def _access(scrape: dict[str, Any], workshop: Workshop) -> dict[str, Any]:
    """TLS and login of an Operator's scrape, as Prometheus spells them."""
    access: dict[str, Any] = {}
    if "tlsConfig" in scrape:
        assert scrape["tlsConfig"]["ca"]["secret"] == {"name": "exporter-tls", "key": "ca.crt"}
        access["tls_config"] = {
            "ca_file": workshop.ca_file,
            "server_name": scrape["tlsConfig"]["serverName"],
        }
    if "basicAuth" in scrape:
        assert scrape["basicAuth"]["password"] == {"name": "login", "key": "password"}
        access["basic_auth"] = {"username": "prometheus", "password": "s3cret"}
    return access


def check_labels(prometheus: Prometheus) -> None:
    """Every series keeps the target's labels, and no label of ours had to give way."""
    series = prometheus.query('{job="submission"}')
    assert len(series) > 20
    names = {name for one in series for name in one["metric"]}
    assert not {name for name in names if name.startswith("exported_")}
    assert all(one["metric"]["namespace"] == "mail" for one in series)


def test_a_changed_configuration_needs_no_restart() -> None:
    """The pods stay when the configuration changes, unless the operator wants it otherwise."""
    one, other = ({"config": {"endpoints": [{"target": f"{name}.example:587"}]}} for name in ("a", "b"))
    assert pod(render(one)) == pod(render(other))
    again = {"rolloutOnConfigChange": True}
    first, second = (workload(render({**values, **again}))["spec"]["template"] for values in (one, other))
    assert first["metadata"] != second["metadata"]
    assert first["spec"] == second["spec"]


def test_secrets_stay_out_of_the_pod() -> None:
    """Neither arguments nor variables carry anything of the configuration."""
    values = {
        "config": {
            "endpoints": [{"target": "a.example:587", "auth": {"username": "u", "password": "s3cret"}}]
        },
        "webConfig": WEB["basic auth"],
    }
    manifests = render(values)
    told = json.dumps([one for one in manifests if one["kind"] != "Secret"])
    assert "s3cret" not in told
    assert HASH not in told
