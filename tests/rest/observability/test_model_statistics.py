"""The counts of models: sums over requests and batches, bounded by the table of models."""

from __future__ import annotations

from dataclasses import astuple
from random import Random

import pytest

from poolhouse.batching.observer import BatchShare
from poolhouse.dtypes import FLOAT32
from poolhouse.errors import CODES
from poolhouse.operators.catalogue import discover
from poolhouse.operators.plan import Limits, Plan, make_plan
from poolhouse.rest.observability.model_statistics import (
    EXACT_SIZES,
    REASONS,
    ModelStatistics,
    Totals,
    failure_reason,
)
from poolhouse.tensors import TensorMetadata

MODEL = "max_pool2d"


@pytest.fixture
def statistics() -> ModelStatistics:
    """The statistics of one model."""
    made = ModelStatistics()
    made.register([MODEL])
    return made


MAX_POOL2D = discover().find("max_pool2d")


def plan_of(*shape: int) -> Plan:
    """A plan for an input of this shape."""
    return make_plan(
        MAX_POOL2D.of(kernel_size=2),
        {"input": TensorMetadata(FLOAT32, shape)},
        Limits(max_output_bytes=2**40, max_steps=2**60),
    )


def record(statistics: ModelStatistics, plan: Plan, share: BatchShare | None = None, model: str = MODEL) -> None:
    """Count a request of 15 seconds, with stages of 1, 2, 4 and 8."""
    statistics.record_success(model, plan, 15.0, 1.0, 2.0, 4.0, 8.0, share)


def test_the_totals_are_sums_over_all_batch_sizes(statistics: ModelStatistics) -> None:
    """The totals have no counter of their own, so they cannot disagree with the rows."""
    for items in (1, 3, 3):
        record(statistics, plan_of(items, 2, 4, 4))

    counts = statistics[MODEL]
    assert sorted(counts.by_size) == [1, 3]
    assert counts.by_size[3] == Totals(2, 6, 30.0, 2.0, 4.0, 8.0, 16.0, batches=2, device_s=8.0)
    assert counts.totals() == Totals(3, 7, 45.0, 3.0, 6.0, 12.0, 24.0, batches=3, device_s=12.0)


def test_requests_that_share_a_batch_count_it_once(statistics: ModelStatistics) -> None:
    """The mean batch size is the number of items by that of batches; it shows whether batching works."""
    share = BatchShare(batches=1 / 4, planes=2 * (1 + 2 + 2 + 3) / 4, seconds=1.0)
    for items in (1, 2, 2, 3):
        record(statistics, plan_of(items, 2, 4, 4), share)

    counts = statistics[MODEL]
    assert list(counts.by_size) == [8]
    assert (counts.totals().items, counts.totals().batches) == (8, 1)
    assert (counts.totals().compute_s, counts.totals().device_s) == (16.0, 4.0)


def test_a_request_in_several_batches_has_their_mean_size(statistics: ModelStatistics) -> None:
    """A large request is cut by planes; its size is that of its batches, and so smaller than itself."""
    record(statistics, plan_of(100, 3, 4, 4), BatchShare(batches=10.0, planes=300.0, seconds=4.0))

    assert [(size, row.items, row.batches) for size, row in statistics[MODEL].by_size.items()] == [(10, 100, 10.0)]


def test_an_empty_request_runs_in_no_batch(statistics: ModelStatistics) -> None:
    """It succeeds without a device."""
    record(statistics, plan_of(0, 3, 4, 4))

    totals = statistics[MODEL].totals()
    assert (totals.requests, totals.items, totals.batches) == (1, 0, 0)


@pytest.mark.parametrize(
    ("items", "size"),
    [
        (EXACT_SIZES, EXACT_SIZES),
        (EXACT_SIZES + 1, 2 * EXACT_SIZES),
        (2 * EXACT_SIZES, 2 * EXACT_SIZES),
        (2 * EXACT_SIZES + 1, 4 * EXACT_SIZES),
    ],
)
def test_large_batch_sizes_are_powers_of_two(statistics: ModelStatistics, items: int, size: int) -> None:
    """A limit between two rows belongs to the lower one."""
    record(statistics, plan_of(items, 1, 2, 2))

    assert list(statistics[MODEL].by_size) == [size]


def test_clients_cannot_add_rows_without_end(statistics: ModelStatistics) -> None:
    """The batch size is the client's choice; each row takes memory, and a line of every response."""
    random = Random(0)
    for _ in range(2000):
        record(statistics, plan_of(random.randrange(1, 2 ** random.randrange(1, 30)), 1, 2, 2))

    assert len(statistics[MODEL].by_size) <= EXACT_SIZES + 40


def test_unregistered_names_are_not_counted(statistics: ModelStatistics) -> None:
    """Such a name comes from a client, and there are endlessly many."""
    record(statistics, plan_of(1, 1, 2, 2), model="max_poll2d")
    statistics.record_failure("max_poll2d", "internal", 1.0)

    assert [name for name, _ in statistics.items()] == [MODEL]
    assert astuple(statistics[MODEL].totals()) == astuple(Totals())


def test_registering_again_keeps_the_counts(statistics: ModelStatistics) -> None:
    """A counter that falls looks like a restart."""
    record(statistics, plan_of(1, 1, 2, 2))
    statistics.register([MODEL, "pool"])

    assert statistics[MODEL].totals().requests == 1
    assert [name for name, _ in statistics.items()] == [MODEL, "pool"]


def test_the_last_inference_is_the_time_of_the_last_success(
    statistics: ModelStatistics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Operators of dashboards see from it which models are used; a failure is no use."""
    monkeypatch.setattr("poolhouse.rest.observability.model_statistics.time", iter((7.0, 9.5)).__next__)
    assert statistics[MODEL].last_inference_s == 0
    for _ in range(2):
        record(statistics, plan_of(1, 1, 2, 2))
    statistics.record_failure(MODEL, "internal", 1.0)

    assert statistics[MODEL].last_inference_s == 9.5


def test_failures_are_counted_by_reason(statistics: ModelStatistics) -> None:
    """An alert on overload must not see invalid requests, nor an alert on devices clients that disconnect."""
    for code in ("overloaded", "", "device_lost", "invalid_fields", "deadline_passed"):
        statistics.record_failure(MODEL, code, 0.5)

    failures = statistics[MODEL].failures
    assert {reason: each.requests for reason, each in failures.items()} == {
        "REJECTED": 2,
        "CANCELED": 1,
        "BACKEND": 1,
        "OTHER": 1,
    }
    assert failures["REJECTED"].seconds == 1.0
    assert statistics[MODEL].totals() == Totals()


def test_every_code_has_a_reason() -> None:
    """Only codes of failures on our side are REJECTED or BACKEND; a misspelt one would be OTHER."""
    by_reason = {reason: {code for code in CODES if failure_reason(code) == reason} for reason in REASONS}

    assert by_reason["REJECTED"] | by_reason["BACKEND"] == {
        code for code, error in CODES.items() if error.status in (429, 500, 503, 504)
    }
    assert by_reason["CANCELED"] == set()
