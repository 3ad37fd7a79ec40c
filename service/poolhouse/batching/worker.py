"""The interface of a device to the engine, and the errors of a device."""

from __future__ import annotations

from typing import Protocol, TypeVar

from poolhouse.batching.fair_queue import Batch, BatchLimits

Payload = TypeVar("Payload")


class OutOfMemory(Exception):
    """A batch did not fit into device memory; half of it may fit."""


class DeviceFault(Exception):
    """The device is broken: every batch will fail until it is rebuilt."""


class Worker(Protocol[Payload]):
    """Runs batches on one device."""

    @property
    def batch_limits(self) -> BatchLimits:
        """How large a batch may be; read before each batch, on the event loop."""
        ...

    @property
    def concurrency(self) -> int:
        """The number of batches that run at once, each in its own thread: 1, or 2 where one batch is copied to the
        device while another is pooled. Never changes."""
        ...

    def run(self, batch: Batch[Payload]) -> None:
        """Pool the planes of every slice into the payload of its job.

        Called from :attr:`concurrency` threads at once. Two batches may contain slices of one job.

        Raises:
            OutOfMemory: half the batch may fit; the whole batch is pooled again.
            DeviceFault: the device is broken.
            Exception: one of the payloads is at fault.
        """
        ...

    def run_single(self, payload: Payload) -> None:
        """Pool all planes of one small payload in the calling thread, which is that of the event loop.

        Raises:
            The errors of :meth:`run`.
        """
        ...

    def rebuild(self) -> None:
        """Make a broken device work again, or raise.

        Called in its own thread. Threads that hang in :meth:`run` are abandoned: the resources that they use must not
        be used again.
        """
        ...
