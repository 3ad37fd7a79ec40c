"""Our counters count like Prometheus's own classes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client import Counter as TheirCounter
from prometheus_client import Histogram as TheirHistogram
from prometheus_client.core import Metric

from poolhouse.rest.observability.counters import Counter, Family, Histogram, ObservationBuffer

BOUNDS = (0.001, 0.1, 1.0, 64.0)
LABELS = st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(["x", 'quoted " \\ \n'])).map(tuple[str, ...])


def samples_of(metrics: list[Metric]) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for metric in metrics
        for sample in metric.samples
        if not sample.name.endswith("_created")
    }


@given(st.lists(st.tuples(LABELS, st.sampled_from([*BOUNDS, 0.0]) | st.floats(0, 100))))
def test_a_histogram_counts_like_prometheus_client(values: list[tuple[tuple[str, ...], float]]) -> None:
    """Dashboards rely on the semantics of the client library; values equal to a bound or above all bounds are the
    edge cases."""
    ours = Histogram(Family("seconds", "histogram", "m", ("one", "two"), BOUNDS))
    theirs = TheirHistogram("seconds", "m", ("one", "two"), buckets=BOUNDS, registry=CollectorRegistry())

    for labels, value in values:
        ours.observe(labels, value)
        theirs.labels(*labels).observe(value)

    assert samples_of([ours.collect()]) == samples_of(list(theirs.collect()))


@given(st.lists(st.tuples(st.sampled_from(BOUNDS) | st.floats(0, 100), st.floats(0, 100)), max_size=600))
def test_buffered_observations_count_like_single_ones(rows: list[tuple[float, float]]) -> None:
    """A page that is rendered in between must include the buffered values."""
    one_by_one = Histogram(Family("seconds", "histogram", "m", ("stage",), BOUNDS))
    together = Histogram(Family("seconds", "histogram", "m", ("stage",), BOUNDS))
    waiting = ObservationBuffer(together.buckets_for(("first",)), together.buckets_for(("second",)))

    for first, second in rows:
        one_by_one.observe(("first",), first)
        one_by_one.observe(("second",), second)
        waiting.add((first, second))
    waiting.flush()

    for stage in ("first", "second"):
        ours, theirs = together.buckets_for((stage,)), one_by_one.buckets_for((stage,))
        assert ours.counts == theirs.counts
        assert ours.total == pytest.approx(theirs.total)


@given(st.lists(st.tuples(LABELS, st.integers(0, 10**9))))
def test_a_counter_counts_like_prometheus_client(values: list[tuple[tuple[str, ...], int]]) -> None:
    """The same for counters."""
    ours = Counter(Family("bytes_total", "counter", "m", ("one", "two")))
    theirs = TheirCounter("bytes", "m", ("one", "two"), registry=CollectorRegistry())

    for labels, value in values:
        ours.add(labels, value)
        theirs.labels(*labels).inc(value)

    assert samples_of([ours.collect()]) == samples_of(list(theirs.collect()))


def test_a_counter_without_labels_is_present_from_the_start() -> None:
    """A series that appears with its first value has no rate at that time, so an alert would miss it."""
    assert samples_of([Counter(Family("bytes_total", "counter", "m")).collect()]) == {("bytes_total", frozenset()): 0}
