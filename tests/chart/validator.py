"""Runs in .cache/chart-venv: `[version, manifest]` a line in, as JSON; a list of complaints a line out.

Kubernetes' own kinds go through kubernetes-validate (strict) for that version.  Those of the Prometheus
Operator go through their models and back: the models ignore unknown fields, so what does not come back was
misspelt.  A kind that nothing here knows is a complaint.
"""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Iterator
from typing import Any

import jsonschema
import pydantic
from cloudcoil.models.prometheus_operator import v1 as operator  # type: ignore[import-not-found]  # the other environment's
from kubernetes_validate import utils as kubernetes  # type: ignore[import-not-found]  # likewise

# The same file is read for every manifest otherwise.
kubernetes.schema_contents = functools.lru_cache(maxsize=None)(kubernetes.schema_contents)


def strict(required: tuple[str, ...] = (), /, **properties: Any) -> dict[str, Any]:
    """A mapping with these keys and no others."""
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "required": list(required),
    }


def listing(items: Any) -> dict[str, Any]:
    """A list that is not empty."""
    return {"type": "array", "items": items, "minItems": 1}


TEXT = {"type": "string", "minLength": 1}
PORT = {"type": "integer", "minimum": 1, "maximum": 65535}
DURATION = {"type": "string", "pattern": "^([0-9]+(ms|s|m|h))+$"}
AMOUNT = {"anyOf": [TEXT, {"type": "number"}]}
AMOUNTS = strict(cpu=AMOUNT, memory=AMOUNT)
LABELS = {"type": "object", "additionalProperties": {"type": "string"}}

# The part of these APIs that a chart of ours can use, after their references.
OTHERS: dict[tuple[str, str], dict[str, Any]] = {
    ("gateway.networking.k8s.io/v1", "HTTPRoute"): strict(
        ("parentRefs", "rules"),
        parentRefs=listing(
            strict(
                ("name",),
                group={"type": "string"},
                kind=TEXT,
                namespace=TEXT,
                name=TEXT,
                sectionName=TEXT,
                port=PORT,
            )
        ),
        hostnames=listing(TEXT),
        rules=listing(
            strict(
                backendRefs=listing(strict(("name", "port"), name=TEXT, port=PORT)),
                matches=listing(
                    strict(
                        path=strict(
                            type={"enum": ["Exact", "PathPrefix", "RegularExpression"]},
                            value={"type": "string", "pattern": "^/"},
                        ),
                        headers=listing({"type": "object"}),
                        queryParams=listing({"type": "object"}),
                        method=TEXT,
                    )
                ),
                filters=listing({"type": "object", "required": ["type"]}),
            )
        ),
    ),
    ("autoscaling.k8s.io/v1", "VerticalPodAutoscaler"): strict(
        ("targetRef",),
        targetRef=strict(
            ("apiVersion", "kind", "name"),
            apiVersion={"const": "apps/v1"},
            kind={"enum": ["Deployment", "StatefulSet", "DaemonSet"]},
            name=TEXT,
        ),
        updatePolicy=strict(updateMode={"enum": ["Off", "Initial", "Recreate", "Auto"]}),
        resourcePolicy=strict(
            containerPolicies=listing(
                strict(
                    containerName=TEXT,
                    controlledResources=listing({"enum": ["cpu", "memory"]}),
                    minAllowed=AMOUNTS,
                    maxAllowed=AMOUNTS,
                )
            )
        ),
    ),
    ("monitoring.googleapis.com/v1", "PodMonitoring"): strict(
        ("selector", "endpoints"),
        selector=strict(("matchLabels",), matchLabels=LABELS),
        endpoints=listing(
            strict(("port", "interval"), port=TEXT, path=TEXT, interval=DURATION, timeout=DURATION)
        ),
    ),
}


def complaints(version: str, manifest: dict[str, Any]) -> Iterator[str]:
    """What is wrong with a manifest for that version of Kubernetes."""
    api, kind = manifest.get("apiVersion", ""), manifest.get("kind", "")
    name = f"{kind}/{manifest.get('metadata', {}).get('name')}"
    if api == "monitoring.coreos.com/v1":
        yield from (f"{name}: {text}" for text in _operator(kind, manifest))
    elif (api, kind) in OTHERS:
        checker = jsonschema.Draft202012Validator(OTHERS[api, kind])
        yield from (
            f"{name}: {error.json_path}: {error.message}" for error in checker.iter_errors(manifest["spec"])
        )
    else:
        try:
            kubernetes.validate(manifest, version, strict=True)
        except kubernetes.SchemaNotFoundError as error:
            yield f"{name}: {error.message}"
        except kubernetes.ValidationError as error:
            where = ".".join(str(part) for part in error.absolute_path)
            yield f"{name}: {version}: {where}: {error.message[:400]}"


def _operator(kind: str, manifest: dict[str, Any]) -> Iterator[str]:
    model = getattr(operator, kind, None)
    if model is None:
        yield f"couldn't find schema for {kind}"
        return
    try:
        read = model.model_validate(manifest)
    except pydantic.ValidationError as error:
        yield from (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        return
    back = read.model_dump(by_alias=True, exclude_none=True, exclude_unset=True, mode="json")
    yield from _lost(manifest, back, "")


def _lost(given: Any, back: Any, path: str) -> Iterator[str]:
    match given, back:
        case dict(), dict():
            for key, value in given.items():
                if key not in back:
                    yield f"{path}.{key}: unknown field"
                else:
                    yield from _lost(value, back[key], f"{path}.{key}")
        case list(), list() if len(given) == len(back):
            for index, (one, other) in enumerate(zip(given, back, strict=True)):
                yield from _lost(one, other, f"{path}[{index}]")
        case _ if given != back:
            yield f"{path}: {given!r} came back as {back!r}"


for line in sys.stdin:
    sys.stdout.write(json.dumps(list(complaints(*json.loads(line)))) + "\n")
    sys.stdout.flush()
