"""The thin asyncio shell around the policy: a bounded queue into one worker thread a device.

A job that nobody waits for any more is dropped if it has not begun; one that has begun runs to its end, since
kernels cannot be interrupted, and its answer is thrown away.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from poolhouse.batching import policy
from poolhouse.batching.job import Job
from poolhouse.errors import DeadlinePassed, Unavailable

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Done(Generic[Result]):
    """A job's result, and the seconds it waited and ran."""

    result: Result
    queue_s: float
    compute_s: float


class Engine:
    """Runs jobs on devices, each with one worker.

    Args:
        devices: names of the devices, for the threads.
        room_bytes: bytes of inputs and outputs that may be held at once.
        inline_steps: jobs up to this size run on the event loop when their device is idle.
    """

    def __init__(self, devices: tuple[str, ...], *, room_bytes: int, inline_steps: int) -> None:
        self._loads = [policy.Load() for _ in devices]
        self._workers = [ThreadPoolExecutor(1, thread_name_prefix=f"pool-{name}") for name in devices]
        self._room_bytes = room_bytes
        self._inline_steps = inline_steps
        self._draining = False

    @property
    def held_bytes(self) -> int:
        """Inputs and outputs of all admitted jobs."""
        return sum(load.held_bytes for load in self._loads)

    @property
    def draining(self) -> bool:
        """Whether new jobs are turned away."""
        return self._draining

    async def submit(self, job: Job[Result]) -> Done[Result]:
        """Runs a job when its turn comes.

        Raises:
            Unavailable: ``overloaded`` or ``draining``.
            DeadlinePassed: before the job was done.
        """
        if self._draining:
            raise Unavailable(
                "draining", "the service is shutting down; send this to another instance.", retry_after_s=1
            )
        index = policy.least_loaded(self._loads)
        load = self._loads[index]
        if not policy.fits(self._loads, job.held_bytes, self._room_bytes):
            wait_s = max(each.wait_s for each in self._loads)
            raise Unavailable(
                "overloaded",
                f"{self.held_bytes} bytes are being pooled and at most {self._room_bytes} are held at once; "
                f"try again in about {max(1, round(wait_s))} s.",
                retry_after_s=wait_s,
            )
        loop = asyncio.get_running_loop()
        if job.deadline is not None and loop.time() >= job.deadline:
            raise _too_late()
        if policy.runs_here(load, job.steps, self._inline_steps):
            started = time.perf_counter()
            return Done(job.run(index), 0.0, time.perf_counter() - started)
        with _held(load, job):
            submitted = time.perf_counter()
            waiting = loop.run_in_executor(self._workers[index], _timed, job, index)
            try:
                async with asyncio.timeout_at(job.deadline):
                    result, started, ended = await waiting
            except TimeoutError:
                raise _too_late() from None
        load.took(job.steps, ended - started)
        return Done(result, started - submitted, ended - started)

    def drain(self) -> None:
        """Turns new jobs away; admitted ones go on."""
        self._draining = True

    async def stop(self) -> None:
        """Waits for the workers to finish what they have begun."""
        self.drain()
        for worker in self._workers:
            await asyncio.to_thread(worker.shutdown, wait=True, cancel_futures=True)


def _timed(job: Job[Result], index: int) -> tuple[Result, float, float]:
    started = time.perf_counter()
    result = job.run(index)
    return result, started, time.perf_counter()


@contextlib.contextmanager
def _held(load: policy.Load, job: Job[Result]) -> Iterator[None]:
    load.held_bytes += job.held_bytes
    load.steps += job.steps
    load.jobs += 1
    try:
        yield
    finally:
        load.held_bytes -= job.held_bytes
        load.steps -= job.steps
        load.jobs -= 1


def _too_late() -> DeadlinePassed:
    return DeadlinePassed(
        "deadline_passed",
        "the deadline of Request-Timeout passed before the answer was ready; allow more time or send less.",
    )
