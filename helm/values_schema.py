# ruff: noqa: INP001 - a script beside the chart, not a package
"""The schema of the chart's values: what a person may set, and nothing else.

JSON Schema draft-07, the draft that Helm 3 and Helm 4 both enforce.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

# As Prometheus reads them: largest unit first, each once.
DURATION = "^(0|([0-9]+y)?([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?)$"
SIMPLE_DURATION: Schema = {"type": "string", "pattern": "^[1-9][0-9]*(ms|s|m|h)$"}
PORT: Schema = {"type": "integer", "minimum": 1, "maximum": 65535}
PORT_OR_NONE: Schema = {"type": "integer", "minimum": 0, "maximum": 65535}
SWITCH: Schema = {"type": "boolean"}
TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer", "minimum": 0}
# Names of objects (RFC 1123 subdomain), where empty stands for "none" or "the default".
OBJECT_NAME: Schema = {
    "type": "string",
    "maxLength": 253,
    "pattern": "^([a-z0-9]([a-z0-9.-]*[a-z0-9])?)?$",
}
SET_OBJECT_NAME: Schema = {**OBJECT_NAME, "minLength": 1}
SHORT_NAME: Schema = {"type": "string", "maxLength": 63, "pattern": "^([a-z0-9]([a-z0-9-]*[a-z0-9])?)?$"}
KEY: Schema = {"type": "string", "minLength": 1, "maxLength": 253, "pattern": "^[A-Za-z0-9._-]+$"}
KEY_OR_NONE: Schema = {**KEY, "minLength": 0, "pattern": "^[A-Za-z0-9._-]*$"}
_QUALIFIED = r"^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$"
LABELS: Schema = {
    "type": "object",
    "propertyNames": {"pattern": _QUALIFIED},
    "additionalProperties": {
        "type": "string",
        "maxLength": 63,
        "pattern": "^([A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?)?$",
    },
}
ANNOTATIONS: Schema = {
    "type": "object",
    "propertyNames": {"pattern": _QUALIFIED},
    "additionalProperties": {"type": "string"},
}
PROMETHEUS_LABELS: Schema = {
    "type": "object",
    "propertyNames": {"pattern": "^[a-zA-Z_][a-zA-Z0-9_]*$"},
    "additionalProperties": {"type": "string"},
}
URL: Schema = {"type": "string", "pattern": "^(https?://[^\\s]+)?$"}
NUMBER_OR_PERCENTAGE: Schema = {
    "anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": "^([0-9]+%)?$"}]
}
# An amount as Kubernetes writes it: 0.5, 100m, 64Mi.
QUANTITY: Schema = {
    "anyOf": [
        {"type": "integer", "minimum": 0},
        {"type": "string", "pattern": "^[0-9]+([.][0-9]+)?(m|[kMGTPE]|[KMGTPE]i)?$"},
    ]
}
FREE: Schema = {"type": "object"}


def mapping(required: tuple[str, ...] = (), /, **properties: Schema) -> Schema:
    """A mapping with these keys and no others."""
    schema: Schema = {"type": "object", "additionalProperties": False, "properties": properties}
    return {**schema, "required": list(required)} if required else schema


def listing(items: Schema) -> Schema:
    """A list of such values."""
    return {"type": "array", "items": items}


def unique(items: Schema) -> Schema:
    """A list of such values, each once."""
    return {"type": "array", "items": items, "uniqueItems": True}


def words(*values: str) -> Schema:
    """One of these words."""
    return {"type": "string", "enum": list(values)}


def kube(name: str) -> Schema:
    """A value as Kubernetes defines it; may be empty."""
    return {"$ref": f"#/definitions/{name}"}


def duration(*, optional: bool = False) -> Schema:
    """A duration as Prometheus writes it."""
    return {"type": "string", "pattern": DURATION, "minLength": 0 if optional else 1}


def image() -> Schema:
    """Where an image lies."""
    return mapping(
        registry=TEXT,
        repository={"type": "string", "minLength": 1},
        tag={"type": "string", "pattern": "^([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?$"},
        digest={"type": "string", "pattern": "^(sha256:[0-9a-f]{64})?$"},
        pullPolicy=words("Always", "IfNotPresent", "Never"),
    )


def probe() -> Schema:
    """A probe of the kubelet; the chart fills in how."""
    positive = {"type": "integer", "minimum": 1}
    return mapping(
        enabled=SWITCH,
        initialDelaySeconds=COUNT,
        periodSeconds=positive,
        timeoutSeconds=positive,
        failureThreshold=positive,
        successThreshold={"const": 1},
        terminationGracePeriodSeconds=positive,
    )


def relabelings() -> Schema:
    """Relabel configurations as the Prometheus Operator spells them."""
    actions = ("replace", "keep", "drop", "hashmod", "labelmap", "labeldrop", "labelkeep")
    return listing(
        mapping(
            sourceLabels=listing({"type": "string", "pattern": "^[a-zA-Z_][a-zA-Z0-9_]*$"}),
            separator=TEXT,
            targetLabel=TEXT,
            regex=TEXT,
            modulus={"type": "integer", "minimum": 1},
            replacement=TEXT,
            action=words(*actions, "lowercase", "uppercase", "keepequal", "dropequal"),
        )
    )


def tls_config() -> Schema:
    """TLS of a scrape as the Prometheus Operator spells it."""
    selector = mapping(("key",), name=SET_OBJECT_NAME, key=KEY, optional=SWITCH)
    either = mapping(secret=selector, configMap=selector)
    return mapping(
        ca=either,
        cert=either,
        keySecret=selector,
        caFile=TEXT,
        certFile=TEXT,
        keyFile=TEXT,
        serverName=TEXT,
        insecureSkipVerify=SWITCH,
        minVersion=words("TLS10", "TLS11", "TLS12", "TLS13"),
        maxVersion=words("TLS10", "TLS11", "TLS12", "TLS13"),
    )


def mounted(name: str) -> Schema:
    """An existing Secret or ConfigMap that is mounted."""
    return listing(
        mapping(
            (name,),
            **{name: {**SET_OBJECT_NAME, "maxLength": 200}},
            items=listing(kube("KeyToPath")),
            optional=SWITCH,
        )
    )


def rules(alerts: tuple[str, ...]) -> Schema:
    """The PrometheusRule, with a switch for each of the alerts that the project has."""
    change = mapping(
        enabled=SWITCH,
        severity={"type": "string", "minLength": 1},
        **{"for": duration()},
        keepFiringFor=duration(),
        labels=PROMETHEUS_LABELS,
        annotations=PROMETHEUS_LABELS,
    )
    rule = mapping(
        ("expr",),
        record=TEXT,
        alert=TEXT,
        expr={"anyOf": [TEXT, {"type": "integer"}]},
        **{"for": duration()},
        keep_firing_for=duration(),
        labels=PROMETHEUS_LABELS,
        annotations=PROMETHEUS_LABELS,
    )
    group = mapping(
        ("name", "rules"),
        name={"type": "string", "minLength": 1},
        interval=duration(),
        limit=COUNT,
        rules=listing(rule),
    )
    return mapping(
        enabled=SWITCH,
        namespace=OBJECT_NAME,
        labels=LABELS,
        annotations=ANNOTATIONS,
        recordingRules=SWITCH,
        alertLabels=PROMETHEUS_LABELS,
        alerts=mapping(**dict.fromkeys(alerts, change)),
        runbookUrl=URL,
        grafanaUrl=URL,
        additionalGroups=listing(group),
    )
