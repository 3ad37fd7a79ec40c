"""The document of statistics: sums of its rows, in whole numbers."""

from __future__ import annotations

from typing import Any

from poolhouse.rest.observability.model_statistics import ModelCounts, Totals
from poolhouse.rest.observability.statistics_document import statistics_document


def document_of(counts: ModelCounts) -> dict[str, Any]:
    """The statistics of one model."""
    document: dict[str, Any] = statistics_document([("max_pool2d", counts)])
    (found,) = document["model_stats"]
    assert isinstance(found, dict)
    return found


def test_times_are_nanoseconds_and_milliseconds() -> None:
    """The names of the protocol have no units, and clients divide by these."""
    counts = ModelCounts(last_inference_s=1700000000.125)
    counts.by_size[4] = Totals(2, 8, 16e-9, 1e-9, 2e-9, 5e-9, 8e-9, batches=1, device_s=3e-9)
    counts.failures["OTHER"].requests, counts.failures["OTHER"].seconds = 3, 7e-9
    counts.failures["BACKEND"].requests, counts.failures["BACKEND"].seconds = 1, 2e-9

    assert document_of(counts) == {
        "name": "max_pool2d",
        "version": "1",
        "last_inference": 1700000000125,
        "inference_count": 8,
        "execution_count": 1,
        "inference_stats": {
            "success": {"count": 2, "ns": 16},
            "fail": {"count": 4, "ns": 9},
            "queue": {"count": 2, "ns": 2},
            "compute_input": {"count": 2, "ns": 1},
            "compute_infer": {"count": 2, "ns": 5},
            "compute_output": {"count": 2, "ns": 8},
            "cache_hit": {"count": 0, "ns": 0},
            "cache_miss": {"count": 0, "ns": 0},
        },
        "response_stats": {},
        "batch_stats": [
            {
                "batch_size": 4,
                "compute_input": {"count": 1, "ns": 1},
                "compute_infer": {"count": 1, "ns": 3},
                "compute_output": {"count": 1, "ns": 8},
            }
        ],
        "memory_usage": [],
    }


def test_thirds_of_batches_are_whole_batches() -> None:
    """Shares are fractions, and three requests in one batch are one execution."""
    counts = ModelCounts()
    counts.by_size[3] = Totals(batches=1 / 3 + 1 / 3 + 1 / 3)

    assert document_of(counts)["execution_count"] == 1


def test_batch_sizes_are_in_order_and_without_empty_requests() -> None:
    """A request of no items ran in no batch; a table of sizes is read from small to large."""
    counts = ModelCounts()
    for size, batches in ((8, 2.0), (0, 0.0), (1, 1.0)):
        counts.by_size[size] = Totals(requests=1, batches=batches)

    found = document_of(counts)
    assert [(row["batch_size"], row["compute_infer"]["count"]) for row in found["batch_stats"]] == [(1, 1), (8, 2)]
    assert found["inference_stats"]["success"]["count"] == 3


def test_an_unused_model_has_every_key() -> None:
    """Load generators read the statistics before their first request."""
    found = document_of(ModelCounts())

    assert len(found["inference_stats"]) == 8
    assert all(each == {"count": 0, "ns": 0} for each in found["inference_stats"].values())
    assert found["last_inference"] == found["execution_count"] == 0
