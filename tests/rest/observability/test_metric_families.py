"""The declarations of the metrics agree with what is counted, and with Prometheus's conventions."""

from __future__ import annotations

from itertools import pairwise
from typing import get_args

import pytest

from poolhouse import status
from poolhouse.batching import device_state, observer
from poolhouse.rest.observability.counters import Family
from poolhouse.rest.observability.metric_families import DEVICE_STATES, EVENTS, FAMILIES, STAGES, STATES, Stage


def test_the_label_values_are_those_that_the_service_reports() -> None:
    """A state without a series would leave all others at 0, and no alert would see it."""
    assert get_args(status.State) == STATES
    assert get_args(device_state.State) == DEVICE_STATES
    assert get_args(observer.Event) == EVENTS
    assert get_args(Stage) == STAGES


@pytest.mark.parametrize("family", FAMILIES.values(), ids=list(FAMILIES))
def test_a_declaration_follows_the_conventions(family: Family) -> None:
    """The client library renames a counter without its suffix, and buckets are found by bisection."""
    assert family.name.startswith("poolhouse_")
    assert family.name.endswith("_total") == (family.kind == "counter")
    assert bool(family.bounds) == (family.kind == "histogram")
    assert all(lower < upper for lower, upper in pairwise(family.bounds))
    assert len(set(family.labels)) == len(family.labels)
    assert family.meaning.endswith(".")
