"""What the pods may do: what Pod Security Admission calls `restricted`, and nothing from the API server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.chart.rendering import EXAMPLES, Manifest, of_kind, pod, render, workload

ESCAPES = {"hostNetwork", "hostPID", "hostIPC"}


def pods(manifests: list[Manifest]) -> list[dict[str, Any]]:
    """The specifications of the exporter's pods and of the test's."""
    return [pod(manifests), *(one["spec"] for one in of_kind(manifests, "Pod"))]


def ours(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """The containers that are not the user's own."""
    every = [*spec.get("initContainers", ()), *spec["containers"]]
    return [one for one in every if one["name"] not in {"before", "beside"}]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_every_container_is_restricted(example: Path) -> None:
    """Not root, no privileges, no capabilities, the default seccomp profile, a read-only root."""
    for spec in pods(render(example)):
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] == 65532
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in ours(spec):
            context = container["securityContext"]
            assert context["runAsNonRoot"] is True
            assert context["allowPrivilegeEscalation"] is False
            assert context["readOnlyRootFilesystem"] is True
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert context["seccompProfile"] == {"type": "RuntimeDefault"}
            assert context.get("privileged", False) is False
        if example.name != "daemonset-values.yaml":
            assert not ESCAPES & set(spec)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_nothing_is_asked_of_the_api_server(example: Path) -> None:
    """No role is bound, and no token mounted unless the operator says so."""
    manifests = render(example)
    assert not [one for one in manifests if "Role" in one["kind"]]
    wanted = example.name == "service-account-annotations-values.yaml"
    assert pod(manifests)["automountServiceAccountToken"] is wanted


def test_mounted_secrets_are_readable_by_the_pod_s_group_only() -> None:
    """0440, root's, and the group of the pod's user."""
    manifests = render({"credentials": [{"secretName": "x"}], "configExistingSecret": "y"})
    spec = pod(manifests)
    assert spec["securityContext"]["fsGroup"] == 65532
    for volume in spec["volumes"]:
        assert volume["secret"]["defaultMode"] == 0o440


def test_startup_liveness_and_readiness_are_three_questions() -> None:
    """A slow start has a minute, a hung loop is restarted, and only readiness asks whether probes run."""
    (container,) = pod(render({}))["containers"]
    assert container["startupProbe"]["httpGet"]["path"] == "/-/healthy"
    assert container["livenessProbe"]["httpGet"]["path"] == "/-/healthy"
    assert container["readinessProbe"]["httpGet"]["path"] == "/-/ready"
    startup = container["startupProbe"]
    assert startup["periodSeconds"] * startup["failureThreshold"] >= 60
    liveness = container["livenessProbe"]
    assert liveness["periodSeconds"] * liveness["failureThreshold"] >= 60


def test_selectors_hold_no_version() -> None:
    """What a Deployment selects can never be changed, so nothing in it changes with a release."""
    manifests = render({})
    selector = workload(manifests)["spec"]["selector"]["matchLabels"]
    assert set(selector) == {"app.kubernetes.io/name", "app.kubernetes.io/instance"}
    assert selector.items() <= workload(manifests)["spec"]["template"]["metadata"]["labels"].items()


def test_one_service_is_scraped() -> None:
    """The headless Service of a StatefulSet has the same pods: the ServiceMonitor passes it by."""
    manifests = render({"sharding": {"enabled": True}, "serviceMonitor": {"enabled": True}})
    (monitor,) = of_kind(manifests, "ServiceMonitor")
    selector = monitor["spec"]["selector"]
    (unwanted,) = (one["key"] for one in selector["matchExpressions"])
    chosen = [
        one["metadata"]["name"]
        for one in of_kind(manifests, "Service")
        if selector["matchLabels"].items() <= one["metadata"]["labels"].items()
        and unwanted not in one["metadata"]["labels"]
    ]
    assert chosen == ["probe-submission-exporter"]
