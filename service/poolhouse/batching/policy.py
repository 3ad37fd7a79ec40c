"""The decisions of the engine: which device, which deadlines, when to retry, how to split a failed batch.

Pure: time, bytes and steps are arguments, and nothing here waits or has effects.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from poolhouse.batching.fair_queue import Batch, JobSlice

Payload = TypeVar("Payload")


@dataclass(slots=True)
class ThroughputEstimate:
    """The measured speed of a device, as two moving averages: the fixed cost of a batch, and the cost of its work.

    A single average would be wrong: from tiny batches it would predict minutes for a large job, and from large batches
    no time for a thousand tiny ones.
    """

    # A step is about a nanosecond on any device.
    steps_per_s: float = 1e9
    batch_s: float = 1e-4

    def update(self, steps: int, seconds: float) -> None:
        """Update from a finished batch: a tiny batch measures the fixed cost, a large one the cost of a step."""
        if seconds <= 0:
            return
        # guard: tiny-batches-leave-estimate
        if steps < _TINY_BATCH_STEPS:
            self.batch_s += 0.1 * (seconds - self.batch_s)
        else:
            self.steps_per_s += 0.1 * (steps / seconds - self.steps_per_s)

    def relax(self) -> None:
        """Raise the estimated speed after it alone made an idle device refuse a job. Otherwise an estimate that is too
        low would refuse every job with a deadline, and no batch would run to correct it."""
        self.steps_per_s *= 1.1
        self.batch_s /= 1.1

    def seconds_for(self, steps: int, batches: int = 1) -> float:
        """The time that this work takes in this number of batches."""
        return batches * self.batch_s + steps / self.steps_per_s


_TINY_BATCH_STEPS: Final = 100_000


@dataclass(frozen=True, slots=True)
class LoadEstimate:
    """The load of one device that is ahead of a new job.

    Attributes:
        is_ready: whether the device takes work.
        wait_s: seconds until all earlier work is done, by the measured speed.
        jobs: the number of earlier jobs and batches.
        new_batch_s: the fixed cost of one more batch; 0 if a job of the same key waits, or if the device is idle.
    """

    is_ready: bool
    wait_s: float
    jobs: int
    new_batch_s: float = 0.0


def least_loaded(estimates: Sequence[LoadEstimate]) -> int | None:
    """The index of the ready device that will be free first, with the cost of a new batch; None when none is ready.

    So under load a job goes to a device where jobs of its key wait, unless another device is free sooner: each device
    has fewer keys, and larger batches.
    """
    # guard: only-ready-devices
    ready = [index for index, estimate in enumerate(estimates) if estimate.is_ready]

    def load(index: int) -> tuple[float, int]:
        estimate = estimates[index]
        # guard: new-batch-costs-time
        return estimate.wait_s + estimate.new_batch_s, estimate.jobs

    return min(ready, key=load, default=None)


def meets_deadline(estimate: LoadEstimate, own_s: float, remaining_s: float | None) -> bool:
    """Whether the work is done before its deadline, by the measured speed."""
    return remaining_s is None or (remaining_s > 0 and estimate.wait_s + own_s <= remaining_s)


def runs_inline(estimate: LoadEstimate, steps: int, inline_steps: int) -> bool:
    """Whether to run a job on the event loop: it is tiny, and the device is idle or busy for long. A tiny job costs
    less than its hand-over to a thread. After a short wait it would be joined with others, which costs less still."""
    # guard: inline-only-when-idle-or-behind-long-work
    return estimate.is_ready and steps <= inline_steps and (estimate.jobs == 0 or is_long_wait(estimate.wait_s))


def is_long_wait(wait_s: float) -> bool:
    """Whether the wait, for one long batch or for the batches of many keys, is too long for a tiny job."""
    return wait_s > _LONG_WAIT_S


_LONG_WAIT_S: Final = 0.01


def retry_after_s(estimates: Sequence[LoadEstimate]) -> float:
    """The seconds until half of the queued work is done, and with it memory is free; at least a tenth of a second."""
    # guard: retry-after-is-computed
    return max(0.1, max((estimate.wait_s for estimate in estimates), default=1.0) / 2)


def without_abandoned(batch: Batch[Payload]) -> Batch[Payload] | None:
    """The batch without the slices of abandoned jobs; None if all are abandoned."""
    parts = tuple(part for part in batch.slices if not part.job.is_abandoned)
    return Batch(parts, batch.reason) if parts else None


def bisect(batch: Batch[Payload]) -> tuple[Batch[Payload], ...] | None:
    """Split a failed batch by its slices, to find the one that fails; None if it has only one."""
    if len(batch.slices) == 1:
        return None
    half = len(batch.slices) // 2
    return Batch(batch.slices[:half], "retry"), Batch(batch.slices[half:], "retry")


def halve(batch: Batch[Payload]) -> tuple[Batch[Payload], ...] | None:
    """Split a batch that did not fit into memory by its planes; None if it has only one."""
    # guard: single-plane-is-not-halved
    if batch.planes < 2:
        return None
    first: list[JobSlice[Payload]] = []
    second: list[JobSlice[Payload]] = []
    first_planes = batch.planes // 2
    for part in batch.slices:
        count = min(first_planes, part.stop - part.start)
        if count:
            first.append(JobSlice(part.job, part.start, part.start + count))
        if part.start + count < part.stop:
            second.append(JobSlice(part.job, part.start + count, part.stop))
        first_planes -= count
    return Batch(tuple(first), "retry"), Batch(tuple(second), "retry")
