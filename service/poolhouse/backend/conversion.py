"""Arrays as torch has them, and back: the same memory, and bfloat16 by its bits, since numpy has no such type."""

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
"""Up to here a copy costs less than to do without one."""


def torch_dtype(dtype: ElementType) -> torch.dtype:
    """Torch's name for an element type; they are spelled alike."""
    found = getattr(torch, dtype.name)
    assert isinstance(found, torch.dtype)
    return found


def as_torch(planes: Mapping[str, Array], dtype: ElementType) -> dict[str, torch.Tensor]:
    """Arrays as tensors; they share their memory, except small ones that are read-only.

    Args:
        planes: by name.
        dtype: of the one that is called ``input``.
    """
    tensors = {name: _as_torch(array) for name, array in planes.items()}
    if dtype is BFLOAT16:
        tensors["input"] = tensors["input"].view(torch.bfloat16)
    return tensors


def as_array(tensor: torch.Tensor) -> Array:
    """A tensor of the machine's memory as an array in its storage type; they share it."""
    array: Array
    if tensor.dtype is torch.bfloat16:
        array = tensor.contiguous().view(torch.int16).numpy().view(np.uint16)
    else:
        array = tensor.contiguous().numpy()
    return array


def _as_torch(array: Array) -> torch.Tensor:
    if array.dtype == np.uint16:
        # Bits, for which not every torch has a type.
        array = array.view(np.int16)
    if array.flags.writeable:
        return torch.from_numpy(array)
    if array.nbytes <= _COPIED_BYTES:
        return torch.from_numpy(array.copy())
    # Torch has no tensors that are read-only, and warns of such an array; nothing here writes to an input.
    try:
        return from_dlpack(array)
    except BufferError:  # a numpy before 2.1 hands out no array that is read-only
        return torch.from_numpy(array.copy())
