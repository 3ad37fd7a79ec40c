"""What the engine asks of a device, and the ways in which a device fails."""

from __future__ import annotations

from typing import Protocol, TypeVar

from poolhouse.batching.fair_queue import Batch, BatchLimits

Payload = TypeVar("Payload")


class OutOfMemory(Exception):
    """A batch did not fit into the device's memory; half of it may."""


class DeviceFault(Exception):
    """The device is broken until it is rebuilt: nothing that is sent to it will work."""


class Worker(Protocol[Payload]):
    """One device."""

    @property
    def batch_limits(self) -> BatchLimits:
        """How large a batch may be; asked before each batch, on the event loop."""
        ...

    @property
    def concurrency(self) -> int:
        """How many batches it works on at once, each in a thread of its own: 1, or 2 where one is brought to the
        device while another runs there. Never changes."""
        ...

    def run(self, batch: Batch[Payload]) -> None:
        """Pools the planes of every part into its load.

        Runs in :attr:`concurrency` threads at once. Two batches may hold pieces of one job.

        Raises:
            OutOfMemory: half the batch may fit; what was written will be written again.
            DeviceFault: the device is lost.
            Exception: one of the loads is at fault.
        """
        ...

    def run_single(self, payload: Payload) -> None:
        """Pools all planes of one small load where it is called: on the event loop.

        Raises:
            as :meth:`run`.
        """
        ...

    def rebuild(self) -> None:
        """Makes a lost device whole again, or raises.

        Runs in a thread of its own. Those that are still stuck in :meth:`run` are left behind: whatever they hold
        must not be used again.
        """
        ...
