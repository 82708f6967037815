"""One sample, independent of how it is written down."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, cast

from prometheus_client.utils import floatToGoString

from exporter.histogram import Histogram
from exporter.metrics.families import Family


class Sample(NamedTuple):
    """A value of one family.

    `labels` are the values of `family.labels`, in that order, then `le` for a bucket; the endpoint's
    name and the configured labels are added by whoever writes the sample down.
    """

    family: Family
    value: float
    labels: tuple[str, ...] = ()
    suffix: str = ""
    """`_total` for a counter, `_bucket`, `_count` or `_sum` for a histogram."""


def number(value: float) -> str:
    """Return a value as Go writes it, which is how both formats write it."""
    if -1e6 < value < 1e6:  # Python's own spelling is the same there; NaN fails the comparison
        return repr(float(value))
    return cast("str", floatToGoString(value))  # type: ignore[no-untyped-call]


def counter(family: Family, value: float, *labels: str) -> Sample:
    """The one sample of a counter for these labels."""
    return Sample(family, value, labels, "_total")


def histogram_samples(family: Family, histogram: Histogram, *labels: str) -> Iterator[Sample]:
    """Cumulative buckets, count and sum, in the order that both formats ask for."""
    below = 0
    for bound, count in zip(histogram.bounds, histogram.counts, strict=False):  # the overflow has no bound
        below += count
        yield Sample(family, below, (*labels, number(bound)), "_bucket")
    yield Sample(family, histogram.count, (*labels, "+Inf"), "_bucket")
    yield Sample(family, histogram.count, labels, "_count")
    yield Sample(family, histogram.total, labels, "_sum")
