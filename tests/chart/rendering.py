"""The chart through real Helm binaries, and its manifests through the validators."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "helm" / "submission-exporter"
CACHE = ROOT / ".cache"
PYTHON = CACHE / "chart-venv" / "bin" / "python"
HELMS = ("3.17.2", "4.2.3")
NEWEST = HELMS[-1]
KUBERNETES = ("1.25", "1.31", "1.37")
EXAMPLES = sorted((CHART / "ci").glob("*-values.yaml"))
Manifest = dict[str, Any]


class RefusedError(Exception):
    """Helm would not render; its text is what Helm said."""


def helm(version: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one of the two binaries."""
    binary = CACHE / "helm" / version / "helm"
    if not binary.exists():
        pytest.fail(f"{binary} is missing: run `make tools`", pytrace=False)
    # It ends before its garbage is worth collecting: 120 MB at most.
    return subprocess.run(
        [binary, *arguments],
        capture_output=True, text=True, check=False, timeout=60, env=os.environ | {"GOGC": "off"},
    )  # fmt: skip


def render(
    values: Mapping[str, Any] | Path,
    version: str = NEWEST,
    kubernetes: str = "1.31",
    *,
    release: str = "probe",
    chart: Path = CHART,
) -> list[Manifest]:
    """The manifests of a release in namespace `mail`.  Raises `RefusedError`."""
    if isinstance(values, Path):
        return _render(values, version, kubernetes, release, chart)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as stream:
        json.dump(values, stream)
        stream.flush()
        return _render.__wrapped__(Path(stream.name), version, kubernetes, release, chart)


@functools.cache
def _render(values: Path, version: str, kubernetes: str, release: str, chart: Path) -> list[Manifest]:
    options = [f"--values={values}", f"--kube-version={kubernetes}.0", "--namespace=mail"]
    done = helm(version, "template", release, str(chart), *options)
    if done.returncode != 0:
        raise RefusedError(done.stderr)
    return [manifest for manifest in yaml.load_all(done.stdout, Loader=yaml.CSafeLoader) if manifest]


def of_kind(manifests: list[Manifest], kind: str) -> list[Manifest]:
    """Those of one kind."""
    return [manifest for manifest in manifests if manifest["kind"] == kind]


def workload(manifests: list[Manifest]) -> Manifest:
    """The Deployment, StatefulSet or DaemonSet."""
    (found,) = (one for one in manifests if one["kind"] in {"Deployment", "StatefulSet", "DaemonSet"})
    return found


def pod(manifests: list[Manifest]) -> dict[str, Any]:
    """The specification of its pods."""
    spec: dict[str, Any] = workload(manifests)["spec"]["template"]["spec"]
    return spec


def exporter(manifests: list[Manifest]) -> dict[str, Any]:
    """The exporter's container."""
    (found,) = (one for one in pod(manifests)["containers"] if one["name"] == "exporter")
    return dict(found)


def policy(manifests: list[Manifest]) -> Manifest:
    """The NetworkPolicy of the exporter's pods."""
    labels = workload(manifests)["spec"]["template"]["metadata"]["labels"]
    policies = of_kind(manifests, "NetworkPolicy")
    (found,) = (
        one for one in policies if one["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
    )
    return found


def configuration(manifests: list[Manifest]) -> str | None:
    """The exporter's configuration, when the chart makes it."""
    for manifest in manifests:
        for field in ("stringData", "data"):
            content = manifest.get(field, {})
            if "submission-exporter.yml" in content:
                return str(content["submission-exporter.yml"])
    return None


class Validator:
    """What the validators in the other environment say; each different manifest is looked at once."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._known: dict[str, list[str]] = {}

    def complaints(self, manifests: list[Manifest], kubernetes: str) -> list[str]:
        """Everything that is wrong with any of them for that version of Kubernetes."""
        lines = (json.dumps([kubernetes, manifest], sort_keys=True) for manifest in manifests)
        return [text for line in lines for text in self._of(line)]

    def _of(self, line: str) -> list[str]:
        if line not in self._known:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
            self._known[line] = json.loads(self._process.stdout.readline())
        return self._known[line]


@contextlib.contextmanager
def running_validator() -> Iterator[Validator]:
    """A validator, ended after the block."""
    if not PYTHON.exists():
        pytest.fail(f"{PYTHON} is missing: run `make tools`", pytrace=False)
    command = [PYTHON, Path(__file__).with_name("validator.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Validator(process)
