"""One sample, independent of how it is written down."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
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


# Half of all values are flags and small counts.  Zero is not in it: it equals -0.0, which is written otherwise.
_OFTEN = {float(value): repr(float(value)) for value in range(1, 1000)}


def number(value: float) -> str:
    """Return a value as Go writes it, which is how both formats write it."""
    if (known := _OFTEN.get(value)) is not None:
        return known
    if -1e6 < value < 1e6:  # Python's own spelling is the same there; NaN fails the comparison
        return repr(float(value))
    return cast("str", floatToGoString(value))  # type: ignore[no-untyped-call]


def counter(family: Family, value: float, *labels: str) -> Sample:
    """The one sample of a counter for these labels."""
    return Sample(family, value, labels, "_total")


def histogram_samples(family: Family, histogram: Histogram, *labels: str) -> Iterator[Sample]:
    """Cumulative buckets, count and sum, in the order that both formats ask for."""
    count = 0
    for label, inside in zip(_buckets(histogram.bounds, labels), histogram.counts, strict=True):
        count += inside
        yield Sample(family, count, label, "_bucket")
    yield Sample(family, count, labels, "_count")
    yield Sample(family, histogram.total, labels, "_sum")


@lru_cache
def _buckets(bounds: tuple[float, ...], labels: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Return the label values of each bucket, `le` included."""
    return tuple((*labels, bound) for bound in (*map(number, bounds), "+Inf"))
