"""A device that does as the test says, and a house around it: a loop, a memory_budget, jobs with names."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Literal, ParamSpec

from poolhouse.batching.engine import Engine
from poolhouse.batching.fair_queue import Batch, BatchLimits, Job, Reason
from poolhouse.batching.memory import MemoryBudget
from poolhouse.batching.observer import JobTiming
from poolhouse.batching.worker import DeviceFault, OutOfMemory

WAIT_TIMEOUT_S = 20.0
"""How long a test waits for what must come; reached only when something is broken."""

CAPACITY_BYTES = 10**9

Params = ParamSpec("Params")


def on_loop(test: Callable[Params, Coroutine[object, object, None]]) -> Callable[Params, None]:
    """Runs a test on a loop of its own, and fails it when anything on that loop raised unseen."""

    @wraps(test)
    def run(*args: Params.args, **kwargs: Params.kwargs) -> None:
        unseen: list[object] = []

        async def watched() -> None:
            asyncio.get_running_loop().set_exception_handler(lambda _, context: unseen.append(context))
            async with asyncio.timeout(WAIT_TIMEOUT_S):
                await test(*args, **kwargs)

        asyncio.run(watched())
        assert not unseen

    return run


async def wait_until(holds: Callable[[], bool]) -> None:
    """Lets the loop turn until something holds."""
    while not holds():  # noqa: ASYNC110, what is waited for may happen in a thread that knows no event of ours
        await asyncio.sleep(0)


async def run_loop_turns(count: int = 20) -> None:
    """Lets the loop turn a few times, for what must not happen to have its chance."""
    for _ in range(count):
        await asyncio.sleep(0)


class FakeWorker:
    """One device, by script.

    Attributes:
        gate: closed, every batch stops behind it once it has begun.
        fits: planes that fit into memory; one more is out of memory.
        breaks_at: counts of the batches that break the device, the first being 1.
        sticks_at: counts of the batches that hang until ``resume``.
        poisoned: loads that fail whatever batch they are in, and how.
        rebuilds_fail: how many rebuildings fail before one works.
        begun: the batches in the order they were begun, as their parts' loads.
        pooled: how often each plane of each load was pooled.
        planes_of: how many planes a load has that is pooled whole; 1 where nothing is said.
    """

    def __init__(
        self, *, piece: int = 1000, join: int | None = None, width: int = 1, planes: int | None = None
    ) -> None:
        self._budget = BatchLimits(piece, piece if join is None else join, planes)
        self._width = width
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
        return self._budget

    @property
    def concurrency(self) -> int:
        return self._width

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
    """An observer that writes down, and raises where the test says."""

    def __init__(self, raises: bool = False) -> None:
        self.raises = raises
        self.counts: Counter[str] = Counter()
        self.reasons: list[Reason] = []

    def batch_started(self, device: str, jobs: int, planes: int, reason: Reason) -> None:
        self.reasons.append(reason)
        self._note("began")

    def batch_finished(self, device: str, operator: str, seconds: float) -> None:
        self._note("ended")

    def ran_inline(self, device: str, operator: str, planes: int, seconds: float) -> None:
        self.reasons.append("inline")
        self._note("ran here")

    def event_occurred(self, what: Literal["cancelled", "expired", "bisected", "halved", "device_lost"]) -> None:
        self._note(what)

    def _note(self, what: str) -> None:
        self.counts[what] += 1
        if self.raises:
            raise ValueError(what)


class EngineHarness:
    """An engine over fake devices, and its memory_budget."""

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
        """A caller with a job of planes of one byte each."""

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
        """Callers who come one after another, all waiting in line when this returns."""
        tasks = [self.submit(name, planes, key) for name in names]
        await run_loop_turns(2)
        return tasks

    async def block_device(
        self, worker: FakeWorker | None = None, *, fill_next_slot: bool = True
    ) -> list[asyncio.Task[JobTiming]]:
        """Closes a device's gate behind a first job and, unless told otherwise, has the second place taken too,
        so that whatever is asked from now on waits in line."""
        worker = worker or self.worker
        worker.gate.clear()
        tasks = [self.submit("first", key="first")]
        await wait_until(lambda: len(worker.started_batches) == 1)
        if fill_next_slot:
            tasks.append(self.submit("second", key="second"))
            await run_loop_turns(2)
        return tasks

    def pool_counts(self, name: str, planes: int = 1) -> list[int]:
        """How often each plane of a job was pooled, over all devices."""
        return [sum(worker.pool_counts[name, plane] for worker in self.workers) for plane in range(planes)]

    async def assert_idle_and_stop(self) -> None:
        """Nothing waits, runs or is held any more."""
        await wait_until(lambda: self.memory_budget.lease_count == 0)
        assert self.memory_budget.held_bytes == 0
        assert self.engine.job_count == 0
        await self.engine.stop()


async def outcomes_of(*tasks: asyncio.Task[JobTiming]) -> list[str]:
    """How each caller was answered: ``ok``, the refusal's code, or the error's name."""
    told = await asyncio.gather(*tasks, return_exceptions=True)
    return ["ok" if isinstance(each, JobTiming) else str(getattr(each, "code", type(each).__name__)) for each in told]
