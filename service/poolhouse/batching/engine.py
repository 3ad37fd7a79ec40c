"""Run jobs on devices, on asyncio: each device has a queue, threads and a state.

``policy`` and ``fair_queue`` make the decisions; this file carries them out. Its rules:

- a tiny job never waits for a long batch: it runs on the event loop;
- an idle device starts at once, and a busy device has its next batch ready: no timer, no polling;
- every job gets exactly one result or error, wherever an exception is raised;
- an abandoned job does not start; one that runs keeps its lease until no thread uses its tensors;
- a failed batch is bisected until the failing job is alone; a batch that does not fit into memory is halved;
- a device that breaks or hangs is replaced by ``recovery``.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial
from typing import Final, Generic, Literal, ParamSpec, TypeVar

from poolhouse.batching import policy
from poolhouse.batching.client_errors import client_error
from poolhouse.batching.device_state import DeviceState, InflightBatch, State
from poolhouse.batching.device_threads import DeviceThreads
from poolhouse.batching.fair_queue import Batch, Job
from poolhouse.batching.memory import Lease
from poolhouse.batching.observer import JobTiming, NullObserver, Observer
from poolhouse.batching.pending_jobs import PendingJobs
from poolhouse.batching.recovery import DeviceRecovery
from poolhouse.batching.worker import DeviceFault, OutOfMemory, Worker
from poolhouse.errors import PoolhouseError, deadline_error, device_lost_error, draining_error

Payload = TypeVar("Payload")
Arguments = ParamSpec("Arguments")

_log = logging.getLogger("poolhouse.batching")

# guard: next-batch-is-ready, two-batches-in-flight
_IN_FLIGHT: Final = 2
"""Batches handed to a device at once: one runs, the next is ready when it ends."""
_PASSED: Final = "passed before the result was ready"
_UNMEETABLE: Final = "would pass before the result is ready"


class Engine(Generic[Payload]):
    """Runs jobs on devices.

    Args:
        workers: the devices by name.
        inline_steps: jobs of at most this work run on the event loop when their device is idle or runs a long batch;
            negative for never, as for a device that takes jobs only from its own threads.
        device_hang_timeout_s: a batch that runs for longer counts as hung, and its device as lost.
        observer: receives the events.
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
            DeviceState(
                name,
                worker,
                DeviceThreads(name, worker.concurrency, partial(self._run_batch, worker)),
                worker.concurrency,
            )
            for name, worker in workers
        ]
        self._jobs: PendingJobs[Payload] = PendingJobs(on_removed=self._set_idle_if_done)
        self._recovery: DeviceRecovery[Payload] = DeviceRecovery(self._devices, self._jobs, on_ready=self._dispatch)
        self._inline_steps = inline_steps
        self._device_hang_timeout_s = device_hang_timeout_s
        self._observer: Observer = observer or NullObserver()
        self._draining = False
        self._stopped = False
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def is_draining(self) -> bool:
        """Whether new jobs are refused."""
        return self._draining

    @property
    def job_count(self) -> int:
        """Admitted jobs that have no result yet."""
        return len(self._jobs)

    def waiting_by_model(self) -> Mapping[str, int]:
        """The number of jobs that wait for a device, by model."""
        return self._jobs.waiting_by_model()

    def device_states(self) -> dict[str, State]:
        """Each device's state."""
        return {device.name: device.state for device in self._devices}

    def retry_after_s(self) -> float:
        """The seconds after which a refused client should retry."""
        return policy.retry_after_s([device.estimate() for device in self._devices])

    def set_observer(self, observer: Observer) -> None:
        """Replace the observer."""
        self._observer = observer

    def run_inline(self, payload: Payload, steps: int, planes: int, operator: str) -> float | None:
        """Run a tiny payload on the event loop; None if it is not tiny, or if every device is busy with short batches.

        Faster than :meth:`submit`, since the job cannot be cancelled or expire while it runs.

        Args:
            payload: for the worker.
            steps: the work of all planes.
            planes: the number of planes.
            operator: for the observer.

        Returns:
            The seconds that it took.
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
        """Check that some device can meet the deadline, whatever the size of the job.

        Raises:
            DeadlinePassed: the queued work of every device takes longer than the time left.
        """
        remaining_s = deadline - asyncio.get_running_loop().time()
        estimates = [estimate for device in self._devices if (estimate := device.estimate()).is_ready]
        # guard: unmeetable-deadline-is-refused-before-body
        if estimates and not any(policy.meets_deadline(estimate, 0.0, remaining_s) for estimate in estimates):
            self._notify(self._observer.event_occurred, "expired")
            raise deadline_error(_UNMEETABLE if remaining_s > 0 else _PASSED)

    async def submit(
        self, job: Job[Payload], lease: Lease, operator: str, deadline: float | None = None, model: str = ""
    ) -> JobTiming:
        """Queue a job, and wait until it has run.

        Args:
            job: not submitted before.
            lease: held by the caller, and by the engine while a thread uses the tensors of the job.
            operator: for the observer.
            deadline: in the event loop's time; None for no deadline.
            model: for :meth:`waiting_by_model`; empty for the operator's own.

        Raises:
            Unavailable: ``draining``, ``device_lost``, or ``overloaded`` for lack of device memory.
            DeadlinePassed: the deadline passed, or would pass before the job is done.
        """
        loop = asyncio.get_running_loop()
        device, estimate = self._choose_device(job.key)
        own_steps = job.steps
        remaining_s = None if deadline is None else deadline - loop.time()
        # guard: unmeetable-deadline-is-refused
        if not policy.meets_deadline(estimate, device.throughput.seconds_for(own_steps), remaining_s):
            self._notify(self._observer.event_occurred, "expired")
            if remaining_s is None or remaining_s <= 0:
                raise deadline_error(_PASSED)
            if estimate.jobs == 0:
                # guard: refusal-relaxes-estimate
                device.throughput.relax()
            raise deadline_error(_UNMEETABLE)
        if policy.runs_inline(estimate, own_steps, self._inline_steps):
            return JobTiming(0.0, self._run_inline(device, job.payload, job.planes, operator), "inline")
        # guard: deadline-has-timer, deadline-timer-is-exact
        timer = None if deadline is None else loop.call_at(deadline, self._expire, job)
        result = self._jobs.add(job, lease, operator, model)
        self._idle.clear()
        try:
            device.queue.push(job)
            # guard: idle-device-starts-at-once
            self._dispatch(device)
            return await result
        except asyncio.CancelledError:
            self._notify(self._observer.event_occurred, "cancelled")
            raise
        finally:
            # guard: deadline-timer-is-cancelled
            if timer is not None:
                timer.cancel()
            # guard: disconnect-leaves-queue
            self._jobs.remove(job)
            # The traceback of an error refers to this frame, and the future to the error. This cycle would keep the
            # tensors of a refused request until the garbage collector runs.
            # guard: refused-job-is-forgotten
            del result

    def drain(self) -> None:
        """Refuse new jobs; admitted jobs go on."""
        self._draining = True

    async def stop(self, grace_s: float = 30.0) -> None:
        """Finish admitted jobs within the grace period, and end the threads; threads that hang are abandoned."""
        self.drain()
        try:
            async with asyncio.timeout(grace_s):
                await self._idle.wait()
        except TimeoutError:
            self._jobs.refuse_all(draining_error())
        self._stopped = True
        self._recovery.stop()
        for device in self._devices:
            for inflight in device.threads.shutdown():
                # guard: shutdown-releases-unstarted
                inflight.release_leases()
            for inflight in device.inflight:
                inflight.cancel_watchdog()

    def _choose_device(self, key: Hashable) -> tuple[DeviceState[Payload], policy.LoadEstimate]:
        # guard: draining-refuses
        if self._draining:
            raise draining_error()
        estimates = [device.estimate(key) for device in self._devices]
        index = policy.least_loaded(estimates)
        if index is None:
            raise device_lost_error()
        return self._devices[index], estimates[index]

    def _run_inline(self, device: DeviceState[Payload], payload: Payload, planes: int, operator: str) -> float:
        started = time.perf_counter()
        try:
            device.worker.run_single(payload)
        except PoolhouseError:
            raise
        except Exception as error:  # raised again, as the error that the client gets
            if isinstance(error, DeviceFault):
                # guard: inline-device-fault-loses-device
                self._lose_device(device, error)
            elif not isinstance(error, OutOfMemory):
                _log.exception("a job on %s failed", device.name)
            raise client_error(error) from error
        seconds = time.perf_counter() - started
        self._notify(self._observer.ran_inline, device.name, operator, planes, seconds)
        return seconds

    def _expire(self, job: Job[Payload]) -> None:
        if self._jobs.is_unresolved(job):
            self._notify(self._observer.event_occurred, "expired")
            self._jobs.refuse(job, deadline_error(_PASSED))

    def _set_idle_if_done(self) -> None:
        """Let :meth:`stop` go on when no job is pending and no thread runs a batch."""
        # guard: drain-waits-for-threads
        if not self._jobs and not any(device.inflight for device in self._devices):
            self._idle.set()

    def _dispatch(self, device: DeviceState[Payload]) -> None:
        """Hand batches to the device until it has :data:`_IN_FLIGHT`."""
        try:
            while device.state == "ready" and not self._stopped and len(device.inflight) < _IN_FLIGHT:
                batch = device.next_batch()
                if batch is None:
                    break
                self._start_batch(device, batch)
        # guard: dispatch-errors-lose-device
        except Exception as error:  # a queue that stands still would hold its jobs for ever
            self._lose_device(device, error)

    def _start_batch(self, device: DeviceState[Payload], batch: Batch[Payload]) -> None:
        inflight = InflightBatch(batch, asyncio.get_running_loop(), [])
        device.inflight.append(inflight)
        inflight.leases = self._jobs.retain_leases(batch)
        self._notify(self._observer.batch_started, device.name, len(batch.slices), batch.planes, batch.reason)
        self._start_watchdog(device)
        try:
            device.threads.submit(inflight)
        except RuntimeError:  # no thread could be started, so the batch will never end
            # guard: unstarted-batch-releases-leases
            inflight.release_leases()
            raise

    def _start_watchdog(self, device: DeviceState[Payload]) -> None:
        """Start the watchdogs of the batches that run, but not of those that wait for a thread."""
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
            return False  # the event loop is closed, so the result is not needed
        finally:
            # guard: thread-forgets-error
            del error  # its traceback refers to this frame, and this frame to the tensors

    def _on_batch_done(
        self, inflight: InflightBatch[Payload], started: float, ended: float, error: BaseException | None
    ) -> None:
        device = next((device for device in self._devices if inflight in device.inflight), None)
        if device is None:  # the device was lost in the meantime, and the jobs were refused
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
            _log.exception("completing a batch on %s failed", device.name)
            # guard: completion-errors-are-answered
            self._jobs.refuse_batch(inflight.batch, client_error(wrong))
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
            self._jobs.refuse_batch(batch, client_error(error))
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
        self._notify(self._observer.batch_finished, device.name, self._jobs.operator_of(batch), ended - started)
        self._jobs.record_batch(batch, started, ended)

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
        self._jobs.refuse_batch(batch, client_error(error))

    def _on_hang(self, device: DeviceState[Payload]) -> None:
        self._lose_device(device, DeviceFault(f"a batch took more than {self._device_hang_timeout_s} s"))

    def _lose_device(self, device: DeviceState[Payload], fault: Exception) -> None:
        """Take a device out of service, let the others run its work, and start to rebuild it."""
        if device.state == "lost":
            return
        _log.error("device %s is lost", device.name, exc_info=fault)
        self._notify(self._observer.event_occurred, "device_lost")
        self._recovery.take_out_of_service(device)
        self._set_idle_if_done()
        for other in self._devices:
            self._dispatch(other)
        self._recovery.rebuild(device)

    def _notify(self, method: Callable[Arguments, None], *args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        try:
            method(*args, **kwargs)
        # guard: observer-errors-are-logged
        except Exception:
            _log.exception("an observer failed")
