"""Convert between numpy arrays and torch tensors that share memory; numpy holds bfloat16 as its bits.

Unsigned integers pass as signed ones of their size, since not every way between the libraries takes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.dlpack import from_dlpack

from poolhouse.dtypes import ElementType

Array = npt.NDArray[np.generic]

_COPIED_BYTES: Final = 64 * 2**10
"""Up to this size a copy costs less than avoiding it."""
_BITS: Final[dict[torch.dtype, tuple[torch.dtype, np.dtype[Any]]]] = {
    torch.bfloat16: (torch.int16, np.dtype(np.uint16)),
    torch.uint16: (torch.int16, np.dtype(np.uint16)),
    torch.uint32: (torch.int32, np.dtype(np.uint32)),
    torch.uint64: (torch.int64, np.dtype(np.uint64)),
}
"""Types that are passed as signed integers: these, and the numpy dtype of their elements."""
_SIGNED: Final = {numpy_dtype: np.dtype(f"i{numpy_dtype.itemsize}") for _, numpy_dtype in _BITS.values()}


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
    given, wanted = tensors["input"], torch_dtype(dtype)
    if given.dtype is not wanted:
        tensors["input"] = given.view(wanted)
    return tensors


def as_array(tensor: torch.Tensor) -> Array:
    """Convert a tensor in host memory to an array of the storage type; a contiguous tensor is not copied."""
    bits = _BITS.get(tensor.dtype)
    contiguous = tensor.contiguous()
    return contiguous.numpy() if bits is None else contiguous.view(bits[0]).numpy().view(bits[1])


def _as_torch(array: Array) -> torch.Tensor:
    signed = _SIGNED.get(array.dtype)
    if signed is not None:
        array = array.view(signed)
    if array.flags.writeable:
        return torch.from_numpy(array)
    if array.nbytes <= _COPIED_BYTES:
        return torch.from_numpy(array.copy())
    # torch.from_numpy warns about read-only arrays, since torch has no read-only tensors; inputs are not written to.
    try:
        return from_dlpack(array)
    except BufferError:  # numpy before 2.1 does not export read-only arrays
        return torch.from_numpy(array.copy())
