"""Pending jobs: each gets one result or one error, and is then forgotten."""

from __future__ import annotations

import asyncio
from itertools import count

import pytest

from poolhouse.batching.fair_queue import Batch, BatchLimits, FairQueue, Job, JobSlice
from poolhouse.batching.memory import Lease, MemoryBudget
from poolhouse.batching.observer import BatchShare, JobTiming
from poolhouse.batching.pending_jobs import PendingJobs
from tests.batching.fake_device import on_loop


class Pending:
    """Pending jobs with their queue and their memory."""

    def __init__(self) -> None:
        self.removed_count = 0
        self.jobs: PendingJobs[str] = PendingJobs(self._on_removed)
        self.queue: FairQueue[str] = FairQueue()
        self.budget = MemoryBudget(1000)

    def _on_removed(self) -> None:
        self.removed_count += 1

    def add(self, name: str, planes: int = 1, model: str = "") -> tuple[Job[str], asyncio.Future[JobTiming], Lease]:
        """A queued job of the operator ``op_<name>``."""
        job = Job("key", planes, 1, 1, name)
        lease = self.budget.reserve(10)
        assert lease is not None
        self.queue.push(job)
        return job, self.jobs.add(job, lease, f"op_{name}", model), lease


def batch_of(*slices: JobSlice[str]) -> Batch[str]:
    return Batch(slices, "full")


