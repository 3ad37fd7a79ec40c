"""A device that breaks or hangs: its work moves to another device or is refused, and it is rebuilt."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from poolhouse.errors import Unavailable
from tests.batching.fake_device import (
    WAIT_TIMEOUT_S,
    EngineHarness,
    FakeWorker,
    error_of,
    on_loop,
    outcomes_of,
    run_loop_turns,
    timers,
    wait_until,
)

pytestmark = pytest.mark.usefixtures("quiet_engine")


# ---- a device that breaks


@on_loop
async def test_a_broken_device_refuses_its_batch_and_is_rebuilt() -> None:
    """One batch fails, with a code that invites a retry, and the state is ``lost`` until the rebuild succeeds."""
    harness = EngineHarness()
    harness.worker.fails_at = {1}
    harness.worker.failing_rebuilds = 2

    task = harness.submit("victim")
    error = await error_of(task)
    lost = harness.engine.device_states()
    while_lost = await outcomes_of(harness.submit("while lost"))
    await wait_until(lambda: harness.engine.device_states() == {"fake:0": "ready"})

    assert isinstance(error, Unavailable)
    assert error.code == "device_lost"
    assert error.retry_after_s is not None
    assert lost == {"fake:0": "lost"}
    assert while_lost == ["device_lost"]
    assert harness.worker.rebuilds == 3
    assert harness.observer.counts["device_lost"] == 1
    assert await outcomes_of(harness.submit("after")) == ["ok"]
    await harness.assert_idle_and_stop()


@on_loop
async def test_a_device_that_breaks_in_an_inline_job_is_lost_too() -> None:
    """Faults of inline jobs are handled like those of batches."""
    harness = EngineHarness(inline_steps=100)
    harness.worker.fails_at = {1}

    assert await outcomes_of(harness.submit("tiny")) == ["device_lost"]
    await wait_until(lambda: harness.worker.rebuilds == 1 and harness.engine.device_states() == {"fake:0": "ready"})
    assert await outcomes_of(harness.submit("tiny")) == ["ok"]
    await harness.assert_idle_and_stop()


@on_loop
async def test_only_started_batches_of_a_lost_device_fail_if_another_is_ready() -> None:
    """The batch that was handed over and not started, retries and queued jobs all move to the other device."""
    threads_before = set(threading.enumerate())
    faulty, healthy = FakeWorker(piece=10), FakeWorker(piece=10)
    harness = EngineHarness(faulty, healthy)
    faulty.fails_at, faulty.failing_rebuilds = {1}, 10**6
    faulty.gate.clear()
    healthy.gate.clear()
    victim, occupied = harness.submit("victim", key="v"), harness.submit("occupied", key="o")
    await wait_until(lambda: len(faulty.started_batches) == len(healthy.started_batches) == 1)
    (broken,) = (each for each in set(threading.enumerate()) - threads_before if each.name.startswith("pool-fake:0-"))
    tasks = [harness.submit(f"job{number}", planes=25, key=f"key{number}") for number in range(12)]
    await run_loop_turns()
    assert len(faulty.started_batches) == 1

    faulty.gate.set()
    # Without a turn of the event loop: the thread must end on its own.
    end = time.monotonic() + WAIT_TIMEOUT_S
    while broken.is_alive() and len(faulty.started_batches) == 1 and time.monotonic() < end:
        broken.join(0.01)
    assert faulty.started_batches == [["victim"]]
    assert not broken.is_alive()
    assert await outcomes_of(victim) == ["device_lost"]
    healthy.gate.set()

    assert set(await outcomes_of(occupied, *tasks)) == {"ok"}
    assert faulty.started_batches == [["victim"]]
    assert all(harness.pool_counts(f"job{number}", 25) == [1] * 25 for number in range(12))
    assert harness.engine.device_states() == {"fake:0": "lost", "fake:1": "ready"}
    await harness.engine.stop()
    assert harness.memory_budget.lease_count == 0


@on_loop
async def test_without_another_device_all_jobs_are_refused_at_once() -> None:
    """They do not wait for a rebuild that may never succeed."""
    harness = EngineHarness()
    harness.worker.fails_at, harness.worker.failing_rebuilds = {1}, 10**6
    tasks = await harness.block_device()
    tasks += await harness.submit_all("one", "two", "three")

    harness.worker.gate.set()

    assert await outcomes_of(*tasks) == ["device_lost"] * 5
    assert harness.worker.started_batches == [["first"]]
    await wait_until(lambda: harness.memory_budget.lease_count == 0)
    await harness.engine.stop()


@on_loop
async def test_a_job_half_done_on_a_lost_device_is_completed_by_another() -> None:
    """The results of its first slices are in host memory; only in-flight slices are lost."""
    healthy, faulty = FakeWorker(piece=10), FakeWorker(piece=10)
    harness = EngineHarness(healthy, faulty)
    faulty.fails_at, faulty.failing_rebuilds = {4}, 10**6
    faulty.gate.clear()
    occupied = harness.submit("occupied", key="occupied", steps=10**9)
    healthy.gate.clear()
    await run_loop_turns(2)
    large, victim = harness.submit("large", planes=50, key="large"), harness.submit("victim", key="victim")
    await wait_until(lambda: len(faulty.started_batches) == 1)

    faulty.gate.set()
    assert await outcomes_of(victim) == ["device_lost"]
    healthy.gate.set()

    assert await outcomes_of(occupied, large) == ["ok", "ok"]
    assert faulty.started_batches == [["large"], ["large"], ["large"], ["victim"]]
    assert harness.pool_counts("large", 50) == [1] * 50
    assert sum(healthy.pool_counts["large", plane] for plane in range(50)) == 20
    await wait_until(lambda: harness.memory_budget.lease_count == 0)
    await harness.engine.stop()


@on_loop
async def test_retries_of_a_lost_device_move_to_another() -> None:
    """The halves of a failed batch were not started when another batch broke the device."""
    faulty, healthy = FakeWorker(), FakeWorker()
    harness = EngineHarness(faulty, healthy)
    faulty.fails_at, faulty.failing_rebuilds = {4}, 10**6
    for worker in harness.workers:
        worker.payload_errors["bad"] = ValueError("a bad payload")
        worker.gate.clear()
    tasks = [harness.submit("first", key="first")]
    await wait_until(lambda: len(faulty.started_batches) == 1)
    tasks.append(harness.submit("occupied", key="occupied", steps=10**12))
    await wait_until(lambda: len(healthy.started_batches) == 1)
    tasks.append(harness.submit("second", key="second"))
    await run_loop_turns(2)
    tasks += await harness.submit_all("bad", "good1", "good2", "good3")
    breaker = harness.submit("breaker", key="breaker")
    await run_loop_turns(2)

    faulty.gate.set()
    assert await outcomes_of(breaker) == ["device_lost"]
    healthy.gate.set()

    assert await outcomes_of(*tasks) == ["ok", "ok", "ok", "internal", "ok", "ok", "ok"]
    assert faulty.started_batches == [["first"], ["second"], ["bad", "good1", "good2", "good3"], ["breaker"]]
    await wait_until(lambda: harness.memory_budget.lease_count == 0)
    await harness.engine.stop()


@on_loop
async def test_two_batches_that_break_one_device_lose_it_once() -> None:
    """After an assert in a kernel every batch on the device fails; that is one loss and one rebuild."""
    harness = EngineHarness(FakeWorker(concurrency=2))
    harness.worker.fails_at = {1, 2}
    harness.worker.gate.clear()
    tasks = [harness.submit("one", key="one"), harness.submit("two", key="two")]
    await wait_until(lambda: len(harness.worker.started_batches) == 2)

    harness.worker.gate.set()

    assert await outcomes_of(*tasks) == ["device_lost"] * 2
    await wait_until(
        lambda: harness.engine.device_states() == {"fake:0": "ready"} and harness.memory_budget.lease_count == 0
    )
    assert harness.observer.counts["device_lost"] == harness.worker.rebuilds == 1
    assert await outcomes_of(harness.submit("after")) == ["ok"]
    await harness.assert_idle_and_stop()


@on_loop
async def test_a_rebuild_that_cannot_be_started_is_retried() -> None:
    """Otherwise a moment without free threads would lose the device for ever."""
    harness = EngineHarness()
    harness.worker.fails_at = {1}
    tries = 0

    def fail_to_start(*_: object, **__: object) -> None:
        nonlocal tries
        tries += 1
        raise RuntimeError("can't start new thread")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("poolhouse.batching.recovery.Thread", fail_to_start)
        assert await outcomes_of(harness.submit("victim")) == ["device_lost"]
        await wait_until(lambda: tries == 2)
    await wait_until(lambda: harness.engine.device_states() == {"fake:0": "ready"})

    await harness.assert_idle_and_stop()


@on_loop
async def test_a_stopped_engine_rebuilds_no_device() -> None:
    """The process ends; a thread that is started now would be ended inside a call to the driver."""
    harness = EngineHarness()
    harness.worker.fails_at = {1}
    loop = asyncio.get_running_loop()
    tries = 0

    def fail_to_start(*_: object, **__: object) -> None:
        nonlocal tries
        tries += 1
        raise RuntimeError("can't start new thread")

    with pytest.MonkeyPatch.context() as patch, timers(loop) as found:
        patch.setattr("poolhouse.batching.recovery.Thread", fail_to_start)
        assert await outcomes_of(harness.submit("victim")) == ["device_lost"]
        await harness.engine.stop()
        again = found[-1]
        await wait_until(lambda: loop.time() > again.when())
        await run_loop_turns()

    assert not again.cancelled()
    assert tries == 1


def test_a_thread_that_outlives_the_event_loop_ends_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its result is not needed, and a traceback at the exit would look like a crash."""
    unhandled: list[object] = []
    monkeypatch.setattr(threading, "excepthook", unhandled.append)
    worker = FakeWorker()
    worker.gate.clear()

    @on_loop
    async def run_and_stop() -> None:
        harness = EngineHarness(worker)
        task = harness.submit("hung")
        await wait_until(lambda: len(worker.started_batches) == 1)
        await harness.engine.stop(grace_s=0)
        assert await outcomes_of(task) == ["draining"]

    run_and_stop()
    threads = [thread for thread in threading.enumerate() if thread.name == "pool-fake:0-0"]
    worker.gate.set()
    for thread in threads:
        thread.join(WAIT_TIMEOUT_S)

    assert not any(thread.is_alive() for thread in threads)
    assert worker.finished_count == 1
    assert unhandled == []


