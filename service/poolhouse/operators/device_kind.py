"""Where a tensor lies: on the CPU, or on a device whose kernels are other ones."""

from __future__ import annotations

import torch


def is_on_cpu(x: torch.Tensor) -> bool:
    """Whether the CPU's kernels take it. A test says no, and so walks CUDA's ways where there is no CUDA."""
    return x.device.type == "cpu"
