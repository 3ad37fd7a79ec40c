"""What the engine reports: the timing of each job, and events for metrics."""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol

from poolhouse.batching.fair_queue import BatchReason

Event = Literal["cancelled", "expired", "bisected", "halved", "device_lost"]
"""A job or a batch that did not simply succeed."""


class BatchShare(NamedTuple):
    """A job's share of its batches. Each batch is divided equally among its jobs, so all shares add up to the batches.

    Attributes:
        batches: the number of batches.
        planes: their planes, with those of the other jobs.
        seconds: the time that they took.
    """

    batches: float
    planes: float
    seconds: float


class JobTiming(NamedTuple):
    """The seconds that a job waited and ran, why its last batch had its size, and its share of its batches.

    The share is None for a job that ran inline: as a batch of its own.
    """

    queue_s: float
    compute_s: float
    reason: BatchReason
    share: BatchShare | None = None


class Observer(Protocol):
    """Receives the events of the engine. An exception that it raises is logged and has no other effect."""

    def batch_started(self, device: str, jobs: int, planes: int, reason: BatchReason) -> None:
        """A batch was handed to a device."""

    def batch_finished(self, device: str, operator: str, seconds: float) -> None:
        """A batch succeeded."""

    def ran_inline(self, device: str, operator: str, planes: int, seconds: float) -> None:
        """A small payload was pooled on the event loop, as a batch of its own."""

    def event_occurred(self, what: Event) -> None:
        """A job was cancelled or expired, a batch was split for a retry, or a device was lost."""


class NullObserver:
    """Ignores every event."""

    def batch_started(self, device: str, jobs: int, planes: int, reason: BatchReason) -> None: ...
    def batch_finished(self, device: str, operator: str, seconds: float) -> None: ...
    def ran_inline(self, device: str, operator: str, planes: int, seconds: float) -> None: ...
    def event_occurred(self, what: Event) -> None: ...
