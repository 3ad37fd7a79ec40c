"""Calls compiled loops with torch tensors."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from poolhouse.backend.conversion import as_array
from poolhouse.kernels.window_kernels import Kernel
from poolhouse.operators.plane_operator import PlaneOperator


def run_on_cpu(
    spec: PlaneOperator, kernel: Kernel | None, planes: Mapping[str, torch.Tensor], threads: int
) -> tuple[torch.Tensor, ...]:
    """Pool planes by the loops if there are any, else by torch."""
    if kernel is None:
        return spec.run(planes)
    given = {name: as_array(tensor) for name, tensor in planes.items()}
    values, *rest = kernel(given, threads)
    if planes["input"].dtype is torch.bfloat16:
        first = torch.from_numpy(values.view("int16")).view(torch.bfloat16)
    else:
        first = torch.from_numpy(values)
    return (first, *map(torch.from_numpy, rest))
