"""What the engine makes of a device that fails in every way it can: only the culprit is harmed, and it goes on."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context
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
    on_loop,
    outcomes_of,
    run_loop_turns,
    wait_until,
)
from tests.hypothesis_profiles import scaled_examples

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """What the engine logs of the faults we make is not worth a reader's time."""
    caplog.set_level(logging.CRITICAL, "poolhouse.batching")


async def refusal(task: asyncio.Task[object]) -> BaseException | None:
    await asyncio.wait([task])
    return task.exception()


@contextmanager
def timers(loop: asyncio.AbstractEventLoop) -> Iterator[list[asyncio.TimerHandle]]:
    """The timers that are set for later on this loop meanwhile."""
    later, found = loop.call_later, list[asyncio.TimerHandle]()

    def noted(
        delay: float, call: Callable[..., object], *args: object, context: Context | None = None
    ) -> asyncio.TimerHandle:
        found.append(later(delay, call, *args, context=context))
        return found[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "call_later", noted)
        yield found


# ---- a batch that throws


@on_loop
async def test_only_the_failing_job_gets_the_error() -> None:
    """63 of 64 are answered, and in a few tries more than one."""
    harness = EngineHarness()
    harness.worker.payload_errors["job17"] = ValueError("a poisoned load")
    tasks = await harness.block_device()
    jobs = await harness.submit_all(*[f"job{number}" for number in range(64)])

    harness.worker.gate.set()

    arguments = await outcomes_of(*jobs)
    assert arguments == ["internal" if number == 17 else "ok" for number in range(64)]
    assert all(harness.pool_counts(f"job{number}") == [1] for number in range(64) if number != 17)
    assert len(harness.worker.started_batches) - 2 <= 1 + 2 * 6
    assert harness.observer.counts["bisected"] == 6
    await outcomes_of(*tasks)
    await harness.assert_idle_and_stop()


@scaled_examples(40)
@given(st.data())
def test_several_failing_jobs_are_found_while_others_are_cancelled(data: st.DataObject) -> None:
    """With culprits, callers who leave at any moment, and jobs cut into pieces: the innocent are answered once."""
    count = data.draw(st.integers(1, 24), "jobs")
    sizes = [data.draw(st.integers(1, 30), "planes") for _ in range(count)]
    culprits = data.draw(st.sets(st.integers(0, count - 1)), "culprits")
    leavers = data.draw(st.sets(st.integers(0, count - 1)), "leavers")
    leaves_after = data.draw(st.integers(0, 30), "batches before they leave")
    piece = data.draw(st.integers(1, 60), "piece")
    width = data.draw(st.integers(1, 2), "width")

    @on_loop
    async def storm() -> None:
        harness = EngineHarness(FakeWorker(piece=piece, width=width))
        harness.worker.payload_errors |= {f"job{number}": ValueError("poisoned") for number in culprits}
        harness.worker.gate.clear()
        tasks = [harness.submit(f"job{number}", planes) for number, planes in enumerate(sizes)]
        await run_loop_turns(2)
        harness.worker.gate.set()
        await wait_until(
            lambda: len(harness.worker.started_batches) >= leaves_after or all(task.done() for task in tasks)
        )
        for number in leavers:
            tasks[number].cancel()

        arguments = await outcomes_of(*tasks)

        for number, (planes, answer) in enumerate(zip(sizes, arguments, strict=True)):
            if number in culprits:
                assert answer in {"internal", "CancelledError"}
            elif answer != "CancelledError":
                assert answer == "ok"
                assert harness.pool_counts(f"job{number}", planes) == [1] * planes
            else:
                assert number in leavers
        await harness.assert_idle_and_stop()

    storm()


@on_loop
async def test_an_error_for_the_client_keeps_its_code() -> None:
    """What a worker refuses as ours is answered as it is."""
    harness = EngineHarness()
    harness.worker.payload_errors["one"] = Unprocessable("index_out_of_range", "index 9 lies outside")

    assert await outcomes_of(harness.submit("one"), harness.submit("two")) == ["index_out_of_range", "ok"]
    await harness.assert_idle_and_stop()


