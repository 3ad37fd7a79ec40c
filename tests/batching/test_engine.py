"""The engine on devices that work: dispatch, batches, inline jobs, cancellation, deadlines and shutdown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context
from itertools import pairwise
from random import Random

import pytest

from tests.batching.fake_device import EngineHarness, FakeWorker, on_loop, outcomes_of, run_loop_turns, wait_until


@on_loop
async def test_an_idle_device_starts_at_once() -> None:
    """There is no batching window: the batch starts before the event loop has turned twice."""
    harness = EngineHarness()
    harness.worker.gate.clear()

    task = harness.submit("lone")
    await run_loop_turns(2)
    assert harness.observer.reasons == ["idle"]
    harness.worker.gate.set()

    assert await outcomes_of(task) == ["ok"]
    await harness.assert_idle_and_stop()


@on_loop
async def test_all_waiting_jobs_of_a_key_are_one_batch() -> None:
    """Batching pays on a busy device, which takes all jobs of a key when it is free."""
    harness = EngineHarness()
    tasks = await harness.block_device()
    names = [f"job{number}" for number in range(50)]
    tasks += await harness.submit_all(*names)

    harness.worker.gate.set()

    assert set(await outcomes_of(*tasks)) == {"ok"}
    assert harness.worker.started_batches[2:] == [names]
    assert harness.observer.reasons[2:] == ["drained"]
    await harness.assert_idle_and_stop()


@on_loop
async def test_the_next_batch_is_handed_over_before_the_device_is_done() -> None:
    """One batch runs and one is handed over. The other jobs may still be joined or removed."""
    harness = EngineHarness()
    harness.worker.gate.clear()

    tasks = [harness.submit(f"job{number}", key=f"key{number}") for number in range(5)]
    await wait_until(lambda: len(harness.worker.started_batches) == 1)
    assert harness.observer.counts["started"] == 2
    harness.worker.gate.set()

    assert set(await outcomes_of(*tasks)) == {"ok"}
    await harness.assert_idle_and_stop()


@on_loop
async def test_a_flood_of_one_key_does_not_starve_another() -> None:
    """The bound: with K keys waiting, the batch of a new key is at most the K-th."""
    harness = EngineHarness(FakeWorker(piece=10))
    tasks = await harness.block_device()
    tasks += await harness.submit_all(*[f"flood{number}" for number in range(300)], key="flood")
    tasks += await harness.submit_all("other", key="other")
    tasks += await harness.submit_all("third", key="third")

    harness.worker.gate.set()

    assert set(await outcomes_of(*tasks)) == {"ok"}
    order = [payloads[0] for payloads in harness.worker.started_batches[2:]]
    assert order.index("other") == 1
    assert order.index("third") == 2
    await harness.assert_idle_and_stop()


@on_loop
async def test_a_large_job_is_cut_and_others_run_between_its_slices() -> None:
    """One request that needs ten batches does not delay the others for as long."""
    harness = EngineHarness(FakeWorker(piece=10))
    tasks = await harness.block_device()
    large = harness.submit("large", planes=95, key="large")
    await run_loop_turns(2)
    tasks += [large, *await harness.submit_all("small", key="small")]

    harness.worker.gate.set()

    assert set(await outcomes_of(*tasks)) == {"ok"}
    assert harness.worker.started_batches[2:5] == [["large"], ["small"], ["large"]]
    assert harness.pool_counts("large", 95) == [1] * 95
    await harness.assert_idle_and_stop()


@pytest.mark.parametrize("seed", range(8))
def test_every_plane_of_every_job_is_pooled_once(seed: int) -> None:
    """For random jobs, batch limits and numbers of devices."""
    random = Random(seed)

    @on_loop
    async def run_jobs() -> None:
        workers = [
            FakeWorker(
                piece=random.randint(1, 40),
                join=random.randint(0, 40),
                concurrency=random.randint(1, 2),
                planes=random.choice((None, 7)),
            )
            for _ in range(random.randint(1, 3))
        ]
        harness = EngineHarness(*workers)
        jobs = [(f"job{number}", random.randint(1, 60), random.choice("abc")) for number in range(60)]
        tasks = []
        for name, planes, key in jobs:
            tasks.append(harness.submit(name, planes, key))
            if random.random() < 0.3:
                await run_loop_turns(random.randint(1, 9))

        assert set(await outcomes_of(*tasks)) == {"ok"}
        for name, planes, _ in jobs:
            assert harness.pool_counts(name, planes) == [1] * planes
        await harness.assert_idle_and_stop()

    run_jobs()


@on_loop
async def test_a_tiny_job_of_an_idle_device_runs_inline() -> None:
    """A hand-over to a thread costs more than a tiny job; but no waiting job is overtaken."""
    harness = EngineHarness(inline_steps=5)
    tiny = await harness.submit("tiny", planes=5)
    harness.worker.gate.clear()
    large = harness.submit("large", planes=6)
    await wait_until(lambda: len(harness.worker.started_batches) == 2)
    behind = harness.submit("behind", planes=1)
    await run_loop_turns()

    assert tiny.reason == "inline"
    assert not behind.done()
    harness.worker.gate.set()
    assert await outcomes_of(large, behind) == ["ok", "ok"]
    assert harness.observer.reasons == ["inline", "idle", "idle"]
    await harness.assert_idle_and_stop()


@on_loop
async def test_only_tiny_jobs_run_inline() -> None:
    """A job that runs inline blocks the event loop."""
    harness = EngineHarness(inline_steps=5)

    large = harness.engine.run_inline("large", 6, 2, "operator")
    tiny = harness.engine.run_inline("tiny", 5, 5, "operator")

    assert large is None
    assert tiny is not None
    assert harness.worker.started_batches == [["tiny"]]
    await harness.assert_idle_and_stop()


@on_loop
async def test_no_job_runs_inline_for_a_busy_or_lost_device() -> None:
    """A tiny job must not overtake waiting jobs, and must not run on a lost device."""
    harness = EngineHarness(inline_steps=5)
    harness.worker.gate.clear()
    running = harness.submit("running", planes=6)
    await wait_until(lambda: len(harness.worker.started_batches) == 1)

    behind = harness.engine.run_inline("behind", 1, 1, "operator")
    harness.worker.gate.set()
    harness.worker.fails_at, harness.worker.failing_rebuilds = {2}, 10**6
    outcomes = await outcomes_of(running, harness.submit("breaks", planes=6))
    on_lost = harness.engine.run_inline("on lost", 1, 1, "operator")

    assert (behind, on_lost) == (None, None)
    assert outcomes == ["ok", "device_lost"]
    assert harness.worker.started_batches == [["running"], ["breaks"]]
    await harness.engine.stop()


@on_loop
async def test_a_tiny_job_does_not_wait_for_short_batches_of_many_keys() -> None:
    """The keys take turns, so with many keys the turn of a new one comes late."""
    harness = EngineHarness(inline_steps=5)
    harness.worker.hangs_at = {1}
    many = [harness.submit(f"short{number}", key=f"key{number}", planes=1, steps=10**6) for number in range(40)]
    await wait_until(lambda: len(harness.worker.started_batches) == 1)

    tiny = await harness.submit("tiny", planes=5)

    assert tiny.reason == "inline"
    harness.worker.resume.set()
    assert set(await outcomes_of(*many)) == {"ok"}
    await harness.assert_idle_and_stop()


@on_loop
async def test_a_tiny_job_does_not_wait_for_a_long_batch() -> None:
    """A plane of a hundred million outputs occupies a device for seconds, and cannot be cut."""
    harness = EngineHarness(inline_steps=5)
    harness.worker.hangs_at = {1}
    long = harness.submit("long", planes=1, steps=10**10)
    await wait_until(lambda: len(harness.worker.started_batches) == 1)
    also_long = harness.submit("also long", planes=1, steps=10**10)

    at_once = harness.engine.run_inline("at once", 1, 1, "operator")
    tiny = await harness.submit("tiny", planes=5)
    large = harness.submit("large", planes=6)
    await run_loop_turns()

    assert at_once is not None
    assert tiny.reason == "inline"
    assert not large.done()
    harness.worker.resume.set()
    assert await outcomes_of(long, also_long, large) == ["ok", "ok", "ok"]
    await harness.assert_idle_and_stop()


@on_loop
async def test_each_job_goes_to_the_device_that_is_free_first() -> None:
    """Several devices share the load by work, not by the number of jobs."""
    harness = EngineHarness(FakeWorker(), FakeWorker())
    for worker in harness.workers:
        worker.gate.clear()
    tasks = [harness.submit("large", planes=900, key="large", steps=10**6)]
    tasks += [harness.submit(f"small{number}", planes=90, key=f"small{number}", steps=10**6) for number in range(9)]
    await run_loop_turns()

    for worker in harness.workers:
        worker.gate.set()

    assert set(await outcomes_of(*tasks)) == {"ok"}
    assert harness.workers[0].started_batches == [["large"]]
    assert len(harness.workers[1].started_batches) == 9
    await harness.assert_idle_and_stop()


@on_loop
async def test_a_job_goes_to_the_device_where_jobs_of_its_key_wait() -> None:
    """So under load each device has fewer keys and larger batches."""
    harness = EngineHarness(FakeWorker(), FakeWorker())
    for worker in harness.workers:
        worker.gate.clear()
    tasks = [harness.submit(f"first{number}", key=f"first{number}") for number in range(4)]
    await run_loop_turns()
    for name in ("a1", "b1", "b2", "a2", "a3", "b3"):
        tasks += await harness.submit_all(name, key=name[0])

    for worker in harness.workers:
        worker.gate.set()

    assert set(await outcomes_of(*tasks)) == {"ok"}
    later = [
        batch for worker in harness.workers for batch in worker.started_batches if not batch[0].startswith("first")
    ]
    assert sorted(later) == [["a1", "a2", "a3"], ["b1", "b2", "b3"]]
    await harness.assert_idle_and_stop()


@on_loop
async def test_a_device_of_concurrency_two_runs_two_batches_at_once() -> None:
    """On CUDA one batch is copied while the other computes."""
    harness = EngineHarness(FakeWorker(concurrency=2))
    harness.worker.gate.clear()

    tasks = [harness.submit("one", key="one"), harness.submit("two", key="two")]
    await wait_until(lambda: len(harness.worker.started_batches) == 2)
    harness.worker.gate.set()

    assert await outcomes_of(*tasks) == ["ok", "ok"]
    await harness.assert_idle_and_stop()


@on_loop
async def test_a_slow_batch_does_not_block_the_second_thread() -> None:
    """While one batch takes long, the other thread runs all later batches."""
    harness = EngineHarness(FakeWorker(concurrency=2))
    harness.worker.hangs_at = {1}
    slow = harness.submit("slow", key="slow")
    await wait_until(lambda: len(harness.worker.started_batches) == 1)

    others = [harness.submit(f"job{number}", key=f"key{number}") for number in range(9)]
    outcomes = await outcomes_of(*others)

    assert outcomes == ["ok"] * 9
    assert not slow.done()
    assert harness.engine.device_states() == {"fake:0": "ready"}
    harness.worker.resume.set()
    assert await outcomes_of(slow) == ["ok"]
    await harness.assert_idle_and_stop()


@on_loop
async def test_a_job_is_timed_from_its_own_start() -> None:
    """Server-Timing reports the wait before the first plane and the time of the batches."""
    harness = EngineHarness()
    tasks = await harness.block_device()
    waiting = harness.submit("waiting")
    await run_loop_turns()
    harness.worker.gate.set()

    first, waited = await tasks[0], await waiting

    assert first.compute_s > 0
    assert waited.queue_s > 0
    assert waited.reason == "drained" or waited.reason == "idle"
    await outcomes_of(*tasks)
    await harness.assert_idle_and_stop()


# ---- cancelled jobs


@on_loop
async def test_a_job_cancelled_in_the_queue_releases_its_lease_at_once() -> None:
    """The lease ends before the device is free, and the job never runs."""
    harness = EngineHarness()
    tasks = await harness.block_device()
    cancelled = harness.submit("cancelled", planes=500)
    await run_loop_turns()
    held = harness.memory_budget.held_bytes

    cancelled.cancel()
    await run_loop_turns(3)
    assert harness.memory_budget.held_bytes == held - 500
    harness.worker.gate.set()

    assert await outcomes_of(cancelled, *tasks) == ["CancelledError", "ok", "ok"]
    await harness.assert_idle_and_stop()
    assert ["cancelled"] not in harness.worker.started_batches
    assert harness.observer.counts["cancelled"] == 1


@on_loop
async def test_a_job_cancelled_on_the_device_keeps_its_lease_until_the_batch_ends() -> None:
    """Memory that a kernel still reads must not be reserved for another request."""
    harness = EngineHarness()
    harness.worker.gate.clear()
    cancelled = harness.submit("cancelled", planes=500)
    await wait_until(lambda: len(harness.worker.started_batches) == 1)

    cancelled.cancel()
    assert await outcomes_of(cancelled) == ["CancelledError"]
    assert harness.memory_budget.held_bytes == 500
    harness.worker.gate.set()

    await harness.assert_idle_and_stop()


@on_loop
async def test_waiting_slices_of_a_cancelled_job_are_not_run() -> None:
    """Only the slice that runs and the one that was handed over are still pooled."""
    harness = EngineHarness(FakeWorker(piece=10))
    harness.worker.gate.clear()
    cancelled = harness.submit("cancelled", planes=1000)
    await wait_until(lambda: len(harness.worker.started_batches) == 1)

    cancelled.cancel()
    await run_loop_turns(3)
    harness.worker.gate.set()

    await harness.assert_idle_and_stop()
    assert len(harness.worker.started_batches) <= 2


# ---- deadlines


@on_loop
async def test_a_passed_or_unmeetable_deadline_is_refused_before_the_queue() -> None:
    """The refusal occupies neither the queue nor a thread."""
    harness = EngineHarness()
    await harness.submit("warm")

    passed = harness.submit("passed", within_s=-1.0)
    unmeetable = harness.submit("unmeetable", steps=10**12, within_s=5.0)

    assert await outcomes_of(passed, unmeetable) == ["deadline_passed", "deadline_passed"]
    assert harness.worker.started_batches == [["warm"]]
    assert harness.observer.counts["expired"] == 2
    await harness.assert_idle_and_stop()


@on_loop
async def test_a_job_behind_too_much_work_is_refused_before_the_queue() -> None:
    """By the measured speed, the queued work takes longer than the deadline allows."""
    harness = EngineHarness()
    await harness.block_device()
    queue = harness.submit("queue", steps=10**10)
    await run_loop_turns()

    late = harness.submit("late", key="late", within_s=5.0)

    assert await outcomes_of(late) == ["deadline_passed"]
    harness.worker.gate.set()
    assert await outcomes_of(queue) == ["ok"]
    await harness.assert_idle_and_stop()


@on_loop
async def test_a_deadline_that_passes_in_the_queue_is_refused_then_and_the_job_never_runs() -> None:
    """The timer refuses the job, not the device, which is still blocked at that time."""
    harness = EngineHarness()
    tasks = await harness.block_device()
    late = harness.submit("late", planes=50, within_s=0.02)
    await run_loop_turns(3)

    assert await outcomes_of(late) == ["deadline_passed"]
    assert len(harness.worker.started_batches) == 1
    assert harness.memory_budget.held_bytes == 2
    harness.worker.gate.set()

    assert await outcomes_of(*tasks) == ["ok", "ok"]
    await harness.assert_idle_and_stop()
    assert ["late"] not in harness.worker.started_batches


@on_loop
async def test_a_deadline_that_passes_on_the_device_is_refused_then() -> None:
    """A kernel cannot be stopped: its result is dropped, and the lease ends with the batch."""
    harness = EngineHarness()
    harness.worker.gate.clear()
    late = harness.submit("late", planes=50, within_s=0.02)
    await wait_until(lambda: len(harness.worker.started_batches) == 1)

    assert await outcomes_of(late) == ["deadline_passed"]
    assert harness.memory_budget.held_bytes == 50
    harness.worker.gate.set()

    await harness.assert_idle_and_stop()


@on_loop
async def test_an_estimate_that_is_too_low_recovers() -> None:
    """One slow hour must not make an idle service refuse every request with a deadline until it is restarted."""
    harness = EngineHarness()
    harness.engine._devices[0].throughput.steps_per_s = 1.0

    outcomes: list[str] = []
    while outcomes[-1:] != ["ok"]:
        outcomes += await outcomes_of(harness.submit("refused at first", steps=1000, within_s=5.0))

    assert len(outcomes) <= 100
    await harness.assert_idle_and_stop()


@on_loop
async def test_a_finished_job_leaves_no_timer() -> None:
    """A timer would hold the tensors of the request until the deadline, which may be an hour away."""
    harness = EngineHarness()
    loop = asyncio.get_running_loop()
    set_timer, timers = loop.call_at, list[asyncio.TimerHandle]()

    def record_timer(
        when: float, call: Callable[..., object], *args: object, context: Context | None = None
    ) -> asyncio.TimerHandle:
        timers.append(set_timer(when, call, *args, context=context))
        return timers[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "call_at", record_timer)
        assert await outcomes_of(harness.submit("one", within_s=3600.0)) == ["ok"]

    assert timers
    assert all(timer.cancelled() for timer in timers)
    await harness.assert_idle_and_stop()


# ---- shutdown


@on_loop
async def test_stop_without_jobs_returns_at_once() -> None:
    """An idle service does not use its grace period."""
    harness = EngineHarness()
    await harness.submit("one")

    await harness.engine.stop(grace_s=60)

    assert await outcomes_of(harness.submit("late")) == ["draining"]


@on_loop
async def test_nothing_runs_inline_while_draining() -> None:
    """Otherwise tiny requests would be admitted until the process ends."""
    harness = EngineHarness(inline_steps=5)
    harness.engine.drain()

    done = harness.engine.run_inline("tiny", 1, 1, "operator")

    assert done is None
    assert await outcomes_of(harness.submit("tiny")) == ["draining"]
    assert harness.worker.started_batches == []
    await harness.assert_idle_and_stop()


@on_loop
async def test_draining_finishes_admitted_jobs_and_refuses_new_ones() -> None:
    """Draining does not affect admitted jobs."""
    harness = EngineHarness()
    tasks = await harness.block_device()
    tasks += await harness.submit_all("queued")
    stopping = asyncio.ensure_future(harness.engine.stop(grace_s=60))
    await run_loop_turns()

    assert await outcomes_of(harness.submit("late")) == ["draining"]
    assert not stopping.done()
    harness.worker.gate.set()

    assert await outcomes_of(*tasks) == ["ok"] * 3
    await stopping
    assert harness.memory_budget.lease_count == 0


@on_loop
async def test_a_hung_job_is_refused_when_the_grace_period_ends() -> None:
    """All pending jobs get an error, and stop returns although a thread still runs."""
    harness = EngineHarness()
    tasks = await harness.block_device()
    tasks += await harness.submit_all("queued", planes=5)

    await harness.engine.stop(grace_s=0.02)

    assert await outcomes_of(*tasks) == ["draining"] * 3
    assert harness.memory_budget.held_bytes == 1, "the lease of the batch that hangs"
    harness.worker.gate.set()
    await wait_until(lambda: harness.memory_budget.lease_count == 0)
    assert harness.worker.started_batches == [["first"]]


@on_loop
async def test_stop_waits_for_threads_that_run_abandoned_jobs() -> None:
    """A process that exits while a thread computes may crash, with a wrong exit code."""
    harness = EngineHarness()
    harness.worker.gate.clear()
    cancelled = harness.submit("cancelled")
    await wait_until(lambda: len(harness.worker.started_batches) == 1)
    cancelled.cancel()
    await run_loop_turns(3)

    stopping = asyncio.ensure_future(harness.engine.stop(grace_s=60))
    await run_loop_turns()
    assert not stopping.done()
    harness.worker.gate.set()

    await stopping
    assert harness.worker.finished_count == 1


@on_loop
async def test_alternating_keys_take_turns_of_whole_batches() -> None:
    """A job of another key does not end a batch, so mixed shapes have batches as large as a single shape."""
    harness = EngineHarness()
    tasks = await harness.block_device()
    for number in range(64):
        tasks += await harness.submit_all(f"job{number}", key="abcdefgh"[number % 8])

    harness.worker.gate.set()

    assert set(await outcomes_of(*tasks)) == {"ok"}
    sizes = [len(payloads) for payloads in harness.worker.started_batches[2:]]
    assert sizes == [8] * 8
    keys = [str(batch.slices[0].job.key) for batch in harness.worker.batches[2:]]
    assert all(one < other for one, other in pairwise(keys))
    await harness.assert_idle_and_stop()