# ---- a device that hangs


@on_loop
async def test_a_hung_batch_is_refused_and_keeps_its_leases() -> None:
    """Its jobs get 503, the device is replaced, and the tensors of the hung thread stay reserved until it ends."""
    harness = EngineHarness(device_hang_timeout_s=0.05)
    harness.worker.hangs_at = {1}
    hung = harness.submit("hung", planes=7)

    assert await outcomes_of(hung) == ["device_lost"]
    await wait_until(lambda: harness.engine.device_states() == {"fake:0": "ready"})
    assert await outcomes_of(harness.submit("after")) == ["ok"]
    await wait_until(lambda: harness.memory_budget.lease_count == 1)
    assert harness.memory_budget.held_bytes == 7
    harness.worker.resume.set()

    await harness.assert_idle_and_stop()
    assert harness.worker.started_batches == [["hung"], ["after"]]


@on_loop
async def test_an_unstarted_batch_behind_a_hung_one_moves_to_another_device() -> None:
    """It has not started, so nothing of it is lost."""
    faulty, healthy = FakeWorker(), FakeWorker()
    harness = EngineHarness(faulty, healthy, device_hang_timeout_s=0.5)
    faulty.hangs_at, faulty.failing_rebuilds = {1}, 10**6
    hung = harness.submit("hung", key="hung", steps=1)
    await wait_until(lambda: len(faulty.started_batches) == 1)
    # The other device has so much work that the next batch is queued behind the hung one.
    occupied = harness.submit("occupied", key="occupied", steps=10**12)
    behind = harness.submit("behind", key="behind")
    await run_loop_turns(1)
    assert len(harness.engine._devices[0].inflight) == 2

    assert await outcomes_of(hung, occupied, behind) == ["device_lost", "ok", "ok"]

    assert healthy.started_batches == [["occupied"], ["behind"]]
    faulty.resume.set()
    await wait_until(lambda: harness.memory_budget.lease_count == 0)
    await harness.engine.stop()