@on_loop
async def test_a_job_has_its_result_after_its_last_planes(monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits until its first batch starts, and computes in all of its batches, but not between them."""
    monkeypatch.setattr("time.perf_counter", count(100.0).__next__)
    pending = Pending()
    job, result, _ = pending.add("a", planes=5)
    other, other_result, _ = pending.add("b", planes=2)

    pending.jobs.record_batch(batch_of(JobSlice(job, 0, 3)), 104.0, 106.0)
    assert pending.jobs.is_unresolved(job)
    pending.jobs.record_batch(Batch((JobSlice(job, 3, 5), JobSlice(other, 0, 1)), "drained"), 110.0, 110.5)

    # Of the second batch, which has three planes, half.
    share = BatchShare(batches=1.5, planes=3 + 1.5, seconds=2.25)
    assert result.result() == JobTiming(queue_s=4.0, compute_s=2.5, reason="drained", share=share)
    assert not pending.jobs.is_unresolved(job)
    assert not other_result.done()
    assert len(pending.jobs) == 2, "the caller removes a job that has its result"


@on_loop
async def test_planes_may_end_in_any_order() -> None:
    """Two threads pool slices of one job, and the later slice may end first."""
    pending = Pending()
    job, result, _ = pending.add("a", planes=2)

    pending.jobs.record_batch(batch_of(JobSlice(job, 1, 2)), 2.0, 3.0)
    pending.jobs.record_batch(batch_of(JobSlice(job, 0, 1)), 1.0, 4.0)

    assert result.result().compute_s == 4.0


@on_loop
async def test_the_shares_of_all_jobs_add_up_to_the_batches() -> None:
    """Statistics by model divide what the device did; a batch would else count for each of its jobs, or for none."""
    pending = Pending()
    (one, one_result, _), (two, two_result, _), (gone, _, _) = (pending.add(name, planes=4) for name in "abc")
    pending.jobs.remove(gone)

    pending.jobs.record_batch(batch_of(JobSlice(one, 0, 4), JobSlice(two, 0, 1), JobSlice(gone, 0, 1)), 1.0, 2.0)
    pending.jobs.record_batch(batch_of(JobSlice(two, 1, 2)), 2.0, 4.0)
    pending.jobs.record_batch(batch_of(JobSlice(two, 2, 4)), 5.0, 6.0)

    shares = [one_result.result().share, two_result.result().share]
    assert [sum(parts) for parts in zip(*filter(None, shares), strict=True)] == [3, 6 + 1 + 2, 4.0]


@on_loop
async def test_jobs_wait_under_their_model() -> None:
    """A preset waits under its own name; a job whose planes are all on a device waits no longer."""
    pending = Pending()
    pending.add("a")
    pending.add("b", planes=2, model="preset")
    pending.add("c", planes=2, model="preset")
    assert pending.jobs.waiting_by_model() == {"op_a": 1, "preset": 2}

    pending.queue.next_batch(BatchLimits(4, 4))

    assert pending.jobs.waiting_by_model() == {"preset": 1}


@on_loop
async def test_a_refused_job_never_starts() -> None:
    """Its other planes leave the queue, which would otherwise pool them for nobody."""
    pending = Pending()
    job, result, _ = pending.add("a", planes=4)
    pending.queue.next_batch(BatchLimits(1, 1))
    error = ValueError("a")

    pending.jobs.refuse(job, error)

    assert result.exception() is error
    assert job.is_abandoned
    assert not pending.queue
    assert pending.queue.steps == 0
    assert (len(pending.jobs), pending.removed_count) == (0, 1)
    assert not pending.jobs.is_unresolved(job)


@on_loop
async def test_a_job_ends_once() -> None:
    """A cancelled, an expired and a failed job are all removed, some of them by two parts of the engine."""
    pending = Pending()
    job, result, _ = pending.add("a")
    cancelled, cancelled_result, _ = pending.add("b")
    pending.jobs.record_batch(batch_of(job.whole_slice()), 1.0, 2.0)
    cancelled_result.cancel()

    pending.jobs.record_batch(batch_of(cancelled.whole_slice()), 1.0, 2.0)
    pending.jobs.refuse_all(ValueError("too late"))
    pending.jobs.remove(job)
    pending.jobs.refuse(cancelled, ValueError("again"))
    pending.jobs.record_batch(batch_of(job.whole_slice(), cancelled.whole_slice()), 3.0, 4.0)

    assert result.result().reason == "full"
    assert cancelled_result.cancelled()
    assert (len(pending.jobs), pending.removed_count) == (0, 2)


@on_loop
async def test_a_refused_batch_refuses_only_its_jobs() -> None:
    """The jobs of other batches did not fail."""
    pending = Pending()
    (one, one_result, _), (two, two_result, _), (_, three_result, _) = (pending.add(name) for name in "abc")
    error = ValueError("a batch")

    pending.jobs.refuse_batch(batch_of(one.whole_slice(), two.whole_slice()), error)
    assert one_result.exception() is two_result.exception() is error
    assert not three_result.done()

    pending.jobs.refuse_all(error)
    assert three_result.exception() is error
    assert len(pending.jobs) == 0


@on_loop
async def test_retained_leases_keep_the_memory_of_a_running_batch() -> None:
    """A thread uses the tensors after the caller has gone; a job that is gone already has no lease to retain."""
    pending = Pending()
    (one, _, lease), (gone, _, gone_lease) = pending.add("a"), pending.add("b")
    pending.jobs.remove(gone)

    retained = pending.jobs.retain_leases(batch_of(one.whole_slice(), gone.whole_slice()))
    lease.release()
    gone_lease.release()

    assert retained == [lease]
    assert pending.budget.held_bytes == 10
    retained[0].release()
    assert pending.budget.held_bytes == 0


@on_loop
async def test_a_batch_has_the_operator_of_its_first_pending_job() -> None:
    """Its jobs have one operator, which the metrics name even if the first job was abandoned."""
    pending = Pending()
    (one, _, _), (two, _, _) = pending.add("a"), pending.add("b")
    batch = batch_of(one.whole_slice(), two.whole_slice())

    assert pending.jobs.operator_of(batch) == "op_a"
    pending.jobs.remove(one)
    assert pending.jobs.operator_of(batch) == "op_b"
    pending.jobs.remove(two)
    assert pending.jobs.operator_of(batch) == ""
