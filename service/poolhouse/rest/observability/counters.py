"""Counters and histograms by label, for the event loop only.

The Prometheus client's counters take a lock, and cost more than the request that they count. Here a number in a dict is
enough, since all reads and writes are on the event loop. The client library still renders them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final, Literal

import numpy as np
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

Labels = tuple[str, ...]

BUFFERED_ROWS: Final = 256
"""Observations that are buffered before they are counted."""


@dataclass(frozen=True, slots=True)
class Family:
    """The declaration of one metric.

    Attributes:
        name: with its unit; for a counter it ends in ``_total``.
        kind: Prometheus's type.
        meaning: the HELP text, one sentence.
        labels: their names, in the order of their values.
        bounds: upper bounds of a histogram's buckets, without infinity.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    meaning: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()


@dataclass(slots=True)
class Counter:
    """A sum for each combination of labels."""

    family: Family
    sums: dict[Labels, float] = field(default_factory=dict)

    def add(self, labels: Labels = (), amount: float = 1) -> None:
        """Add to one sum."""
        self.sums[labels] = self.sums.get(labels, 0) + amount

    def collect(self) -> Metric:
        """All sums as a Prometheus metric."""
        family = self.family
        metric = CounterMetricFamily(family.name.removesuffix("_total"), family.meaning, labels=family.labels)
        # A counter without labels is present with 0 from the start, so that its first increase is visible.
        for labels, amount in (self.sums or ({} if family.labels else {(): 0.0})).items():
            metric.add_metric(labels, amount)
        return metric


class BucketCounts:
    """The buckets of a histogram for one combination of labels.

    Args:
        bounds: upper bounds of the buckets, without infinity.

    Attributes:
        counts: number of values in each bucket, not cumulative; the last one is above all bounds.
        total: sum of the values.
    """

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count one value; a value equal to a bound belongs to its bucket (``le``)."""
        self.counts[bisect_left(self._bounds, value)] += 1
        self.total += value

    def observe_many(self, values: Sequence[float]) -> None:
        """Count many values."""
        buckets = np.searchsorted(self._bounds, values)
        for bucket, count in enumerate(np.bincount(buckets, minlength=len(self.counts)).tolist()):
            self.counts[bucket] += count
        self.total += sum(values)


class ObservationBuffer:
    """Buffers observations of several histograms, and counts many at once: that is cheaper than one at a time.

    Args:
        bucket_counts: one for each value of a row.
    """

    __slots__ = ("_bucket_counts", "_rows")

    def __init__(self, *bucket_counts: BucketCounts) -> None:
        self._bucket_counts = bucket_counts
        self._rows: list[tuple[float, ...]] = []

    def add(self, row: tuple[float, ...]) -> None:
        """Add one value for each histogram."""
        rows = self._rows
        rows.append(row)
        if len(rows) == BUFFERED_ROWS:
            self.flush()

    def flush(self) -> None:
        """Count the buffered rows; required before the histograms are read."""
        for bucket_counts, values in zip(self._bucket_counts, zip(*self._rows, strict=True), strict=False):
            bucket_counts.observe_many(values)
        self._rows.clear()


@dataclass(slots=True)
class Histogram:
    """A histogram for each combination of labels."""

    family: Family
    buckets: dict[Labels, BucketCounts] = field(default_factory=dict)

    def observe(self, labels: Labels, value: float) -> None:
        """Count one value."""
        self.buckets_for(labels).observe(value)

    def buckets_for(self, labels: Labels) -> BucketCounts:
        """The buckets for one combination of labels; created on first use."""
        found = self.buckets.get(labels)
        if found is None:
            found = self.buckets[labels] = BucketCounts(self.family.bounds)
        return found

    def collect(self) -> Metric:
        """All histograms as a Prometheus metric."""
        family = self.family
        metric = HistogramMetricFamily(family.name, family.meaning, labels=family.labels)
        bounds = [*(repr(bound) for bound in family.bounds), "+Inf"]
        for labels, counted in self.buckets.items():
            metric.add_metric(labels, list(zip(bounds, accumulate(counted.counts), strict=True)), counted.total)
        return metric


def gauge_metric(family: Family, values: Mapping[Labels, float]) -> Metric:
    """A gauge with its current values as a Prometheus metric."""
    metric = GaugeMetricFamily(family.name, family.meaning, labels=family.labels)
    for labels, value in values.items():
        metric.add_metric(labels, value)
    return metric
