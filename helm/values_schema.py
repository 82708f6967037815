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
# The name of a file in a Secret or ConfigMap: neither `.` nor anything that begins with two dots.
_FILE = "[A-Za-z0-9_-][A-Za-z0-9._-]*|[.][A-Za-z0-9_-][A-Za-z0-9._-]*"
KEY: Schema = {"type": "string", "minLength": 1, "maxLength": 253, "pattern": f"^({_FILE})$"}
KEY_OR_NONE: Schema = {**KEY, "minLength": 0, "pattern": f"^({_FILE})?$"}
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
    "anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": "^((100|[1-9]?[0-9])%)?$"}]
}
_PORT = "[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]"
TARGET: Schema = {"type": "string", "pattern": f"^[^\\s]+:({_PORT})$"}
_NAME = "[a-z0-9]([a-z0-9-]*[a-z0-9])?"
# A host as Ingress and HTTPRoute take it, where `*.` stands for one name or more.
HOST: Schema = {"type": "string", "maxLength": 253, "pattern": f"^([*][.])?{_NAME}([.]{_NAME})*$"}
PATH: Schema = {"type": "string", "pattern": "^(/[^/\\s]+)*/?$", "minLength": 1}
_OCTET = "(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])"
_ADDRESS = f"{_OCTET}([.]{_OCTET}){{3}}|[0-9a-fA-F:]*:[0-9a-fA-F:]*(:{_OCTET}([.]{_OCTET}){{3}})?"
ADDRESS: Schema = {"type": "string", "pattern": f"^({_ADDRESS})$"}
CLUSTER_ADDRESS: Schema = {"type": "string", "pattern": f"^(None|{_ADDRESS})?$"}
NETWORK: Schema = {"type": "string", "pattern": f"^({_ADDRESS})/[0-9]{{1,3}}$"}
QUALIFIED_OR_NONE: Schema = {
    "type": "string",
    "pattern": f"^({_NAME}([.]{_NAME})*/[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?)?$",
}
# Where images lie: no scheme, and a slash at the end does not matter.
REGISTRY: Schema = {
    "type": "string",
    "pattern": "^([A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]+)?(/[a-z0-9][a-z0-9._/-]*)?/?)?$",
}
# Names, or references as other charts spell them.
PULL_SECRETS: Schema = {
    "type": "array",
    "items": {
        "anyOf": [
            {**OBJECT_NAME, "minLength": 1},
            {
                "type": "object",
                "additionalProperties": False,
                "properties": {"name": {**OBJECT_NAME, "minLength": 1}},
                "required": ["name"],
            },
        ]
    },
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
        registry=REGISTRY,
        repository={"type": "string", "pattern": "^[a-z0-9]+([._/-]+[a-z0-9]+)*$"},
        tag={"type": "string", "pattern": "^([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?$"},
        digest={"type": "string", "pattern": "^(sha256:[0-9a-f]{64})?$"},
        pullPolicy=words("Always", "IfNotPresent", "Never"),
    )


def probe(*, ends: bool = True) -> Schema:
    """A probe of the kubelet; the chart fills in how.  `ends`: its failure ends the container."""
    positive = {"type": "integer", "minimum": 1}
    last = {"terminationGracePeriodSeconds": positive} if ends else {}
    return mapping(
        enabled=SWITCH,
        initialDelaySeconds=COUNT,
        periodSeconds=positive,
        timeoutSeconds=positive,
        failureThreshold=positive,
        successThreshold={"const": 1} if ends else positive,
        **last,
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


def tls_config(*, files: bool) -> Schema:
    """TLS of a scrape as the Prometheus Operator spells it; a Probe knows no files of Prometheus' own."""
    selector = mapping(("key",), name=SET_OBJECT_NAME, key=KEY, optional=SWITCH)
    either = mapping(secret=selector, configMap=selector)
    return mapping(
        ca=either,
        cert=either,
        keySecret=selector,
        **dict.fromkeys(("caFile", "certFile", "keyFile") if files else (), TEXT),
        serverName=TEXT,
        insecureSkipVerify=SWITCH,
        minVersion=words("TLS10", "TLS11", "TLS12", "TLS13"),
        maxVersion=words("TLS10", "TLS11", "TLS12", "TLS13"),
    )


def mounted(name: str) -> Schema:
    """An existing Secret or ConfigMap that is mounted."""
    # Below the folder: no segment begins with two dots.
    segment = "([^/.][^/]*|[.][^/.][^/]*)"
    item = mapping(
        ("key", "path"),
        key=KEY,
        path={"type": "string", "pattern": f"^{segment}(/{segment})*$"},
        mode={"type": "integer", "minimum": 0, "maximum": 0o777},
    )
    return listing(
        mapping(
            (name,),
            **{name: {**SET_OBJECT_NAME, "maxLength": 200}},
            items=listing(item),
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
    expression: Schema = {"anyOf": [{**TEXT, "minLength": 1}, {"type": "integer"}]}
    recorded: Schema = {"type": "string", "pattern": "^[a-zA-Z_:][a-zA-Z0-9_:]*$"}
    record = mapping(("record", "expr"), record=recorded, expr=expression, labels=PROMETHEUS_LABELS)
    alert = mapping(
        ("alert", "expr"),
        alert={**TEXT, "minLength": 1},
        expr=expression,
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
        rules=listing({"anyOf": [record, alert]}),
    )
    return mapping(
        enabled=SWITCH,
        namespace=OBJECT_NAME,
        labels=LABELS,
        annotations=ANNOTATIONS,
        recordingRules={"enum": [True, False, "elsewhere"]},
        alertLabels=PROMETHEUS_LABELS,
        alerts=mapping(**dict.fromkeys(alerts, change)),
        runbookUrl=URL,
        grafanaUrl=URL,
        additionalGroups=listing(group),
    )
