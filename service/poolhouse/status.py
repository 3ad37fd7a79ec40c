"""The state of the service, for probes and metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from poolhouse.admission import Admission
from poolhouse.backend.devices import Device
from poolhouse.backend.payload import Payload
from poolhouse.batching.device_state import State as DeviceState
from poolhouse.batching.engine import Engine
from poolhouse.batching.memory import MemoryBudget
from poolhouse.errors import Unavailable, device_lost_error, draining_error

State = Literal["starting", "ready", "draining", "device_lost"]


class ServiceStatus:
    """The state of the service and of its devices, and the work that it holds.

    Args:
        devices: the devices of the engine.
        engine: knows its jobs and which devices are ready.
        budget: the memory for all requests.
        admission: knows whether the service drains.

    Attributes:
        is_warm: whether every operator has been warmed up on every device.
    """

    def __init__(
        self, devices: tuple[Device, ...], engine: Engine[Payload], budget: MemoryBudget, admission: Admission
    ) -> None:
        self._devices = devices
        self._engine = engine
        self._budget = budget
        self._admission = admission
        self.is_warm = False

    @property
    def state(self) -> State:
        """The state of the whole service; it accepts pooling requests if it is ready."""
        if self._admission.is_draining:
            return "draining"
        if not self.is_warm:
            return "starting"
        return "ready" if "ready" in self._engine.device_states().values() else "device_lost"

    def check_ready(self) -> None:
        """Check that the service is ready.

        Raises:
            Unavailable: ``starting``, ``draining`` or ``device_lost``.
        """
        state = self.state
        if state == "starting":
            raise Unavailable("starting", "The service is warming up; try again in a moment.", retry_after_s=1)
        if state == "draining":
            raise draining_error()
        if state == "device_lost":
            raise device_lost_error()

    @property
    def held_bytes(self) -> int:
        """The bytes that all admitted requests hold."""
        return self._budget.held_bytes

    @property
    def capacity_bytes(self) -> int:
        """The bytes that may be held at once."""
        return self._budget.capacity_bytes

    @property
    def lease_count(self) -> int:
        """The number of requests that hold bytes."""
        return self._budget.lease_count

    @property
    def job_count(self) -> int:
        """The number of jobs that are queued or run on a device."""
        return self._engine.job_count

    def waiting_by_model(self) -> Mapping[str, int]:
        """The number of requests that wait for a device, by model."""
        return self._engine.waiting_by_model()

    def device_states(self) -> dict[str, DeviceState]:
        """The state of each device, by name."""
        return self._engine.device_states()

    def gpus(self) -> list[int]:
        """The numbers of the CUDA devices of the service."""
        return [int(each.name.partition(":")[2] or 0) for each in self._devices if each.name.startswith("cuda")]

    def devices(self) -> list[dict[str, object]]:
        """Each device with its model, and whether it is ready."""
        states = self._engine.device_states()
        return [
            {"name": device.name, "model": device.model, "ready": self.is_warm and states[device.name] == "ready"}
            for device in self._devices
        ]
