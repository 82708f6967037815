"""What survives a reload, and what does not."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.board import Board
from exporter.model import Endpoint, ErrorClass, Phase
from tests.board.observations import endpoint, failing, healthy


def test_entries_come_in_the_order_of_the_configuration():
    """A reload can reorder them, and no count is lost by it."""
    board = Board()
    board.apply([endpoint("a"), endpoint("b"), endpoint("c")])
    board.record(healthy(endpoint("a")))
    board.apply([endpoint("c"), endpoint("a")])
    assert list(board.entries) == ["c", "a"]
    assert board.entries["a"].attempts == 1


def test_an_equal_endpoint_changes_nothing():
    """Counters, history and version stay, so nothing is rendered again."""
    board = Board()
    board.apply([endpoint()])
    board.record(healthy())
    entry, version = board.entries["a"], board.entries["a"].version
    board.apply([endpoint()])
    assert board.entries["a"] is entry
    assert entry.version == version
    assert board.version == version


@pytest.mark.parametrize(
    "change", [{"interval": 30.0}, {"until": Phase.EHLO}, {"timeout": 3.0}, {"module": "other"}]
)
def test_another_way_to_probe_keeps_the_counters(change):
    """The same name, host, port and labels continue their series, whatever else changed."""
    board = Board()
    board.apply([endpoint()])
    board.record(healthy())
    version = board.version
    board.apply([endpoint(**change)])
    entry = board.entries["a"]
    assert entry.attempts == 1
    assert len(entry.history) == 1
    assert entry.endpoint == endpoint(**change)
    assert entry.version > version
    board.record(healthy(endpoint(**change)))
    assert entry.attempts == 2


def test_histograms_of_phases_begin_and_end_with_a_reload():
    """Begun, they count from then on; ended, their series go, under a new version; all else stays."""
    board = Board()
    board.apply([endpoint()])
    board.record(healthy())
    board.apply([endpoint()], phase_latency=True)
    board.record(healthy())
    board.apply([endpoint()])
    entry, version = board.entries["a"], board.version
    assert entry.phase_latency[Phase.CONNECT].count == 1
    board.apply([endpoint()], phase_latency=False)
    board.record(healthy())
    assert entry.phase_latency == {}
    assert entry.version > version
    assert entry.attempts == 3


@pytest.mark.parametrize(
    "change", [{"host": "other.example"}, {"port": 465}, {"labels": (("team", "mail"),)}]
)
def test_another_target_or_label_starts_afresh(change):
    """Another host, port or label set is another thing: counters from zero, under a new version."""
    board = Board()
    board.apply([endpoint()])
    board.record(healthy())
    version = board.version
    board.apply([endpoint(**change)])
    entry = board.entries["a"]
    assert (entry.attempts, entry.latest, len(entry.history)) == (0, None, 0)
    assert entry.version > version


def test_a_removed_endpoint_leaves_nothing():
    """Its entry is gone at once, the board's version rises, and its return is a fresh start."""
    board = Board()
    board.apply([endpoint("a"), endpoint("b")])
    board.record(healthy(endpoint("a")))
    version = board.version
    board.apply([endpoint("b")])
    assert "a" not in board.entries
    assert board.version > version
    board.apply([endpoint("a"), endpoint("b")])
    assert board.entries["a"].attempts == 0
    assert board.entries["a"].version > version


def test_a_late_result_resurrects_nothing():
    """A run that ends after its endpoint was removed or changed is not recorded."""
    board = Board()
    board.apply([endpoint("a"), endpoint("b")])
    board.apply([endpoint("b", timeout=3.0)])
    board.record(healthy(endpoint("a")))
    board.record(healthy(endpoint("b")))
    assert list(board.entries) == ["b"]
    assert board.entries["b"].attempts == 0


def test_a_probe_that_is_the_same_counts_under_the_new_labels():
    """Labels, interval and module are nothing that a server sees."""
    board, probed = Board(), endpoint("a")
    board.apply([probed])
    for change in ({"labels": (("team", "mail"),)}, {"interval": 30.0}, {"module": "other"}):
        now = replace(probed, **change)
        board.apply([now])
        before = board.entries["a"].attempts
        board.record(healthy(probed))
        assert board.entries["a"].attempts == before + 1
        latest = board.entries["a"].latest
        assert latest is not None
        assert latest.result.endpoint == now


