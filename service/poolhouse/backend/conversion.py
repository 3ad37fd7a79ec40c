"""Convert between numpy arrays and torch tensors that share memory; numpy holds bfloat16 as its bits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.dlpack import from_dlpack

from poolhouse.dtypes import BFLOAT16, ElementType

Array = npt.NDArray[np.generic]

_COPIED_BYTES: Final = 64 * 2**10
"""Up to this size a copy costs less than avoiding it."""


def torch_dtype(dtype: ElementType) -> torch.dtype:
    """The torch dtype of an element type; it has the same name."""
    found = getattr(torch, dtype.name)
    assert isinstance(found, torch.dtype)
    return found


def as_torch(planes: Mapping[str, Array], dtype: ElementType) -> dict[str, torch.Tensor]:
    """Convert arrays to tensors that share their memory; small read-only arrays are copied.

    Args:
        planes: the arrays by name.
        dtype: the element type of the array ``input``.
    """
    tensors = {name: _as_torch(array) for name, array in planes.items()}
    if dtype is BFLOAT16:
        tensors["input"] = tensors["input"].view(torch.bfloat16)
    return tensors


def as_array(tensor: torch.Tensor) -> Array:
    """Convert a tensor in host memory to an array of the storage type; a contiguous tensor is not copied."""
    array: Array
    if tensor.dtype is torch.bfloat16:
        array = tensor.contiguous().view(torch.int16).numpy().view(np.uint16)
    else:
        array = tensor.contiguous().numpy()
    return array


def _as_torch(array: Array) -> torch.Tensor:
    if array.dtype == np.uint16:
        # The bits of bfloat16; not every torch version has uint16.
        array = array.view(np.int16)
    if array.flags.writeable:
        return torch.from_numpy(array)
    if array.nbytes <= _COPIED_BYTES:
        return torch.from_numpy(array.copy())
    # torch.from_numpy warns about read-only arrays, since torch has no read-only tensors; inputs are not written to.
    try:
        return from_dlpack(array)
    except BufferError:  # numpy before 2.1 does not export read-only arrays
        return torch.from_numpy(array.copy())
