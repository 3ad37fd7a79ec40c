"""Counting on the event loop: sums and spreads by label, as Prometheus reads them.

The Prometheus client's own counters lock, and cost more than the request that they count.
These are written and read on the event loop alone, so a number in a dict is enough; the client's library writes
them out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final, Literal

import numpy as np
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

Labels = tuple[str, ...]

_TOGETHER: Final = 256


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


class Spread:
    """How values spread over buckets, for one combination of labels.

    Values are put into their buckets many at a time: one by one that takes longer than a small request should wait.

    Args:
        bounds: upper bounds of the buckets, without infinity.
    """

    __slots__ = ("_bounds", "_counts", "_fresh", "_total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = np.array(bounds)
        self._counts = np.zeros(len(bounds) + 1, np.int64)
        self._total = 0.0
        self._fresh: list[float] = []

    def observe(self, value: float) -> None:
        """Counts one value; a value on a bound belongs below it, as ``le`` says."""
        fresh = self._fresh
        fresh.append(value)
        if len(fresh) == _TOGETHER:
            self._sort_in()

    def _sort_in(self) -> None:
        places = np.searchsorted(self._bounds, self._fresh)
        self._counts += np.bincount(places, minlength=len(self._counts))
        self._total += sum(self._fresh)
        self._fresh.clear()

    @property
    def counts(self) -> list[int]:
        """So many values in each bucket alone, those above all bounds last."""
        self._sort_in()
        counts: list[int] = self._counts.tolist()
        return counts

    @property
    def total(self) -> float:
        """The sum of the values."""
        self._sort_in()
        return self._total


@dataclass(slots=True)
class Histogram:
    """How values spread over the buckets, for each combination of labels."""

    family: Family
    spreads: dict[Labels, Spread] = field(default_factory=dict)

    def observe(self, labels: Labels, value: float) -> None:
        """Counts one value."""
        self.spread(labels).observe(value)

    def spread(self, labels: Labels) -> Spread:
        """What is counted for one combination of labels."""
        spread = self.spreads.get(labels)
        if spread is None:
            spread = self.spreads[labels] = Spread(self.family.bounds)
        return spread

    def collect(self) -> Metric:
        """All spreads, for the page."""
        family = self.family
        metric = HistogramMetricFamily(family.name, family.meaning, labels=family.labels)
        bounds = [*(repr(bound) for bound in family.bounds), "+Inf"]
        for labels, spread in self.spreads.items():
            metric.add_metric(labels, list(zip(bounds, accumulate(spread.counts), strict=True)), spread.total)
        return metric


def gauge(family: Family, values: Mapping[Labels, float]) -> Metric:
    """What stands now, for the page."""
    metric = GaugeMetricFamily(family.name, family.meaning, labels=family.labels)
    for labels, value in values.items():
        metric.add_metric(labels, value)
    return metric
