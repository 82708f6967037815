"""Whatever the schema allows is rendered into valid manifests, or refused with a sentence of ours."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings

from tests.chart.any_values import any_values
from tests.chart.rendering import HELMS, KUBERNETES, RefusedError, Validator, render


# Fifty times Helm and the validators, on however busy a machine.
@pytest.mark.timeout(600)
# Always the same draws: a build must not fail by chance.  To search on, drop derandomize and raise max_examples.
@settings(
    max_examples=50,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
@given(values=any_values())
def test_any_valid_values_render(validator: Validator, values: dict[str, Any]) -> None:
    """No template error, no broken YAML, no manifest that Kubernetes would refuse."""
    version, kubernetes = HELMS[len(json.dumps(values)) % 2], KUBERNETES[len(json.dumps(values)) % 3]
    try:
        manifests = render({**values, "kubeVersionOverride": ""}, version, kubernetes)
    except RefusedError as refusal:
        if "submission-exporter: " not in str(refusal):
            raise
        event("refused")
        return
    event("rendered")
    assert validator.complaints(manifests, kubernetes) == []
