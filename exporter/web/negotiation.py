"""What a client accepts: the format of the metrics, HTML, and gzip (RFC 9110 12.5)."""

from __future__ import annotations

from collections.abc import Iterator

from exporter.metrics.exposition import Exposition

VARY = "Accept, Accept-Encoding"
"""What these answers depend on (RFC 9110 12.5.5)."""


def choose_exposition(accept: str) -> Exposition:
    """Choose by an `Accept` header: OpenMetrics only when it is asked for, and not liked less than text.

    prometheus_client's own choice takes the first known name, whatever its weight, and raises on a
    version that is no number.
    """
    openmetrics = text = 0.0
    for media_type, parameters in _items(accept):
        weight = _weight(parameters)
        if media_type == "text/plain":
            text = max(text, weight)
        elif media_type == "application/openmetrics-text" and parameters.get("version", "1.0.0") == "1.0.0":
            openmetrics = max(openmetrics, weight)
    return Exposition.OPENMETRICS if openmetrics > 0 and openmetrics >= text else Exposition.TEXT


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether an `Accept-Encoding` header asks for gzip by name."""
    return any(coding == "gzip" and _weight(parameters) > 0 for coding, parameters in _items(accept_encoding))


def accepts_html(accept: str) -> bool:
    """Whether an `Accept` header asks for HTML by name, as browsers do and programs do not."""
    return any(media_type == "text/html" and _weight(about) > 0 for media_type, about in _items(accept))


def _items(header: str) -> Iterator[tuple[str, dict[str, str]]]:
    for item in header.split(","):
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        yield name, dict(_parameter(text) for text in parameters)


def _parameter(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip(), value.strip().strip('"')


def _weight(parameters: dict[str, str]) -> float:
    try:
        return min(1.0, max(0.0, float(parameters.get("q", "1"))))
    except ValueError:
        return 0.0
