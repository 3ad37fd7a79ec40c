"""Count the requests of each model, for the statistics of the Open Inference Protocol and the metrics named nv_*.

Used on the event loop only. A request costs one row of numbers, found by model and batch size, so that counting takes
less than a microsecond.

A device may pool several requests in one batch. Then each request has an equal share of the batch, see
:class:`poolhouse.batching.observer.BatchShare`, and the shares of all requests add up to the batches. Requests of
different models may share a batch too: an operator and its presets have the same batches. Shares of requests that
failed are not counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from operator import attrgetter
from time import time
from typing import Final, Literal, get_args

from poolhouse.batching.observer import BatchShare
from poolhouse.operators.plan import Plan
from poolhouse.poolings.plan import PoolingsPlan

Reason = Literal["REJECTED", "CANCELED", "BACKEND", "OTHER"]
"""Why a request failed: refused for lack of capacity or time; the client disconnected; a device or the service failed;
anything else, above all invalid input."""

REASONS: Final[tuple[Reason, ...]] = get_args(Reason)
EXACT_SIZES: Final = 64
"""Batch sizes up to this one are counted exactly; a larger one is counted as the next power of two, so that the number
of rows is bounded."""

_REASON_BY_CODE: Final[Mapping[str, Reason]] = {
    "": "CANCELED",
    **dict.fromkeys(("overloaded", "starting", "draining", "quota_exceeded", "deadline_passed"), "REJECTED"),
    **dict.fromkeys(("device_lost", "internal"), "BACKEND"),
}


@dataclass(slots=True)
class Totals:
    """Sums over successful requests.

    Attributes:
        requests: their number.
        items: the sum of their batch sizes N.
        success_s: from the complete body to the encoded response.
        decode_s, queue_s, compute_s, encode_s: of their stages, as in ``Server-Timing``; requests of one batch each
            count its whole duration.
        batches: the batches that devices ran for them.
        device_s: the time that these took, each counted once.
    """

    requests: int = 0
    items: int = 0
    success_s: float = 0.0
    decode_s: float = 0.0
    queue_s: float = 0.0
    compute_s: float = 0.0
    encode_s: float = 0.0
    batches: float = 0.0
    device_s: float = 0.0


_numbers_of: Final = attrgetter(*[each.name for each in fields(Totals)])


@dataclass(slots=True)
class Failures:
    """Failed requests, and the seconds from their complete body to their end; 0 for those without a complete body."""

    requests: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class ModelCounts:
    """What is counted for one model.

    Attributes:
        by_size: sums over successful requests, by the size of the batch in which a device pooled them.
        failures: by reason; every reason has an entry.
        last_inference_s: when the last request succeeded, in seconds since 1970; 0 if none has.
    """

    by_size: dict[int, Totals] = field(default_factory=dict)
    failures: dict[Reason, Failures] = field(default_factory=lambda: {reason: Failures() for reason in REASONS})
    last_inference_s: float = 0.0

    def totals(self) -> Totals:
        """The sums over all batch sizes."""
        return Totals(*map(sum, zip(*map(_numbers_of, self.by_size.values()), strict=True)))

    def totals_of(self, size: int) -> Totals:
        """The row of a batch size; created on first use."""
        if size > EXACT_SIZES:
            size = 1 << (size - 1).bit_length()
        found = self.by_size.get(size)
        if found is None:
            found = self.by_size[size] = Totals()
        return found


class ModelStatistics:
    """The counts of every model by name. A name that is not registered is not counted, since clients choose it."""

    def __init__(self) -> None:
        self._counts: dict[str, ModelCounts] = {}

    def register(self, names: Iterable[str]) -> None:
        """Add models, with zero counts."""
        for name in names:
            self._counts.setdefault(name, ModelCounts())

    def __getitem__(self, name: str) -> ModelCounts:
        """The counts of a registered model."""
        return self._counts[name]

    def items(self) -> Iterator[tuple[str, ModelCounts]]:
        """All models with their counts, in the order of registration."""
        return iter(self._counts.items())

    def record_success(
        self,
        model: str,
        plan: Plan | PoolingsPlan,
        success_s: float,
        decode_s: float,
        queue_s: float,
        compute_s: float,
        encode_s: float,
        share: BatchShare | None,
    ) -> None:
        """Count a request whose response is encoded.

        Args:
            model: its name.
            plan: of the request.
            success_s, decode_s, queue_s, compute_s, encode_s: see :class:`Totals`.
            share: of its batches; None if it ran as a batch of its own, or is empty.
        """
        counts = self._counts.get(model)
        if counts is None:
            return
        size = items = plan.batch_size
        if share is None:
            batches, device_s = 0.0 if plan.is_empty else 1.0, compute_s
        else:
            batches, planes, device_s = share
            # In items with as many planes as those of this request.
            size = max(1, round(planes / batches * items / plan.planes))
        row = counts.by_size.get(size) or counts.totals_of(size)
        row.requests += 1
        row.items += items
        row.success_s += success_s
        row.decode_s += decode_s
        row.queue_s += queue_s
        row.compute_s += compute_s
        row.encode_s += encode_s
        row.batches += batches
        row.device_s += device_s
        counts.last_inference_s = time()

    def record_failure(self, model: str, code: str, seconds: float) -> None:
        """Count a request that failed.

        Args:
            model: its name.
            code: of the error; empty if the client disconnected.
            seconds: since its body was complete.
        """
        counts = self._counts.get(model)
        if counts is not None:
            failures = counts.failures[failure_reason(code)]
            failures.requests += 1
            failures.seconds += seconds


def failure_reason(code: str) -> Reason:
    """The reason that an error code stands for; the empty code for a client that disconnected."""
    return _REASON_BY_CODE.get(code, "OTHER")
