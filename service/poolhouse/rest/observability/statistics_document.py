"""Write the counts of models as the Open Inference Protocol's statistics extension has them.

Its clients read all numbers as integers, and need every key.
"""

from __future__ import annotations

from collections.abc import Iterable

from poolhouse.models import VERSION
from poolhouse.rest.observability.model_statistics import ModelCounts, Totals

JsonObject = dict[str, object]


def statistics_document(models: Iterable[tuple[str, ModelCounts]]) -> JsonObject:
    """The response with the statistics of these models.

    Args:
        models: each name with its counts.
    """
    return {"model_stats": [_model(name, counts) for name, counts in models]}


def _model(name: str, counts: ModelCounts) -> JsonObject:
    totals, failures = counts.totals(), counts.failures.values()
    requests = totals.requests
    return {
        "name": name,
        "version": VERSION,
        "last_inference": round(1e3 * counts.last_inference_s),
        "inference_count": totals.items,
        "execution_count": round(totals.batches),
        "inference_stats": {
            "success": _duration(requests, totals.success_s),
            "fail": _duration(sum(each.requests for each in failures), sum(each.seconds for each in failures)),
            "queue": _duration(requests, totals.queue_s),
            "compute_input": _duration(requests, totals.decode_s),
            "compute_infer": _duration(requests, totals.compute_s),
            "compute_output": _duration(requests, totals.encode_s),
            "cache_hit": _duration(0, 0.0),
            "cache_miss": _duration(0, 0.0),
        },
        "response_stats": {},
        # Empty requests run in no batch.
        "batch_stats": [_batches(size, row) for size, row in sorted(counts.by_size.items()) if row.batches],
        "memory_usage": [],
    }


def _batches(size: int, row: Totals) -> JsonObject:
    count = round(row.batches)
    return {
        "batch_size": size,
        "compute_input": _duration(count, row.decode_s),
        "compute_infer": _duration(count, row.device_s),
        "compute_output": _duration(count, row.encode_s),
    }


def _duration(count: int, seconds: float) -> JsonObject:
    return {"count": count, "ns": round(1e9 * seconds)}
