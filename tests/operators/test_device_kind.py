"""The device of a tensor decides, and nothing else of it."""

from __future__ import annotations

import pytest
import torch

from poolhouse.operators.device_kind import is_on_cpu


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int64, torch.uint8])
def test_a_tensor_in_memory_is_on_the_cpu(dtype: torch.dtype) -> None:
    """Views and empty tensors too."""
    x = torch.zeros(2, 3, 4, dtype=dtype)

    assert all(map(is_on_cpu, (x, x.transpose(0, 2), x[:0], x[0, 0, 0])))


def test_a_tensor_on_another_device_is_not() -> None:
    """The meta device, which has shapes alone, needs no hardware."""
    assert not is_on_cpu(torch.zeros(2, device="meta"))


@pytest.mark.gpu
def test_a_tensor_on_cuda_is_not_on_the_cpu_until_it_is_copied() -> None:
    """Page-locked memory is the CPU's."""
    x = torch.zeros(2, device="cuda")

    assert not is_on_cpu(x)
    assert is_on_cpu(x.cpu())
    assert is_on_cpu(torch.zeros(2, pin_memory=True))
