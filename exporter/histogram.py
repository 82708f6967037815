"""A Prometheus histogram as a plain value holder, free of any client library."""

from __future__ import annotations

from bisect import bisect_left


class Histogram:
    """Observations counted into fixed buckets; each bucket's upper bound belongs to it (`le`)."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        """Finite upper bounds, ascending; histograms of one kind share the tuple."""
        self.counts = [0] * (len(bounds) + 1)
        """How many fell into each bucket, not cumulative; the last lies above every bound (+Inf)."""
        self.total = 0.0
        """The sum of all observations, in their unit."""

    @property
    def count(self) -> int:
        """How many observations there were."""
        return sum(self.counts)

    def observe(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value
