"""The queue of one device: fair between keys, jobs of one key joined to batches, large jobs cut by planes.

Pure: no clock, no event loop, no tensor data. Jobs come in and batches go out.

The rules:

- jobs of one key (operator, spec, element type, spatial sizes) wait in one line, in order of arrival;
- the lines take turns; a turn is one batch, so a flood in one line costs another at most one batch a turn;
- a batch takes jobs of its line, from the head, while they fit its budget whole; a head that alone does not fit is
  cut by planes, and the rest of it waits at the head of the line for the line's next turn;
- a job whose caller no longer waits leaves its line at once, and frees the memory that it held.

The bound: with K lines waiting, the head of any line is taken after at most K - 1 other batches, each within the
budget (or one plane, if a plane alone is larger). Lines that come later wait behind it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, Literal, NamedTuple, TypeVar

Payload = TypeVar("Payload")

Reason = Literal["idle", "drained", "full", "retry", "inline"]
"""Why a batch has its size: no other job waited; all jobs of its line; as much as fits; a retry; a small job that ran
on the event loop."""


@dataclass(slots=True, eq=False)
class Job(Generic[Payload]):
    """A request in the queue.

    Attributes:
        key: jobs with equal keys can share a batch.
        planes: how many there are to pool, at least 1.
        plane_bytes: input, output and workspace of one plane; equal for equal keys.
        plane_steps: work of one plane; equal for equal keys.
        payload: what the backend needs; never looked at here.
        call_steps: what a batch of this key costs beside its planes.
        taken: planes that have gone into batches.
        dropped: whether its caller no longer waits.
        waits_in: the queue that holds it, or None.
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
        """Work of all planes at once."""
        return self.planes * self.plane_steps + self.call_steps

    @property
    def unassigned_planes(self) -> int:
        """Planes that still wait."""
        return self.planes - self.assigned_planes

    def whole_slice(self) -> JobSlice[Payload]:
        """All planes at once."""
        return JobSlice(self, 0, self.planes)


class JobSlice(NamedTuple, Generic[Payload]):
    """Planes ``start`` to ``stop`` of one job."""

    job: Job[Payload]
    start: int
    stop: int


class Batch(NamedTuple, Generic[Payload]):
    """What a device does in one go: parts of one key."""

    slices: tuple[JobSlice[Payload], ...]
    reason: Reason

    @property
    def planes(self) -> int:
        """Planes of all parts."""
        return sum(part.stop - part.start for part in self.slices)

    @property
    def nbytes(self) -> int:
        """Input, output and workspace of all parts."""
        return self.planes * self.slices[0].job.plane_bytes

    @property
    def steps(self) -> int:
        """Work of all parts."""
        job = self.slices[0].job
        return self.planes * job.plane_steps + job.call_steps


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """How large a batch may be.

    Attributes:
        piece_bytes: of all planes together; one plane always goes.
        join_bytes: up to which jobs are joined: joining copies, which pays only for small ones on a CPU.
        planes: in one launch; None for no limit.
        piece_steps: work of all planes together; one plane always goes. None for no limit.
    """

    piece_bytes: int
    join_bytes: int
    planes: int | None = None
    piece_steps: int | None = None


class FairQueue(Generic[Payload]):
    """The lines before one device.

    Attributes:
        steps: work that waits.
        jobs: how many wait, those that are cut and begun included.
    """

    def __init__(self) -> None:
        # Ordered dictionaries, not deques: a job in the middle can leave without a search, and a new head is found
        # without passing over those that left.
        self._lines: OrderedDict[Hashable, OrderedDict[Job[Payload], None]] = OrderedDict()
        self.steps = 0
        self.jobs = 0

    def __bool__(self) -> bool:
        return self.jobs > 0

    @property
    def key_count(self) -> int:
        """How many keys wait."""
        return len(self._lines)

    def has_key(self, key: Hashable) -> bool:
        """Whether jobs of this key wait."""
        return key in self._lines

    def push(self, job: Job[Payload]) -> None:
        """A job joins the line of its key; a new line comes last."""
        line = self._lines.get(job.key)
        if line is None:
            line = self._lines[job.key] = OrderedDict()
        line[job] = None
        job.queue = self
        self.steps += job.unassigned_planes * job.plane_steps
        self.jobs += 1

    def remove(self, job: Job[Payload]) -> None:
        """Nobody waits for this job any more: its planes that still wait will never be taken. Takes no search."""
        job.is_abandoned = True
        # guard: dropped-job-leaves-queue
        if job.queue is self:
            line = self._lines[job.key]
            self._remove_from_key(line, job)
            if not line:
                del self._lines[job.key]

    def clear(self) -> list[Job[Payload]]:
        """Everything that waits, taken out."""
        jobs = [job for line in self._lines.values() for job in line]
        for job in jobs:
            job.queue = None
        self._lines.clear()
        self.steps = self.jobs = 0
        return jobs

    def next_batch(self, limits: BatchLimits) -> Batch[Payload] | None:
        """The next batch, or None when nothing waits."""
        if not self._lines:
            return None
        key, line = next(iter(self._lines.items()))
        alone = self.jobs == 1
        parts = self._take_slices(line, limits)
        if line:
            # guard: queues-take-turns
            self._lines.move_to_end(key)
        else:
            del self._lines[key]
        return Batch(tuple(parts), "full" if line else "idle" if alone else "drained")

    def _take_slices(self, queue: OrderedDict[Job[Payload], None], limits: BatchLimits) -> list[JobSlice[Payload]]:
        parts: list[JobSlice[Payload]] = []
        joined = 0
        while queue:
            job = next(iter(queue))
            limit = limits.join_bytes if parts else limits.piece_bytes
            room = limit // job.plane_bytes - joined
            if limits.planes is not None:
                # guard: batch-fits-grid
                room = min(room, limits.planes - joined)
            if limits.piece_steps is not None:
                # guard: batch-is-cut-by-steps
                room = min(room, limits.piece_steps // max(job.plane_steps, 1) - joined)
            # guard: jobs-join-whole
            if parts and room < job.unassigned_planes:
                break
            # guard: large-jobs-are-cut, one-plane-always-runs
            count = min(job.unassigned_planes, max(room, 1))
            parts.append(JobSlice(job, job.assigned_planes, job.assigned_planes + count))
            job.assigned_planes += count
            joined += count
            self.steps -= count * job.plane_steps
            if job.unassigned_planes:
                break
            self._remove_from_key(queue, job)
        return parts

    def _remove_from_key(self, queue: OrderedDict[Job[Payload], None], job: Job[Payload]) -> None:
        del queue[job]
        job.queue = None
        self.steps -= job.unassigned_planes * job.plane_steps
        self.jobs -= 1
