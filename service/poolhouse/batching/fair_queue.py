"""The queue of one device: fair between keys; jobs of one key are joined into batches, large jobs are cut by planes.

Pure: it reads no time, and uses no event loop and no tensor data.

The rules:

- jobs of one batch key wait in one queue, in order of arrival;
- the queues take turns. A turn is one batch, so a flood of one key costs another key at most one batch a turn;
- a batch takes jobs from the head of its queue, while they fit into its limits whole. A head that alone does not fit
  is cut by planes, and its other planes stay at the head until the queue's next turn;
- an abandoned job is removed at once, and so its memory is released.

The bound: with K keys waiting, the head of any queue is taken after at most K - 1 other batches, each within the
limits (or one plane, if a plane alone is larger). The queue of a new key comes last.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, Literal, NamedTuple, TypeVar

Payload = TypeVar("Payload")

BatchReason = Literal["idle", "drained", "full", "retry", "inline"]
"""Why a batch has its size: no other job waited; all jobs of its key; as much as fits; a retry; a tiny job that ran
on the event loop."""


@dataclass(slots=True, eq=False)
class Job(Generic[Payload]):
    """A request in the queue.

    Attributes:
        key: jobs with equal keys can share a batch.
        planes: the number of planes to pool, at least 1.
        plane_bytes: input, output and workspace of one plane.
        plane_steps: work of one plane.
        payload: for the worker; not used here.
        call_steps: work of a batch of this key in addition to its planes.
        assigned_planes: planes that are part of a batch.
        is_abandoned: whether the job needs no result any more.
        queue: the queue that holds it, or None.
    """

    key: Hashable
    planes: int
    plane_bytes: int
    plane_steps: int
    payload: Payload
    call_steps: int = 0
    assigned_planes: int = 0
    is_abandoned: bool = False
    queue: FairQueue[Payload] | None = None

    @property
    def steps(self) -> int:
        """Work of all planes in one batch."""
        return self.planes * self.plane_steps + self.call_steps

    @property
    def unassigned_planes(self) -> int:
        """Planes that are not part of a batch yet."""
        return self.planes - self.assigned_planes

    def whole_slice(self) -> JobSlice[Payload]:
        """All planes, as one slice."""
        return JobSlice(self, 0, self.planes)


class JobSlice(NamedTuple, Generic[Payload]):
    """Planes ``start`` to ``stop`` of one job."""

    job: Job[Payload]
    start: int
    stop: int


class Batch(NamedTuple, Generic[Payload]):
    """Slices of jobs of one key, which a device pools in one run."""

    slices: tuple[JobSlice[Payload], ...]
    reason: BatchReason

    @property
    def planes(self) -> int:
        """Planes of all slices."""
        return sum(part.stop - part.start for part in self.slices)

    @property
    def nbytes(self) -> int:
        """Input, output and workspace of all slices."""
        return sum((part.stop - part.start) * part.job.plane_bytes for part in self.slices)

    @property
    def steps(self) -> int:
        """Work of all slices."""
        steps = sum((part.stop - part.start) * part.job.plane_steps for part in self.slices)
        return steps + max(part.job.call_steps for part in self.slices)


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """How large a batch may be.

    Attributes:
        max_bytes: bytes of all planes; one plane is always allowed.
        max_join_bytes: bytes of a batch of several jobs: joining copies, which on a CPU pays only for small jobs.
        max_planes: planes in one launch; None for no limit.
        max_steps: work of all planes; one plane is always allowed. None for no limit.
    """

    max_bytes: int
    max_join_bytes: int
    max_planes: int | None = None
    max_steps: int | None = None


class FairQueue(Generic[Payload]):
    """The queues of one device, one for each key.

    Attributes:
        steps: work that waits.
        jobs: the number of jobs that wait, including those of which some planes have started.
    """

    def __init__(self) -> None:
        # Ordered dictionaries, not deques: a job in the middle is removed without a search, and no removed jobs have
        # to be skipped at the head.
        self._queues: OrderedDict[Hashable, OrderedDict[Job[Payload], None]] = OrderedDict()
        self.steps = 0
        self.jobs = 0

    def __bool__(self) -> bool:
        return self.jobs > 0

    @property
    def key_count(self) -> int:
        """The number of keys that have jobs."""
        return len(self._queues)

    def has_key(self, key: Hashable) -> bool:
        """Whether jobs of this key wait."""
        return key in self._queues

    def push(self, job: Job[Payload]) -> None:
        """Add a job to the queue of its key; the queue of a new key comes last."""
        queue = self._queues.get(job.key)
        if queue is None:
            queue = self._queues[job.key] = OrderedDict()
        queue[job] = None
        job.queue = self
        self.steps += job.unassigned_planes * job.plane_steps
        self.jobs += 1

    def remove(self, job: Job[Payload]) -> None:
        """Remove an abandoned job; its waiting planes are not pooled. Takes constant time."""
        job.is_abandoned = True
        # guard: dropped-job-leaves-queue
        if job.queue is self:
            queue = self._queues[job.key]
            self._remove_from_key(queue, job)
            if not queue:
                del self._queues[job.key]

    def clear(self) -> list[Job[Payload]]:
        """Remove and return all jobs."""
        jobs = [job for queue in self._queues.values() for job in queue]
        for job in jobs:
            job.queue = None
        self._queues.clear()
        self.steps = self.jobs = 0
        return jobs

    def next_batch(self, limits: BatchLimits) -> Batch[Payload] | None:
        """Take the next batch; None when no job waits."""
        if not self._queues:
            return None
        key, queue = next(iter(self._queues.items()))
        is_alone = self.jobs == 1
        slices = self._take_slices(queue, limits)
        if queue:
            # guard: queues-take-turns
            self._queues.move_to_end(key)
        else:
            del self._queues[key]
        return Batch(tuple(slices), "full" if queue else "idle" if is_alone else "drained")

    def _take_slices(self, queue: OrderedDict[Job[Payload], None], limits: BatchLimits) -> list[JobSlice[Payload]]:
        slices: list[JobSlice[Payload]] = []
        joined = joined_bytes = joined_steps = 0
        while queue:
            job = next(iter(queue))
            limit = limits.max_join_bytes if slices else limits.max_bytes
            allowed = (limit - joined_bytes) // job.plane_bytes
            if limits.max_planes is not None:
                # guard: batch-fits-grid
                allowed = min(allowed, limits.max_planes - joined)
            if limits.max_steps is not None:
                # guard: batch-is-cut-by-steps
                allowed = min(allowed, (limits.max_steps - joined_steps) // max(job.plane_steps, 1))
            # guard: jobs-join-whole
            if slices and allowed < job.unassigned_planes:
                break
            # guard: large-jobs-are-cut, one-plane-always-runs
            count = min(job.unassigned_planes, max(allowed, 1))
            slices.append(JobSlice(job, job.assigned_planes, job.assigned_planes + count))
            job.assigned_planes += count
            joined += count
            joined_bytes += count * job.plane_bytes
            joined_steps += count * job.plane_steps
            self.steps -= count * job.plane_steps
            if job.unassigned_planes:
                break
            self._remove_from_key(queue, job)
        return slices

    def _remove_from_key(self, queue: OrderedDict[Job[Payload], None], job: Job[Payload]) -> None:
        del queue[job]
        job.queue = None
        self.steps -= job.unassigned_planes * job.plane_steps
        self.jobs -= 1
