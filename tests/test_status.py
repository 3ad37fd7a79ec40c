"""The state of the service follows from its devices, its warm-up and its shutdown."""

from __future__ import annotations

from typing import cast

import pytest

from poolhouse.admission import Admission
from poolhouse.backend.devices import Device
from poolhouse.backend.heap import HeapTrimmer
from poolhouse.backend.payload import Payload
from poolhouse.batching.device_state import State as DeviceState
from poolhouse.batching.engine import Engine
from poolhouse.batching.memory import MemoryBudget
from poolhouse.errors import Unavailable
from poolhouse.status import ServiceStatus, State


class FakeEngine:
    """An engine with these devices, and two jobs."""

    job_count = 2

    def __init__(self, states: dict[str, DeviceState]) -> None:
        self.states = states

    def device_states(self) -> dict[str, DeviceState]:
        return self.states


def status_of(states: dict[str, DeviceState], *, is_warm: bool = True, is_draining: bool = False) -> ServiceStatus:
    """The status of a service with these devices."""
    engine = cast("Engine[Payload]", FakeEngine(states))
    budget = MemoryBudget(1000)
    admission = Admission(budget, HeapTrimmer(int, None), engine)
    if is_draining:
        admission.drain(5)
    made = ServiceStatus(tuple(Device(name, f"model of {name}", None) for name in states), engine, budget, admission)
    made.is_warm = is_warm
    return made


@pytest.mark.parametrize(
    ("devices", "is_warm", "is_draining", "state"),
    [
        (("ready", "ready"), True, False, "ready"),
        (("ready", "lost"), True, False, "ready"),
        (("lost", "ready"), True, False, "ready"),
        (("lost", "lost"), True, False, "device_lost"),
        (("ready", "ready"), False, False, "starting"),
        (("lost", "lost"), False, False, "starting"),
        (("ready", "ready"), True, True, "draining"),
        (("lost", "lost"), True, True, "draining"),
        (("ready", "ready"), False, True, "draining"),
    ],
)
def test_the_service_is_ready_while_it_can_pool(
    devices: tuple[DeviceState, DeviceState], is_warm: bool, is_draining: bool, state: State
) -> None:
    """A load balancer must not remove an instance that has one working device, nor add one that is shutting down."""
    status = status_of(dict(zip("ab", devices, strict=True)), is_warm=is_warm, is_draining=is_draining)

    assert status.state == state
    if state == "ready":
        status.check_ready()
        return
    with pytest.raises(Unavailable) as refused:
        status.check_ready()
    assert refused.value.code == state
    assert refused.value.retry_after_s is not None


@pytest.mark.parametrize("is_warm", [False, True])
def test_a_device_is_ready_after_the_warm_up_unless_it_is_lost(is_warm: bool) -> None:
    """Its name alone does not say which hardware it is."""
    status = status_of({"cpu": "ready", "cuda:0": "lost"}, is_warm=is_warm)

    assert status.devices() == [
        {"name": "cpu", "model": "model of cpu", "ready": is_warm},
        {"name": "cuda:0", "model": "model of cuda:0", "ready": False},
    ]
    assert status.device_states() == {"cpu": "ready", "cuda:0": "lost"}


def test_a_new_status_is_not_warm_and_counts_the_work() -> None:
    """The metrics read these numbers."""
    engine = cast("Engine[Payload]", FakeEngine({"cpu": "ready"}))
    budget = MemoryBudget(1000)
    admission = Admission(budget, HeapTrimmer(int, None), engine)

    status = ServiceStatus((Device("cpu", "", None),), engine, budget, admission)
    admission.reserve(30)
    admission.reserve(12)

    assert status.state == "starting"
    assert (status.held_bytes, status.capacity_bytes, status.lease_count, status.job_count) == (42, 1000, 2, 2)


def test_the_gpus_are_the_cuda_devices() -> None:
    """Memory of other GPUs cannot be shared with the service."""
    assert status_of({"cuda:3": "ready", "cpu": "ready", "cuda:0": "lost"}).gpus() == [3, 0]
    assert status_of({"cpu": "ready", "mps": "ready"}).gpus() == []
