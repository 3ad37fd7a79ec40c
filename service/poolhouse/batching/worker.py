"""What the engine asks of a device, and the ways in which a device fails."""

from __future__ import annotations

from typing import Protocol, TypeVar

from poolhouse.batching.backlog import Batch, Budget

Load = TypeVar("Load")


class OutOfMemory(Exception):
    """A batch did not fit into the device's memory; half of it may."""


class DeviceFault(Exception):
    """The device is broken until it is rebuilt: nothing that is sent to it will work."""


class Worker(Protocol[Load]):
    """One device. Every method but ``budget`` is called on the device's own thread."""

    @property
    def budget(self) -> Budget:
        """How large a batch may be."""
        ...

    def run(self, batch: Batch[Load]) -> None:
        """Pools the planes of every part into its load.

        Raises:
            OutOfMemory: nothing was written; half the batch may fit.
            DeviceFault: the device is lost.
            Exception: one of the loads is at fault.
        """
        ...

    def rebuild(self) -> None:
        """Makes a lost device whole again, or raises."""
        ...
