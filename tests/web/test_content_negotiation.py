"""Which format a client gets, by what it says it accepts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.exposition import choose_encoder

from exporter.metrics import Exposition
from exporter.web.negotiation import accepts_gzip, choose_exposition

PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    "accept", [PROMETHEUS_2, PROMETHEUS_3, BROWSER, "*/*", "", "application/openmetrics-text"]
)
def test_usual_clients_get_what_prometheus_client_would_give(accept: str) -> None:
    """For Prometheus, curl and browsers the choice is that of prometheus_client."""
    _, content_type = choose_encoder(accept)
    ours = choose_exposition(accept)
    assert ours.content_type.split(";")[0] == content_type.split(";")[0]


@pytest.mark.parametrize(
    ("accept", "exposition"),
    [
        ("text/plain;q=0.9,application/openmetrics-text;version=1.0.0;q=0.1", Exposition.TEXT),
        ("text/plain;q=0.1,application/openmetrics-text;version=1.0.0;q=0.9", Exposition.OPENMETRICS),
        ("application/openmetrics-text;q=0", Exposition.TEXT),
        ('application/openmetrics-text; version="1.0.0" ; q=1', Exposition.OPENMETRICS),
        ("Application/OpenMetrics-Text", Exposition.OPENMETRICS),
        ("application/openmetrics-text;version=2.0.0", Exposition.TEXT),
        ("application/openmetrics-text;version=abc", Exposition.TEXT),
        ("application/openmetrics-text;q=abc", Exposition.TEXT),
        ("application/openmetrics-text;q=nan", Exposition.TEXT),
    ],
)
def test_weights_and_versions_count(accept: str, exposition: Exposition) -> None:
    """The weight decides, and OpenMetrics is given only in the version that we write."""
    assert choose_exposition(accept) is exposition


@pytest.mark.parametrize(
    ("accept", "yes"),
    [
        ("gzip", True),
        ("deflate, GZIP;q=0.5", True),
        ("gzip;q=0", False),
        ("identity", False),
        ("", False),
        ("x-gzip-not", False),
    ],
)
def test_gzip_is_given_when_asked_for_by_name(accept: str, yes: bool) -> None:
    """A weight of 0 is a refusal."""
    assert accepts_gzip(accept) is yes


@given(st.text(max_size=100))
def test_any_header_is_answered(header: str) -> None:
    """No header makes the choice fail."""
    assert choose_exposition(header) in Exposition
    assert accepts_gzip(header) in {True, False}
