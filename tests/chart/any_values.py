"""Values that the chart's schema allows, made at random from the schema itself.

Strings without a pattern are the ones that unquoted YAML takes for something else.  What Kubernetes defines is
drawn from a few whole examples: its schemas allow more than Kubernetes does.
"""

from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import strategies as st

from tests.chart.rendering import CHART

Schema = dict[str, Any]
SCHEMA: Schema = json.loads((CHART / "values.schema.json").read_text())
TRICKY = [
    "",
    "plain",
    "true",
    "null",
    "12",
    "1e3",
    "0x1f",
    "a: b",
    "# no",
    "- x",
    "{{ x }}",
    "*x",
    "'",
    '"',
    "é\n",
]
SELECTOR = {"matchLabels": {"a": "b"}}
FIELD = {"fieldRef": {"fieldPath": "spec.nodeName"}}

EXAMPLES: dict[str, list[Any]] = {
    "Affinity": [{}, {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}}],
    "Container": [{"name": "x", "image": "x:1"}],
    "DaemonSetUpdateStrategy": [{}],
    "DeploymentStrategy": [{}, {"type": "Recreate"}],
    "EnvFromSource": [{"secretRef": {"name": "x"}}],
    "EnvVar": [{"name": "X", "value": "12"}, {"name": "NODE", "valueFrom": FIELD}],
    "HostAlias": [{"ip": "192.0.2.1", "hostnames": ["x"]}],
    "IngressTLS": [{"hosts": ["x.example"], "secretName": "x"}],
    "NetworkPolicyEgressRule": [{}, {"ports": [{"port": 443}]}],
    "NetworkPolicyIngressRule": [{}, {"from": [{"podSelector": SELECTOR}]}],
    "NetworkPolicyPeer": [{"ipBlock": {"cidr": "192.0.2.0/24"}}, {"namespaceSelector": SELECTOR}],
    "PodDNSConfig": [{}, {"nameservers": ["192.0.2.53"]}],
    "PodSecurityContext": [{}, {"fsGroup": 1}],
    "ResourceRequirements": [{}, {"limits": {"cpu": 1, "memory": "64Mi"}}],
    "SecurityContext": [{}, {"runAsUser": 1000}],
    "StatefulSetUpdateStrategy": [{}, {"type": "OnDelete"}],
    "Toleration": [{"operator": "Exists"}, {"key": "x", "value": "12", "effect": "NoSchedule"}],
    "TopologySpreadConstraint": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}],
    "Volume": [{"name": "x", "emptyDir": {}}],
    "VolumeMount": [{"name": "x", "mountPath": "/x", "subPath": "12"}],
    "apimachinery.pkg.api.resource.Quantity": [1, "100m"],
}
# Mappings that the schema leaves to others.
FREE = {
    "httpRoute.matches": {"path": {"type": "Exact", "value": "/"}},
    "httpRoute.filters": {"type": "RequestHeaderModifier"},
    "serviceMonitor.extra": {"honorTimestamps": False},
    "extraManifests": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}},
}
ENDPOINTS = [
    {"target": "mail.example.com:2587"},
    {"target": "[2001:db8::1]:465", "name": "12", "labels": {"a": "1e3"}},
]
CONFIGURATIONS: list[dict[str, Any]] = [
    {},
    {"endpoints": ENDPOINTS},
    {"global": {"follow_up": {"enabled": False}, "labels": {"site": "true"}}},
    {"global": {"resolver": {"nameservers": ["192.0.2.1:5353"]}}, "modules": {"x": {"until": "tls"}}},
]


def any_values() -> st.SearchStrategy[dict[str, Any]]:
    """Any values: most of them left at their default."""
    return _mapping(SCHEMA, "")


def _any(schema: Schema, path: str) -> st.SearchStrategy[Any]:
    if path == "config":
        return st.sampled_from(CONFIGURATIONS)
    if path in FREE and schema.get("type") != "array":
        return st.just(FREE[path])
    if "$ref" in schema:
        return st.sampled_from(EXAMPLES[schema["$ref"].removeprefix("#/definitions/")])
    if "anyOf" in schema:
        return st.one_of(*(_any(one, path) for one in schema["anyOf"]))
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "const" in schema:
        return st.just(schema["const"])
    match schema["type"]:
        case "boolean":
            return st.booleans()
        case "integer":
            return st.integers(schema.get("minimum", 0), schema.get("maximum", 1_000_000_000))
        case "string":
            return _text(schema)
        case "array":
            items = _any(schema["items"], path)
            unique = json.dumps if schema.get("uniqueItems") else None
            return st.lists(items, min_size=schema.get("minItems", 0), max_size=2, unique_by=unique)
        case _:
            return _mapping(schema, path)


def _mapping(schema: Schema, path: str) -> st.SearchStrategy[dict[str, Any]]:
    if isinstance(schema.get("additionalProperties"), dict):
        names = _text({"type": "string", **schema.get("propertyNames", {})})
        return st.dictionaries(names, _any(schema["additionalProperties"], path), max_size=2)
    required = schema.get("required", ())
    inner = {
        name: _any(one, f"{path}.{name}" if path else name)
        for name, one in schema.get("properties", {}).items()
    }
    return st.fixed_dictionaries(
        {name: inner[name] for name in required},
        optional={name: one for name, one in inner.items() if name not in required},
    )


def _text(schema: Schema) -> st.SearchStrategy[str]:
    least, most = schema.get("minLength", 0), schema.get("maxLength", 40)
    if "pattern" not in schema:
        return st.sampled_from([text for text in TRICKY if len(text) >= least])
    pattern = re.compile(schema["pattern"])
    fitting = [
        text for text in TRICKY if pattern.search(text) and least <= len(text) <= most and "\n" not in text
    ]
    made = st.from_regex(schema["pattern"], alphabet=st.characters(codec="ascii", exclude_categories=["Cc"]))
    made = made.filter(lambda text: least <= len(text) <= most and "\n" not in text)
    return st.one_of(st.sampled_from(fitting), made) if fitting else made
