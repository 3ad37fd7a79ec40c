"""What the engine reports: the timing of each job, and events for metrics."""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol

from poolhouse.batching.fair_queue import BatchReason

Event = Literal["cancelled", "expired", "bisected", "halved", "device_lost"]
"""A job or a batch that did not simply succeed."""


class JobTiming(NamedTuple):
    """The seconds that a job waited and ran, and why its last batch had its size."""

    queue_s: float
    compute_s: float
    reason: BatchReason


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
