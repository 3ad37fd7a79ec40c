"""Steps in threads: what they hold, who is told what when, and how many go on at once."""

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
    """Steps that stand still until they may go on."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.begun: list[int] = []

    def step(self, number: int = 0) -> Callable[[], int]:
        """One that gives its number once the gate is open."""

        def work() -> int:
            self.begun.append(number)
            assert self.opened.wait(WAIT_TIMEOUT_S), "the gate was never opened"
            return number

        return work


@contextmanager
def threads(size: int = 1, long_s: float = WAIT_TIMEOUT_S) -> Iterator[tuple[OffloadPool, Gate]]:
    """Threads that are let go at the end, whatever stands still in them."""
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
    """Turns of the loop until something holds that a thread brings about."""
    async with asyncio.timeout(WAIT_TIMEOUT_S):
        while not condition():  # noqa: ASYNC110, it is a thread that changes it
            await asyncio.sleep(0)


def run_with_event_loop(test: Coroutine[object, object, None]) -> None:
    asyncio.run(test)


def test_a_step_returns_its_result_and_raises_its_error() -> None:
    """A thread in between must not be seen."""

    def refuse() -> None:
        raise Malformed("malformed_body", "no tensor")

    async def go() -> None:
        memory_budget = MemoryBudget(1000)
        lease = make_lease(memory_budget)
        with threads() as (pool, _):
            assert await pool.run(threading.current_thread, lease, "it ran") is not threading.current_thread()
            with pytest.raises(Malformed, match="no tensor"):
                await pool.run(refuse, lease, "it ran")
        lease.release()
        assert memory_budget.lease_count == 0

    run_with_event_loop(go())


def test_a_timeout_raised_by_a_step_is_raised() -> None:
    """It is not the caller's deadline."""

    def late() -> None:
        raise TimeoutError("of the step")

    async def go() -> None:
        lease = make_lease(MemoryBudget(1000))
        with threads() as (pool, _), pytest.raises(TimeoutError, match="of the step"):
            await pool.run(late, lease, "it ran", asyncio.get_running_loop().time() + WAIT_TIMEOUT_S)

    run_with_event_loop(go())


def test_a_deadline_raises_at_once_and_the_lease_is_held_until_the_step_ends() -> None:
    """A thread cannot be stopped in the middle: what it reads must not be lent to others."""

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
    """The same for a caller who closes the connection."""

    async def go() -> None:
        memory_budget = MemoryBudget(1000)
        lease = make_lease(memory_budget)
        with threads() as (pool, gate):
            caller = asyncio.ensure_future(pool.run(gate.step(), lease, "it ran"))
            await wait_until(lambda: gate.begun)
            caller.cancel()
            await asyncio.wait([caller])
            lease.release()
            held = memory_budget.held_bytes
            gate.opened.set()
            await wait_until(lambda: memory_budget.lease_count == 0)
        assert held == 100

    run_with_event_loop(go())


@pytest.mark.parametrize("how", ["deadline", "leaving"])
def test_an_abandoned_step_is_not_started(how: str) -> None:
    """In line it costs nothing yet, and its bytes are free at once."""

    async def go() -> None:
        memory_budget = MemoryBudget(1000)
        first, second = make_lease(memory_budget), make_lease(memory_budget)
        with threads() as (pool, gate):
            running = asyncio.ensure_future(pool.run(gate.step(1), first, "it ran"))
            deadline = asyncio.get_running_loop().time() + 0.02 if how == "deadline" else None
            waiting = asyncio.ensure_future(pool.run(gate.step(2), second, "it ran", deadline))
            await wait_until(lambda: gate.begun)
            if how == "leaving":
                waiting.cancel()
            await asyncio.wait([waiting])
            second.release()
            held = memory_budget.held_bytes
            gate.opened.set()
            assert await running == 1
            first.release()
        assert held == 100
        assert gate.begun == [1]

    run_with_event_loop(go())


def test_no_more_steps_run_than_there_are_threads() -> None:
    """Each of a crowd would take the interpreter from the event loop."""

    async def go() -> None:
        memory_budget = MemoryBudget(10_000)
        with threads(2) as (pool, gate):
            lease = make_lease(memory_budget)
            steps = [asyncio.ensure_future(pool.run(gate.step(number), lease, "it ran")) for number in range(6)]
            await wait_until(lambda: len(gate.begun) == 2)
            assert sum(each.name.startswith("offload-test") for each in threading.enumerate()) == 2
            gate.opened.set()
            assert await asyncio.gather(*steps) == list(range(6))
            lease.release()
        assert sorted(gate.begun[:2]) == [0, 1]
        assert memory_budget.lease_count == 0

    run_with_event_loop(go())


def test_a_long_step_does_not_block_the_others() -> None:
    """One that never ends would keep everyone behind it for ever."""

    async def go() -> None:
        memory_budget = MemoryBudget(10_000)
        lease = make_lease(memory_budget)
        with threads(1, long_s=0.01) as (pool, gate):
            stuck = asyncio.ensure_future(pool.run(gate.step(), lease, "it ran"))
            await wait_until(lambda: gate.begun)
            async with asyncio.timeout(WAIT_TIMEOUT_S):
                assert await pool.run(lambda: 5, lease, "it ran") == 5
            assert not stuck.done()
            gate.opened.set()
            assert await stuck == 0
            assert await pool.run(lambda: 6, lease, "it ran") == 6
        lease.release()
        assert memory_budget.lease_count == 0

    run_with_event_loop(go())


def test_shutdown_ends_the_threads_and_cancels_waiting_steps() -> None:
    """A service that has stopped leaves nothing behind."""

    async def go() -> None:
        memory_budget = MemoryBudget(10_000)
        lease = make_lease(memory_budget)
        with threads() as (pool, gate):
            running = asyncio.ensure_future(pool.run(gate.step(1), lease, "it ran"))
            waiting = asyncio.ensure_future(pool.run(gate.step(2), lease, "it ran"))
            await wait_until(lambda: gate.begun)
            pool.shutdown()
            await asyncio.wait([waiting])
            assert waiting.cancelled()
            gate.opened.set()
            assert await running == 1
            await wait_until(lambda: not any(each.name.startswith("offload-test") for each in threading.enumerate()))
        lease.release()
        assert (memory_budget.lease_count, gate.begun) == (0, [1])

    run_with_event_loop(go())


class Body:
    """Something large that a step looks at."""


def test_a_failed_step_is_freed_without_the_garbage_collector() -> None:
    """Its lease has ended: what is kept beyond that is memory that nobody counts."""

    def refuse(body: Body) -> None:
        raise Malformed("malformed_body", "no tensor")

    async def caller(pool: OffloadPool, lease: Lease) -> weakref.ref[Body]:
        body = Body()
        # In a task of its own, which keeps what is raised.
        asked = asyncio.ensure_future(pool.run(lambda: refuse(body), lease, "it ran"))
        await asyncio.wait([asked])
        assert isinstance(asked.exception(), Malformed)
        return weakref.ref(body)

    async def go() -> None:
        lease = make_lease(MemoryBudget(1000))
        with threads() as (pool, _):
            found = await caller(pool, lease)
            # The thread lets go of the step when it has told the loop.
            await wait_until(lambda: found() is None)

    gc.collect()
    gc.disable()
    try:
        run_with_event_loop(go())
    finally:
        gc.enable()
