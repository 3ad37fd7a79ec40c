"""The decisions of the engine, without a clock or an event loop: device, deadlines, when to retry, what to split.

Time, bytes and steps are arguments. Nothing here waits or acts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from poolhouse.batching.fair_queue import Batch, JobSlice

Payload = TypeVar("Payload")


@dataclass(slots=True)
class ThroughputEstimate:
    """The measured speed of a device, as moving averages: the fixed cost of a batch, and the cost of its work.

    One number would not do: by the pace of tiny batches every large job would seem to take minutes, and by the pace
    of large ones a thousand tiny batches would seem to take no time.
    """

    # A step is about a nanosecond, wherever it is.
    steps_per_s: float = 1e9
    batch_s: float = 1e-4

    def update(self, steps: int, seconds: float) -> None:
        """Update from a batch that ran: a tiny batch tells the fixed cost, a large one the cost of steps."""
        if seconds <= 0:
            return
        # guard: tiny-batches-leave-estimate
        if steps < _TELLING_STEPS:
            self.batch_s += 0.1 * (seconds - self.batch_s)
        else:
            self.steps_per_s += 0.1 * (steps / seconds - self.steps_per_s)

    def relax(self) -> None:
        """Relax the estimate after it alone made an idle device refuse a job. Otherwise an estimate that has become
        too low would refuse every job, and no batch would run to correct it."""
        self.steps_per_s *= 1.1
        self.batch_s /= 1.1

    def seconds_for(self, steps: int, batches: int = 1) -> float:
        """How long that much work takes in that many batches."""
        return batches * self.batch_s + steps / self.steps_per_s


_TELLING_STEPS: Final = 100_000


@dataclass(frozen=True, slots=True)
class LoadEstimate:
    """The load of one device, as a new job would meet it.

    Attributes:
        ready: whether it takes work.
        wait_s: seconds until all earlier work is done, by the measured speed.
        jobs: how many jobs are before it.
        new_batch_s: the cost of one more batch, if the new job needs one; 0 if jobs of its key wait, or none.
    """

    is_ready: bool
    wait_s: float
    jobs: int
    new_batch_s: float = 0.0


def least_loaded(estimates: Sequence[LoadEstimate]) -> int | None:
    """The ready device that will be free first, with the newcomer's own batch; None when none is ready.

    So under load the jobs of a key go where others of it wait, as long as that is no detour: each device has fewer
    keys, and larger batches.
    """
    # guard: only-ready-devices
    ready = [index for index, estimate in enumerate(estimates) if estimate.is_ready]

    def load(index: int) -> tuple[float, int]:
        estimate = estimates[index]
        # guard: new-batch-costs-time
        return estimate.wait_s + estimate.new_batch_s, estimate.jobs

    return min(ready, key=load, default=None)


def meets_deadline(estimate: LoadEstimate, own_s: float, remaining_s: float | None) -> bool:
    """Whether work can be done before its deadline, if the device goes on as it has."""
    return remaining_s is None or (remaining_s > 0 and estimate.wait_s + own_s <= remaining_s)


def runs_inline(estimate: LoadEstimate, steps: int, inline_steps: int) -> bool:
    """Whether a job is so small that handing it to a thread costs more than doing it, and nobody is before it; or so
    small that it need not wait for long work. Behind a short wait it waits: joined with others it costs less."""
    # guard: inline-only-when-idle-or-behind-long-work
    return estimate.is_ready and steps <= inline_steps and (estimate.jobs == 0 or is_long_wait(estimate.wait_s))


def is_long_wait(wait_s: float) -> bool:
    """Whether a tiny job need not wait so long, be it for one batch or for the batches of many lines."""
    return wait_s > _LONG_WAIT_S


_LONG_WAIT_S: Final = 0.01


def retry_after_s(estimates: Sequence[LoadEstimate]) -> float:
    """When there will be room again: half of what waits must be done first; at least a tenth of a second."""
    # guard: retry-after-is-computed
    return max(0.1, max((estimate.wait_s for estimate in estimates), default=1.0) / 2)


def without_abandoned(batch: Batch[Payload]) -> Batch[Payload] | None:
    """A batch without the parts that nobody waits for any more; None when nobody waits for any."""
    parts = tuple(part for part in batch.slices if not part.job.is_abandoned)
    return Batch(parts, batch.reason) if parts else None


def bisect(batch: Batch[Payload]) -> tuple[Batch[Payload], ...] | None:
    """A failed batch in two by parts, to find whose fault it was; None when only one part is in it."""
    if len(batch.slices) == 1:
        return None
    half = len(batch.slices) // 2
    return Batch(batch.slices[:half], "retry"), Batch(batch.slices[half:], "retry")


def halve(batch: Batch[Payload]) -> tuple[Batch[Payload], ...] | None:
    """A batch that did not fit into memory in two, by planes; None when it is one plane."""
    # guard: single-plane-is-not-halved
    if batch.planes < 2:
        return None
    first: list[JobSlice[Payload]] = []
    second: list[JobSlice[Payload]] = []
    room = batch.planes // 2
    for part in batch.slices:
        count = min(room, part.stop - part.start)
        if count:
            first.append(JobSlice(part.job, part.start, part.start + count))
        if part.start + count < part.stop:
            second.append(JobSlice(part.job, part.start + count, part.stop))
        room -= count
    return Batch(tuple(first), "retry"), Batch(tuple(second), "retry")