@pytest.mark.parametrize(
    ("error", "inline_steps"),
    [
        *((error, steps) for error in (ValueError("x"), KeyError("x"), StopIteration()) for steps in (-1, 100)),
        # On the loop itself these end the process, as they should.
        *((error, -1) for error in (SystemExit(3), KeyboardInterrupt())),
    ],
)
def test_any_exception_of_a_kernel_is_an_internal_error(error: BaseException, inline_steps: int) -> None:
    """Also what would end a thread or confuse a future; the caller reads nothing of its insides."""

    @on_loop
    async def once() -> None:
        harness = EngineHarness(inline_steps=inline_steps)
        harness.worker.payload_errors["bad"] = error

        bad = harness.submit("bad")
        arguments = await refusal(bad)

        assert isinstance(arguments, InternalError)
        assert "x" not in arguments.detail.split()
        assert arguments.__cause__ is error
        assert await outcomes_of(harness.submit("next")) == ["ok"]
        await harness.assert_idle_and_stop()

    once()


@on_loop
async def test_a_batch_of_failing_jobs_does_not_delay_others() -> None:
    """Retries and lines take turns: an innocent line waits for one try, not for 2·64."""
    harness = EngineHarness()
    names = [f"bad{number}" for number in range(64)]
    harness.worker.payload_errors |= {name: ValueError("poisoned") for name in names}
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
    """Looking for the culprit is work for those who wait, not for those who went."""
    harness = EngineHarness()
    harness.worker.payload_errors["bad"] = ValueError("poisoned")
    await harness.block_device()
    leaver, bad = await harness.submit_all("leaver", "bad")
    harness.worker.hangs_at = {3}
    harness.worker.gate.set()
    await wait_until(lambda: harness.worker.started_batches[2:] == [["leaver", "bad"]])

    leaver.cancel()
    await run_loop_turns(3)
    harness.worker.resume.set()

    assert await outcomes_of(leaver, bad) == ["CancelledError", "internal"]
    assert harness.worker.started_batches[3:] == [["bad"]]
    await harness.assert_idle_and_stop()


@on_loop
async def test_waiting_slices_of_a_failed_job_are_not_run() -> None:
    """It has its answer; more pieces would be work for nobody."""
    harness = EngineHarness(FakeWorker(piece=10))
    harness.worker.payload_errors["large"] = ValueError("poisoned")

    assert await outcomes_of(harness.submit("large", planes=1000)) == ["internal"]
    assert await outcomes_of(harness.submit("next")) == ["ok"]
    assert len(harness.worker.started_batches) <= 3
    await harness.assert_idle_and_stop()


class BatchError(Exception):
    """Of one batch; unlike Python's own it can be watched."""


class RaisingWorker(FakeWorker):
    """Raises an error of its own for every batch, and keeps none."""

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
    """A traceback holds frames, and frames hold tensors: a refused gigabyte must not wait for the collector."""

    @on_loop
    async def once() -> None:
        raised: list[weakref.ref[Exception]] = []
        harness = EngineHarness(RaisingWorker(raised))
        if within_s is not None:
            harness.worker.gate.clear()
        task = harness.submit("bad", within_s=within_s)
        await asyncio.wait([task])
        arguments = task.exception()
        assert isinstance(arguments, InternalError if within_s is None else DeadlinePassed)
        raised.append(weakref.ref(arguments))
        harness.worker.gate.set()
        del arguments, task
        await harness.assert_idle_and_stop()
        await run_loop_turns()

        assert len(raised) == 2
        # The thread may be about to let go.
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
    """Out of memory at any size is answered right, only later."""

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
    """503, since other work may hold the memory now; the service keeps working."""
    harness = EngineHarness()
    harness.worker.max_planes = 0
    bad = harness.submit("bad", planes=8)
    arguments = await refusal(bad)
    harness.worker.max_planes = None

    assert isinstance(arguments, Unavailable)
    assert arguments.code == "overloaded"
    assert arguments.retry_after_s is not None
    assert await outcomes_of(harness.submit("next")) == ["ok"]
    assert harness.engine.device_states() == {"fake:0": "ready"}
    await harness.assert_idle_and_stop()


