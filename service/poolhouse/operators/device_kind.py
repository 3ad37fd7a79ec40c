"""Whether a tensor is on the CPU or on a device with other kernels."""

from __future__ import annotations

import torch


def is_on_cpu(x: torch.Tensor) -> bool:
    """Whether the CPU's kernels handle this tensor. Tests patch it to run the CUDA code paths without CUDA."""
    return x.device.type == "cpu"
