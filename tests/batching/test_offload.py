"""Offloaded steps: their leases, deadlines and errors, and how many run at once."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager

import pytest

from poolhouse.batching.memory import Lease, MemoryBudget
from poolhouse.batching.offload import OffloadPool
from poolhouse.errors import DeadlinePassed, Malformed

WAIT_TIMEOUT_S = 20.0


class Gate:
    """Steps that wait until the test lets them go on."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.started: list[int] = []

    def step(self, number: int = 0) -> Callable[[], int]:
        """A step that returns its number once the gate is open."""

        def work() -> int:
            self.started.append(number)
            assert self.opened.wait(WAIT_TIMEOUT_S), "the gate was never opened"
            return number

        return work


@contextmanager
def threads(size: int = 1, long_s: float = WAIT_TIMEOUT_S) -> Iterator[tuple[OffloadPool, Gate]]:
    """An offload pool, and a gate that is opened at the end, so that its threads can end."""
    pool, gate = OffloadPool("test", size, long_s), Gate()
    try:
        yield pool, gate
    finally:
        gate.opened.set()
        pool.shutdown()


def make_lease(memory_budget: MemoryBudget) -> Lease:
    lease = memory_budget.reserve(100)
    assert lease is not None
    return lease


async def wait_until(condition: Callable[[], object]) -> None:
    """Run turns of the event loop until a thread has made the condition true."""
    async with asyncio.timeout(WAIT_TIMEOUT_S):
        while not condition():  # noqa: ASYNC110, the condition changes in a thread, without an event
            await asyncio.sleep(0)


def run_with_event_loop(test: Coroutine[object, object, None]) -> None:
    asyncio.run(test)


def test_a_step_returns_its_result_and_raises_its_error() -> None:
    """The caller does not notice the thread."""

    def fail() -> None:
        raise Malformed("malformed_body", "no tensor")

    async def go() -> None:
        memory_budget = MemoryBudget(1000)
        lease = make_lease(memory_budget)
        with threads() as (pool, _):
            assert await pool.run(threading.current_thread, lease, "it ran") is not threading.current_thread()
            with pytest.raises(Malformed, match="no tensor"):
                await pool.run(fail, lease, "it ran")
        lease.release()
        assert memory_budget.lease_count == 0

    run_with_event_loop(go())


def test_a_timeout_raised_by_a_step_is_raised() -> None:
    """It is not the deadline of the request."""

    def time_out() -> None:
        raise TimeoutError("of the step")

    async def go() -> None:
        lease = make_lease(MemoryBudget(1000))
        with threads() as (pool, _), pytest.raises(TimeoutError, match="of the step"):
            await pool.run(time_out, lease, "it ran", asyncio.get_running_loop().time() + WAIT_TIMEOUT_S)

    run_with_event_loop(go())


def test_a_deadline_raises_at_once_and_the_lease_is_held_until_the_step_ends() -> None:
    """A thread cannot be stopped: the memory that it reads must not be reserved for another request."""

    async def go() -> None:
        memory_budget = MemoryBudget(1000)
        lease = make_lease(memory_budget)
        with threads() as (pool, gate):
            loop = asyncio.get_running_loop()
            with pytest.raises(DeadlinePassed, match="while the body was decoded"):
                await pool.run(gate.step(), lease, "the body was decoded", loop.time() + 0.02)
            lease.release()
            held = memory_budget.held_bytes
            gate.opened.set()
            await wait_until(lambda: memory_budget.lease_count == 0)
        assert held == 100
        assert memory_budget.held_bytes == 0

    run_with_event_loop(go())


def test_a_step_of_a_cancelled_caller_keeps_the_lease() -> None:
    """The same when the client disconnects."""

    async def go() -> None:
        memory_budget = MemoryBudget(1000)
        lease = make_lease(memory_budget)
        with threads() as (pool, gate):
            caller = asyncio.ensure_future(pool.run(gate.step(), lease, "it ran"))
            await wait_until(lambda: gate.started)
            caller.cancel()
            await asyncio.wait([caller])
            lease.release()
            held = memory_budget.held_bytes
            gate.opened.set()
            await wait_until(lambda: memory_budget.lease_count == 0)
        assert held == 100

    run_with_event_loop(go())