@on_loop
async def test_a_batch_that_waits_behind_a_slow_one_has_no_watchdog() -> None:
    """Its watchdog starts when a thread runs it."""
    harness = EngineHarness(device_hang_timeout_s=300)
    tasks = await harness.block_device()

    has_watchdog = [inflight.watchdog is not None for inflight in harness.engine._devices[0].inflight]
    assert has_watchdog == [True, False]
    harness.worker.gate.set()

    assert await outcomes_of(*tasks) == ["ok", "ok"]
    await harness.assert_idle_and_stop()


@on_loop
async def test_the_watchdog_of_the_next_batch_starts_when_it_runs() -> None:
    """It starts when the batch before it ends, even if no other job arrives."""
    harness = EngineHarness(device_hang_timeout_s=0.05)
    harness.worker.hangs_at = {2}
    tasks = await harness.block_device()

    harness.worker.gate.set()

    assert await outcomes_of(*tasks) == ["ok", "device_lost"]
    harness.worker.resume.set()
    await harness.assert_idle_and_stop()


@on_loop
async def test_the_watchdog_of_a_finished_batch_is_cancelled() -> None:
    """Otherwise it would expire later, and a working device would be lost."""
    harness = EngineHarness(device_hang_timeout_s=300)

    with timers(asyncio.get_running_loop()) as found:
        assert await outcomes_of(harness.submit("one"), harness.submit("two", key="two")) == ["ok", "ok"]

    assert len(found) == 2
    assert all(timer.cancelled() for timer in found)
    await harness.assert_idle_and_stop()


@on_loop
async def test_stop_does_not_wait_for_a_hung_thread() -> None:
    """A thread that hangs must not use up the grace period."""
    harness = EngineHarness(device_hang_timeout_s=0.02)
    harness.worker.hangs_at = {1}
    assert await outcomes_of(harness.submit("hung")) == ["device_lost"]

    await harness.engine.stop(grace_s=60)

    harness.worker.resume.set()
    await wait_until(lambda: harness.memory_budget.lease_count == 0)
