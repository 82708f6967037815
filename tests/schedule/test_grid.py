"""Due times: the arithmetic alone."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.grid import FIRST_ROUND, Course, Slots, phase

INTERVALS = st.floats(0.5, 86_400)
PHASES = st.integers(0, 20_000).map(phase)
TIMES = st.floats(0, 1e6)


@pytest.mark.parametrize("count", [2, 3, 10, 200, 1000])
def test_slots_spread_evenly(count):
    """Between n phases no gap is longer than 1.9/n or shorter than 0.38/n, and no two differ more than 2.62-fold."""
    points = sorted(phase(slot) for slot in range(count))
    gaps = [b - a for a, b in zip(points, [*points[1:], points[0] + 1.0], strict=True)]
    assert max(gaps) <= 1.9 / count
    assert min(gaps) >= 0.38 / count
    assert max(gaps) / min(gaps) < 2.62


@pytest.mark.parametrize("count", [3, 10, 200, 10_000])
def test_no_stretch_of_the_interval_is_crowded(count):
    """The share of n phases below x differs from x by less than the logarithmic bound (star discrepancy)."""
    points = sorted(phase(slot) for slot in range(count))
    worst = max(max((i + 1) / count - x, x - i / count) for i, x in enumerate(points))
    assert worst <= (1.0 + 0.66 * math.log(count)) / count


def test_the_lowest_free_slot_is_given_first():
    """A slot that came back is used again before a new one."""
    slots = Slots()
    assert [slots.take() for _ in range(4)] == [0, 1, 2, 3]
    slots.give_back(2)
    slots.give_back(0)
    assert [slots.take() for _ in range(3)] == [0, 2, 4]


def test_a_short_interval_is_exact_from_the_first_run_on():
    """Up to ten seconds of interval every gap is one interval, the first included."""
    course = Course(interval=10.0, phase=0.25, origin=100.0, now=100.0)
    seen = []
    for _ in range(4):
        seen.append(course.due)
        assert course.advance(course.due) == 0
    assert seen == [102.5, 112.5, 122.5, 132.5]


def test_a_late_comer_with_a_short_interval_joins_the_grid():
    """An endpoint that is added later begins on its own grid point, within one interval."""
    assert Course(interval=2.0, phase=0.25, origin=100.0, now=107.0).due == 108.5


def test_a_long_interval_starts_within_ten_seconds_and_then_takes_the_nearest_point():
    """At 60 s and phase 0.75 the first run comes after 7.5 s, the second at 45 s, then every 60 s."""
    course = Course(interval=60.0, phase=0.75, origin=0.0, now=0.0)
    seen = []
    for _ in range(4):
        seen.append(course.due)
        course.advance(course.due)
    assert seen == [7.5, 45.0, 105.0, 165.0]


def test_a_long_interval_may_wait_longer_once():
    """At 60 s and phase 0.5 the nearest point to 65 s is 90 s."""
    course = Course(interval=60.0, phase=0.5, origin=0.0, now=0.0)
    course.advance(course.due)
    assert course.due == 90.0


def test_missed_points_are_counted_and_left_behind():
    """Five points passed during a standstill are five misses; the next one lies ahead."""
    course = Course(interval=10.0, phase=0.0, origin=0.0, now=0.0)
    assert course.due == 0.0
    assert course.advance(55.0) == 5
    assert course.due == 60.0


def test_nothing_drifts():
    """After a hundred thousand steps the due time is still origin + phase + k intervals, to the last bit."""
    course = Course(interval=0.1, phase=phase(7), origin=5.0, now=5.0)
    for _ in range(100_000):
        course.advance(course.due)
    assert course.due == (5.0 + phase(7) * 0.1) + 100_000 * 0.1


@given(interval=INTERVALS, part=PHASES, origin=TIMES, age=TIMES)
def test_every_course_keeps_its_promises(interval, part, origin, age):
    """First run within min(interval, 10 s); second gap half to one and a half; then exactly one."""
    began = origin + age
    course = Course(interval=interval, phase=part, origin=origin, now=began)
    slack = 1e-6
    first = course.due
    assert began - slack <= first <= began + min(interval, FIRST_ROUND) + slack
    course.advance(course.due)
    second = course.due
    if interval <= FIRST_ROUND:
        assert second - first == pytest.approx(interval, abs=slack)
    else:
        assert 0.5 * interval - slack <= second - first <= 1.5 * interval + slack
    course.advance(course.due)
    assert course.due - second == pytest.approx(interval, abs=slack)


@given(interval=INTERVALS, part=PHASES, late=st.floats(0, 1e5))
def test_advancing_always_ends_in_the_future(interval, part, late):
    """However late it is, the next due time is later, and at most one interval away."""
    course = Course(interval=interval, phase=part, origin=0.0, now=0.0)
    course.advance(course.due)
    moment = course.due + late
    missed = course.advance(moment)
    assert moment - 1e-6 < course.due <= moment + interval + 1e-6
    assert abs(missed - late / interval) <= 1.001


@given(interval=INTERVALS, part=PHASES, origin=TIMES, age=TIMES, tick=st.sampled_from([0.01, 0.02, 0.25]))
def test_starts_wait_for_the_next_tick_and_no_longer(interval, part, origin, age, tick):
    """Every start is at a multiple of the tick, at or after its point on the grid and less than a tick later."""
    began = origin + age
    exact = Course(interval=interval, phase=part, origin=origin, now=began)
    course = Course(interval=interval, phase=part, origin=origin, now=began, tick=tick)
    for _ in range(5):
        assert course.due / tick == pytest.approx(round(course.due / tick), abs=1e-3)
        assert -1e-6 <= course.due - exact.due <= tick + 1e-6
        assert course.advance(course.due) == 0
        exact.advance(exact.due)


def test_ticks_are_the_same_for_all():
    """Of two hundred endpoints of a second, four begin at each tick of 20 ms."""
    courses = [Course(interval=1.0, phase=phase(slot), origin=3.0, now=3.0, tick=0.02) for slot in range(200)]
    starts = [round(course.due / 0.02) % 50 for course in courses]
    assert {starts.count(start) for start in starts} <= {3, 4, 5}


def test_a_postponed_start_keeps_its_patience():
    """Nothing is due before the time that was asked for, not even by a tick."""
    course = Course(interval=1.0, phase=0.0, origin=0.0, now=0.0, tick=0.02)
    assert course.postpone(7.013)
    assert course.due == pytest.approx(7.02)


def test_sums_do_not_slip_to_the_next_tick():
    """An interval that is a whole number of ticks is exact: the last bits of a sum are no reason to wait."""
    course = Course(interval=900, phase=0.3, origin=5.0, now=10.0, tick=0.02)
    course.postpone(591.1764705882354)
    before = course.due
    assert before >= 591.1764705882354
    for _ in range(1000):
        course.advance(course.due)
        assert course.due - before == pytest.approx(900.0, abs=1e-6)
        before = course.due