@pytest.mark.parametrize("how", ["deadline", "cancellation"])
def test_an_abandoned_step_is_not_started(how: str) -> None:
    """A waiting step costs nothing yet, and its lease is released at once."""

    async def go() -> None:
        memory_budget = MemoryBudget(1000)
        first, second = make_lease(memory_budget), make_lease(memory_budget)
        with threads() as (pool, gate):
            running = asyncio.ensure_future(pool.run(gate.step(1), first, "it ran"))
            deadline = asyncio.get_running_loop().time() + 0.02 if how == "deadline" else None
            waiting = asyncio.ensure_future(pool.run(gate.step(2), second, "it ran", deadline))
            await wait_until(lambda: gate.started)
            if how == "cancellation":
                waiting.cancel()
            await asyncio.wait([waiting])
            second.release()
            held = memory_budget.held_bytes
            gate.opened.set()
            assert await running == 1
            first.release()
        assert held == 100
        assert gate.started == [1]

    run_with_event_loop(go())


def test_no_more_steps_run_than_there_are_threads() -> None:
    """Each further thread would compete with the event loop for the GIL; the other steps wait."""

    async def go() -> None:
        memory_budget = MemoryBudget(10_000)
        with threads(2) as (pool, gate):
            lease = make_lease(memory_budget)
            steps = [asyncio.ensure_future(pool.run(gate.step(number), lease, "it ran")) for number in range(6)]
            await wait_until(lambda: len(gate.started) == 2)
            assert sum(each.name.startswith("offload-test") for each in threading.enumerate()) == 2
            gate.opened.set()
            assert await asyncio.gather(*steps) == list(range(6))
            lease.release()
        assert sorted(gate.started[:2]) == [0, 1]
        assert memory_budget.lease_count == 0

    run_with_event_loop(go())


def test_a_long_step_does_not_block_the_others() -> None:
    """A step that never ends would otherwise block all later ones."""

    async def go() -> None:
        memory_budget = MemoryBudget(10_000)
        lease = make_lease(memory_budget)
        with threads(1, long_s=0.01) as (pool, gate):
            long = asyncio.ensure_future(pool.run(gate.step(), lease, "it ran"))
            await wait_until(lambda: gate.started)
            async with asyncio.timeout(WAIT_TIMEOUT_S):
                assert await pool.run(lambda: 5, lease, "it ran") == 5
            assert not long.done()
            gate.opened.set()
            assert await long == 0
            assert await pool.run(lambda: 6, lease, "it ran") == 6
        lease.release()
        assert memory_budget.lease_count == 0

    run_with_event_loop(go())


def test_shutdown_ends_the_threads_and_cancels_waiting_steps() -> None:
    """A stopped service leaves no threads and no pending callers."""

    async def go() -> None:
        memory_budget = MemoryBudget(10_000)
        lease = make_lease(memory_budget)
        with threads() as (pool, gate):
            running = asyncio.ensure_future(pool.run(gate.step(1), lease, "it ran"))
            waiting = asyncio.ensure_future(pool.run(gate.step(2), lease, "it ran"))
            await wait_until(lambda: gate.started)
            pool.shutdown()
            await asyncio.wait([waiting])
            assert waiting.cancelled()
            gate.opened.set()
            assert await running == 1
            await wait_until(lambda: not any(each.name.startswith("offload-test") for each in threading.enumerate()))
        lease.release()
        assert (memory_budget.lease_count, gate.started) == (0, [1])

    run_with_event_loop(go())


class Body:
    """A large object that a step uses."""


def test_a_failed_step_is_freed_without_the_garbage_collector() -> None:
    """Its lease has ended, so memory that is kept longer is not counted."""

    def fail(body: Body) -> None:
        raise Malformed("malformed_body", "no tensor")

    async def caller(pool: OffloadPool, lease: Lease) -> weakref.ref[Body]:
        body = Body()
        # In a task, which refers to the exception.
        task = asyncio.ensure_future(pool.run(lambda: fail(body), lease, "it ran"))
        await asyncio.wait([task])
        assert isinstance(task.exception(), Malformed)
        return weakref.ref(body)

    async def go() -> None:
        lease = make_lease(MemoryBudget(1000))
        with threads() as (pool, _):
            reference = await caller(pool, lease)
            # The thread forgets the step after it has reported its end to the event loop.
            await wait_until(lambda: reference() is None)

    gc.collect()
    gc.disable()
    try:
        run_with_event_loop(go())
    finally:
        gc.enable()
