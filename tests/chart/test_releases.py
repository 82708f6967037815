"""One chart, many releases: whatever they are called, below a parent, upgraded, and on clusters with rules of their own."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.rendering import (
    CHART,
    HELMS,
    NEWEST,
    Manifest,
    RefusedError,
    Validator,
    helm,
    of_kind,
    pod,
    render,
    workload,
)

EVERYTHING: dict[str, Any] = yaml.safe_load((CHART / "ci" / "everything-values.yaml").read_text())
# RFC 1035, as Kubernetes wants it of a Service.
SERVICE = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
RELEASES = [
    "a",
    "mail.example.com",
    "l" * 53,
    "x." * 26 + "x",
]


def names(manifests: list[Manifest]) -> set[tuple[str, str]]:
    """Kind and name of every object."""
    return {(one["kind"], one["metadata"]["name"]) for one in manifests}


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("more", [{}, {"nameOverride": "mail-probe"}], ids=["", "nameOverride"])
def test_every_release_has_names_that_kubernetes_takes(
    release: str, more: dict[str, Any], validator: Validator
) -> None:
    """Dots and length included; a StatefulSet's revision still fits into a label."""
    manifests = render({**EVERYTHING, **more}, release=release)
    assert validator.complaints(manifests, "1.31") == []
    for service in of_kind(manifests, "Service"):
        assert SERVICE.fullmatch(service["metadata"]["name"])
    assert len(workload(manifests)["metadata"]["name"]) + len("-0123456789") <= 63
    for one in manifests:
        for value in one["metadata"].get("labels", {}).values():
            assert re.fullmatch(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?", value)


def test_a_release_that_begins_with_a_digit_is_told() -> None:
    """A Service may not; the remedy works."""
    with pytest.raises(RefusedError, match=r'"1st-submission-exporter".*set fullnameOverride'):
        render({}, release="1st")
    assert render({"fullnameOverride": "first"}, release="1st")


def test_two_releases_share_a_namespace() -> None:
    """No object of the one is an object of the other, and no selector finds the other's pods."""
    one, other = render(EVERYTHING, release="one"), render(EVERYTHING, release="other")
    assert not names(one) & names(other)
    selector = workload(one)["spec"]["selector"]["matchLabels"]
    assert not selector.items() <= workload(other)["spec"]["template"]["metadata"]["labels"].items()


def parent(folder: Path, *, alias: str = "") -> Path:
    """A chart that depends on this one, which it switches by a condition."""
    key = alias or "submission-exporter"
    dependency = {"name": "submission-exporter", "version": "*", "condition": f"{key}.enabled"}
    dependency |= {"alias": alias} if alias else {}
    (folder / "charts").mkdir()
    shutil.copytree(CHART, folder / "charts" / "submission-exporter")
    (folder / "Chart.yaml").write_text(
        json.dumps({"apiVersion": "v2", "name": "parent", "version": "1.0.0", "dependencies": [dependency]})
    )
    return folder


@pytest.mark.parametrize("version", HELMS)
@pytest.mark.parametrize("alias", ["", "mailProbe"])
def test_it_is_a_part_of_another_chart(
    alias: str, version: str, tmp_path: Path, validator: Validator
) -> None:
    """With a condition, an alias in capitals, and globals that belong to others."""
    chart = parent(tmp_path, alias=alias)
    values = {
        "global": {
            "imageRegistry": "mirror.example.com/",
            "imagePullSecrets": [{"name": "mirror"}],
            "storageClass": "fast",
        },
        alias or "submission-exporter": {"enabled": True, "image": {"pullSecrets": ["ours", "mirror"]}},
    }
    manifests = render(values, version, chart=chart)
    assert validator.complaints(manifests, "1.31") == []
    assert pod(manifests)["imagePullSecrets"] == [{"name": "mirror"}, {"name": "ours"}]
    (container,) = pod(manifests)["containers"]
    assert container["image"].startswith("mirror.example.com/submission-exporter/submission-exporter:")
    values[alias or "submission-exporter"] = {"enabled": False}
    assert render(values, version, chart=chart) == []


KINDS: list[dict[str, Any]] = [
    {"kind": "StatefulSet"},
    {"kind": "StatefulSet", "replicas": 3},
    {"sharding": {"enabled": True}, "replicas": 3},
    {"sharding": {"enabled": True}, "replicas": 5, "minReadySeconds": 5},
]


def test_sharding_comes_and_goes() -> None:
    """From one replica to shards and back nothing changes that the API server lets nobody change."""
    changeable = {"replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit"}
    changeable |= {"persistentVolumeClaimRetentionPolicy", "minReadySeconds"}
    fixed = [
        {key: value for key, value in workload(render(values))["spec"].items() if key not in changeable}
        for values in KINDS
    ]
    assert fixed[1:] == fixed[:-1]
    # A Deployment is another kind: it is replaced, and its pods have the same labels and the same Service.
    selectors = {json.dumps(workload(render(values))["spec"]["selector"]) for values in ({}, *KINDS)}
    assert len(selectors) == 1


def test_openshift_chooses_the_user() -> None:
    """`null` takes user and group away; without a known group the mounted Secrets are readable for the pod all the same."""
    values = {
        "podSecurityContext": {"runAsUser": None, "runAsGroup": None, "fsGroup": None},
        "securityContext": {"runAsUser": None, "runAsGroup": None},
        "serviceAccount": {"create": False, "name": "prober"},
    }
    for version in HELMS:
        manifests = render(values, version)
        specs = [pod(manifests), *(one["spec"] for one in of_kind(manifests, "Pod"))]
        for spec in specs:
            assert "runAsUser" not in json.dumps(spec)
            assert spec["securityContext"]["runAsNonRoot"] is True
            assert spec["volumes"][0]["secret"]["defaultMode"] == 0o444
            # What constraint and pull secrets the exporter has, the test has.
            assert spec["serviceAccountName"] == "prober"
    chosen = {"podSecurityContext": {"runAsUser": 1000680000, "fsGroup": 1000680000}}
    assert pod(render(chosen))["securityContext"]["runAsUser"] == 1000680000


def test_a_quota_counts_the_test_too() -> None:
    """Where pods without requests are refused, `helm test` has those of the exporter."""
    amounts = {"requests": {"cpu": "20m", "memory": "80Mi"}}
    (test,) = of_kind(render({"resources": amounts}), "Pod")
    for container in [*test["spec"]["initContainers"], *test["spec"]["containers"]]:
        assert container["resources"] == amounts


def test_pods_are_spread_by_their_own_labels() -> None:
    """A constraint without a selector counts no pods at all; one with a selector stays."""
    bare = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}
    theirs = {**bare, "topologyKey": "host", "labelSelector": {"matchLabels": {"a": "b"}}}
    manifests = render({"topologySpreadConstraints": [bare, theirs]})
    selector = workload(manifests)["spec"]["selector"]
    assert pod(manifests)["topologySpreadConstraints"] == [{**bare, "labelSelector": selector}, theirs]


