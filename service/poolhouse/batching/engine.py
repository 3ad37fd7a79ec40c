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
from poolhouse.batching.device_state import DeviceState, InflightBatch, State
from poolhouse.batching.device_threads import DeviceThreads
from poolhouse.batching.fair_queue import Batch, Job, Reason
from poolhouse.batching.memory import Lease
from poolhouse.batching.worker import DeviceFault, OutOfMemory, Worker
from poolhouse.errors import DeadlinePassed, InternalError, PoolhouseError, Unavailable

Payload = TypeVar("Payload")
Arguments = ParamSpec("Arguments")

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
    """Receives the events of the engine. An exception that it raises is logged and changes nothing."""

    def batch_started(self, device: str, jobs: int, planes: int, reason: Reason) -> None:
        """A batch was handed to a device."""

    def batch_finished(self, device: str, operator: str, seconds: float) -> None:
        """A batch succeeded."""

    def ran_inline(self, device: str, operator: str, planes: int, seconds: float) -> None:
        """A small payload was pooled on the event loop, as a batch of its own."""

    def event_occurred(self, what: Literal["cancelled", "expired", "bisected", "halved", "device_lost"]) -> None:
        """A job or a batch did not take the normal course."""


class _Silent:
    def batch_started(self, device: str, jobs: int, planes: int, reason: Reason) -> None: ...
    def batch_finished(self, device: str, operator: str, seconds: float) -> None: ...
    def ran_inline(self, device: str, operator: str, planes: int, seconds: float) -> None: ...
    def event_occurred(self, what: Literal["cancelled", "expired", "bisected", "halved", "device_lost"]) -> None: ...


