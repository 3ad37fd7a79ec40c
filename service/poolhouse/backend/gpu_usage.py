"""Read the use of a CUDA device from the driver."""

from __future__ import annotations

from typing import NamedTuple

import torch


class GpuUsage(NamedTuple):
    """The use of a GPU.

    Attributes:
        uuid: as NVIDIA's tools write it.
        total_bytes: of its memory.
        used_bytes: of its memory, by all processes.
        utilization: the share of time in which it worked, from 0 to 1; None if the driver's library for it is absent.
    """

    uuid: str
    total_bytes: int
    used_bytes: int
    utilization: float | None


def read_gpu_usage(name: str) -> GpuUsage | None:
    """The use of a device; None if it cannot be read, for example since the device is lost.

    Args:
        name: torch's: ``cuda:0``.
    """
    device = torch.device(name)
    try:
        free_bytes, total_bytes = torch.cuda.mem_get_info(device)
        uuid = str(torch.cuda.get_device_properties(device).uuid)
    except (RuntimeError, AssertionError):  # torch without CUDA asserts
        return None
    return GpuUsage(
        uuid if uuid.startswith("GPU-") else f"GPU-{uuid}", total_bytes, total_bytes - free_bytes, _utilization(device)
    )


def _utilization(device: torch.device) -> float | None:
    try:
        return torch.cuda.utilization(device) / 100
    except Exception:  # without nvidia-ml-py, or with any error of its own
        return None