def test_an_operator_s_own_tls_settings_are_added_to() -> None:
    """A client certificate for the scrape leaves authority and name as they are, unless they are given."""
    tls = {"enabled": True, "secretName": "x", "clientAuthType": "RequireAnyClientCert"}
    client = {
        "cert": {"secret": {"name": "c", "key": "tls.crt"}},
        "keySecret": {"name": "c", "key": "tls.key"},
    }
    both = {"webConfig": {"tls": tls}, "serviceMonitor": {"enabled": True, "tlsConfig": client}}
    (monitor,) = of_kind(render(both), "ServiceMonitor")
    assert monitor["spec"]["endpoints"][0]["tlsConfig"] == {
        **client,
        "ca": {"secret": {"name": "x", "key": "ca.crt"}},
        "serverName": "probe-submission-exporter.mail.svc",
    }
    blind = {
        "serviceMonitor": {
            "enabled": True,
            "tlsConfig": {**client, "insecureSkipVerify": True, "serverName": "y"},
        }
    }
    (monitor,) = of_kind(render({**both, **blind}), "ServiceMonitor")
    assert monitor["spec"]["endpoints"][0]["tlsConfig"] == blind["serviceMonitor"]["tlsConfig"]


def test_rules_of_diagnosis_restart_the_pods_too() -> None:
    """`rolloutOnConfigChange` holds for what the chart makes, also beside a configuration of somebody else."""
    values = {"rolloutOnConfigChange": True, "configExistingSecret": "ours"}
    one, other = (
        workload(render({**values, "rulesFiles": {"a.yml": text}}))["spec"]["template"]["metadata"]
        for text in ("rules: []", "rules: [] # changed")
    )
    assert one != other


def notes(values: dict[str, Any], folder: Path) -> str:
    """What is said after an installation; Helm 3 says nothing without a cluster."""
    file = folder / "values.json"
    file.write_text(json.dumps(values))
    done = helm(NEWEST, "install", "probe", str(CHART), "--dry-run=client", f"--values={file}")
    assert done.returncode == 0, done.stderr
    return done.stdout.partition("NOTES:")[2]


GROUPS = {"enabled": True, "groups": [{"name": "g", "targets": ["a:25"]}]}
SAID: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("probes nothing yet", {}, {"probe": GROUPS}),
    (
        "probes nothing yet",
        {"probe": {**GROUPS, "enabled": False}},
        {"config": {"endpoints": [{"target": "a:25"}]}},
    ),
    ("probes nothing yet", {}, {"config": {"global": {"endpoint_files": ["x.yml"]}}}),
    ("asks for probes alone", {"probe": GROUPS}, {"probe": GROUPS, "serviceMonitor": {"enabled": True}}),
    (
        "they are left out: ",
        {"prometheusRule": {"enabled": True, "recordingRules": False}},
        {"prometheusRule": {"enabled": True, "recordingRules": "elsewhere"}},
    ),
    (
        "cannot be drained",
        {"podDisruptionBudget": {"enabled": True, "minAvailable": 1}},
        {"podDisruptionBudget": {"enabled": True, "minAvailable": 1}, "replicas": 2},
    ),
    (
        "cannot be drained",
        {"podDisruptionBudget": {"enabled": True, "maxUnavailable": 0}},
        {"podDisruptionBudget": {"enabled": True}},
    ),
    (
        "does not hold for pods in the network of their node",
        {"networkPolicy": {"enabled": True}, "hostNetwork": True},
        {"networkPolicy": {"enabled": True}},
    ),
    (
        "cannot read config.global.endpoint_files",
        {"networkPolicy": {"enabled": True}, "config": {"global": {"endpoint_files": ["x.yml"]}}},
        {"networkPolicy": {"enabled": True}},
    ),
]


@pytest.mark.parametrize(("words", "when", "otherwise"), SAID)
def test_the_notes_say_what_to_know(
    words: str, when: dict[str, Any], otherwise: dict[str, Any], tmp_path: Path
) -> None:
    """And only where it holds."""
    assert words in notes(when, tmp_path)
    assert words not in notes(otherwise, tmp_path)
