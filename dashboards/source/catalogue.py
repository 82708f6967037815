"""All dashboards, and the text of the file that each is committed as."""

from __future__ import annotations

import json
from pathlib import Path

from dashboards.source.dashboard import Dashboard
from dashboards.source.endpoint import ENDPOINT
from dashboards.source.exporter import EXPORTER
from dashboards.source.fleet import FLEET
from dashboards.source.slo import SLO
from dashboards.source.tls import TLS

FOLDER = Path(__file__).parent.parent
"""Where the JSON lies."""

DASHBOARDS: tuple[Dashboard, ...] = (FLEET, ENDPOINT, TLS, SLO, EXPORTER)
"""From the general to the specific."""


def text_of(dashboard: Dashboard) -> str:
    """Return the JSON of a dashboard, as provisioning reads it."""
    return json.dumps(dashboard.json(), indent=2, ensure_ascii=False) + "\n"
