"""Faults in the engine: batches that fail or do not fit, and errors in callbacks; only jobs at fault are refused."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.batching.fair_queue import Batch
from poolhouse.batching.memory import Lease
from poolhouse.errors import DeadlinePassed, InternalError, Unavailable, Unprocessable
from tests.batching.fake_device import (
    WAIT_TIMEOUT_S,
    EngineHarness,
    FakeWorker,
    error_of,
    on_loop,
    outcomes_of,
    run_loop_turns,
    wait_until,
)
from tests.hypothesis_profiles import scaled_examples

pytestmark = pytest.mark.usefixtures("quiet_engine")


# ---- a batch that fails


@on_loop
async def test_only_the_failing_job_gets_the_error() -> None:
    """The other 63 of 64 jobs succeed, after a few retries."""
    harness = EngineHarness()
    harness.worker.payload_errors["job17"] = ValueError("a bad payload")
    tasks = await harness.block_device()
    jobs = await harness.submit_all(*[f"job{number}" for number in range(64)])

    harness.worker.gate.set()

    outcomes = await outcomes_of(*jobs)
    assert outcomes == ["internal" if number == 17 else "ok" for number in range(64)]
    assert all(harness.pool_counts(f"job{number}") == [1] for number in range(64) if number != 17)
    assert len(harness.worker.started_batches) - 2 <= 1 + 2 * 6
    assert harness.observer.counts["bisected"] == 6
    await outcomes_of(*tasks)
    await harness.assert_idle_and_stop()


@scaled_examples(40)
@given(st.data())
def test_several_failing_jobs_are_found_while_others_are_cancelled(data: st.DataObject) -> None:
    """Failing jobs, jobs cancelled at any time and jobs cut into slices: every other job succeeds, once."""
    count = data.draw(st.integers(1, 24), "jobs")
    sizes = [data.draw(st.integers(1, 30), "planes") for _ in range(count)]
    failing = data.draw(st.sets(st.integers(0, count - 1)), "failing jobs")
    cancelled = data.draw(st.sets(st.integers(0, count - 1)), "cancelled jobs")
    cancelled_after = data.draw(st.integers(0, 30), "batches before the jobs are cancelled")
    piece = data.draw(st.integers(1, 60), "piece")
    concurrency = data.draw(st.integers(1, 2), "concurrency")

    @on_loop
    async def run_jobs() -> None:
        harness = EngineHarness(FakeWorker(piece=piece, concurrency=concurrency))
        harness.worker.payload_errors |= {f"job{number}": ValueError("a bad payload") for number in failing}
        harness.worker.gate.clear()
        tasks = [harness.submit(f"job{number}", planes) for number, planes in enumerate(sizes)]
        await run_loop_turns(2)
        harness.worker.gate.set()
        await wait_until(
            lambda: len(harness.worker.started_batches) >= cancelled_after or all(task.done() for task in tasks)
        )
        for number in cancelled:
            tasks[number].cancel()

        outcomes = await outcomes_of(*tasks)

        for number, (planes, outcome) in enumerate(zip(sizes, outcomes, strict=True)):
            if number in failing:
                assert outcome in {"internal", "CancelledError"}
            elif outcome != "CancelledError":
                assert outcome == "ok"
                assert harness.pool_counts(f"job{number}", planes) == [1] * planes
            else:
                assert number in cancelled
        await harness.assert_idle_and_stop()

    run_jobs()


@on_loop
async def test_an_error_for_the_client_keeps_its_code() -> None:
    """A worker may raise one of our own errors, which the client gets unchanged."""
    harness = EngineHarness()
    harness.worker.payload_errors["one"] = Unprocessable("index_out_of_range", "index 9 lies outside")

    assert await outcomes_of(harness.submit("one"), harness.submit("two")) == ["index_out_of_range", "ok"]
    await harness.assert_idle_and_stop()


@pytest.mark.parametrize(
    ("error", "inline_steps"),
    [
        *((error, steps) for error in (ValueError("x"), KeyError("x"), StopIteration()) for steps in (-1, 100)),
        # On the event loop these end the process, as they should.
        *((error, -1) for error in (SystemExit(3), KeyboardInterrupt())),
    ],
)
def test_any_exception_of_a_kernel_is_an_internal_error(error: BaseException, inline_steps: int) -> None:
    """Even one that would end a thread or confuse a future; the client gets no details."""

    @on_loop
    async def once() -> None:
        harness = EngineHarness(inline_steps=inline_steps)
        harness.worker.payload_errors["bad"] = error

        bad = harness.submit("bad")
        refusal = await error_of(bad)

        assert isinstance(refusal, InternalError)
        assert "x" not in refusal.detail.split()
        assert refusal.__cause__ is error
        assert await outcomes_of(harness.submit("next")) == ["ok"]
        await harness.assert_idle_and_stop()

    once()


@on_loop
async def test_a_batch_of_failing_jobs_does_not_delay_others() -> None:
    """Retries and queues take turns: another key waits for one retry, not for 2·64."""
    harness = EngineHarness()
    names = [f"bad{number}" for number in range(64)]
    harness.worker.payload_errors |= {name: ValueError("a bad payload") for name in names}
    tasks = await harness.block_device()
    bad = await harness.submit_all(*names)
    good = [harness.submit(f"good{number}", key=f"good{number}") for number in range(5)]
    await run_loop_turns()

    harness.worker.gate.set()

    assert set(await outcomes_of(*good)) == {"ok"}
    assert set(await outcomes_of(*bad)) == {"internal"}
    last = max(harness.worker.started_batches.index([f"good{number}"]) for number in range(5))
    assert last <= 2 + 1 + 2 * 5
    await outcomes_of(*tasks)
    await harness.assert_idle_and_stop()


@on_loop
async def test_a_cancelled_job_of_a_failed_batch_is_not_retried() -> None:
    """Its result is not needed."""
    harness = EngineHarness()
    harness.worker.payload_errors["bad"] = ValueError("a bad payload")
    await harness.block_device()
    cancelled, bad = await harness.submit_all("cancelled", "bad")
    harness.worker.hangs_at = {3}
    harness.worker.gate.set()
    await wait_until(lambda: harness.worker.started_batches[2:] == [["cancelled", "bad"]])

    cancelled.cancel()
    await run_loop_turns(3)
    harness.worker.resume.set()

    assert await outcomes_of(cancelled, bad) == ["CancelledError", "internal"]
    assert harness.worker.started_batches[3:] == [["bad"]]
    await harness.assert_idle_and_stop()


@on_loop
async def test_waiting_slices_of_a_failed_job_are_not_run() -> None:
    """Its error is returned already, so its result is not needed."""
    harness = EngineHarness(FakeWorker(piece=10))
    harness.worker.payload_errors["large"] = ValueError("a bad payload")

    assert await outcomes_of(harness.submit("large", planes=1000)) == ["internal"]
    assert await outcomes_of(harness.submit("next")) == ["ok"]
    assert len(harness.worker.started_batches) <= 3
    await harness.assert_idle_and_stop()


class BatchError(Exception):
    """An exception class of Python code, which supports weak references."""


class RaisingWorker(FakeWorker):
    """Raises a new error in every batch, and keeps only a weak reference to it."""

    def __init__(self, raised: list[weakref.ref[Exception]]) -> None:
        super().__init__()
        self._raised = raised

    def run(self, batch: Batch[str]) -> None:
        super().run(batch)
        error = BatchError("of this batch alone")
        self._raised.append(weakref.ref(error))
        try:
            raise error
        finally:
            del error


@pytest.mark.parametrize("within_s", [None, 0.02])
def test_a_failed_job_is_freed_without_the_garbage_collector(within_s: float | None) -> None:
    """A traceback refers to frames, and frames to tensors: a refused gigabyte must be freed at once."""

    @on_loop
    async def once() -> None:
        raised: list[weakref.ref[Exception]] = []
        harness = EngineHarness(RaisingWorker(raised))
        if within_s is not None:
            harness.worker.gate.clear()
        task = harness.submit("bad", within_s=within_s)
        await asyncio.wait([task])
        refusal = task.exception()
        assert isinstance(refusal, InternalError if within_s is None else DeadlinePassed)
        raised.append(weakref.ref(refusal))
        harness.worker.gate.set()
        del refusal, task
        await harness.assert_idle_and_stop()
        await run_loop_turns()

        assert len(raised) == 2
        # The thread may still hold the error for a moment.
        await wait_until(lambda: [error() for error in raised] == [None, None])

    gc.collect()
    gc.disable()
    try:
        once()
    finally:
        gc.enable()


# ---- too little memory


@pytest.mark.parametrize("fits", [1, 2, 3, 7, 16, 99])
def test_a_batch_too_large_for_memory_is_halved_until_it_fits(fits: int) -> None:
    """Lack of memory costs time only, whatever size fits."""

    @on_loop
    async def once() -> None:
        harness = EngineHarness()
        harness.worker.max_planes = fits
        tasks = await harness.block_device()
        sizes = [100, 1, 5, 33]
        jobs = [harness.submit(f"job{number}", planes) for number, planes in enumerate(sizes)]
        await run_loop_turns(2)

        harness.worker.gate.set()

        assert set(await outcomes_of(*tasks, *jobs)) == {"ok"}
        for number, planes in enumerate(sizes):
            assert harness.pool_counts(f"job{number}", planes) == [1] * planes
        assert harness.observer.counts["halved"] >= 1
        await harness.assert_idle_and_stop()

    once()


@on_loop
async def test_a_plane_that_never_fits_is_refused_and_the_device_goes_on() -> None:
    """With 503, since other work may occupy the memory now."""
    harness = EngineHarness()
    harness.worker.max_planes = 0
    bad = harness.submit("bad", planes=8)
    error = await error_of(bad)
    harness.worker.max_planes = None

    assert isinstance(error, Unavailable)
    assert error.code == "overloaded"
    assert error.retry_after_s is not None
    assert await outcomes_of(harness.submit("next")) == ["ok"]
    assert harness.engine.device_states() == {"fake:0": "ready"}
    await harness.assert_idle_and_stop()


@on_loop
async def test_out_of_memory_of_an_inline_job_is_503_too() -> None:
    """Errors of inline jobs are classified like those of batches."""
    harness = EngineHarness(inline_steps=100)
    harness.worker.max_planes = 0

    assert await outcomes_of(harness.submit("tiny")) == ["overloaded"]
    await harness.assert_idle_and_stop()


# ---- errors in callbacks and bookkeeping


@on_loop
async def test_an_observer_that_always_raises_changes_nothing() -> None:
    """An error in the metrics must never cost a response."""
    harness = EngineHarness(raises=True)
    harness.worker.payload_errors["bad"] = ValueError("a bad payload")
    harness.worker.max_planes = 3
    tasks = await harness.block_device()
    tasks += await harness.submit_all("bad", "good1", "good2", "good3", "good4")
    cancelled = harness.submit("cancelled")
    await run_loop_turns()
    cancelled.cancel()

    harness.worker.gate.set()

    assert await outcomes_of(*tasks) == ["ok", "ok", "internal", "ok", "ok", "ok", "ok"]
    assert await outcomes_of(harness.submit("late", within_s=-1)) == ["deadline_passed"]
    assert {"started", "finished", "bisected", "halved", "cancelled", "expired"} <= set(harness.observer.counts)
    await harness.assert_idle_and_stop()


@on_loop
async def test_an_error_while_a_batch_is_chosen_loses_the_device() -> None:
    """No job waits for a device whose limits cannot be read."""
    harness = EngineHarness()
    tasks = await harness.block_device(fill_next_slot=False)
    harness.worker.budget_error = RuntimeError("no budget")
    job = harness.submit("job")

    assert await outcomes_of(job) == ["device_lost"]
    harness.worker.budget_error = None
    await wait_until(lambda: harness.engine.device_states() == {"fake:0": "ready"})
    harness.worker.gate.set()
    assert await outcomes_of(*tasks) == ["device_lost"]
    assert await outcomes_of(harness.submit("after")) == ["ok"]
    await harness.assert_idle_and_stop()


@on_loop
async def test_a_thread_that_cannot_be_started_loses_the_device() -> None:
    """The machine may be out of threads for a while."""
    harness = EngineHarness()
    threads = harness.engine._devices[0].threads

    def fail_to_submit(_: object) -> None:
        raise RuntimeError("can't start new thread")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threads, "submit", fail_to_submit)
        assert await outcomes_of(harness.submit("job")) == ["device_lost"]
    await wait_until(lambda: harness.engine.device_states() == {"fake:0": "ready"})

    assert await outcomes_of(harness.submit("after")) == ["ok"]
    await harness.assert_idle_and_stop()


@on_loop
async def test_an_error_while_a_batch_is_completed_fails_only_its_jobs() -> None:
    """A bug in the bookkeeping of one batch affects only that batch."""
    harness = EngineHarness()
    device = harness.engine._devices[0]
    update = device.throughput.update

    class Broken:
        steps_per_s = 1e8
        batch_s = device.throughput.batch_s
        seconds_for = device.throughput.seconds_for

        def update(self, steps: int, seconds: float) -> None:
            raise ArithmeticError("a bug")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(device, "throughput", Broken())
        assert await outcomes_of(harness.submit("one"), harness.submit("two")) == ["internal", "internal"]

    assert device.throughput.update == update
    assert await outcomes_of(harness.submit("after")) == ["ok"]
    await harness.assert_idle_and_stop()


@on_loop
async def test_an_error_while_a_batch_is_completed_does_not_stop_dispatch() -> None:
    """There may be no later job that would start the next batch."""
    harness = EngineHarness()
    device = harness.engine._devices[0]
    tasks = await harness.block_device()
    tasks += [harness.submit(f"job{number}", key=f"key{number}") for number in range(5)]
    await run_loop_turns(2)

    class Broken:
        steps_per_s = 1e8
        batch_s = device.throughput.batch_s
        seconds_for = device.throughput.seconds_for

        def update(self, steps: int, seconds: float) -> None:
            raise ArithmeticError("a bug")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(device, "throughput", Broken())
        harness.worker.gate.set()
        assert await outcomes_of(*tasks) == ["internal"] * 7

    assert await outcomes_of(harness.submit("after")) == ["ok"]
    await harness.assert_idle_and_stop()


@on_loop
async def test_an_error_while_a_lease_is_released_does_not_stop_dispatch() -> None:
    """A failed assertion of our own is an error of one batch, too."""
    harness = EngineHarness()
    failures = 0
    release = Lease.release

    def fails_once(lease: Lease) -> None:
        nonlocal failures
        release(lease)
        if not failures:
            failures = 1
            raise AssertionError("a bug")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Lease, "release", fails_once)
        first = await outcomes_of(harness.submit("one"))

    assert first[0] in {"ok", "internal"}
    assert await outcomes_of(harness.submit("after")) == ["ok"]
    await harness.assert_idle_and_stop()


@on_loop
async def test_a_result_for_a_job_cancelled_in_the_same_turn_is_dropped() -> None:
    """Its future is cancelled already when the batch ends, and the other jobs of the batch must get their results."""
    harness = EngineHarness()
    tasks = await harness.block_device()
    cancelled, other = await harness.submit_all("cancelled", "other")
    harness.worker.hangs_at = {3}
    harness.worker.gate.set()
    await wait_until(lambda: len(harness.worker.started_batches) == 3)
    loop, ended = asyncio.get_running_loop(), threading.Event()
    call_soon = loop.call_soon_threadsafe

    def record(call: Callable[..., object], *args: object) -> asyncio.Handle:
        handle = call_soon(call, *args)
        ended.set()
        return handle

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "call_soon_threadsafe", record)
        harness.worker.resume.set()
        # Without a turn of the event loop, so that the result is not set before the job is cancelled.
        assert ended.wait(WAIT_TIMEOUT_S)
        cancelled.cancel()

    assert await outcomes_of(cancelled, other, *tasks) == ["CancelledError", "ok", "ok", "ok"]
    assert harness.worker.started_batches[2] == ["cancelled", "other"]
    assert await outcomes_of(harness.submit("after")) == ["ok"]
    await harness.assert_idle_and_stop()


# ---- random faults


@pytest.mark.parametrize("seed", range(12))
def test_after_random_faults_every_job_has_one_outcome_and_no_lease_is_held(seed: int) -> None:
    """Failing and cancelled jobs, deadlines, little memory, broken and hung devices, on several devices at once."""
    random = Random(seed)

    @on_loop
    async def run_jobs() -> None:
        workers = [FakeWorker(piece=random.randint(5, 50), concurrency=random.randint(1, 2)) for _ in range(3)]
        for worker in workers:
            worker.max_planes = random.choice((None, 4, 20))
            worker.fails_at = {random.randint(1, 40) for _ in range(random.randint(0, 3))}
            worker.hangs_at = {random.randint(1, 40)} if random.random() < 0.5 else set()
            worker.failing_rebuilds = random.randint(0, 2)
        harness = EngineHarness(*workers, device_hang_timeout_s=0.1)
        jobs = [(f"job{number}", random.randint(1, 60), random.choice("abcd")) for number in range(150)]
        for worker in workers:
            worker.payload_errors = {name: ValueError("a bad payload") for name, _, _ in jobs[::17]}
        tasks = []
        for name, planes, key in jobs:
            within_s = random.choice((None, None, None, 0.001, 5.0))
            tasks.append(harness.submit(name, planes, key, within_s))
            if random.random() < 0.4:
                await run_loop_turns(random.randint(1, 9))
            if random.random() < 0.1:
                random.choice(tasks).cancel()

        outcomes = await outcomes_of(*tasks)

        allowed = {"ok", "internal", "device_lost", "deadline_passed", "CancelledError", "overloaded"}
        assert set(outcomes) <= allowed
        for (name, planes, _), outcome in zip(jobs, outcomes, strict=True):
            if outcome == "ok":
                assert harness.pool_counts(name, planes) == [1] * planes
            if outcome == "internal":
                assert name in workers[0].payload_errors
        for worker in workers:
            worker.resume.set()
        await wait_until(
            lambda: set(harness.engine.device_states().values()) == {"ready"} and harness.memory_budget.lease_count == 0
        )
        for worker in workers:
            worker.fails_at, worker.hangs_at, worker.max_planes = set(), set(), None
        assert await outcomes_of(harness.submit("after", planes=70)) == ["ok"]
        await harness.assert_idle_and_stop()

    run_jobs()
