"""Counting into buckets."""

from hypothesis import given
from hypothesis import strategies as st

from exporter.histogram import Histogram


def test_an_upper_bound_belongs_to_its_bucket():
    """`le` means less than or equal, and what exceeds every bound goes into the last bucket."""
    histogram = Histogram((0.1, 1.0))
    for value in (0.05, 0.1, 0.100001, 1.0, 1.5):
        histogram.observe(value)
    assert histogram.counts == [2, 2, 1]
    assert histogram.count == 5
    assert histogram.total == 0.05 + 0.1 + 0.100001 + 1.0 + 1.5


@given(st.lists(st.floats(0, 100)))
def test_counts_are_what_counting_by_hand_gives(values):
    """For any values the cumulative counts equal the numbers of values up to each bound."""
    bounds = (0.001, 0.5, 1.0, 10.0)
    histogram = Histogram(bounds)
    for value in values:
        histogram.observe(value)
    for index, bound in enumerate(bounds):
        assert sum(histogram.counts[: index + 1]) == sum(value <= bound for value in values)
    assert histogram.count == len(values)
