"""Counting on the event loop: sums and spreads by label, as Prometheus reads them.

The Prometheus client's own counters lock, and cost more than the request that they count.
These are written and read on the event loop alone, so a number in a dict is enough; the client's library writes
them out.
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

_BUFFERED_ROWS: Final = 256


@dataclass(frozen=True, slots=True)
class Family:
    """One metric as it is declared.

    Attributes:
        name: with the unit, and with ``_total`` where it is a counter.
        kind: Prometheus's word.
        meaning: one sentence.
        labels: their names, in the order in which values are given.
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
        """Adds to one sum."""
        self.sums[labels] = self.sums.get(labels, 0) + amount

    def collect(self) -> Metric:
        """All sums, for the page."""
        family = self.family
        metric = CounterMetricFamily(family.name.removesuffix("_total"), family.meaning, labels=family.labels)
        # A sum that is listed from the start can be seen to grow; one without labels always is.
        for labels, amount in (self.sums or ({} if family.labels else {(): 0.0})).items():
            metric.add_metric(labels, amount)
        return metric


class BucketCounts:
    """How values spread over buckets, for one combination of labels.

    Args:
        bounds: upper bounds of the buckets, without infinity.

    Attributes:
        counts: so many values in each bucket alone, those above all bounds last.
        total: the sum of the values.
    """

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Counts one value; a value on a bound belongs below it, as ``le`` says."""
        self.counts[bisect_left(self._bounds, value)] += 1
        self.total += value

    def observe_many(self, values: Sequence[float]) -> None:
        """Counts many values."""
        places = np.searchsorted(self._bounds, values)
        for bucket, count in enumerate(np.bincount(places, minlength=len(self.counts)).tolist()):
            self.counts[bucket] += count
        self.total += sum(values)


class ObservationBuffer:
    """Values of several spreads that come together, and are counted many at a time: one by one it takes longer than a
    small request should wait.

    Args:
        spreads: one for each value of a row.
    """

    __slots__ = ("_bucket_counts", "_rows")

    def __init__(self, *spreads: BucketCounts) -> None:
        self._bucket_counts = spreads
        self._rows: list[tuple[float, ...]] = []

    def add(self, row: tuple[float, ...]) -> None:
        """Takes one value for each spread."""
        rows = self._rows
        rows.append(row)
        if len(rows) == _BUFFERED_ROWS:
            self.flush()

    def flush(self) -> None:
        """Counts what was taken; whoever reads the spreads calls this before."""
        for spread, values in zip(self._bucket_counts, zip(*self._rows, strict=True), strict=False):
            spread.observe_many(values)
        self._rows.clear()


@dataclass(slots=True)
class Histogram:
    """How values spread over the buckets, for each combination of labels."""

    family: Family
    buckets: dict[Labels, BucketCounts] = field(default_factory=dict)

    def observe(self, labels: Labels, value: float) -> None:
        """Counts one value."""
        self.buckets_for(labels).observe(value)

    def buckets_for(self, labels: Labels) -> BucketCounts:
        """What is counted for one combination of labels."""
        spread = self.buckets.get(labels)
        if spread is None:
            spread = self.buckets[labels] = BucketCounts(self.family.bounds)
        return spread

    def collect(self) -> Metric:
        """All spreads, for the page."""
        family = self.family
        metric = HistogramMetricFamily(family.name, family.meaning, labels=family.labels)
        bounds = [*(repr(bound) for bound in family.bounds), "+Inf"]
        for labels, spread in self.buckets.items():
            metric.add_metric(labels, list(zip(bounds, accumulate(spread.counts), strict=True)), spread.total)
        return metric


def gauge_metric(family: Family, values: Mapping[Labels, float]) -> Metric:
    """What stands now, for the page."""
    metric = GaugeMetricFamily(family.name, family.meaning, labels=family.labels)
    for labels, value in values.items():
        metric.add_metric(labels, value)
    return metric