@on_loop
async def test_out_of_memory_of_an_inline_job_is_503_too() -> None:
    """The tiny path sorts errors as the long one does."""
    harness = EngineHarness(inline_steps=100)
    harness.worker.max_planes = 0

    assert await outcomes_of(harness.submit("tiny")) == ["overloaded"]
    await harness.assert_idle_and_stop()


# ---- a device that breaks


@on_loop
async def test_a_broken_device_refuses_its_batch_and_is_rebuilt() -> None:
    """One batch fails, with a code that says try again, and readiness tells the truth in between."""
    harness = EngineHarness()
    harness.worker.fails_at = {1}
    harness.worker.failing_rebuilds = 2

    task = harness.submit("victim")
    arguments = await refusal(task)
    lost = harness.engine.device_states()
    while_lost = await outcomes_of(harness.submit("while lost"))
    await wait_until(lambda: harness.engine.device_states() == {"fake:0": "ready"})

    assert isinstance(arguments, Unavailable)
    assert arguments.code == "device_lost"
    assert arguments.retry_after_s is not None
    assert lost == {"fake:0": "lost"}
    assert while_lost == ["device_lost"]
    assert harness.worker.rebuilds == 3
    assert harness.observer.counts["device_lost"] == 1
    assert await outcomes_of(harness.submit("after")) == ["ok"]
    await harness.assert_idle_and_stop()


@on_loop
async def test_a_device_that_breaks_in_an_inline_job_is_lost_too() -> None:
    """The tiny path sees faults as the long one does."""
    harness = EngineHarness(inline_steps=100)
    harness.worker.fails_at = {1}

    assert await outcomes_of(harness.submit("tiny")) == ["device_lost"]
    await wait_until(lambda: harness.worker.rebuilds == 1 and harness.engine.device_states() == {"fake:0": "ready"})
    assert await outcomes_of(harness.submit("tiny")) == ["ok"]
    await harness.assert_idle_and_stop()


@on_loop
async def test_only_started_batches_of_a_lost_device_fail_if_another_is_ready() -> None:
    """The batch that was handed over and not begun, retries and lines all go to the other device."""
    earlier = set(threading.enumerate())
    lame, sound = FakeWorker(piece=10), FakeWorker(piece=10)
    harness = EngineHarness(lame, sound)
    lame.fails_at, lame.failing_rebuilds = {1}, 10**6
    lame.gate.clear()
    sound.gate.clear()
    victim, occupied = harness.submit("victim", key="v"), harness.submit("occupied", key="o")
    await wait_until(lambda: len(lame.started_batches) == len(sound.started_batches) == 1)
    (broken,) = (each for each in set(threading.enumerate()) - earlier if each.name.startswith("pool-fake:0-"))
    tasks = [harness.submit(f"job{number}", planes=25, key=f"key{number}") for number in range(12)]
    await run_loop_turns()
    assert len(lame.started_batches) == 1

    lame.gate.set()
    # The event loop stands still meanwhile: the thread must end by itself.
    ends = time.monotonic() + WAIT_TIMEOUT_S
    while broken.is_alive() and len(lame.started_batches) == 1 and time.monotonic() < ends:
        broken.join(0.01)
    assert lame.started_batches == [["victim"]]
    assert not broken.is_alive()
    assert await outcomes_of(victim) == ["device_lost"]
    sound.gate.set()

    assert set(await outcomes_of(occupied, *tasks)) == {"ok"}
    assert lame.started_batches == [["victim"]]
    assert all(harness.pool_counts(f"job{number}", 25) == [1] * 25 for number in range(12))
    assert harness.engine.device_states() == {"fake:0": "lost", "fake:1": "ready"}
    await harness.engine.stop()
    assert harness.memory_budget.lease_count == 0


