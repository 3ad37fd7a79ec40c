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
    taken: int = 0
    dropped: bool = False
    waits_in: FairQueue[Payload] | None = None

    @property
    def steps(self) -> int:
        """Work of all planes at once."""
        return self.planes * self.plane_steps + self.call_steps

    @property
    def left(self) -> int:
        """Planes that still wait."""
        return self.planes - self.taken

    def whole(self) -> Part[Payload]:
        """All planes at once."""
        return Part(self, 0, self.planes)


class Part(NamedTuple, Generic[Payload]):
    """Planes ``start`` to ``stop`` of one job."""

    job: Job[Payload]
    start: int
    stop: int


class Batch(NamedTuple, Generic[Payload]):
    """What a device does in one go: parts of one key."""

    parts: tuple[Part[Payload], ...]
    reason: Reason

    @property
    def planes(self) -> int:
        """Planes of all parts."""
        return sum(part.stop - part.start for part in self.parts)

    @property
    def nbytes(self) -> int:
        """Input, output and workspace of all parts."""
        return self.planes * self.parts[0].job.plane_bytes

    @property
    def steps(self) -> int:
        """Work of all parts."""
        job = self.parts[0].job
        return self.planes * job.plane_steps + job.call_steps


@dataclass(frozen=True, slots=True)
class Budget:
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
    def lines(self) -> int:
        """How many keys wait."""
        return len(self._lines)

    def has_line(self, key: Hashable) -> bool:
        """Whether jobs of this key wait."""
        return key in self._lines

    def push(self, job: Job[Payload]) -> None:
        """A job joins the line of its key; a new line comes last."""
        line = self._lines.get(job.key)
        if line is None:
            line = self._lines[job.key] = OrderedDict()
        line[job] = None
        job.waits_in = self
        self.steps += job.left * job.plane_steps
        self.jobs += 1

    def drop(self, job: Job[Payload]) -> None:
        """Nobody waits for this job any more: its planes that still wait will never be taken. Takes no search."""
        job.dropped = True
        # guard: dropped-job-leaves-queue
        if job.waits_in is self:
            line = self._lines[job.key]
            self._leave(line, job)
            if not line:
                del self._lines[job.key]

    def clear(self) -> list[Job[Payload]]:
        """Everything that waits, taken out."""
        jobs = [job for line in self._lines.values() for job in line]
        for job in jobs:
            job.waits_in = None
        self._lines.clear()
        self.steps = self.jobs = 0
        return jobs

    def take(self, budget: Budget) -> Batch[Payload] | None:
        """The next batch, or None when nothing waits."""
        if not self._lines:
            return None
        key, line = next(iter(self._lines.items()))
        alone = self.jobs == 1
        parts = self._from_line(line, budget)
        if line:
            # guard: queues-take-turns
            self._lines.move_to_end(key)
        else:
            del self._lines[key]
        return Batch(tuple(parts), "full" if line else "idle" if alone else "drained")

    def _from_line(self, line: OrderedDict[Job[Payload], None], budget: Budget) -> list[Part[Payload]]:
        parts: list[Part[Payload]] = []
        joined = 0
        while line:
            job = next(iter(line))
            limit = budget.join_bytes if parts else budget.piece_bytes
            room = limit // job.plane_bytes - joined
            if budget.planes is not None:
                # guard: batch-fits-grid
                room = min(room, budget.planes - joined)
            if budget.piece_steps is not None:
                # guard: batch-is-cut-by-steps
                room = min(room, budget.piece_steps // max(job.plane_steps, 1) - joined)
            # guard: jobs-join-whole
            if parts and room < job.left:
                break
            # guard: large-jobs-are-cut, one-plane-always-runs
            count = min(job.left, max(room, 1))
            parts.append(Part(job, job.taken, job.taken + count))
            job.taken += count
            joined += count
            self.steps -= count * job.plane_steps
            if job.left:
                break
            self._leave(line, job)
        return parts

    def _leave(self, line: OrderedDict[Job[Payload], None], job: Job[Payload]) -> None:
        del line[job]
        job.waits_in = None
        self.steps -= job.left * job.plane_steps
        self.jobs -= 1
