"""Take a device that broke or hung out of service, move its work to other devices, and rebuild it.

Batches that the device had started are refused with 503. Batches and jobs that it had not started go to another
device, or are refused if none is ready. The device gets new threads, since an old one may hang for ever, and is
rebuilt in a thread of its own until that succeeds.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Hashable, Sequence
from threading import Thread
from typing import Final, Generic, TypeVar

from poolhouse.batching import policy
from poolhouse.batching.device_state import DeviceState
from poolhouse.batching.pending_jobs import PendingJobs
from poolhouse.errors import device_lost_error

Payload = TypeVar("Payload")

_log = logging.getLogger("poolhouse.batching")

_FIRST_BACKOFF_S: Final = 0.05
_LONGEST_BACKOFF_S: Final = 5.0


class DeviceRecovery(Generic[Payload]):
    """Recovers the devices of one engine. All methods run on the event loop.

    Args:
        devices: all devices of the engine.
        jobs: the admitted jobs, to refuse those that cannot go on.
        on_ready: called with a device that works again.
    """

    def __init__(
        self,
        devices: Sequence[DeviceState[Payload]],
        jobs: PendingJobs[Payload],
        on_ready: Callable[[DeviceState[Payload]], None],
    ) -> None:
        self._devices = devices
        self._jobs = jobs
        self._on_ready = on_ready
        self._stopped = False

    def stop(self) -> None:
        """Rebuild no device from now on."""
        self._stopped = True

    def take_out_of_service(self, device: DeviceState[Payload]) -> None:
        """Mark a device as lost, give it new threads, and move or refuse its work."""
        device.state = "lost"
        unstarted = device.threads.shutdown()
        # guard: lost-device-gets-new-threads
        device.threads = device.threads.recreate()
        inflight_batches, device.inflight = device.inflight, []
        for inflight in inflight_batches:
            inflight.cancel_watchdog()
            # guard: hung-batch-keeps-leases
            if inflight not in unstarted:
                # Its leases are released when its thread reports the end of the batch.
                self._jobs.refuse_batch(inflight.batch, device_lost_error())
        # guard: unstarted-batches-move, retries-move
        batches = [inflight.batch for inflight in unstarted] + list(device.retries)
        device.retries.clear()
        for batch in batches:
            if other := self._least_loaded_device():
                other.retries.append(batch)
            else:
                self._jobs.refuse_batch(batch, device_lost_error())
        # guard: lost-device-releases-unstarted
        for inflight in unstarted:
            inflight.release_leases()
        for job in device.queue.clear():
            # guard: queued-jobs-move
            if other := self._least_loaded_device(job.key):
                other.queue.push(job)
            else:
                # guard: queued-jobs-are-refused-without-device
                self._jobs.refuse(job, device_lost_error())

    def rebuild(self, device: DeviceState[Payload], backoff_s: float = _FIRST_BACKOFF_S) -> None:
        """Rebuild a device in a thread; after a failure, try again after the backoff, and double it."""
        loop = asyncio.get_running_loop()

        def run() -> None:
            failure = None
            try:
                device.worker.rebuild()
            except BaseException as raised:
                failure = raised
            try:
                loop.call_soon_threadsafe(self._on_rebuilt, device, backoff_s, failure)
            except RuntimeError:
                _log.debug("the event loop was closed while %s was rebuilt", device.name)

        # guard: stopped-service-rebuilds-nothing
        if self._stopped:
            return
        try:
            # Not one of the device threads: a rebuild that hangs must not block the batches of a later rebuild.
            Thread(target=run, name=f"rebuild-{device.name}", daemon=True).start()
        except RuntimeError as error:
            # guard: unstarted-rebuild-is-retried
            self._on_rebuilt(device, backoff_s, error)

    def _on_rebuilt(self, device: DeviceState[Payload], backoff_s: float, failure: BaseException | None) -> None:
        if self._stopped:
            return
        if failure is None:
            _log.warning("device %s is ready again", device.name)
            # guard: rebuilt-device-is-ready
            device.state = "ready"
            self._on_ready(device)
        else:
            _log.error("device %s could not be rebuilt: %s", device.name, failure)
            longer_s = min(2 * backoff_s, _LONGEST_BACKOFF_S)
            # guard: failed-rebuild-is-retried
            asyncio.get_running_loop().call_later(backoff_s, self.rebuild, device, longer_s)

    def _least_loaded_device(self, key: Hashable = None) -> DeviceState[Payload] | None:
        index = policy.least_loaded([device.estimate(key) for device in self._devices])
        return None if index is None else self._devices[index]
