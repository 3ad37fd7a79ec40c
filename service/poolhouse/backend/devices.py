"""Which devices the service pools on: chosen once at start-up, said plainly to who asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class Device:
    """One device that pools.

    Attributes:
        name: as torch writes it: ``cpu``, ``cuda:0``, ``mps``.
        model: what it is, for a person.
        max_planes: planes in one launch; some CUDA kernels put them on a grid axis of 65,535.
    """

    name: str
    model: str
    max_planes: int | None

    @property
    def torch_device(self) -> torch.device:
        """The device for torch."""
        return torch.device(self.name)


def choose_devices(wanted: Sequence[str]) -> tuple[Device, ...]:
    """The devices that a setting asks for.

    Args:
        wanted: ``auto`` (every CUDA device, else MPS, else the CPU), ``cpu``, ``cuda``, ``cuda:N``, ``mps``.

    Raises:
        ValueError: for a device that is not there, with those that are.
    """
    there = _present()
    if "auto" in wanted:
        cuda = tuple(device for device in there if device.name.startswith("cuda"))
        if cuda:
            return cuda
        return tuple(device for device in there if device.name == "mps") or (there[0],)
    by_name = {device.name: device for device in there}
    chosen: dict[str, Device] = {}
    for part in wanted:
        name = "cuda:0" if part == "cuda" else part
        if name not in by_name:
            raise ValueError(f"there is no device {part!r} here; there are {', '.join(by_name)}")
        chosen[name] = by_name[name]
    return tuple(chosen.values())


def _present() -> tuple[Device, ...]:
    found = [Device("cpu", torch.backends.cpu.get_cpu_capability(), None)]
    if torch.cuda.is_available():
        found += [
            Device(f"cuda:{index}", torch.cuda.get_device_name(index), 65_535)
            for index in range(torch.cuda.device_count())
        ]
    if torch.backends.mps.is_available():
        found.append(Device("mps", "Apple GPU", 65_535))
    return tuple(found)


def set_thread_count(count: int) -> None:
    """How many threads one operation on the CPU may take, when this thread asks for it."""
    # OpenMP keeps the number for each thread that asks, so two workers do not disturb each other.
    if torch.get_num_threads() != count:
        torch.set_num_threads(count)
