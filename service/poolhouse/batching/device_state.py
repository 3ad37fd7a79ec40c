"""The state of one device: its queue, its in-flight batches, its measured speed, and whether it works."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from poolhouse.batching import policy
from poolhouse.batching.device_threads import DeviceThreads
from poolhouse.batching.fair_queue import Batch, FairQueue
from poolhouse.batching.memory import Lease
from poolhouse.batching.worker import Worker

Payload = TypeVar("Payload")

State = Literal["ready", "lost"]


@dataclass(slots=True, eq=False)
class InflightBatch(Generic[Payload]):
    """A batch that was handed to a device and has not ended.

    Attributes:
        batch: the batch.
        loop: the event loop that gets its result.
        leases: of its jobs; held until no thread uses their tensors.
        watchdog: a timer; set while a thread runs the batch.
    """

    batch: Batch[Payload]
    loop: asyncio.AbstractEventLoop
    leases: list[Lease]
    watchdog: asyncio.TimerHandle | None = None

    def release_leases(self) -> None:
        """Release the leases, once."""
        leases, self.leases = self.leases, []
        for lease in leases:
            lease.release()

    def cancel_watchdog(self) -> None:
        """Cancel the watchdog timer."""
        if self.watchdog is not None:
            self.watchdog.cancel()


@dataclass(slots=True, eq=False)
class DeviceState(Generic[Payload]):
    """One device.

    Attributes:
        name: as in the settings and metrics.
        worker: drives the device.
        threads: run the worker.
        concurrency: batches that run at once.
        queue: jobs that wait.
        retries: parts of batches that failed, and batches of a lost device.
        inflight: batches handed to the threads, oldest first.
        throughput: the measured speed.
        state: ``lost`` from a fault until the device is rebuilt.
        was_retry: whether the last batch was a retry.
    """

    name: str
    worker: Worker[Payload]
    threads: DeviceThreads[InflightBatch[Payload]]
    concurrency: int
    queue: FairQueue[Payload] = field(default_factory=FairQueue)
    retries: deque[Batch[Payload]] = field(default_factory=deque)
    inflight: list[InflightBatch[Payload]] = field(default_factory=list)
    throughput: policy.ThroughputEstimate = field(default_factory=policy.ThroughputEstimate)
    state: State = "ready"
    was_retry: bool = False

    @property
    def is_idle(self) -> bool:
        """Whether the device is ready, and nothing runs or waits."""
        return self.state == "ready" and not self.inflight and not self.retries and not self.queue.jobs

    @property
    def wait_s(self) -> float:
        """Seconds until all queued and running work is done, by the measured speed."""
        # The jobs of a key are at least one batch; how many is not known before the batches are formed.
        steps = sum(inflight.batch.steps for inflight in self.inflight) + sum(batch.steps for batch in self.retries)
        batches = len(self.inflight) + len(self.retries)
        return self.throughput.seconds_for(self.queue.steps + steps, self.queue.key_count + batches)

    @property
    def takes_inline(self) -> bool:
        """Whether a tiny job runs on the event loop instead of waiting in the queue."""
        # guard: tiny-job-passes-long-batch
        return self.is_idle or (self.state == "ready" and policy.is_long_wait(self.wait_s))

    def estimate(self, key: Hashable = None) -> policy.LoadEstimate:
        """The load that is ahead of a new job of this key."""
        jobs = self.queue.jobs + len(self.inflight) + len(self.retries)
        new_batch_s = self.throughput.batch_s if jobs and not self.queue.has_key(key) else 0.0
        return policy.LoadEstimate(self.state == "ready", self.wait_s, jobs, new_batch_s)

    def next_batch(self) -> Batch[Payload] | None:
        """The next batch. Retries and queued jobs take turns: a batch of failing jobs must not delay the others."""
        # guard: retries-take-turns
        if not (self.was_retry and self.queue):
            while self.retries:
                # guard: retry-skips-abandoned
                batch = policy.without_abandoned(self.retries.popleft())
                if batch is not None:
                    self.was_retry = True
                    return batch
        self.was_retry = False
        return self.queue.next_batch(self.worker.batch_limits)
