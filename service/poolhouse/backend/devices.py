"""Choose the devices that the service pools on, once at start-up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class Device:
    """A device that pools.

    Attributes:
        name: torch's name: ``cpu``, ``cuda:0``, ``mps``.
        model: the model, for a person to read.
        max_planes: planes in one launch; some CUDA kernels use a grid axis of 65,535 for them. None for no limit.
    """

    name: str
    model: str
    max_planes: int | None

    @property
    def torch_device(self) -> torch.device:
        """The device as a torch object."""
        return torch.device(self.name)


def choose_devices(wanted: Sequence[str]) -> tuple[Device, ...]:
    """The devices that the setting ``device`` names.

    Args:
        wanted: ``auto`` (every CUDA device, else MPS, else the CPU), ``cpu``, ``cuda``, ``cuda:N``, ``mps``.

    Raises:
        ValueError: a device does not exist; the message lists those that do.
    """
    present = _present_devices()
    if "auto" in wanted:
        cuda = tuple(device for device in present if device.name.startswith("cuda"))
        if cuda:
            return cuda
        return tuple(device for device in present if device.name == "mps") or (present[0],)
    by_name = {device.name: device for device in present}
    chosen: dict[str, Device] = {}
    for part in wanted:
        name = "cuda:0" if part == "cuda" else part
        if name not in by_name:
            raise ValueError(f"there is no device {part!r} on this machine; use one of {', '.join(by_name)}")
        chosen[name] = by_name[name]
    return tuple(chosen.values())


def _present_devices() -> tuple[Device, ...]:
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
    """Set the number of threads of the CPU operations that the calling thread starts in torch."""
    # OpenMP keeps the number per calling thread, so two workers do not affect each other.
    if torch.get_num_threads() != count:
        torch.set_num_threads(count)