@on_loop
async def test_without_another_device_all_jobs_are_refused_at_once() -> None:
    """Nobody waits for a rebuilding that may never come."""
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
    """Its first pieces are safe in the machine's memory; only pieces under way are lost."""
    sound, lame = FakeWorker(piece=10), FakeWorker(piece=10)
    harness = EngineHarness(sound, lame)
    lame.fails_at, lame.failing_rebuilds = {4}, 10**6
    lame.gate.clear()
    occupied = harness.submit("occupied", key="occupied", steps=10**9)
    sound.gate.clear()
    await run_loop_turns(2)
    large, victim = harness.submit("large", planes=50, key="large"), harness.submit("victim", key="victim")
    await wait_until(lambda: len(lame.started_batches) == 1)

    lame.gate.set()
    assert await outcomes_of(victim) == ["device_lost"]
    sound.gate.set()

    assert await outcomes_of(occupied, large) == ["ok", "ok"]
    assert lame.started_batches == [["large"], ["large"], ["large"], ["victim"]]
    assert harness.pool_counts("large", 50) == [1] * 50
    assert sum(sound.pool_counts["large", plane] for plane in range(50)) == 20
    await wait_until(lambda: harness.memory_budget.lease_count == 0)
    await harness.engine.stop()


@on_loop
async def test_retries_of_a_lost_device_move_to_another() -> None:
    """The halves of a batch that failed were not begun: what breaks the device is none of theirs."""
    lame, sound = FakeWorker(), FakeWorker()
    harness = EngineHarness(lame, sound)
    lame.fails_at, lame.failing_rebuilds = {4}, 10**6
    for worker in harness.workers:
        worker.payload_errors["bad"] = ValueError("poisoned")
        worker.gate.clear()
    tasks = [harness.submit("first", key="first")]
    await wait_until(lambda: len(lame.started_batches) == 1)
    tasks.append(harness.submit("occupied", key="occupied", steps=10**12))
    await wait_until(lambda: len(sound.started_batches) == 1)
    tasks.append(harness.submit("second", key="second"))
    await run_loop_turns(2)
    tasks += await harness.submit_all("bad", "good1", "good2", "good3")
    breaker = harness.submit("breaker", key="breaker")
    await run_loop_turns(2)

    lame.gate.set()
    assert await outcomes_of(breaker) == ["device_lost"]
    sound.gate.set()

    assert await outcomes_of(*tasks) == ["ok", "ok", "ok", "internal", "ok", "ok", "ok"]
    assert lame.started_batches == [["first"], ["second"], ["bad", "good1", "good2", "good3"], ["breaker"]]
    await wait_until(lambda: harness.memory_budget.lease_count == 0)
    await harness.engine.stop()


@on_loop
async def test_two_batches_that_break_one_device_lose_it_once() -> None:
    """After an assert in a kernel whatever else is on the device fails too; that is one loss and one rebuilding."""
    harness = EngineHarness(FakeWorker(width=2))
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
async def test_a_stopped_engine_rebuilds_no_device() -> None:
    """The process ends; a thread that is started now would be cut off in the middle of a call to the driver."""
    harness = EngineHarness()
    harness.worker.fails_at = {1}
    loop = asyncio.get_running_loop()
    tries = 0

    def starts(*_: object, **__: object) -> None:
        nonlocal tries
        tries += 1
        raise RuntimeError("can't start new thread")

    with pytest.MonkeyPatch.context() as patch, timers(loop) as found:
        patch.setattr("poolhouse.batching.recovery.Thread", starts)
        assert await outcomes_of(harness.submit("victim")) == ["device_lost"]
        await harness.engine.stop()
        again = found[-1]
        await wait_until(lambda: loop.time() > again.when())
        await run_loop_turns()

    assert not again.cancelled()
    assert tries == 1


