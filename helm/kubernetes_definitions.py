# ruff: noqa: INP001 - a script beside the chart, not a package
"""Kubernetes' own definitions of what the chart passes on, taken from the newest version known here."""

from __future__ import annotations

import json
import re
from importlib import resources
from typing import Any

KUBERNETES = "1.37.0"

# The short names under which the values' schema speaks of them.
NAMES = {
    "Affinity": "core.v1.Affinity",
    "Container": "core.v1.Container",
    "DaemonSetUpdateStrategy": "apps.v1.DaemonSetUpdateStrategy",
    "DeploymentStrategy": "apps.v1.DeploymentStrategy",
    "EnvFromSource": "core.v1.EnvFromSource",
    "EnvVar": "core.v1.EnvVar",
    "HostAlias": "core.v1.HostAlias",
    "IngressTLS": "networking.v1.IngressTLS",
    "NetworkPolicyEgressRule": "networking.v1.NetworkPolicyEgressRule",
    "NetworkPolicyIngressRule": "networking.v1.NetworkPolicyIngressRule",
    "NetworkPolicyPeer": "networking.v1.NetworkPolicyPeer",
    "PodDNSConfig": "core.v1.PodDNSConfig",
    "PodSecurityContext": "core.v1.PodSecurityContext",
    "ResourceRequirements": "core.v1.ResourceRequirements",
    "SecurityContext": "core.v1.SecurityContext",
    "StatefulSetUpdateStrategy": "apps.v1.StatefulSetUpdateStrategy",
    "Toleration": "core.v1.Toleration",
    "TopologySpreadConstraint": "core.v1.TopologySpreadConstraint",
    "Volume": "core.v1.Volume",
    "VolumeMount": "core.v1.VolumeMount",
}
_REFERENCE = re.compile(r'"[^"]*#/\$defs/io\.k8s\.([\w.\-]+)"')


def kubernetes_definitions() -> dict[str, Any]:
    """Definitions by name, complete in themselves, unknown keys refused, prose left out."""
    folder = resources.files("kubernetes_validate") / "kubernetes-json-schema" / f"v{KUBERNETES}-local-strict"
    known = json.loads((folder / "_definitions.json").read_text())["$defs"]
    found: dict[str, Any] = {}
    wanted = [f"api.{name}" for name in NAMES.values()]
    while wanted:
        name = wanted.pop()
        if name not in found:
            found[name] = _bare(known[f"io.k8s.{name}"])
            wanted += _REFERENCE.findall(json.dumps(found[name]))
    short = {f"api.{long}": short for short, long in NAMES.items()}
    text = json.dumps(dict(sorted(found.items())))
    text = _REFERENCE.sub(lambda match: f'"#/definitions/{short.get(match[1], match[1])}"', text)
    return {short.get(name, name): definition for name, definition in json.loads(text).items()}


def _bare(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _bare(inner)
            for key, inner in value.items()
            # Validators differ in which formats they know; `x-` keys say what no validator reads.
            if not (key == "description" and isinstance(inner, str))
            and not (key == "format" and isinstance(inner, str))
            and not key.startswith("x-")
        }
    return [_bare(inner) for inner in value] if isinstance(value, list) else value