@dataclass(slots=True, eq=False)
class _Waiter(Generic[Payload]):
    """The caller of a job, and what the job has cost so far."""

    result: asyncio.Future[JobTiming]
    lease: Lease
    submitted_at: float
    operator: str
    started_at: float | None = None
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
        self._devices = [
            DeviceState(name, worker, _threads_of(name, worker, self._run_batch), worker.concurrency)
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
    def is_draining(self) -> bool:
        """Whether new jobs are refused."""
        return self._draining

    @property
    def job_count(self) -> int:
        """Jobs whose callers wait."""
        return len(self._waiters)

    def device_states(self) -> dict[str, State]:
        """Each device's state."""
        return {device.name: device.state for device in self._devices}

    def retry_after_s(self) -> float:
        """After how many seconds a refused caller should retry."""
        return policy.retry_after_s([device.estimate() for device in self._devices])

    def set_observer(self, observer: Observer) -> None:
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
        for device in self._devices:
            # guard: inline-only-before-idle-device
            if device.takes_inline:
                return self._run_inline(device, payload, planes, operator)
        return None

    def check_meets_deadline(self, deadline: float) -> None:
        """Refuse a deadline that no device can meet, whatever the size of the job.

        Raises:
            DeadlinePassed: the queued work of every device takes longer than the time left.
        """
        remaining_s = deadline - asyncio.get_running_loop().time()
        estimates = [estimate for device in self._devices if (estimate := device.estimate()).is_ready]
        # guard: unmeetable-deadline-is-refused-before-body
        if estimates and not any(policy.meets_deadline(estimate, 0.0, remaining_s) for estimate in estimates):
            self._notify(self._observer.event_occurred, "expired")
            raise _deadline_error("would pass" if remaining_s > 0 else "passed")

    async def submit(self, job: Job[Payload], lease: Lease, operator: str, deadline: float | None = None) -> JobTiming:
        """Queue a job, and wait until it has run.

        Args:
            job: what to do; not submitted before.
            lease: held by the caller, and by us while a device looks at the job.
            operator: for who counts.
            deadline: on the loop's clock; None for never.

        Raises:
            Unavailable: ``is_draining``, or ``device_lost``.
            DeadlinePassed: the deadline passed, or will have passed before the job is done.
        """
        loop = asyncio.get_running_loop()
        device, estimate = self._choose_device(job.key)
        own_steps = job.steps
        remaining_s = None if deadline is None else deadline - loop.time()
        # guard: unmeetable-deadline-is-refused
        if not policy.meets_deadline(estimate, device.throughput.seconds_for(own_steps), remaining_s):
            self._notify(self._observer.event_occurred, "expired")
            if remaining_s is None or remaining_s <= 0:
                raise _deadline_error("passed")
            if estimate.jobs == 0:
                # guard: refusal-relaxes-estimate
                device.throughput.relax()
            raise _deadline_error("would pass")
        if policy.runs_inline(estimate, own_steps, self._inline_steps):
            return JobTiming(0.0, self._run_inline(device, job.payload, job.planes, operator), "inline")
        waiter: _Waiter[Payload] = _Waiter(loop.create_future(), lease, time.perf_counter(), operator)
        # guard: deadline-has-timer, deadline-timer-is-exact
        timer = None if deadline is None else loop.call_at(deadline, self._expire, job)
        self._waiters[job] = waiter
        self._idle.clear()
        try:
            device.queue.push(job)
            # guard: idle-device-starts-at-once
            self._dispatch(device)
            return await waiter.result
        except asyncio.CancelledError:
            self._notify(self._observer.event_occurred, "cancelled")
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
        for device in self._devices:
            for inflight in device.threads.shutdown():
                # guard: shutdown-releases-unstarted
                inflight.release_leases()
            for inflight in device.inflight:
                inflight.cancel_watchdog()

    # ---- the ways of a job

    def _choose_device(self, key: Hashable) -> tuple[DeviceState[Payload], policy.LoadEstimate]:
        # guard: draining-refuses
        if self._draining:
            raise Unavailable(
                "draining", "the service is shutting down; send this to another instance.", retry_after_s=1
            )
        estimates = [device.estimate(key) for device in self._devices]
        index = policy.least_loaded(estimates)
        if index is None:
            raise _device_lost_error()
        return self._devices[index], estimates[index]

    def _run_inline(self, device: DeviceState[Payload], payload: Payload, planes: int, operator: str) -> float:
        started = time.perf_counter()
        try:
            device.worker.run_single(payload)
        except PoolhouseError:
            raise
        except Exception as error:
            if isinstance(error, DeviceFault):
                # guard: inline-device-fault-loses-device
                self._lose_device(device, error)
            elif not isinstance(error, OutOfMemory):
                _log.exception("a job on %s failed", device.name)
            raise _client_error(error) from error
        seconds = time.perf_counter() - started
        self._notify(self._observer.ran_inline, device.name, operator, planes, seconds)
        return seconds

    def _expire(self, job: Job[Payload]) -> None:
        waiter = self._waiters.get(job)
        if waiter is not None and not waiter.result.done():
            self._notify(self._observer.event_occurred, "expired")
            self._refuse(job, _deadline_error("passed"))

    def _refuse(self, job: Job[Payload], error: Exception) -> None:
        waiter = self._waiters.get(job)
        if waiter is not None and not waiter.result.done():
            waiter.result.set_exception(error)
        self._forget(job)

    def _refuse_all(self, batch: Batch[Payload], error: Exception) -> None:
        for part in batch.slices:
            self._refuse(part.job, error)

    def _forget(self, job: Job[Payload]) -> None:
        """Forget a job whose caller no longer waits; planes that have not begun never will."""
        if self._waiters.pop(job, None) is not None:
            # guard: failed-job-is-dropped
            if job.queue is not None:
                job.queue.remove(job)
            job.is_abandoned = True
            self._set_idle_if_done()

    def _set_idle_if_done(self) -> None:
        """Report that nothing is left to do."""
        # guard: drain-waits-for-threads
        if not self._waiters and not any(device.inflight for device in self._devices):
            self._idle.set()

    # ---- batches

    def _dispatch(self, device: DeviceState[Payload]) -> None:
        """Hand the device as many batches as it takes."""
        try:
            while device.state == "ready" and not self._stopped and len(device.inflight) < _IN_FLIGHT:
                batch = device.next_batch()
                if batch is None:
                    break
                self._start_batch(device, batch)
        # guard: dispatch-errors-lose-device
        except Exception as error:
            self._lose_device(device, error)

    def _start_batch(self, device: DeviceState[Payload], batch: Batch[Payload]) -> None:
        inflight = InflightBatch(batch, asyncio.get_running_loop(), [])
        device.inflight.append(inflight)
        for part in batch.slices:
            waiter = self._waiters.get(part.job)
            # guard: batch-retains-leases
            if waiter is not None:
                waiter.lease.retain()
                inflight.leases.append(waiter.lease)
        self._notify(self._observer.batch_started, device.name, len(batch.slices), batch.planes, batch.reason)
        self._start_watchdog(device)
        try:
            device.threads.submit(inflight)
        except RuntimeError:  # no thread can be started, so it will never land
            # guard: unstarted-batch-releases-leases
            inflight.release_leases()
            raise

    def _start_watchdog(self, device: DeviceState[Payload]) -> None:
        """Start the watchdog of the batches that run; a batch that waits behind them is not late yet."""
        # guard: watchdog-only-for-running-batches
        for inflight in device.inflight[: device.concurrency]:
            if inflight.watchdog is None:
                # guard: watchdog-is-set
                inflight.watchdog = inflight.loop.call_later(self._device_hang_timeout_s, self._on_hang, device)

    def _run_batch(self, worker: Worker[Payload], inflight: InflightBatch[Payload]) -> bool:
        """Run a batch in a device thread; False if the device broke, so that this thread starts no other batch."""
        started, error = time.perf_counter(), None
        try:
            worker.run(inflight.batch)
        # guard: kernel-errors-are-caught
        except BaseException as raised:
            error = raised
        try:
            inflight.loop.call_soon_threadsafe(self._on_batch_done, inflight, started, time.perf_counter(), error)
            # guard: thread-stops-after-device-fault
            return not isinstance(error, DeviceFault)
        # guard: closed-loop-ends-thread
        except RuntimeError:
            return False  # the loop has closed: nothing waits for the result
        finally:
            # guard: thread-forgets-error
            del error  # its traceback holds this frame, and this frame the tensors

    def _on_batch_done(
        self, inflight: InflightBatch[Payload], started: float, ended: float, error: BaseException | None
    ) -> None:
        device = next((device for device in self._devices if inflight in device.inflight), None)
        if device is None:  # the device was given up meanwhile, and its jobs were refused
            # guard: late-batch-releases-leases
            inflight.release_leases()
            return
        device.inflight.remove(inflight)
        # guard: watchdog-is-cancelled
        inflight.cancel_watchdog()
        # guard: completion-errors-do-not-stop-dispatch
        try:
            # guard: finished-batch-releases-leases
            inflight.release_leases()
            self._handle_outcome(device, inflight.batch, started, ended, error)
        except Exception as wrong:
            _log.exception("settling a batch on %s failed", device.name)
            # guard: completion-errors-are-answered
            self._refuse_all(inflight.batch, _client_error(wrong))
        finally:
            # guard: watchdog-for-next-batch
            self._start_watchdog(device)
            self._dispatch(device)
            self._set_idle_if_done()

    def _handle_outcome(
        self,
        device: DeviceState[Payload],
        batch: Batch[Payload],
        started: float,
        ended: float,
        error: BaseException | None,
    ) -> None:
        if error is None:
            self._complete(device, batch, started, ended)
        elif isinstance(error, DeviceFault):
            self._refuse_all(batch, _client_error(error))
            # guard: device-fault-loses-device
            self._lose_device(device, error)
        elif isinstance(error, OutOfMemory):
            # guard: too-large-batch-is-halved
            self._retry(device, batch, policy.halve(batch), "halved", error)
        else:
            # guard: failed-batch-is-bisected
            self._retry(device, batch, policy.bisect(batch), "bisected", error)

    def _complete(self, device: DeviceState[Payload], batch: Batch[Payload], started: float, ended: float) -> None:
        device.throughput.update(batch.steps, ended - started)
        self._notify(self._observer.batch_finished, device.name, self._operator_of(batch), ended - started)
        for part in batch.slices:
            waiter = self._waiters.get(part.job)
            if waiter is None:
                continue
            waiter.started_at = started if waiter.started_at is None else waiter.started_at
            waiter.compute_s += ended - started
            waiter.planes_done += part.stop - part.start
            # guard: result-only-for-waiting-caller
            if waiter.planes_done == part.job.planes and not waiter.result.done():
                waiter.result.set_result(
                    JobTiming(waiter.started_at - waiter.submitted_at, waiter.compute_s, batch.reason)
                )

    def _retry(
        self,
        device: DeviceState[Payload],
        batch: Batch[Payload],
        smaller: tuple[Batch[Payload], ...] | None,
        how: Literal["bisected", "halved"],
        error: BaseException,
    ) -> None:
        if smaller is not None:
            self._notify(self._observer.event_occurred, how)
            device.retries.extendleft(reversed(smaller))
            return
        if not isinstance(error, PoolhouseError | OutOfMemory):
            _log.error("a job on %s failed", device.name, exc_info=error)
        self._refuse_all(batch, _client_error(error))

    # ---- the ways of a device

    def _on_hang(self, device: DeviceState[Payload]) -> None:
        self._lose_device(device, DeviceFault(f"a batch took more than {self._device_hang_timeout_s} s"))

    def _lose_device(self, device: DeviceState[Payload], fault: Exception) -> None:
        """Take a device out of service until it is rebuilt, with new threads: an old one may hang for ever."""
        if device.state == "lost":
            return
        _log.error("device %s is lost", device.name, exc_info=fault)
        device.state = "lost"
        self._notify(self._observer.event_occurred, "device_lost")
        unbegun = device.threads.shutdown()
        # guard: lost-device-gets-new-threads
        device.threads = _threads_of(device.name, device.worker, self._run_batch)
        inflight_batches, device.inflight = device.inflight, []
        for inflight in inflight_batches:
            inflight.cancel_watchdog()
            # guard: hung-batch-keeps-leases
            if inflight not in unbegun:
                self._refuse_all(inflight.batch, _device_lost_error())  # its leases are given back when it lands
        # guard: unstarted-batches-move, retries-move
        stranded = [inflight.batch for inflight in unbegun] + list(device.retries)
        device.retries.clear()
        for batch in stranded:
            if other := self._device_for():
                other.retries.append(batch)
            else:
                self._refuse_all(batch, _device_lost_error())
        # guard: lost-device-releases-unstarted
        for inflight in unbegun:
            inflight.release_leases()
        for job in device.queue.clear():
            # guard: queued-jobs-move
            if other := self._device_for(job.key):
                other.queue.push(job)
            else:
                # guard: queued-jobs-are-refused-without-device
                self._refuse(job, _device_lost_error())
        self._set_idle_if_done()
        for other in self._devices:
            self._dispatch(other)
        self._rebuild(device, _REBUILD_FIRST_S)

    def _device_for(self, key: Hashable = None) -> DeviceState[Payload] | None:
        index = policy.least_loaded([device.estimate(key) for device in self._devices])
        return None if index is None else self._devices[index]

    def _rebuild(self, device: DeviceState[Payload], pause_s: float) -> None:
        loop = asyncio.get_running_loop()

        def rebuild() -> None:
            failure = None
            try:
                device.worker.rebuild()
            except BaseException as raised:
                failure = raised
            try:
                loop.call_soon_threadsafe(self._on_rebuilt, device, pause_s, failure)
            except RuntimeError:
                _log.debug("the loop closed while %s was rebuilt", device.name)

        # guard: stopped-service-rebuilds-nothing
        if self._stopped:
            return
        try:
            # Not in the threads: a rebuilding that hangs must not hold a thread that work could be handed to.
            Thread(target=rebuild, name=f"rebuild-{device.name}", daemon=True).start()
        except RuntimeError as error:
            # guard: unstarted-rebuild-is-retried
            self._on_rebuilt(device, pause_s, error)

    def _on_rebuilt(self, device: DeviceState[Payload], pause_s: float, failure: BaseException | None) -> None:
        if self._stopped:
            return
        if failure is None:
            _log.warning("device %s is ready again", device.name)
            # guard: rebuilt-device-is-ready
            device.state = "ready"
            self._dispatch(device)
        else:
            _log.error("device %s could not be rebuilt: %s", device.name, failure)
            longer_s = min(2 * pause_s, _REBUILD_LONGEST_S)
            # guard: failed-rebuild-is-retried
            asyncio.get_running_loop().call_later(pause_s, self._rebuild, device, longer_s)

    # ---- small change

    def _operator_of(self, batch: Batch[Payload]) -> str:
        return next((waiter.operator for part in batch.slices if (waiter := self._waiters.get(part.job))), "")

    def _notify(self, method: Callable[Arguments, None], *args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        try:
            method(*args, **kwargs)
        # guard: observer-errors-are-logged
        except Exception:
            _log.exception("an observer failed")


def _threads_of(
    name: str, worker: Worker[Payload], fly: Callable[[Worker[Payload], InflightBatch[Payload]], bool]
) -> DeviceThreads[InflightBatch[Payload]]:
    return DeviceThreads(name, worker.concurrency, partial(fly, worker))


def _client_error(error: BaseException) -> Exception:
    """The error that a caller gets."""
    if isinstance(error, PoolhouseError):
        return error
    # guard: out-of-memory-is-503
    if isinstance(error, OutOfMemory):
        return _out_of_memory_error()
    if isinstance(error, DeviceFault):
        return _device_lost_error()
    # guard: internal-errors-hide-details
    internal = InternalError("internal", "the service failed; its log says why.")
    internal.__cause__ = error
    return internal


def _deadline_error(passed: str) -> DeadlinePassed:
    return DeadlinePassed(
        "deadline_passed",
        f"the deadline of Request-Timeout {passed} before the answer is ready; allow more time or send less.",
    )


def _device_lost_error() -> Unavailable:
    return Unavailable("device_lost", "the device that pools is being restarted; try again.", retry_after_s=2)


def _out_of_memory_error() -> Unavailable:
    return Unavailable(
        "overloaded", "the device has too little memory free even for one plane of this; try again.", retry_after_s=2
    )
