"""Which page is made by what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from docs.source import command_line, configuration, http, metrics

REFERENCE = Path(__file__).parents[1] / "reference"

PAGES: Mapping[str, Callable[[], str]] = MappingProxyType(
    {
        "configuration.md": configuration.page,
        "metrics.md": metrics.page,
        "cli.md": command_line.page,
        "http.md": http.page,
    }
)
"""The text of each page of docs/reference/, by file name."""
