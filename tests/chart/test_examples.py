"""Every example of ci/, one a feature: linted, rendered and validated with both Helms."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

import exporter
from tests.chart.rendering import (
    CHART,
    EXAMPLES,
    HELMS,
    KUBERNETES,
    NEWEST,
    Manifest,
    Validator,
    helm,
    of_kind,
    policy,
    render,
)


def _sorted(manifests: list[Manifest]) -> list[Manifest]:
    return sorted(manifests, key=lambda one: (one["kind"], one["metadata"]["name"]))


every_example = pytest.mark.parametrize(
    "example", EXAMPLES, ids=lambda path: path.name.removesuffix("-values.yaml")
)


def test_there_are_enough_examples() -> None:
    """At least forty, each with a word about what it is for."""
    assert len(EXAMPLES) >= 40
    assert all(example.read_text().startswith("# ") for example in EXAMPLES)


@every_example
def test_an_example_passes_lint(example: Path) -> None:
    """`helm lint --strict` finds nothing, in either version."""
    for version in HELMS:
        done = helm(version, "lint", "--strict", "--quiet", str(CHART), f"--values={example}")
        assert (done.returncode, done.stdout + done.stderr) == (0, "")


@every_example
def test_an_example_renders_valid_manifests(example: Path, validator: Validator) -> None:
    """Both Helms render the same, and every manifest is valid for three Kubernetes versions."""
    rendered = {kubernetes: render(example, kubernetes=kubernetes) for kubernetes in KUBERNETES}
    for kubernetes, manifests in rendered.items():
        assert validator.complaints(manifests, kubernetes) == []
    assert _sorted(render(example, HELMS[0], "1.31")) == _sorted(rendered["1.31"])


@every_example
def test_objects_are_named_once_and_labelled(example: Path) -> None:
    """No two objects share kind, namespace and name; all but the user's own carry the standard labels."""
    manifests = render(example)
    names = [(one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"]) for one in manifests]
    assert len(names) == len(set(names))
    for one in manifests:
        assert len(one["metadata"]["name"]) <= 63 or one["kind"] in {"ConfigMap", "PrometheusRule", "Probe"}
        if "namespace" in one["metadata"]:
            labels = one["metadata"]["labels"]
            assert labels["app.kubernetes.io/instance"] == "probe"
            assert labels["app.kubernetes.io/managed-by"] == "Helm"


def test_the_chart_is_of_the_program_s_version() -> None:
    """`appVersion`, the image's tag, is the version of the exporter beside it."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["appVersion"] == exporter.__version__
    assert f":{exporter.__version__}\n" in chart["annotations"]["artifacthub.io/images"]


@pytest.mark.parametrize("version", HELMS)
def test_an_old_kubernetes_is_refused(version: str) -> None:
    """The chart says from which version on it works."""
    done = helm(version, "template", "probe", str(CHART), "--kube-version=1.24.0")
    assert done.returncode != 0
    assert "chart requires kubeVersion: >=1.25.0-0" in done.stderr


@pytest.mark.parametrize("version", HELMS)
def test_the_chart_can_be_packed(version: str, tmp_path: Path) -> None:
    """`helm package` makes an archive that renders like the folder."""
    done = helm(version, "package", str(CHART), f"--destination={tmp_path}")
    assert done.returncode == 0, done.stderr
    (archive,) = tmp_path.glob("*.tgz")
    # Helm keeps a release, archive included, in an object of at most 1 MiB.
    assert archive.stat().st_size < 500_000
    unpacked = helm(version, "template", "probe", str(archive), "--set=dashboards.enabled=true")
    folder = helm(version, "template", "probe", str(CHART), "--set=dashboards.enabled=true")
    assert unpacked.stdout == folder.stdout


def test_the_tests_of_the_chart_ask_the_service() -> None:
    """`helm test` runs a pod that the Service does not select and that the NetworkPolicy lets in."""
    values = {
        "networkPolicy": {
            "enabled": True,
            "ingress": {"from": [{"podSelector": {"matchLabels": {"a": "b"}}}]},
        }
    }
    manifests = render(values, NEWEST)
    (test,) = of_kind(manifests, "Pod")
    (service,) = of_kind(manifests, "Service")
    labels = test["metadata"]["labels"]
    assert test["metadata"]["annotations"]["helm.sh/hook"] == "test"
    assert not service["spec"]["selector"].items() <= labels.items()
    peers = policy(manifests)["spec"]["ingress"][0]["from"]
    assert any(peer["podSelector"]["matchLabels"].items() <= labels.items() for peer in peers)