@pytest.mark.parametrize("change", [{"timeout": 3.0}, {"labels": (("team", "mail"),), "timeout": 3.0}])
def test_a_message_in_doubt_is_counted_in_any_case(change):
    """It was sent with the settings before, and nothing takes it back."""
    board, probed = Board(), endpoint("a")
    board.apply([replace(probed, **change)])
    result = healthy(probed, session=(Phase.MAIL, Phase.RCPT, Phase.DATA), uncertain=True)
    board.record(result)
    assert board.entries["a"].data_uncertain == 1
    assert board.entries["a"].attempts == ("labels" not in change)


def test_a_reader_may_pause_during_a_reload():
    """The mapping that a reader holds is never altered; the next one asked for is new."""
    board = Board()
    board.apply([endpoint("a"), endpoint("b")])
    reading = iter(board.entries.items())
    next(reading)
    board.apply([endpoint("c")])
    assert [name for name, _ in reading] == ["b"]
    assert list(board.entries) == ["c"]
    with pytest.raises(TypeError):
        board.entries["d"] = board.entries["c"]  # type: ignore[index]


def test_the_depth_of_the_history_can_change():
    """A reload with another `history` is obeyed from the next observation on."""
    board = Board(history=10)
    board.apply([endpoint()])
    for number in range(10):
        board.record(healthy(started=float(number)))
    board.apply([endpoint()], history=3)
    board.record(healthy(started=10.0))
    assert [row.started for row in board.entries["a"].history.rows()] == [8.0, 9.0, 10.0]
    board.apply([endpoint()])
    assert board.entries["a"].history.retention.rows == 3


@pytest.mark.parametrize(("endpoints", "kept"), [(1, 10), (2_000, 10), (4_000, 5), (10_000, 2), (20_001, 2)])
def test_many_endpoints_keep_fewer_whole_failures_each(endpoints, kept):
    """Whole failures are bounded for the fleet: ten each for a few endpoints, two each for very many."""
    board = Board()
    board.apply(endpoint(f"e{number}") for number in range(endpoints))
    assert board.entries["e0"].history.retention.failures == kept


def test_a_large_reload_lets_others_run_in_between():
    """`apply_in_turns` yields to the loop, and readers see the old board until it is done."""

    async def scenario() -> None:
        board = Board()
        board.apply([endpoint("old")])
        reload = asyncio.create_task(
            board.apply_in_turns((endpoint(f"e{number}") for number in range(1000)), history=7)
        )
        turns = 0
        while not reload.done():
            await asyncio.sleep(0)
            turns += 1
            assert len(board.entries) == (1000 if reload.done() else 1)
        assert turns >= 4
        assert board.entries["e0"].history.retention.rows == 7

    asyncio.run(scenario())


NAMED = st.builds(
    endpoint,
    st.sampled_from("abcd"),
    host=st.sampled_from(["h", "i"]),
    timeout=st.sampled_from([1.0, 2.0]),
)
PLANS = st.lists(NAMED, max_size=4, unique_by=lambda probed: probed.name)


@given(st.lists(st.tuples(PLANS, st.lists(st.tuples(NAMED, st.booleans()), max_size=6)), max_size=6))
def test_the_board_is_what_a_simple_model_says(rounds):
    """Through any reloads and results: names, order, attempts and successes are those of a plain model."""
    board = Board(history=4)
    model: dict[str, tuple[Endpoint, list[int]]] = {}
    for plan, results in rounds:
        board.apply(plan)
        fresh = {}
        for probed in plan:
            old = model.get(probed.name)
            counts = old[1] if old is not None and old[0].host == probed.host else [0, 0]
            fresh[probed.name] = (probed, counts)
        model = fresh
        for probed, fine in results:
            known = model.get(probed.name)
            if known is not None and known[0] == probed:
                known[1][0] += 1
                known[1][1] += fine
            board.record(
                healthy(probed) if fine else failing(Phase.MAIL, ErrorClass.SENDER_REJECTED, probed=probed)
            )
        assert list(board.entries) == [probed.name for probed in plan]
        for name, entry in board.entries.items():
            assert [entry.attempts, entry.successes] == model[name][1]
            assert sum(entry.failures.values()) == entry.attempts - entry.successes
            assert len(entry.history) == min(4, entry.attempts)
            assert entry.version <= board.version
        assert len({entry.version for entry in board.entries.values()}) == len(board.entries)
