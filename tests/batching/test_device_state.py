"""The state of a device: what waits for it, how long that takes, and which batch is next."""

from __future__ import annotations

import asyncio
from typing import Literal

import pytest

from poolhouse.batching.device_state import DeviceState, InflightBatch
from poolhouse.batching.device_threads import DeviceThreads
from poolhouse.batching.fair_queue import Batch, Job
from poolhouse.batching.memory import MemoryBudget
from poolhouse.batching.policy import ThroughputEstimate
from tests.batching.fake_device import FakeWorker

Work = Literal["queue", "retries", "inflight"]
PLACES: tuple[Work, ...] = ("queue", "retries", "inflight")


def device(worker: FakeWorker | None = None) -> DeviceState[str]:
    """A device with a thousand steps a second and a second for each batch; its threads do not start."""
    threads: DeviceThreads[InflightBatch[str]] = DeviceThreads("fake", 1, lambda _: True)
    made = DeviceState("fake:0", worker or FakeWorker(), threads, concurrency=1)
    made.throughput = ThroughputEstimate(steps_per_s=1000, batch_s=1)
    return made


def retry(name: str, *, key: str = "a", steps: int = 1) -> Batch[str]:
    return Batch((Job(key, 1, 1, steps, name).whole_slice(),), "retry")


def add_work(to: DeviceState[str], place: Work, name: str = "x", *, key: str = "a", steps: int = 500) -> None:
    """Add one job or batch."""
    if place == "queue":
        to.queue.push(Job(key, 1, 1, steps, name))
    elif place == "retries":
        to.retries.append(retry(name, key=key, steps=steps))
    else:
        loop = asyncio.new_event_loop()
        loop.close()
        to.inflight.append(InflightBatch(retry(name, key=key, steps=steps), loop, []))


def payloads(batch: Batch[str] | None) -> list[str]:
    return [] if batch is None else [part.job.payload for part in batch.slices]


@pytest.mark.parametrize("place", PLACES)
def test_work_in_any_place_counts(place: Work) -> None:
    """Work that is not counted makes a busy device look free, and breaks the deadlines of what is sent there."""
    idle, busy = device(), device()

    add_work(busy, place)

    assert idle.is_idle
    assert (idle.wait_s, idle.estimate().jobs) == (0.0, 0)
    assert not busy.is_idle
    assert busy.wait_s == 1.5
    assert busy.estimate().wait_s == 1.5
    assert busy.estimate().jobs == 1


def test_the_wait_is_the_sum_of_all_work() -> None:
    """Jobs of one key take at least one batch, those of two keys at least two."""
    busy = device()
    for place in PLACES:
        add_work(busy, place)
    add_work(busy, "queue", key="a")
    add_work(busy, "queue", key="b")

    assert busy.wait_s == pytest.approx(5 * 0.5 + 4)
    assert busy.estimate().jobs == 5


def test_a_new_batch_is_expected_unless_the_key_waits() -> None:
    """A job is sent where jobs of its key wait, since it joins their batch at no fixed cost."""
    busy = device()
    assert busy.estimate("a").new_batch_s == 0.0

    add_work(busy, "inflight", key="a")
    assert busy.estimate("a").new_batch_s == 1.0, "a batch that runs takes no more jobs"
    add_work(busy, "queue", key="a")
    assert busy.estimate("a").new_batch_s == 0.0
    assert busy.estimate("b").new_batch_s == 1.0


@pytest.mark.parametrize(("steps", "is_inline"), [(None, True), (1, False), (99, True)])
def test_a_tiny_job_runs_inline_before_an_idle_or_long_busy_device(steps: int | None, is_inline: bool) -> None:
    """Behind a short batch it would join the next one, which costs less."""
    found = device()
    found.throughput = ThroughputEstimate(steps_per_s=1000, batch_s=0)
    if steps is not None:
        add_work(found, "inflight", steps=steps)

    assert found.takes_inline == is_inline


@pytest.mark.parametrize("place", [None, "inflight"])
def test_a_lost_device_takes_no_tiny_job_however_long_its_wait(place: Work | None) -> None:
    """The job would fail, or hang on the event loop."""
    lost = device()
    lost.state = "lost"
    if place is not None:
        add_work(lost, place, steps=10**6)

    assert not lost.takes_inline
    assert not lost.is_idle
    assert not lost.estimate().is_ready


def test_retries_and_queued_jobs_take_turns() -> None:
    """Many failing jobs are retried in many batches, and must not delay the others."""
    busy = device(FakeWorker(piece=1))
    for name in ("r1", "r2", "r3"):
        add_work(busy, "retries", name)
    for name in ("q1", "q2"):
        add_work(busy, "queue", name)

    found = [payloads(busy.next_batch()) for _ in range(6)]

    assert found == [["r1"], ["q1"], ["r2"], ["q2"], ["r3"], []]


def test_retries_follow_each_other_if_no_job_waits() -> None:
    """A turn of an empty queue would end the work."""
    busy = device()
    add_work(busy, "retries", "r1")
    add_work(busy, "retries", "r2")

    assert [payloads(busy.next_batch()) for _ in range(3)] == [["r1"], ["r2"], []]


def test_a_retry_has_no_abandoned_jobs() -> None:
    """Their callers have left; a retry of such jobs alone is skipped, and takes no turn."""
    busy = device()
    jobs = [Job("a", 1, 1, 1, name) for name in ("gone", "kept")]
    busy.retries.extend([retry("gone too"), Batch(tuple(job.whole_slice() for job in jobs), "retry")])
    busy.retries[0].slices[0].job.is_abandoned = jobs[0].is_abandoned = True

    assert payloads(busy.next_batch()) == ["kept"]
    assert not busy.retries

    busy.retries.append(Batch((jobs[0].whole_slice(),), "retry"))
    add_work(busy, "queue", "queued")
    assert payloads(busy.next_batch()) == ["queued"]


def test_the_leases_of_a_batch_are_released_once() -> None:
    """A batch may end twice: when its device is lost, and when its thread returns after all."""
    budget = MemoryBudget(100)
    leases = [lease for lease in (budget.reserve(10), budget.reserve(20)) if lease is not None]
    loop = asyncio.new_event_loop()
    inflight = InflightBatch(retry("a"), loop, leases)
    inflight.cancel_watchdog()
    inflight.watchdog = loop.call_later(60, print)

    inflight.release_leases()
    inflight.release_leases()
    inflight.cancel_watchdog()

    assert (budget.held_bytes, budget.lease_count) == (0, 0)
    assert inflight.watchdog.cancelled()
    loop.close()