def test_a_thread_that_outlives_the_event_loop_ends_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that ends after the service did has nobody to tell; a traceback as last word would look like a crash."""
    noise: list[object] = []
    monkeypatch.setattr(threading, "excepthook", noise.append)
    worker = FakeWorker()
    worker.gate.clear()

    @on_loop
    async def stopped() -> None:
        harness = EngineHarness(worker)
        task = harness.submit("stuck")
        await wait_until(lambda: len(worker.started_batches) == 1)
        await harness.engine.stop(grace_s=0)
        assert await outcomes_of(task) == ["draining"]

    stopped()
    threads = [thread for thread in threading.enumerate() if thread.name == "pool-fake:0-0"]
    worker.gate.set()
    for thread in threads:
        thread.join(WAIT_TIMEOUT_S)

    assert not any(thread.is_alive() for thread in threads)
    assert worker.finished_count == 1
    assert noise == []


# ---- a device that hangs


@on_loop
async def test_a_hung_batch_is_refused_and_keeps_its_leases() -> None:
    """503 for what hung, everything else goes on, and the stuck thread's tensors stay lent until it ends."""
    harness = EngineHarness(device_hang_timeout_s=0.05)
    harness.worker.hangs_at = {1}
    stuck = harness.submit("stuck", planes=7)

    assert await outcomes_of(stuck) == ["device_lost"]
    await wait_until(lambda: harness.engine.device_states() == {"fake:0": "ready"})
    assert await outcomes_of(harness.submit("after")) == ["ok"]
    await wait_until(lambda: harness.memory_budget.lease_count == 1)
    assert harness.memory_budget.held_bytes == 7
    harness.worker.resume.set()

    await harness.assert_idle_and_stop()
    assert harness.worker.started_batches == [["stuck"], ["after"]]


@on_loop
async def test_an_unstarted_batch_behind_a_hung_one_moves_to_another_device() -> None:
    """It was not begun, so nothing of it is lost."""
    lame, sound = FakeWorker(), FakeWorker()
    harness = EngineHarness(lame, sound, device_hang_timeout_s=0.05)
    lame.hangs_at, lame.failing_rebuilds = {1}, 10**6
    stuck = harness.submit("stuck", key="stuck", steps=1)
    await wait_until(lambda: len(lame.started_batches) == 1)
    # The other device has so much to do that what comes next is placed behind the stuck one.
    occupied = harness.submit("occupied", key="occupied", steps=10**12)
    behind = harness.submit("behind", key="behind")
    await run_loop_turns(1)
    assert len(harness.engine._devices[0].inflight) == 2

    assert await outcomes_of(stuck, occupied, behind) == ["device_lost", "ok", "ok"]

    assert sound.started_batches == [["occupied"], ["behind"]]
    lame.resume.set()
    await wait_until(lambda: harness.memory_budget.lease_count == 0)
    await harness.engine.stop()


@on_loop
async def test_a_batch_that_waits_behind_a_slow_one_has_no_watchdog() -> None:
    """The clock of a batch runs while the device works on it, not while it is second in line."""
    harness = EngineHarness(device_hang_timeout_s=300)
    tasks = await harness.block_device()

    watched = [inflight.watchdog is not None for inflight in harness.engine._devices[0].inflight]
    assert watched == [True, False]
    harness.worker.gate.set()

    assert await outcomes_of(*tasks) == ["ok", "ok"]
    await harness.assert_idle_and_stop()


@on_loop
async def test_the_watchdog_of_the_next_batch_starts_when_it_runs() -> None:
    """Its clock starts when the one before it is done, also when nothing else comes."""
    harness = EngineHarness(device_hang_timeout_s=0.05)
    harness.worker.hangs_at = {2}
    tasks = await harness.block_device()

    harness.worker.gate.set()

    assert await outcomes_of(*tasks) == ["ok", "device_lost"]
    harness.worker.resume.set()
    await harness.assert_idle_and_stop()


@on_loop
async def test_the_watchdog_of_a_finished_batch_is_cancelled() -> None:
    """Its clock would ring later, and give up a device that was quick."""
    harness = EngineHarness(device_hang_timeout_s=300)

    with timers(asyncio.get_running_loop()) as found:
        assert await outcomes_of(harness.submit("one"), harness.submit("two", key="two")) == ["ok", "ok"]

    assert len(found) == 2
    assert all(timer.cancelled() for timer in found)
    await harness.assert_idle_and_stop()


@on_loop
async def test_stop_does_not_wait_for_a_hung_thread() -> None:
    """A stuck thread must not use up the grace period a second time."""
    harness = EngineHarness(device_hang_timeout_s=0.02)
    harness.worker.hangs_at = {1}
    assert await outcomes_of(harness.submit("stuck")) == ["device_lost"]

    await harness.engine.stop(grace_s=60)

    harness.worker.resume.set()
    await wait_until(lambda: harness.memory_budget.lease_count == 0)


