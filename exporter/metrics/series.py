"""Series of one family and their values, independent of how they are written down."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from exporter.histogram import Histogram
from exporter.metrics.families import Family
from exporter.metrics.number import number


class Series(NamedTuple):
    """What tells one series of a family from the others."""

    labels: tuple[str, ...] = ()
    """The values of `family.labels`, in that order, then `le` for a bucket; the endpoint's name and the configured
    labels are added by whoever writes the series down."""
    suffix: str = ""
    """`_total` for a counter, `_bucket`, `_count` or `_sum` for a histogram."""


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """The series that an endpoint has of one family, in order.  Two are the same only if they are the same object."""

    family: Family
    series: tuple[Series, ...]
    is_common: bool = True
    """Other endpoints have it too, most likely."""


Block = tuple[Shape, Sequence[float]]
"""The series of a shape, and a value for each of them."""


@lru_cache(maxsize=4096)
def shape(family: Family, *labels: tuple[str, ...]) -> Shape:
    """Return the shape of a gauge or counter with one series for each of `labels`, which are from closed sets."""
    return Shape(family, tuple(Series(values, family.suffixes[0]) for values in labels))


def block(family: Family, value: float, *labels: str) -> Block:
    """Return the one series of a gauge or counter that has these labels, which are from closed sets."""
    return shape(family, labels), (value,)


def own_block(family: Family, value: float, *labels: str) -> Block:
    """The same for labels that hardly another endpoint has."""
    return Shape(family, (Series(labels, family.suffixes[0]),), is_common=False), (value,)


def blocks(family: Family, values: Iterable[tuple[tuple[str, ...], float]]) -> list[Block]:
    """Return the series of a gauge or counter with these labels, as one block; none when there are no values."""
    pairs = list(values)
    return [(shape(family, *[labels for labels, _ in pairs]), [value for _, value in pairs])] if pairs else []


def histogram_block(family: Family, histogram: Histogram, *labels: str) -> Block:
    """Return cumulative buckets, count and sum, in the order that both formats ask for."""
    count = 0
    values: list[float] = []
    for inside in histogram.counts:
        count += inside
        values.append(count)
    values += (count, histogram.total)
    return _histogram_shape(family, histogram.bounds, labels), values


@lru_cache
def _histogram_shape(family: Family, bounds: tuple[float, ...], labels: tuple[str, ...]) -> Shape:
    buckets = [Series((*labels, bound), "_bucket") for bound in (*map(number, bounds), "+Inf")]
    return Shape(family, (*buckets, Series(labels, "_count"), Series(labels, "_sum")))
