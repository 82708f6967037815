"""The metrics of one probe on demand are those that prometheus_client would write."""

from __future__ import annotations

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.registry import CollectorRegistry

from exporter.board import Board
from exporter.metrics import BoardCollector, Exposition
from exporter.model import Observation
from exporter.web.blackbox import OnceOnly, exposed
from tests.metrics.reading import parsed
from tests.metrics.synthetic import failing, healthy


def defined(observation: Observation) -> CollectorRegistry:
    """Our families of a board that holds this one observation."""
    board = Board(history=1)
    board.apply([observation.result.endpoint])
    board.record(observation)
    registry = CollectorRegistry()
    registry.register(BoardCollector(board, OnceOnly(observation)))
    return registry


@pytest.mark.parametrize("observation", [healthy(), failing()], ids=["healthy", "failing"])
def test_our_series_are_those_of_the_definition(observation: Observation) -> None:
    """Sample for sample, but for the interval, which whoever asks sets."""
    ours = parsed(exposed(observation, Exposition.TEXT))
    expected = parsed(Exposition.TEXT.whole(defined(observation)))
    assert len(expected) > 20
    wanted = {key for key in expected if key[0] != "smtp_probe_interval_seconds"}
    assert {key for key in ours if key[0].startswith("smtp_")} == wanted
    assert all(ours[key] == pytest.approx(expected[key], nan_ok=True) for key in wanted)


@pytest.mark.parametrize("observation", [healthy(), failing()], ids=["healthy", "failing"])
def test_both_formats_say_the_same(observation: Observation) -> None:
    """OpenMetrics is read by its own parser, to its end."""
    text = parsed(exposed(observation, Exposition.TEXT))
    families = openmetrics_families(exposed(observation, Exposition.OPENMETRICS).decode())
    samples = [sample for family in families for sample in family.samples]
    assert {(s.name, tuple(sorted(s.labels.items()))) for s in samples} == set(text)