# ---- each seam throws


@on_loop
async def test_an_observer_that_always_raises_changes_nothing() -> None:
    """Counting must never cost an answer."""
    harness = EngineHarness(raises=True)
    harness.worker.payload_errors["bad"] = ValueError("poisoned")
    harness.worker.max_planes = 3
    tasks = await harness.block_device()
    tasks += await harness.submit_all("bad", "good1", "good2", "good3", "good4")
    leaver = harness.submit("leaver")
    await run_loop_turns()
    leaver.cancel()

    harness.worker.gate.set()

    assert await outcomes_of(*tasks) == ["ok", "ok", "internal", "ok", "ok", "ok", "ok"]
    assert await outcomes_of(harness.submit("late", within_s=-1)) == ["deadline_passed"]
    assert {"began", "ended", "bisected", "halved", "cancelled", "expired"} <= set(harness.observer.counts)
    await harness.assert_idle_and_stop()


@on_loop
async def test_an_error_while_a_batch_is_chosen_loses_the_device() -> None:
    """Nobody is left waiting for a device that cannot say what it takes."""
    harness = EngineHarness()
    tasks = await harness.block_device(fill_next_slot=False)
    harness.worker.budget_error = RuntimeError("no budget")
    asked = harness.submit("asked")

    assert await outcomes_of(asked) == ["device_lost"]
    harness.worker.budget_error = None
    await wait_until(lambda: harness.engine.device_states() == {"fake:0": "ready"})
    harness.worker.gate.set()
    assert await outcomes_of(*tasks) == ["device_lost"]
    assert await outcomes_of(harness.submit("after")) == ["ok"]
    await harness.assert_idle_and_stop()


@on_loop
async def test_a_thread_that_cannot_be_started_loses_the_device() -> None:
    """The machine may be out of threads; that passes."""
    harness = EngineHarness()
    threads = harness.engine._devices[0].threads

    def refuses(_: object) -> None:
        raise RuntimeError("can't start new thread")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threads, "submit", refuses)
        assert await outcomes_of(harness.submit("asked")) == ["device_lost"]
    await wait_until(lambda: harness.engine.device_states() == {"fake:0": "ready"})

    assert await outcomes_of(harness.submit("after")) == ["ok"]
    await harness.assert_idle_and_stop()


@on_loop
async def test_a_rebuild_that_cannot_be_started_is_retried() -> None:
    """Or one moment without threads would cost the device for ever."""
    harness = EngineHarness()
    harness.worker.fails_at = {1}
    tries = 0

    def starts(*_: object, **__: object) -> None:
        nonlocal tries
        tries += 1
        raise RuntimeError("can't start new thread")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("poolhouse.batching.recovery.Thread", starts)
        assert await outcomes_of(harness.submit("victim")) == ["device_lost"]
        await wait_until(lambda: tries == 2)
    await wait_until(lambda: harness.engine.device_states() == {"fake:0": "ready"})

    await harness.assert_idle_and_stop()


@on_loop
async def test_an_error_while_a_batch_is_completed_fails_only_its_jobs() -> None:
    """A mistake of ours in the bookkeeping of one batch harms that batch alone."""
    harness = EngineHarness()
    device = harness.engine._devices[0]
    update = device.throughput.update

    class Broken:
        steps_per_s = 1e8
        batch_s = device.throughput.batch_s
        seconds_for = device.throughput.seconds_for

        def update(self, steps: int, seconds: float) -> None:
            raise ArithmeticError("a mistake of ours")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(device, "throughput", Broken())
        assert await outcomes_of(harness.submit("one"), harness.submit("two")) == ["internal", "internal"]

    assert device.throughput.update == update
    assert await outcomes_of(harness.submit("after")) == ["ok"]
    await harness.assert_idle_and_stop()


