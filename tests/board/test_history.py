"""What is kept of the past, and what goes first."""

import itertools
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.history import History, Retention, Row
from exporter.model import ErrorClass, FaultDomain, Phase
from tests.board.observations import bug, failing, healthy

CLASSES = [ErrorClass.NONE, ErrorClass.CONNECT_REFUSED, ErrorClass.CREDENTIALS_REJECTED]


def observed(error_class: ErrorClass, started: float):
    """A success for `none`, else a failure at AUTH."""
    if error_class is ErrorClass.NONE:
        return healthy(started=started)
    return failing(Phase.AUTH, error_class, started=started)


def history_of(classes, retention):
    """A history to which one observation a minute was added."""
    history = History(retention)
    for number, error_class in enumerate(classes):
        history.add(observed(error_class, float(number)))
    return history


def test_a_row_says_what_the_probe_was():
    """Time, duration, class, phase and domain come back; the duration to seven digits."""
    history = History(Retention())
    history.add(healthy(started=1_753_000_000.123456, seconds=0.1234567))
    history.add(
        failing(Phase.RCPT, ErrorClass.GREYLISTED, FaultDomain.SERVER, started=1_753_000_060.0, seconds=2.5)
    )
    history.add(bug())
    first, second, third = history.rows()
    assert first.started == 1_753_000_000.123456
    assert first.seconds == pytest.approx(0.1234567, rel=1e-6)
    assert (first.success, first.phase, first.fault_domain) == (True, None, FaultDomain.NONE)
    assert second == Row(1_753_000_060.0, 2.5, ErrorClass.GREYLISTED, Phase.RCPT, FaultDomain.SERVER)
    assert not second.success
    assert (third.error_class, third.phase) == (ErrorClass.EXPORTER_ERROR, None)


def test_every_verdict_fits_a_row():
    """The short form knows every class, phase and domain of the closed sets."""
    history = History(Retention(rows=10_000))
    verdicts = [*itertools.product(ErrorClass, Phase, FaultDomain)]
    for error_class, phase, domain in verdicts:
        history.add(failing(phase, error_class, domain))
    assert [(row.error_class, row.phase, row.fault_domain) for row in history.rows()] == verdicts


def test_failures_outlive_successes():
    """When rows are too many, the oldest success goes and an older failure stays."""
    refused = ErrorClass.CONNECT_REFUSED
    history = history_of([refused, *[ErrorClass.NONE] * 5], Retention(rows=4))
    assert [row.started for row in history.rows()] == [0.0, 3.0, 4.0, 5.0]


def test_old_failures_fill_at_most_half():
    """The newer half is unbroken: old failures give way among themselves."""
    refused = ErrorClass.CONNECT_REFUSED
    history = history_of([*[refused] * 10, *[ErrorClass.NONE] * 10], Retention(rows=6))
    assert [row.started for row in history.rows()] == [7.0, 8.0, 9.0, 17.0, 18.0, 19.0]


