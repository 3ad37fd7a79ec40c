"""The admitted jobs that have no result yet, each with its future, its lease and its progress."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from poolhouse.batching.fair_queue import Batch, Job
from poolhouse.batching.memory import Lease
from poolhouse.batching.observer import BatchShare, JobTiming

Payload = TypeVar("Payload")

_NO_SHARE: Final = BatchShare(0.0, 0.0, 0.0)


@dataclass(slots=True, eq=False)
class _Pending:
    result: asyncio.Future[JobTiming]
    lease: Lease
    submitted_at: float
    operator: str
    model: str
    started_at: float | None = None
    compute_s: float = 0.0
    planes_done: int = 0
    share: BatchShare = _NO_SHARE


class PendingJobs(Generic[Payload]):
    """Admitted jobs, and the futures that their callers await.

    Args:
        on_removed: called after a job was removed.
    """

    def __init__(self, on_removed: Callable[[], None]) -> None:
        self._pending: dict[Job[Payload], _Pending] = {}
        self._on_removed = on_removed

    def __len__(self) -> int:
        return len(self._pending)

    def waiting_by_model(self) -> Mapping[str, int]:
        """The number of jobs that have planes in a queue, by model."""
        return Counter(pending.model for job, pending in self._pending.items() if job.queue is not None)

    def add(self, job: Job[Payload], lease: Lease, operator: str, model: str = "") -> asyncio.Future[JobTiming]:
        """Add a job; its timing, or its error, is set on the future."""
        result: asyncio.Future[JobTiming] = asyncio.get_running_loop().create_future()
        self._pending[job] = _Pending(result, lease, time.perf_counter(), operator, model or operator)
        return result

    def is_unresolved(self, job: Job[Payload]) -> bool:
        """Whether the job has neither a result nor an error."""
        pending = self._pending.get(job)
        return pending is not None and not pending.result.done()

    def refuse(self, job: Job[Payload], error: Exception) -> None:
        """Set an error on the job's future, unless it has a result, and remove the job."""
        pending = self._pending.get(job)
        if pending is not None and not pending.result.done():
            pending.result.set_exception(error)
        self.remove(job)

    def refuse_batch(self, batch: Batch[Payload], error: Exception) -> None:
        """Refuse all jobs of a batch."""
        for part in batch.slices:
            self.refuse(part.job, error)

    def refuse_all(self, error: Exception) -> None:
        """Refuse all jobs."""
        for job in list(self._pending):
            # guard: grace-end-is-answered
            self.refuse(job, error)

    def remove(self, job: Job[Payload]) -> None:
        """Remove a job that is done or abandoned; those of its planes that have not started never will."""
        if self._pending.pop(job, None) is not None:
            # guard: failed-job-is-dropped
            if job.queue is not None:
                job.queue.remove(job)
            job.is_abandoned = True
            self._on_removed()

    def retain_leases(self, batch: Batch[Payload]) -> list[Lease]:
        """Retain the leases of a batch's jobs, for the time that a thread uses their tensors."""
        leases: list[Lease] = []
        for part in batch.slices:
            pending = self._pending.get(part.job)
            # guard: batch-retains-leases
            if pending is not None:
                pending.lease.retain()
                leases.append(pending.lease)
        return leases

    def operator_of(self, batch: Batch[Payload]) -> str:
        """The operator of a batch; empty if all of its jobs were abandoned."""
        return next((pending.operator for part in batch.slices if (pending := self._pending.get(part.job))), "")

    def record_batch(self, batch: Batch[Payload], started: float, ended: float) -> None:
        """Add a finished batch to the progress of its jobs; a job whose last planes these were gets its result."""
        found = [(part, pending) for part in batch.slices if (pending := self._pending.get(part.job)) is not None]
        for part, pending in found:
            pending.started_at = started if pending.started_at is None else pending.started_at
            pending.compute_s += ended - started
            pending.planes_done += part.stop - part.start
            batches, planes, seconds = pending.share
            pending.share = BatchShare(
                batches + 1 / len(found),
                planes + batch.planes / len(found),
                seconds + (ended - started) / len(found),
            )
            # guard: result-only-for-waiting-caller
            if pending.planes_done == part.job.planes and not pending.result.done():
                queue_s = pending.started_at - pending.submitted_at
                pending.result.set_result(JobTiming(queue_s, pending.compute_s, batch.reason, pending.share))
