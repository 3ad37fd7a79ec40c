"""Run jobs on devices, on asyncio: each device has a queue, threads and a state.

``policy`` and ``fair_queue`` make every decision; this file carries it out. The rules it keeps:

- a tiny job never waits for a long batch: the event loop runs it meanwhile;
- an idle device starts at once, a busy device finds its next batch ready: no timer, no polling;
- every job is answered exactly once, wherever an exception is raised;
- a job that is not waited for any more is not begun, and one that runs keeps its lease until no thread looks at it;
- a failed batch is bisected until the culprit is alone, one too large for memory is halved;
- what a device had begun when it was lost is refused with 503, what it had not goes to another one, if there is one,
  and the device is rebuilt until it works.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from threading import Thread
from typing import Final, Generic, Literal, NamedTuple, ParamSpec, Protocol, TypeVar

from poolhouse.batching import policy
from poolhouse.batching.device_threads import DeviceThreads
from poolhouse.batching.fair_queue import Batch, Job, Reason
from poolhouse.batching.lane import InflightBatch, Lane, State
from poolhouse.batching.memory import Lease
from poolhouse.batching.worker import DeviceFault, OutOfMemory, Worker
from poolhouse.errors import DeadlinePassed, InternalError, PoolhouseError, Unavailable

Payload = TypeVar("Payload")
Told = ParamSpec("Told")

_log = logging.getLogger("poolhouse.batching")

# guard: next-batch-is-ready, two-batches-in-flight
_IN_FLIGHT: Final = 2
"""Batches handed to a device at once: one executes, one is ready for when it is done."""
_REBUILD_FIRST_S: Final = 0.05
_REBUILD_LONGEST_S: Final = 5.0


class JobTiming(NamedTuple):
    """The seconds that a job waited and ran, and why its last batch had its size."""

    queue_s: float
    compute_s: float
    reason: Reason


class Observer(Protocol):
    """Is told what the engine does. An exception that it raises is logged and changes nothing."""

    def began(self, device: str, jobs: int, planes: int, reason: Reason) -> None:
        """A batch was handed to a device."""

    def ended(self, device: str, operator: str, seconds: float) -> None:
        """A batch succeeded."""

    def ran_inline(self, device: str, operator: str, planes: int, seconds: float) -> None:
        """A small payload was pooled on the event loop, as a batch of its own."""

    def lost(self, what: Literal["cancelled", "expired", "bisected", "halved", "device_lost"]) -> None:
        """A job or a batch did not take the normal course."""


class _Silent:
    def began(self, device: str, jobs: int, planes: int, reason: Reason) -> None: ...
    def ended(self, device: str, operator: str, seconds: float) -> None: ...
    def ran_inline(self, device: str, operator: str, planes: int, seconds: float) -> None: ...
    def lost(self, what: Literal["cancelled", "expired", "bisected", "halved", "device_lost"]) -> None: ...


@dataclass(slots=True, eq=False)
class _Waiter(Generic[Payload]):
    """The caller of a job, and what the job has cost so far."""

    answer: asyncio.Future[JobTiming]
    lease: Lease
    since: float
    operator: str
    begun: float | None = None
    compute_s: float = 0.0
    planes_done: int = 0


class Engine(Generic[Payload]):
    """Runs jobs on devices.

    Args:
        workers: the devices by name.
        inline_steps: jobs up to this size run on the event loop when their device is idle, or at work on a long batch;
            negative for never, as for devices that take no job from another thread than their own.
        device_hang_timeout_s: a batch that a device works on for longer has hung, and the device is lost.
        observer: who counts.
    """

    def __init__(
        self,
        workers: Sequence[tuple[str, Worker[Payload]]],
        *,
        inline_steps: int = -1,
        device_hang_timeout_s: float = 300.0,
        observer: Observer | None = None,
    ) -> None:
        self._lanes = [
            Lane(name, worker, _threads_of(name, worker, self._run_batch), worker.concurrency)
            for name, worker in workers
        ]
        self._waiters: dict[Job[Payload], _Waiter[Payload]] = {}
        self._inline_steps = inline_steps
        self._device_hang_timeout_s = device_hang_timeout_s
        self._observer: Observer = observer or _Silent()
        self._draining = False
        self._stopped = False
        self._idle = asyncio.Event()
        self._idle.set()

    # ---- what is asked from outside

    @property
    def draining(self) -> bool:
        """Whether new jobs are refused."""
        return self._draining

    @property
    def jobs(self) -> int:
        """Jobs whose callers wait."""
        return len(self._waiters)

    def states(self) -> dict[str, State]:
        """Each device's state."""
        return {lane.name: lane.state for lane in self._lanes}

    def retry_after_s(self) -> float:
        """After how many seconds a refused caller should retry."""
        return policy.retry_after_s([lane.standing() for lane in self._lanes])

    def watch(self, observer: Observer) -> None:
        """Replace the observer."""
        self._observer = observer

    def run_inline(self, payload: Payload, steps: int, planes: int, operator: str) -> float | None:
        """Run a tiny payload on the event loop; None if it is not tiny, or if every device is busy with short batches.

        Faster than :meth:`submit`: nothing can be cancelled or expire meanwhile.

        Args:
            payload: what the backend needs.
            steps: work of all of it.
            planes: how many it has.
            operator: for who counts.

        Returns:
            the seconds that it took.
        """
        # guard: inline-only-for-tiny-jobs, draining-refuses-inline
        if steps > self._inline_steps or self._draining:
            return None
        for lane in self._lanes:
            # guard: inline-only-before-idle-device
            if lane.takes_inline:
                return self._run_inline(lane, payload, planes, operator)
        return None

    def check_meets_deadline(self, deadline: float) -> None:
        """Refuse a deadline that no device can meet, whatever the size of the job.

        Raises:
            DeadlinePassed: the queued work of every device takes longer than the time left.
        """
        remaining_s = deadline - asyncio.get_running_loop().time()
        standings = [standing for lane in self._lanes if (standing := lane.standing()).ready]
        # guard: unmeetable-deadline-is-refused-before-body
        if standings and not any(policy.meets_deadline(standing, 0.0, remaining_s) for standing in standings):
            self._tell(self._observer.lost, "expired")
            raise _too_late("would pass" if remaining_s > 0 else "passed")

    async def submit(self, job: Job[Payload], lease: Lease, operator: str, deadline: float | None = None) -> JobTiming:
        """Queue a job, and wait until it has run.

        Args:
            job: what to do; not submitted before.
            lease: held by the caller, and by us while a device looks at the job.
            operator: for who counts.
            deadline: on the loop's clock; None for never.

        Raises:
            Unavailable: ``draining``, or ``device_lost``.
            DeadlinePassed: the deadline passed, or will have passed before the job is done.
        """
        loop = asyncio.get_running_loop()
        lane, standing = self._choose(job.key)
        own_steps = job.steps
        remaining_s = None if deadline is None else deadline - loop.time()
        # guard: unmeetable-deadline-is-refused
        if not policy.meets_deadline(standing, lane.speed.seconds(own_steps), remaining_s):
            self._tell(self._observer.lost, "expired")
            if remaining_s is None or remaining_s <= 0:
                raise _too_late("passed")
            if standing.jobs == 0:
                # guard: refusal-relaxes-estimate
                lane.speed.doubt()
            raise _too_late("would pass")
        if policy.runs_inline(standing, own_steps, self._inline_steps):
            return JobTiming(0.0, self._run_inline(lane, job.payload, job.planes, operator), "inline")
        waiter: _Waiter[Payload] = _Waiter(loop.create_future(), lease, time.perf_counter(), operator)
        # guard: deadline-has-timer, deadline-timer-is-exact
        timer = None if deadline is None else loop.call_at(deadline, self._expire, job)
        self._waiters[job] = waiter
        self._idle.clear()
        try:
            lane.backlog.push(job)
            # guard: idle-device-starts-at-once
            self._dispatch(lane)
            return await waiter.answer
        except asyncio.CancelledError:
            self._tell(self._observer.lost, "cancelled")
            raise
        finally:
            # guard: deadline-timer-is-cancelled
            if timer is not None:
                timer.cancel()
            # guard: disconnect-leaves-queue
            self._forget(job)
            # An error's traceback holds this frame, and the waiter's future holds the error: a circle that would
            # keep the tensors of a refused request until the collector comes by.
            # guard: refused-job-is-forgotten
            del waiter

    def drain(self) -> None:
        """Refuse new jobs; admitted ones go on."""
        self._draining = True

    async def stop(self, grace_s: float = 30.0) -> None:
        """Finish admitted jobs within the grace period and end the threads; threads that hang are abandoned."""
        self.drain()
        try:
            async with asyncio.timeout(grace_s):
                await self._idle.wait()
        except TimeoutError:
            for job in list(self._waiters):
                # guard: grace-end-is-answered
                self._refuse(job, Unavailable("draining", "the service has stopped; send this again.", retry_after_s=1))
        self._stopped = True
        for lane in self._lanes:
            for flight in lane.crew.leave():
                # guard: shutdown-releases-unstarted
                flight.release_leases()
            for flight in lane.in_flight:
                flight.cancel_watchdog()

    # ---- the ways of a job

    def _choose(self, key: Hashable) -> tuple[Lane[Payload], policy.LoadEstimate]:
        # guard: draining-refuses
        if self._draining:
            raise Unavailable(
                "draining", "the service is shutting down; send this to another instance.", retry_after_s=1
            )
        standings = [lane.standing(key) for lane in self._lanes]
        index = policy.least_loaded(standings)
        if index is None:
            raise _lost_device()
        return self._lanes[index], standings[index]

    def _run_inline(self, lane: Lane[Payload], payload: Payload, planes: int, operator: str) -> float:
        started = time.perf_counter()
        try:
            lane.worker.run_whole(payload)
        except PoolhouseError:
            raise
        except Exception as error:
            if isinstance(error, DeviceFault):
                # guard: inline-device-fault-loses-device
                self._lose(lane, error)
            elif not isinstance(error, OutOfMemory):
                _log.exception("a job on %s failed", lane.name)
            raise _told(error) from error
        seconds = time.perf_counter() - started
        self._tell(self._observer.ran_inline, lane.name, operator, planes, seconds)
        return seconds

    def _expire(self, job: Job[Payload]) -> None:
        waiter = self._waiters.get(job)
        if waiter is not None and not waiter.answer.done():
            self._tell(self._observer.lost, "expired")
            self._refuse(job, _too_late("passed"))

    def _refuse(self, job: Job[Payload], error: Exception) -> None:
        waiter = self._waiters.get(job)
        if waiter is not None and not waiter.answer.done():
            waiter.answer.set_exception(error)
        self._forget(job)

    def _refuse_all(self, batch: Batch[Payload], error: Exception) -> None:
        for part in batch.parts:
            self._refuse(part.job, error)

    def _forget(self, job: Job[Payload]) -> None:
        """Forget a job whose caller no longer waits; planes that have not begun never will."""
        if self._waiters.pop(job, None) is not None:
            # guard: failed-job-is-dropped
            if job.waits_in is not None:
                job.waits_in.drop(job)
            job.dropped = True
            self._rest()

    def _rest(self) -> None:
        """Report that nothing is left to do."""
        # guard: drain-waits-for-threads
        if not self._waiters and not any(lane.in_flight for lane in self._lanes):
            self._idle.set()

    # ---- batches

    def _dispatch(self, lane: Lane[Payload]) -> None:
        """Hand the device as many batches as it takes."""
        try:
            while lane.state == "ready" and not self._stopped and len(lane.in_flight) < _IN_FLIGHT:
                batch = lane.next_batch()
                if batch is None:
                    break
                self._hand_over(lane, batch)
        # guard: dispatch-errors-lose-device
        except Exception as error:
            self._lose(lane, error)

    def _hand_over(self, lane: Lane[Payload], batch: Batch[Payload]) -> None:
        flight = InflightBatch(batch, asyncio.get_running_loop(), [])
        lane.in_flight.append(flight)
        for part in batch.parts:
            waiter = self._waiters.get(part.job)
            # guard: batch-retains-leases
            if waiter is not None:
                waiter.lease.share()
                flight.leases.append(waiter.lease)
        self._tell(self._observer.began, lane.name, len(batch.parts), batch.planes, batch.reason)
        self._watch(lane)
        try:
            lane.crew.hand(flight)
        except RuntimeError:  # no thread can be started, so it will never land
            # guard: unstarted-batch-releases-leases
            flight.release_leases()
            raise

    def _watch(self, lane: Lane[Payload]) -> None:
        """Start the watchdog of the batches that run; a batch that waits behind them is not late yet."""
        # guard: watchdog-only-for-running-batches
        for flight in lane.in_flight[: lane.width]:
            if flight.watch is None:
                # guard: watchdog-is-set
                flight.watch = flight.loop.call_later(self._device_hang_timeout_s, self._hang, lane)

    def _run_batch(self, worker: Worker[Payload], flight: InflightBatch[Payload]) -> bool:
        """Run a batch in a device thread; False if the device broke, so that this thread starts no other batch."""
        started, error = time.perf_counter(), None
        try:
            worker.run(flight.batch)
        # guard: kernel-errors-are-caught
        except BaseException as raised:
            error = raised
        try:
            flight.loop.call_soon_threadsafe(self._on_batch_done, flight, started, time.perf_counter(), error)
            # guard: thread-stops-after-device-fault
            return not isinstance(error, DeviceFault)
        # guard: closed-loop-ends-thread
        except RuntimeError:
            return False  # the loop has closed: nobody is there to be told
        finally:
            # guard: thread-forgets-error
            del error  # its traceback holds this frame, and this frame the tensors

    def _on_batch_done(
        self, flight: InflightBatch[Payload], started: float, ended: float, error: BaseException | None
    ) -> None:
        lane = next((lane for lane in self._lanes if flight in lane.in_flight), None)
        if lane is None:  # the device was given up meanwhile, and its jobs were refused
            # guard: late-batch-releases-leases
            flight.release_leases()
            return
        lane.in_flight.remove(flight)
        # guard: watchdog-is-cancelled
        flight.cancel_watchdog()
        # guard: completion-errors-do-not-stop-dispatch
        try:
            # guard: finished-batch-releases-leases
            flight.release_leases()
            self._settle(lane, flight.batch, started, ended, error)
        except Exception as wrong:
            _log.exception("settling a batch on %s failed", lane.name)
            # guard: completion-errors-are-answered
            self._refuse_all(flight.batch, _told(wrong))
        finally:
            # guard: watchdog-for-next-batch
            self._watch(lane)
            self._dispatch(lane)
            self._rest()

    def _settle(
        self, lane: Lane[Payload], batch: Batch[Payload], started: float, ended: float, error: BaseException | None
    ) -> None:
        if error is None:
            self._complete(lane, batch, started, ended)
        elif isinstance(error, DeviceFault):
            self._refuse_all(batch, _told(error))
            # guard: device-fault-loses-device
            self._lose(lane, error)
        elif isinstance(error, OutOfMemory):
            # guard: too-large-batch-is-halved
            self._retry(lane, batch, policy.halve(batch), "halved", error)
        else:
            # guard: failed-batch-is-bisected
            self._retry(lane, batch, policy.bisect(batch), "bisected", error)

    def _complete(self, lane: Lane[Payload], batch: Batch[Payload], started: float, ended: float) -> None:
        lane.speed.learn(batch.steps, ended - started)
        self._tell(self._observer.ended, lane.name, self._operator_of(batch), ended - started)
        for part in batch.parts:
            waiter = self._waiters.get(part.job)
            if waiter is None:
                continue
            waiter.begun = started if waiter.begun is None else waiter.begun
            waiter.compute_s += ended - started
            waiter.planes_done += part.stop - part.start
            # guard: result-only-for-waiting-caller
            if waiter.planes_done == part.job.planes and not waiter.answer.done():
                waiter.answer.set_result(JobTiming(waiter.begun - waiter.since, waiter.compute_s, batch.reason))

    def _retry(
        self,
        lane: Lane[Payload],
        batch: Batch[Payload],
        smaller: tuple[Batch[Payload], ...] | None,
        how: Literal["bisected", "halved"],
        error: BaseException,
    ) -> None:
        if smaller is not None:
            self._tell(self._observer.lost, how)
            lane.retries.extendleft(reversed(smaller))
            return
        if not isinstance(error, PoolhouseError | OutOfMemory):
            _log.error("a job on %s failed", lane.name, exc_info=error)
        self._refuse_all(batch, _told(error))

    # ---- the ways of a device

    def _hang(self, lane: Lane[Payload]) -> None:
        self._lose(lane, DeviceFault(f"a batch took more than {self._device_hang_timeout_s} s"))

    def _lose(self, lane: Lane[Payload], fault: Exception) -> None:
        """Take a device out of service until it is rebuilt, with new threads: an old one may hang for ever."""
        if lane.state == "lost":
            return
        _log.error("device %s is lost", lane.name, exc_info=fault)
        lane.state = "lost"
        self._tell(self._observer.lost, "device_lost")
        unbegun = lane.crew.leave()
        # guard: lost-device-gets-new-threads
        lane.crew = _threads_of(lane.name, lane.worker, self._run_batch)
        flights, lane.in_flight = lane.in_flight, []
        for flight in flights:
            flight.cancel_watchdog()
            # guard: hung-batch-keeps-leases
            if flight not in unbegun:
                self._refuse_all(flight.batch, _lost_device())  # its leases are given back when it lands
        # guard: unstarted-batches-move, retries-move
        stranded = [flight.batch for flight in unbegun] + list(lane.retries)
        lane.retries.clear()
        for batch in stranded:
            if other := self._lane_for_more():
                other.retries.append(batch)
            else:
                self._refuse_all(batch, _lost_device())
        # guard: lost-device-releases-unstarted
        for flight in unbegun:
            flight.release_leases()
        for job in lane.backlog.clear():
            # guard: queued-jobs-move
            if other := self._lane_for_more(job.key):
                other.backlog.push(job)
            else:
                # guard: queued-jobs-are-refused-without-device
                self._refuse(job, _lost_device())
        self._rest()
        for other in self._lanes:
            self._dispatch(other)
        self._rebuild(lane, _REBUILD_FIRST_S)

    def _lane_for_more(self, key: Hashable = None) -> Lane[Payload] | None:
        index = policy.least_loaded([lane.standing(key) for lane in self._lanes])
        return None if index is None else self._lanes[index]

    def _rebuild(self, lane: Lane[Payload], pause_s: float) -> None:
        loop = asyncio.get_running_loop()

        def rebuild() -> None:
            failure = None
            try:
                lane.worker.rebuild()
            except BaseException as raised:
                failure = raised
            try:
                loop.call_soon_threadsafe(self._rebuilt, lane, pause_s, failure)
            except RuntimeError:
                _log.debug("the loop closed while %s was rebuilt", lane.name)

        # guard: stopped-service-rebuilds-nothing
        if self._stopped:
            return
        try:
            # Not in the crew: a rebuilding that hangs must not hold a thread that work could be handed to.
            Thread(target=rebuild, name=f"rebuild-{lane.name}", daemon=True).start()
        except RuntimeError as error:
            # guard: unstarted-rebuild-is-retried
            self._rebuilt(lane, pause_s, error)

    def _rebuilt(self, lane: Lane[Payload], pause_s: float, failure: BaseException | None) -> None:
        if self._stopped:
            return
        if failure is None:
            _log.warning("device %s is ready again", lane.name)
            # guard: rebuilt-device-is-ready
            lane.state = "ready"
            self._dispatch(lane)
        else:
            _log.error("device %s could not be rebuilt: %s", lane.name, failure)
            longer_s = min(2 * pause_s, _REBUILD_LONGEST_S)
            # guard: failed-rebuild-is-retried
            asyncio.get_running_loop().call_later(pause_s, self._rebuild, lane, longer_s)

    # ---- small change

    def _operator_of(self, batch: Batch[Payload]) -> str:
        return next((waiter.operator for part in batch.parts if (waiter := self._waiters.get(part.job))), "")

    def _tell(self, tell: Callable[Told, None], *told: Told.args, **further: Told.kwargs) -> None:
        try:
            tell(*told, **further)
        # guard: observer-errors-are-logged
        except Exception:
            _log.exception("an observer failed")


def _threads_of(
    name: str, worker: Worker[Payload], fly: Callable[[Worker[Payload], InflightBatch[Payload]], bool]
) -> DeviceThreads[InflightBatch[Payload]]:
    return DeviceThreads(name, worker.concurrency, partial(fly, worker))


def _told(error: BaseException) -> Exception:
    """The error that a caller gets."""
    if isinstance(error, PoolhouseError):
        return error
    # guard: out-of-memory-is-503
    if isinstance(error, OutOfMemory):
        return _no_memory()
    if isinstance(error, DeviceFault):
        return _lost_device()
    # guard: internal-errors-hide-details
    told = InternalError("internal", "the service failed; its log says why.")
    told.__cause__ = error
    return told


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
