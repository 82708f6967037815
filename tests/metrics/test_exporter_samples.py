"""The metrics of the exporter itself, and the registries."""

from __future__ import annotations

import platform

import prometheus_client
from prometheus_client.registry import CollectorRegistry

from exporter.board import Board
from exporter.metrics import BoardCollector, Exposition, full_registry, own_registry
from exporter.metrics.families import ENDPOINT_FAMILIES, EXPORTER_FAMILIES, Kind
from tests.metrics.reading import board_of, parsed
from tests.metrics.synthetic import START, StillRuntime, healthy


def own(board: Board, runtime: StillRuntime) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """The samples that belong to no endpoint."""
    return parsed(Exposition.TEXT.whole(own_registry(board, runtime)))


def test_build_and_configuration() -> None:
    """Version, outcome and time of the last reload come from the runtime."""
    runtime = StillRuntime()
    samples = own(Board(), runtime)
    build = (("python_version", platform.python_version()), ("version", "1.2.3"))
    assert samples["submission_exporter_build_info", build] == 1
    assert samples["submission_exporter_config_last_reload_successful", ()] == 1
    assert samples["submission_exporter_config_last_reload_success_timestamp_seconds", ()] == START - 100
    runtime.config_reload_ok = False
    assert own(Board(), runtime)["submission_exporter_config_last_reload_successful", ()] == 0


def test_schedule_and_bugs() -> None:
    """Probes in flight, their limit, those that wait, skipped starts, lag and bugs are counted from 0."""
    board = Board()
    samples = own(board, StillRuntime())
    assert samples["submission_exporter_probes_in_flight", ()] == 3
    assert samples["submission_exporter_probes_in_flight_limit", ()] == 200
    assert samples["submission_exporter_probes_waiting", ()] == 5
    assert samples["submission_exporter_bugs_total", ()] == 0
    assert samples["submission_exporter_probes_skipped_total", (("reason", "late"),)] == 0
    board.count_bug()
    board.count_skipped("late")
    board.schedule_lag.observe(0.02)
    board.loop_lag.observe(0.02)
    samples = own(board, StillRuntime())
    assert samples["submission_exporter_bugs_total", ()] == 1
    assert samples["submission_exporter_probes_skipped_total", (("reason", "late"),)] == 1
    assert samples["submission_exporter_schedule_lag_seconds_count", ()] == 1
    assert samples["submission_exporter_event_loop_lag_seconds_sum", ()] == 0.02


def test_process_metrics_are_in_our_own_registry() -> None:
    """Memory, processor time and open files of the process are there, once."""
    samples = own(Board(), StillRuntime())
    assert samples["process_resident_memory_bytes", ()] > 1_000_000
    assert samples["process_open_fds", ()] > 0
    assert any(name == "python_info" for name, _ in samples)


def test_default_registry_is_left_alone() -> None:
    """Nothing of ours is in prometheus_client's global registry."""
    full_registry(board_of(healthy()), StillRuntime())
    names = {metric.name for metric in prometheus_client.REGISTRY.collect()}
    assert not {name for name in names if name.startswith(("smtp_", "submission_"))}


def test_board_can_be_collected_alone() -> None:
    """A fresh registry holds the endpoints without the exporter, as `/probe` needs it."""
    registry = CollectorRegistry()
    registry.register(BoardCollector(board_of(healthy()), StillRuntime()))
    names = {metric.name for metric in registry.collect()}
    assert "smtp_probe_success" in names
    assert all(name.startswith("smtp_probe_") for name in names)


def test_names_follow_the_conventions() -> None:
    """Names are unique, in base units, and only counters are called total."""
    families = (*ENDPOINT_FAMILIES, *EXPORTER_FAMILIES)
    names = [family.exposed_name for family in families]
    assert len(set(names)) == len(names)
    for family in families:
        assert family.name.startswith(("smtp_probe_", "submission_exporter_"))
        assert family.exposed_name.endswith("_total") is (family.kind is Kind.COUNTER)
        assert family.help.endswith((".", ")."))
        assert not set(family.labels) & {"job", "instance", "namespace", "service", "pod", "container"}
        assert not set(family.labels) & {"endpoint", "node", "le", "smtp_endpoint"}
