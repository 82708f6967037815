"""A running exporter as it looks from outside: its metrics, its descriptors, its memory."""

from __future__ import annotations

import os
import re
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from prometheus_client.parser import text_string_to_metric_families

from benchmarks.child import Child

T = TypeVar("T")

TROUBLE = re.compile(r"Traceback|level=(?:error|critical)|Unclosed|never awaited|ResourceWarning|exception")
"""What a log says when something went wrong that nobody foresaw."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One moment."""

    at: float
    """Unix time at which it was asked."""
    attempts: Mapping[str, int]
    """By endpoint; every endpoint of the configuration is here."""
    last_run: Mapping[str, float]
    """Unix time by endpoint, of those that were probed."""
    left_out: int
    """Starts that were skipped, for whatever reason."""
    bugs: int
    reload_ok: bool
    descriptors: int
    resident_mib: float


def get(url: str) -> str:
    """Return what is answered.  OSError: nothing, or a refusal."""
    with urllib.request.urlopen(url, timeout=30) as answer:
        return str(answer.read().decode())


def sample(url: str, child: Child) -> Sample:
    """Scrape the metrics, and look at the process.  Blocking."""
    at = time.time()
    found: dict[str, dict[str, float]] = {}
    for family in text_string_to_metric_families(get(f"{url}metrics")):
        for one in family.samples:
            if (key := _KEYS.get(one.name)) is not None:
                found.setdefault(one.name, {})[one.labels.get(key, "")] = one.value
    attempts = found.get("smtp_probe_attempts_total", {})
    return Sample(
        at=at,
        attempts={name: int(attempts.get(name, 0)) for name in found.get("smtp_probe_endpoint_info", {})},
        last_run=found.get("smtp_probe_last_run_timestamp_seconds", {}),
        left_out=int(sum(found["submission_exporter_probes_skipped_total"].values())),
        bugs=int(sum(found["submission_exporter_bugs_total"].values())),
        reload_ok=set(found["submission_exporter_config_last_reload_successful"].values()) == {1.0},
        descriptors=len(os.listdir(f"/proc/{child.pid}/fd")),  # noqa: PTH208 - their number is enough
        resident_mib=child.resident_mib(),
    )


_KEYS = {
    "smtp_probe_endpoint_info": "smtp_endpoint",
    "smtp_probe_attempts_total": "smtp_endpoint",
    "smtp_probe_last_run_timestamp_seconds": "smtp_endpoint",
    "submission_exporter_probes_skipped_total": "reason",
    "submission_exporter_bugs_total": "",
    "submission_exporter_config_last_reload_successful": "",
}
"""The samples that count here, and the label that tells one from the other."""
