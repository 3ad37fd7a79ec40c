"""A fake device that fails as a test configures, and an engine with a memory budget around it."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import Context
from functools import wraps
from typing import Literal, ParamSpec

import pytest

from poolhouse.batching.engine import Engine
from poolhouse.batching.fair_queue import Batch, BatchLimits, BatchReason, Job
from poolhouse.batching.memory import MemoryBudget
from poolhouse.batching.observer import JobTiming
from poolhouse.batching.worker import DeviceFault, OutOfMemory

WAIT_TIMEOUT_S = 20.0
"""The longest wait of a test; reached only when a test fails."""

CAPACITY_BYTES = 10**9

Params = ParamSpec("Params")


def on_loop(test: Callable[Params, Coroutine[object, object, None]]) -> Callable[Params, None]:
    """Run a test on an event loop of its own, and fail it if an exception on that loop was not handled."""

    @wraps(test)
    def run(*args: Params.args, **kwargs: Params.kwargs) -> None:
        unhandled: list[object] = []

        async def run_test() -> None:
            asyncio.get_running_loop().set_exception_handler(lambda _, context: unhandled.append(context))
            async with asyncio.timeout(WAIT_TIMEOUT_S):
                await test(*args, **kwargs)

        asyncio.run(run_test())
        assert not unhandled

    return run


async def wait_until(holds: Callable[[], bool]) -> None:
    """Run turns of the event loop until the condition is true."""
    while not holds():  # noqa: ASYNC110, the condition may change in a thread, without an event
        await asyncio.sleep(0)


async def run_loop_turns(count: int = 20) -> None:
    """Run some turns of the event loop, to give an unwanted effect the time to happen."""
    for _ in range(count):
        await asyncio.sleep(0)


class FakeWorker:
    """A worker whose batches succeed, fail or hang as the test configures.

    Attributes:
        gate: while it is cleared, every started batch waits.
        resume: set to end the batches that hang.
        max_planes: planes that fit into memory; a larger batch raises :class:`OutOfMemory`.
        fails_at: numbers of the batches that break the device, counted from 1.
        hangs_at: numbers of the batches that hang until ``resume`` is set.
        payload_errors: the error of every batch that contains the payload.
        budget_error: raised instead of returning the batch limits.
        failing_rebuilds: the number of rebuilds that fail before one succeeds.
        started_batches: the payloads of each batch, in the order of their start.
        pool_counts: how often each plane of each payload was pooled.
        plane_counts: planes of a payload that is pooled by :meth:`run_single`; 1 by default.
    """

    def __init__(
        self, *, piece: int = 1000, join: int | None = None, concurrency: int = 1, planes: int | None = None
    ) -> None:
        self._limits = BatchLimits(piece, piece if join is None else join, planes)
        self._concurrency = concurrency
        self._lock = threading.Lock()
        self.gate = threading.Event()
        self.gate.set()
        self.resume = threading.Event()
        self.max_planes: int | None = None
        self.fails_at: set[int] = set()
        self.hangs_at: set[int] = set()
        self.payload_errors: dict[str, BaseException] = {}
        self.budget_error: Exception | None = None
        self.failing_rebuilds = 0
        self.rebuilds = 0
        self.started_batches: list[list[str]] = []
        self.batches: list[Batch[str]] = []
        self.finished_count = 0
        self.pool_counts: Counter[tuple[str, int]] = Counter()
        self.plane_counts: dict[str, int] = {}

    @property
    def batch_limits(self) -> BatchLimits:
        if self.budget_error is not None:
            raise self.budget_error
        return self._limits

    @property
    def concurrency(self) -> int:
        return self._concurrency

    def run(self, batch: Batch[str]) -> None:
        with self._lock:
            self.started_batches.append([part.job.payload for part in batch.slices])
            self.batches.append(batch)
            count = len(self.started_batches)
        try:
            assert self.gate.wait(WAIT_TIMEOUT_S)
            if count in self.hangs_at:
                assert self.resume.wait(WAIT_TIMEOUT_S)
            if count in self.fails_at:
                raise DeviceFault("an assert in a kernel")
            if self.max_planes is not None and batch.planes > self.max_planes:
                raise OutOfMemory("no memory for that")
            for part in batch.slices:
                if part.job.payload in self.payload_errors:
                    raise self.payload_errors[part.job.payload]
            for part in batch.slices:
                self.pool_counts.update((part.job.payload, plane) for plane in range(part.start, part.stop))
        finally:
            with self._lock:
                self.finished_count += 1

    def run_single(self, payload: str) -> None:
        self.run(Batch((Job("whole", self.plane_counts.get(payload, 1), 1, 1, payload).whole_slice(),), "inline"))

    def rebuild(self) -> None:
        self.rebuilds += 1
        if self.rebuilds <= self.failing_rebuilds:
            raise DeviceFault("still broken")


class RecordingObserver:
    """Records the events, and raises in each call if ``raises`` is set."""

    def __init__(self, raises: bool = False) -> None:
        self.raises = raises
        self.counts: Counter[str] = Counter()
        self.reasons: list[BatchReason] = []

    def batch_started(self, device: str, jobs: int, planes: int, reason: BatchReason) -> None:
        self.reasons.append(reason)
        self._record("started")

    def batch_finished(self, device: str, operator: str, seconds: float) -> None:
        self._record("finished")

    def ran_inline(self, device: str, operator: str, planes: int, seconds: float) -> None:
        self.reasons.append("inline")
        self._record("inline")

    def event_occurred(self, what: Literal["cancelled", "expired", "bisected", "halved", "device_lost"]) -> None:
        self._record(what)

    def _record(self, what: str) -> None:
        self.counts[what] += 1
        if self.raises:
            raise ValueError(what)


class EngineHarness:
    """An engine over fake devices, and a memory budget for its jobs."""

    def __init__(
        self, *workers: FakeWorker, device_hang_timeout_s: float = 300.0, inline_steps: int = -1, raises: bool = False
    ) -> None:
        self.workers = workers or (FakeWorker(),)
        self.worker = self.workers[0]
        self.observer = RecordingObserver(raises)
        self.memory_budget = MemoryBudget(CAPACITY_BYTES)
        self.engine: Engine[str] = Engine(
            [(f"fake:{index}", worker) for index, worker in enumerate(self.workers)],
            inline_steps=inline_steps,
            device_hang_timeout_s=device_hang_timeout_s,
            observer=self.observer,
        )

    def submit(
        self, name: str, planes: int = 1, key: str = "a", within_s: float | None = None, steps: int = 1
    ) -> asyncio.Task[JobTiming]:
        """Submit a job with planes of one byte each, in a task."""

        async def call() -> JobTiming:
            lease = self.memory_budget.reserve(planes)
            assert lease is not None
            deadline = None if within_s is None else asyncio.get_running_loop().time() + within_s
            for worker in self.workers:
                worker.plane_counts[name] = planes
            try:
                return await self.engine.submit(Job(key, planes, 1, steps, name), lease, "operator", deadline)
            finally:
                lease.release()

        return asyncio.ensure_future(call())

    async def submit_all(self, *names: str, planes: int = 1, key: str = "a") -> list[asyncio.Task[JobTiming]]:
        """Submit one job per name; all of them wait in the queue when this returns."""
        tasks = [self.submit(name, planes, key) for name in names]
        await run_loop_turns(2)
        return tasks

    async def block_device(
        self, worker: FakeWorker | None = None, *, fill_next_slot: bool = True
    ) -> list[asyncio.Task[JobTiming]]:
        """Start a job that waits at the closed gate and, by default, hand over a second one, so that all later jobs
        wait in the queue."""
        worker = worker or self.worker
        worker.gate.clear()
        tasks = [self.submit("first", key="first")]
        await wait_until(lambda: len(worker.started_batches) == 1)
        if fill_next_slot:
            tasks.append(self.submit("second", key="second"))
            await run_loop_turns(2)
        return tasks

    def pool_counts(self, name: str, planes: int = 1) -> list[int]:
        """How often each plane of a job was pooled, on all devices together."""
        return [sum(worker.pool_counts[name, plane] for worker in self.workers) for plane in range(planes)]

    async def assert_idle_and_stop(self) -> None:
        """Assert that no job is pending and no memory is held, and stop the engine."""
        await wait_until(lambda: self.memory_budget.lease_count == 0)
        assert self.memory_budget.held_bytes == 0
        assert self.engine.job_count == 0
        await self.engine.stop()


async def outcomes_of(*tasks: asyncio.Task[JobTiming]) -> list[str]:
    """The outcome of each task: ``ok``, the code of its error, or the name of the exception class."""
    results = await asyncio.gather(*tasks, return_exceptions=True)
    return ["ok" if isinstance(one, JobTiming) else str(getattr(one, "code", type(one).__name__)) for one in results]


async def error_of(task: asyncio.Task[object]) -> BaseException | None:
    """Wait for a task, and return its exception."""
    await asyncio.wait([task])
    return task.exception()


@contextmanager
def timers(loop: asyncio.AbstractEventLoop) -> Iterator[list[asyncio.TimerHandle]]:
    """Record the timers that are set with ``call_later`` meanwhile."""
    later, found = loop.call_later, list[asyncio.TimerHandle]()

    def record(
        delay: float, call: Callable[..., object], *args: object, context: Context | None = None
    ) -> asyncio.TimerHandle:
        found.append(later(delay, call, *args, context=context))
        return found[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "call_later", record)
        yield found