@on_loop
async def test_an_error_while_a_batch_is_completed_does_not_stop_dispatch() -> None:
    """Nobody else may come who would set the device going again."""
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
            raise ArithmeticError("a mistake of ours")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(device, "throughput", Broken())
        harness.worker.gate.set()
        assert await outcomes_of(*tasks) == ["internal"] * 7

    assert await outcomes_of(harness.submit("after")) == ["ok"]
    await harness.assert_idle_and_stop()


@on_loop
async def test_an_error_while_a_lease_is_released_does_not_stop_dispatch() -> None:
    """Also our own assertions are only errors of one batch."""
    harness = EngineHarness()
    lost = 0
    release = Lease.release

    def fails_once(lease: Lease) -> None:
        nonlocal lost
        release(lease)
        if not lost:
            lost = 1
            raise AssertionError("a lease that was given back")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Lease, "release", fails_once)
        first = await outcomes_of(harness.submit("one"))

    assert first[0] in {"ok", "internal"}
    assert await outcomes_of(harness.submit("after")) == ["ok"]
    await harness.assert_idle_and_stop()


@on_loop
async def test_a_result_for_a_job_cancelled_in_the_same_turn_is_dropped() -> None:
    """The future is cancelled already when the batch lands, and others were in that batch."""
    harness = EngineHarness()
    tasks = await harness.block_device()
    leaver, stays = await harness.submit_all("leaver", "stays")
    harness.worker.hangs_at = {3}
    harness.worker.gate.set()
    await wait_until(lambda: len(harness.worker.started_batches) == 3)
    loop, landed = asyncio.get_running_loop(), threading.Event()
    call_soon = loop.call_soon_threadsafe

    def noted(call: Callable[..., object], *args: object) -> asyncio.Handle:
        handle = call_soon(call, *args)
        landed.set()
        return handle

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "call_soon_threadsafe", noted)
        harness.worker.resume.set()
        # The loop must not turn here, or the answer would be taken.
        assert landed.wait(WAIT_TIMEOUT_S)
        leaver.cancel()

    assert await outcomes_of(leaver, stays, *tasks) == ["CancelledError", "ok", "ok", "ok"]
    assert harness.worker.started_batches[2] == ["leaver", "stays"]
    assert await outcomes_of(harness.submit("after")) == ["ok"]
    await harness.assert_idle_and_stop()


# ---- all at once


@pytest.mark.parametrize("seed", range(12))
def test_after_random_faults_every_job_has_one_outcome_and_no_lease_is_held(seed: int) -> None:
    """Culprits, leavers, deadlines, little memory, breaks and hangs on several devices: the law of this file."""
    random = Random(seed)

    @on_loop
    async def storm() -> None:
        workers = [FakeWorker(piece=random.randint(5, 50), width=random.randint(1, 2)) for _ in range(3)]
        for worker in workers:
            worker.max_planes = random.choice((None, 4, 20))
            worker.fails_at = {random.randint(1, 40) for _ in range(random.randint(0, 3))}
            worker.hangs_at = {random.randint(1, 40)} if random.random() < 0.5 else set()
            worker.failing_rebuilds = random.randint(0, 2)
        harness = EngineHarness(*workers, device_hang_timeout_s=0.1)
        jobs = [(f"job{number}", random.randint(1, 60), random.choice("abcd")) for number in range(150)]
        for worker in workers:
            worker.payload_errors = {name: ValueError("poisoned") for name, _, _ in jobs[::17]}
        tasks = []
        for name, planes, key in jobs:
            within_s = random.choice((None, None, None, 0.001, 5.0))
            tasks.append(harness.submit(name, planes, key, within_s))
            if random.random() < 0.4:
                await run_loop_turns(random.randint(1, 9))
            if random.random() < 0.1:
                random.choice(tasks).cancel()

        arguments = await outcomes_of(*tasks)

        allowed = {"ok", "internal", "device_lost", "deadline_passed", "CancelledError", "overloaded"}
        assert set(arguments) <= allowed
        for (name, planes, _), answer in zip(jobs, arguments, strict=True):
            if answer == "ok":
                assert harness.pool_counts(name, planes) == [1] * planes
            if answer == "internal":
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

    storm()
