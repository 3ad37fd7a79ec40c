"""The thin asyncio shell: one lane a device, each with its backlog, its thread and its state.

Every decision is made in ``policy`` and ``backlog``; this file carries it out. The rules it keeps:

- an idle device starts at once, a busy one finds the next batch ready when it is done: no timer, no polling;
- whoever waits is answered exactly once, whatever raises where;
- a job that is not waited for any more is not begun, and one that runs keeps its lease until the device is done;
- a failed batch is bisected until the culprit is alone, one too large for memory is halved, one on a lost device
  is refused with 503 while the device is rebuilt.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, Generic, Literal, Protocol, TypeVar

from poolhouse.batching import policy
from poolhouse.batching.backlog import Backlog, Batch, Job, Reason
from poolhouse.batching.ledger import Lease
from poolhouse.batching.worker import DeviceFault, OutOfMemory, Worker
from poolhouse.errors import DeadlinePassed, InternalError, PoolhouseError, Unavailable

Load = TypeVar("Load")

State = Literal["ready", "lost"]

_log = logging.getLogger("poolhouse.batching")

_IN_FLIGHT: Final = 2
"""Batches handed to a device at once: one executes, one is ready for when it is done."""
_REBUILD_FIRST_S: Final = 0.05
_REBUILD_LONGEST_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Done:
    """How a job went: the seconds it waited and ran, and why its last batch was as large as it was."""

    queue_s: float
    compute_s: float
    reason: Reason


class Observer(Protocol):
    """Who counts. What it raises is logged and changes nothing."""

    def began(self, device: str, jobs: int, planes: int, reason: Reason) -> None:
        """A batch was handed to a device."""

    def ended(self, device: str, operator: str, seconds: float) -> None:
        """A batch came back well."""

    def lost(self, what: Literal["cancelled", "expired", "bisected", "halved", "device_lost"]) -> None:
        """Something did not go the straight way."""


class _Silent:
    def began(self, device: str, jobs: int, planes: int, reason: Reason) -> None: ...
    def ended(self, device: str, operator: str, seconds: float) -> None: ...
    def lost(self, what: Literal["cancelled", "expired", "bisected", "halved", "device_lost"]) -> None: ...


@dataclass(slots=True, eq=False)
class _Waiter(Generic[Load]):
    """Who waits for a job, and what it has cost so far."""

    answer: asyncio.Future[Done]
    lease: Lease
    since: float
    operator: str
    begun: float | None = None
    compute_s: float = 0.0
    planes_done: int = 0


@dataclass(slots=True, eq=False)
class _Lane(Generic[Load]):
    """One device."""

    name: str
    worker: Worker[Load]
    thread: ThreadPoolExecutor
    backlog: Backlog[Load] = field(default_factory=Backlog)
    retries: deque[Batch[Load]] = field(default_factory=deque)
    in_flight: dict[Batch[Load], asyncio.TimerHandle] = field(default_factory=dict)
    speed: policy.Speed = field(default_factory=policy.Speed)
    state: State = "ready"

    def standing(self) -> policy.Standing:
        running = sum(batch.steps for batch in self.in_flight) + sum(batch.steps for batch in self.retries)
        jobs = self.backlog.jobs + len(self.in_flight) + len(self.retries)
        return policy.Standing(self.state == "ready", self.speed.seconds(self.backlog.steps + running), jobs)


class Engine(Generic[Load]):
    """Runs jobs on devices.

    Args:
        workers: the devices by name.
        inline_steps: jobs up to this size run on the event loop when their device is idle; negative for never.
        hang_s: a batch that takes longer has hung, and its device is lost.
        observer: who counts.
    """

    def __init__(
        self,
        workers: Sequence[tuple[str, Worker[Load]]],
        *,
        inline_steps: int = -1,
        hang_s: float = 300.0,
        observer: Observer | None = None,
    ) -> None:
        self._lanes = [_Lane(name, worker, _thread(name)) for name, worker in workers]
        self._waiters: dict[Job[Load], _Waiter[Load]] = {}
        self._inline_steps = inline_steps
        self._hang_s = hang_s
        self._observer: Observer = observer or _Silent()
        self._draining = False
        self._idle = asyncio.Event()
        self._idle.set()

    # ---- what is asked from outside

    @property
    def draining(self) -> bool:
        """Whether new jobs are turned away."""
        return self._draining

    @property
    def jobs(self) -> int:
        """Jobs that somebody waits for."""
        return len(self._waiters)

    def states(self) -> dict[str, State]:
        """Each device's state."""
        return {lane.name: lane.state for lane in self._lanes}

    def retry_after_s(self) -> float:
        """When a caller who is turned away should come back."""
        return policy.retry_after_s([lane.standing() for lane in self._lanes])

    async def submit(self, job: Job[Load], lease: Lease, operator: str, deadline: float | None = None) -> Done:
        """Runs a job when its turn comes.

        Args:
            job: what to do; new, and given to nobody else.
            lease: held by the caller, and by us while a device looks at the job.
            operator: for who counts.
            deadline: on the loop's clock; None for never.

        Raises:
            Unavailable: ``draining``, or ``device_lost``.
            DeadlinePassed: the deadline passed, or will have passed before the job is done.
        """
        loop = asyncio.get_running_loop()
        lane, standing = self._choose()
        own_steps = job.planes * job.plane_steps
        remaining_s = None if deadline is None else deadline - loop.time()
        if not policy.in_time(standing, lane.speed.seconds(own_steps), remaining_s):
            self._tell(lambda: self._observer.lost("expired"))
            raise _too_late("would pass" if remaining_s is not None and remaining_s > 0 else "passed")
        if policy.runs_here(standing, own_steps, self._inline_steps):
            return self._run_here(lane, job, operator)
        waiter: _Waiter[Load] = _Waiter(loop.create_future(), lease, time.perf_counter(), operator)
        self._waiters[job] = waiter
        self._idle.clear()
        timer = None if deadline is None else loop.call_at(deadline, self._expire, job)
        lane.backlog.push(job)
        self._pump(lane)
        try:
            return await waiter.answer
        except asyncio.CancelledError:
            self._tell(lambda: self._observer.lost("cancelled"))
            raise
        finally:
            if timer is not None:
                timer.cancel()
            self._forget(job)

    def drain(self) -> None:
        """Turns new jobs away; admitted ones go on."""
        self._draining = True

    async def stop(self, grace_s: float = 30.0) -> None:
        """Finishes what is admitted, as far as the grace goes, and lets the threads go."""
        self.drain()
        try:
            async with asyncio.timeout(grace_s):
                await self._idle.wait()
        except TimeoutError:
            for job in list(self._waiters):
                self._refuse(job, Unavailable("draining", "the service has stopped; send this again.", retry_after_s=1))
        for lane in self._lanes:
            lane.thread.shutdown(wait=not lane.in_flight, cancel_futures=True)

    # ---- the ways of a job

    def _choose(self) -> tuple[_Lane[Load], policy.Standing]:
        if self._draining:
            raise Unavailable(
                "draining", "the service is shutting down; send this to another instance.", retry_after_s=1
            )
        standings = [lane.standing() for lane in self._lanes]
        index = policy.least_loaded(standings)
        if index is None:
            raise _lost_device()
        return self._lanes[index], standings[index]

    def _run_here(self, lane: _Lane[Load], job: Job[Load], operator: str) -> Done:
        batch = Batch((job.whole(),), "inline")
        started = time.perf_counter()
        self._tell(lambda: self._observer.began(lane.name, 1, job.planes, "inline"))
        lane.worker.run(batch)
        seconds = time.perf_counter() - started
        self._tell(lambda: self._observer.ended(lane.name, operator, seconds))
        return Done(0.0, seconds, "inline")

    def _expire(self, job: Job[Load]) -> None:
        self._tell(lambda: self._observer.lost("expired"))
        self._refuse(job, _too_late("passed"))

    def _refuse(self, job: Job[Load], error: Exception) -> None:
        waiter = self._waiters.get(job)
        if waiter is not None and not waiter.answer.done():
            waiter.answer.set_exception(error)
        self._forget(job)

    def _forget(self, job: Job[Load]) -> None:
        """Nobody waits for this job any more; what of it has not begun never will."""
        if self._waiters.pop(job, None) is not None:
            if job.waits_in is not None:
                job.waits_in.drop(job)
            job.dropped = True
            if not self._waiters:
                self._idle.set()

    # ---- the ways of a batch

    def _pump(self, lane: _Lane[Load]) -> None:
        """Hands the device what it can take."""
        while lane.state == "ready" and len(lane.in_flight) < _IN_FLIGHT:
            batch = lane.retries.popleft() if lane.retries else lane.backlog.take(lane.worker.budget)
            if batch is None:
                return
            self._hand_over(lane, batch)

    def _hand_over(self, lane: _Lane[Load], batch: Batch[Load]) -> None:
        loop = asyncio.get_running_loop()
        held: list[Lease] = []
        for part in batch.parts:
            waiter = self._waiters.get(part.job)
            if waiter is not None:
                waiter.lease.share()
                held.append(waiter.lease)
        lane.in_flight[batch] = loop.call_later(self._hang_s, self._hang, lane, batch)
        self._tell(lambda: self._observer.began(lane.name, len(batch.parts), batch.planes, batch.reason))

        def returned(outcome: Future[tuple[float, float]]) -> None:
            loop.call_soon_threadsafe(self._come_back, lane, batch, held, outcome)

        try:
            lane.thread.submit(_timed, lane.worker, batch).add_done_callback(returned)
        except RuntimeError as error:  # the thread has been let go
            self._come_back(lane, batch, held, _failed(error))

    def _come_back(
        self, lane: _Lane[Load], batch: Batch[Load], held: list[Lease], outcome: Future[tuple[float, float]]
    ) -> None:
        for lease in held:
            lease.release()
        watch = lane.in_flight.pop(batch, None)
        if watch is None:
            return  # it had hung, and its jobs were refused
        watch.cancel()
        try:
            self._settle(lane, batch, outcome)
        except Exception:
            _log.exception("settling a batch on %s failed", lane.name)
            self._refuse_all(batch, InternalError("internal", "the service failed; its log says why."))
        finally:
            self._pump(lane)

    def _settle(self, lane: _Lane[Load], batch: Batch[Load], outcome: Future[tuple[float, float]]) -> None:
        error = outcome.exception()
        if error is None:
            self._complete(lane, batch, *outcome.result())
        elif isinstance(error, DeviceFault):
            self._lose(lane, batch, error)
        elif isinstance(error, OutOfMemory):
            self._tell(lambda: self._observer.lost("halved"))
            self._retry(lane, batch, policy.halve(batch), _no_memory())
        else:
            self._tell(lambda: self._observer.lost("bisected"))
            self._retry(lane, batch, policy.bisect(batch), error)

    def _complete(self, lane: _Lane[Load], batch: Batch[Load], started: float, ended: float) -> None:
        lane.speed.learn(batch.steps, ended - started)
        self._tell(lambda: self._observer.ended(lane.name, self._operator_of(batch), ended - started))
        for part in batch.parts:
            waiter = self._waiters.get(part.job)
            if waiter is None:
                continue
            waiter.begun = started if waiter.begun is None else waiter.begun
            waiter.compute_s += ended - started
            waiter.planes_done += part.stop - part.start
            if waiter.planes_done == part.job.planes and not waiter.answer.done():
                waiter.answer.set_result(Done(waiter.begun - waiter.since, waiter.compute_s, batch.reason))

    def _retry(
        self, lane: _Lane[Load], batch: Batch[Load], smaller: tuple[Batch[Load], ...] | None, error: BaseException
    ) -> None:
        if smaller is None:
            if not isinstance(error, PoolhouseError):
                _log.error("a job on %s failed", lane.name, exc_info=error)
            self._refuse_all(batch, error if isinstance(error, Exception) else _no_memory())
        else:
            lane.retries.extendleft(reversed(smaller))

    def _refuse_all(self, batch: Batch[Load], error: Exception) -> None:
        for part in batch.parts:
            self._refuse(part.job, error)

    # ---- the ways of a device

    def _hang(self, lane: _Lane[Load], batch: Batch[Load]) -> None:
        del lane.in_flight[batch]
        # Its thread is stuck in it; another one takes over, and the leases stay until this one is done, if ever.
        lane.thread.shutdown(wait=False, cancel_futures=True)
        lane.thread = _thread(lane.name)
        self._lose(lane, batch, DeviceFault(f"a batch took more than {self._hang_s} s"))

    def _lose(self, lane: _Lane[Load], batch: Batch[Load], fault: BaseException) -> None:
        self._refuse_all(batch, _lost_device())
        if lane.state == "lost":
            return
        _log.error("device %s is lost: %s", lane.name, fault)
        lane.state = "lost"
        self._tell(lambda: self._observer.lost("device_lost"))
        stranded = [part.job for retry in lane.retries for part in retry.parts]
        lane.retries.clear()
        for job in stranded:
            self._refuse(job, _lost_device())
        for job in lane.backlog.clear():
            self._move(job)
        self._rebuild(lane, _REBUILD_FIRST_S)

    def _move(self, job: Job[Load]) -> None:
        """A job that had not begun on a lost device goes to another one."""
        index = policy.least_loaded([lane.standing() for lane in self._lanes])
        if index is None:
            self._refuse(job, _lost_device())
        else:
            self._lanes[index].backlog.push(job)
            self._pump(self._lanes[index])

    def _rebuild(self, lane: _Lane[Load], pause_s: float) -> None:
        loop = asyncio.get_running_loop()

        def returned(outcome: Future[None]) -> None:
            loop.call_soon_threadsafe(self._rebuilt, lane, pause_s, outcome)

        lane.thread.submit(lane.worker.rebuild).add_done_callback(returned)

    def _rebuilt(self, lane: _Lane[Load], pause_s: float, outcome: Future[None]) -> None:
        if outcome.cancelled():
            return
        error = outcome.exception()
        if error is None:
            _log.warning("device %s is ready again", lane.name)
            lane.state = "ready"
            self._pump(lane)
        elif not self._draining:
            _log.error("device %s could not be rebuilt: %s", lane.name, error)
            longer_s = min(2 * pause_s, _REBUILD_LONGEST_S)
            asyncio.get_running_loop().call_later(pause_s, self._rebuild, lane, longer_s)

    # ---- small change

    def _operator_of(self, batch: Batch[Load]) -> str:
        return next((waiter.operator for part in batch.parts if (waiter := self._waiters.get(part.job))), "")

    def _tell(self, tell: Callable[[], None]) -> None:
        try:
            tell()
        except Exception:
            _log.exception("an observer failed")


def _thread(name: str) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix=f"pool-{name}")


def _timed(worker: Worker[Load], batch: Batch[Load]) -> tuple[float, float]:
    started = time.perf_counter()
    worker.run(batch)
    return started, time.perf_counter()


def _failed(error: BaseException) -> Future[tuple[float, float]]:
    outcome: Future[tuple[float, float]] = Future()
    outcome.set_exception(error)
    return outcome


def _too_late(passed: str) -> DeadlinePassed:
    return DeadlinePassed(
        "deadline_passed",
        f"the deadline of Request-Timeout {passed} before the answer is ready; allow more time or send less.",
    )


def _lost_device() -> Unavailable:
    return Unavailable("device_lost", "the device that pools is being restarted; try again.", retry_after_s=2)


def _no_memory() -> Unavailable:
    return Unavailable(
        "overloaded", "the device has too little memory free even for one plane of this; try again.", retry_after_s=2
    )