@given(st.lists(st.sampled_from(CLASSES), max_size=80), st.integers(1, 12))
def test_rows_keep_their_promises(classes, most):
    """For any past: bounded, in order, the newer half unbroken, and no failure lost for an older success."""
    history = history_of(classes, Retention(rows=most))
    kept = [int(row.started) for row in history.rows()]
    assert len(kept) == len(history) == min(most, len(classes))
    assert kept == sorted(set(kept))
    assert [row.error_class for row in history.rows()] == [classes[number] for number in kept]
    unbroken = min(len(classes), most - most // 2)
    assert kept[len(kept) - unbroken :] == list(range(len(classes) - unbroken, len(classes)))
    lost_failures = [n for n, c in enumerate(classes) if n not in kept and c is not ErrorClass.NONE]
    if lost_failures:
        newer_kept = [n for n in kept if n > max(lost_failures) and classes[n] is not ErrorClass.NONE]
        assert len(newer_kept) >= most // 2


@given(
    st.lists(st.sampled_from(CLASSES), max_size=60),
    st.lists(st.sampled_from(CLASSES), max_size=20),
    st.integers(1, 9),
)
def test_a_smaller_retention_takes_effect_at_the_next_observation(before, after, most):
    """Rows, failures and transitions shrink to the new bounds, keeping the newest."""
    history = history_of(before, Retention(rows=30, failures=10, transitions=20))
    history.retention = Retention(rows=most, failures=2, transitions=3)
    for number, error_class in enumerate(after, start=len(before)):
        history.add(observed(error_class, float(number)))
    if after:
        rows = list(history.rows())
        assert len(rows) == min(most, len(before) + len(after))
        assert rows[-1].started == len(before) + len(after) - 1
    if any(error_class is not ErrorClass.NONE for error_class in after):
        assert len(history.failures()) <= 2
    assert after == [] or len(list(history.transitions())) <= 20


def test_transitions_say_when_what_began():
    """One row for each change of class, phase or domain; the first observation is one too."""
    none, refused, rejected = CLASSES
    history = history_of([none, none, refused, refused, rejected, none, none], Retention())
    assert [(row.started, row.error_class) for row in history.transitions()] == [
        (0.0, none),
        (2.0, refused),
        (4.0, rejected),
        (5.0, none),
    ]


def test_add_says_whether_the_verdict_changed():
    """The same class at another phase, or another owner's, is another verdict; a repeat is none."""
    history = History(Retention())
    lost = ErrorClass.CONNECTION_LOST
    assert history.add(healthy())
    assert not history.add(healthy())
    assert history.add(failing(Phase.EHLO, lost))
    assert not history.add(failing(Phase.EHLO, lost, seconds=9.0))
    assert history.add(failing(Phase.AUTH, lost))
    assert history.add(failing(Phase.AUTH, lost, FaultDomain.NETWORK))


def test_transitions_are_bounded():
    """A flapping endpoint keeps the latest twenty."""
    history = history_of([ErrorClass.NONE, ErrorClass.CONNECT_REFUSED] * 40, Retention())
    assert [row.started for row in history.transitions()] == [float(n) for n in range(60, 80)]


def test_whole_failures_are_the_first_and_the_latest_of_a_run():
    """Of an outage the observation that began it and the newest one are kept, with their transcripts."""
    none, refused, rejected = CLASSES
    history = history_of([none, refused, refused, refused, refused, none, rejected], Retention())
    assert [failure.result.started for failure in history.failures()] == [1.0, 4.0, 6.0]


def test_the_same_failure_after_a_success_is_a_new_run():
    """A success in between makes two outages, each with its first observation."""
    none, refused, _ = CLASSES
    history = history_of([refused, refused, refused, none, refused, refused, refused], Retention())
    assert [failure.result.started for failure in history.failures()] == [0.0, 2.0, 4.0, 6.0]


@given(st.lists(st.sampled_from(CLASSES), max_size=60), st.integers(1, 5))
def test_whole_failures_are_bounded_and_end_with_the_newest(classes, most):
    """However the endpoint fails, the newest failure is kept whole and never more than allowed."""
    history = history_of(classes, Retention(failures=most))
    kept = [int(failure.result.started) for failure in history.failures()]
    failed = [number for number, error_class in enumerate(classes) if error_class is not ErrorClass.NONE]
    assert len(kept) <= most
    assert kept == sorted(set(kept))
    assert kept[-1:] == failed[-1:]
    assert set(kept) <= set(failed)


def test_a_hundred_rows_cost_less_than_two_kilobytes():
    """Ten thousand endpoints of a hundred rows stay below 20 MB."""
    history = history_of([ErrorClass.NONE] * 1000, Retention(rows=100))
    assert sys.getsizeof(history._rows) <= 2000


def test_reading_is_not_disturbed_by_writing():
    """An iterator gives the rows of the moment when it was asked for."""
    history = history_of([ErrorClass.NONE] * 3, Retention(rows=3))
    rows = history.rows()
    next(rows)
    history.add(healthy(started=99.0))
    assert [row.started for row in rows] == [1.0, 2.0]
