"""Tallies are what Prometheus's own classes would have counted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client import Counter as TheirCounter
from prometheus_client import Histogram as TheirHistogram
from prometheus_client.core import Metric

from poolhouse.rest.tallies import Counter, Family, Histogram

BOUNDS = (0.001, 0.1, 1.0, 64.0)
LABELS = st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(["x", 'quoted " \\ \n'])).map(tuple[str, ...])


def seen(metrics: list[Metric]) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for metric in metrics
        for sample in metric.samples
        if not sample.name.endswith("_created")
    }


@given(st.lists(st.tuples(LABELS, st.sampled_from([*BOUNDS, 0.0]) | st.floats(0, 100))))
def test_a_histogram_counts_as_theirs(values: list[tuple[tuple[str, ...], float]]) -> None:
    """Theirs is what every dashboard was built on; a value on a bound, and one above all, are the traps."""
    ours = Histogram(Family("seconds", "histogram", "m", ("one", "two"), BOUNDS))
    theirs = TheirHistogram("seconds", "m", ("one", "two"), buckets=BOUNDS, registry=CollectorRegistry())

    for labels, value in values:
        ours.observe(labels, value)
        theirs.labels(*labels).observe(value)

    assert seen([ours.collect()]) == seen(list(theirs.collect()))


@given(st.lists(st.tuples(LABELS, st.integers(0, 10**9))))
def test_a_counter_counts_as_theirs(values: list[tuple[tuple[str, ...], int]]) -> None:
    """The same, for sums."""
    ours = Counter(Family("bytes_total", "counter", "m", ("one", "two")))
    theirs = TheirCounter("bytes", "m", ("one", "two"), registry=CollectorRegistry())

    for labels, value in values:
        ours.add(labels, value)
        theirs.labels(*labels).inc(value)

    assert seen([ours.collect()]) == seen(list(theirs.collect()))


def test_a_sum_without_labels_is_there_from_the_start() -> None:
    """A series that appears with its first value has no rate at that moment, and the alert is blind to it."""
    assert seen([Counter(Family("bytes_total", "counter", "m")).collect()]) == {("bytes_total", frozenset()): 0}
