"""Conversion of a caller's arrays to tensors, and of tensors back to the same kind of array, without a copy.

Only an array whose layout differs from the wire's is copied: a strided or big-endian one, or one on a device.
torch, ml_dtypes and jax are never imported here: a caller that passes one of their arrays has imported them.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType
from typing import Final, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from poolhouse.client.errors import UnexpectedAnswer
from poolhouse.dtypes import BFLOAT16, ELEMENT_TYPE_BY_NUMPY_NAME, ElementType, element_type_names
from poolhouse.errors import Unprocessable
from poolhouse.tensors import Tensor

Restore = Callable[[Tensor], object]
"""Converts a tensor to the kind of array that the caller passed."""

_Array = npt.NDArray[np.generic]

_MAX_AXES: Final = 64
"""The most axes of a numpy array."""
_MAX_EMPTY_LISTS: Final = 2**20


@runtime_checkable
class SupportsDLPack(Protocol):
    """An array of any library with DLPack: numpy, torch, jax, cupy."""

    def __dlpack__(self, *, stream: None = None) -> object:
        """Export the elements without a copy."""
        ...

    def __dlpack_device__(self) -> tuple[int, int]:
        """The type and number of their device."""
        ...


@runtime_checkable
class _HasArray(Protocol):
    def __array__(self) -> _Array: ...


@runtime_checkable
class _HasNamespace(Protocol):
    def __array_namespace__(self) -> ModuleType: ...


@dataclass(frozen=True, slots=True)
class Converted:
    """A caller's value as a tensor, and the function that converts a result to the same kind."""

    tensor: Tensor
    restore: Restore


def to_tensor(value: object, *, keep_integers: bool = False) -> Converted:
    """Convert a caller's value to a tensor.

    Args:
        value: a numpy array, a torch tensor, a :class:`~poolhouse.tensors.Tensor`, an object with ``__dlpack__`` or
            ``__array__``, or nested lists of numbers or of any of these.
        keep_integers: whether integers in lists stay integers, as indices must, and empty lists hold such. Otherwise
            they become float64, since the average of ``[1, 2]`` is expected to be 1.5.

    Returns:
        a view of the value's memory if it is in C order on the CPU, else one copy.

    Raises:
        Unprocessable: the element type is not supported, or lists are ragged.
    """
    if isinstance(value, Tensor):
        return Converted(value, lambda tensor: tensor)
    if isinstance(value, np.ndarray):
        if type(value) is not np.ndarray and np.ma.is_masked(value):
            # The values under a mask are arbitrary, and pooling would use them.
            raise Unprocessable(
                "invalid_data", "the array has masked elements; replace them first, with x.filled(value)."
            )
        return Converted(_tensor_from_array(value), _restore_numpy(value.dtype))
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        return _from_torch(value, torch)
    if isinstance(value, SupportsDLPack):
        return _from_dlpack(value)
    if isinstance(value, _HasArray):
        array = np.asarray(value)
        return Converted(_tensor_from_array(array), _restore_numpy(array.dtype))
    if isinstance(value, list | tuple):
        if is_array(_first_leaf(value)):
            return _from_lists_of_arrays(value)
        return Converted(_tensor_from_array(_array_from_lists(value, keep_integers=keep_integers)), _to_lists)
    raise Unprocessable(
        "unsupported_dtype",
        f"a {type(value).__name__} is not a tensor; give a numpy array, a torch tensor, nested lists, "
        "or an object with __dlpack__ or __array__.",
    )


def dtype_name(dtype: object) -> str:
    """The wire name of an element type that is given by name, or as a dtype of numpy or torch."""
    if isinstance(dtype, type) and issubclass(dtype, np.generic):
        dtype = np.dtype(dtype)
    return dtype.name if isinstance(dtype, np.dtype) else str(dtype).removeprefix("torch.")


def _tensor_from_array(array: _Array) -> Tensor:
    dtype = _element_type(array.dtype)
    if dtype is BFLOAT16:
        return Tensor(dtype, np.ascontiguousarray(array).view(np.uint16))
    # Does not copy a native array in C order. ascontiguousarray would give an array without axes one axis.
    return Tensor(dtype, np.asarray(array, dtype=dtype.storage, order="C"))


# Cached: reading dtype.name takes about as long as the rest of the conversion.
@lru_cache(maxsize=64)
def _element_type(dtype: np.dtype[np.generic]) -> ElementType:
    # bfloat16 is registered with numpy by ml_dtypes, which is not imported here, so it is recognized by name.
    found = BFLOAT16 if dtype.name == "bfloat16" else ELEMENT_TYPE_BY_NUMPY_NAME.get(dtype.name)
    if found is None:
        raise Unprocessable(
            "unsupported_dtype",
            f"elements of type {dtype.name} cannot be pooled; convert them to one of {element_type_names()}.",
        )
    return found


def _restore_numpy(original_dtype: np.dtype[np.generic]) -> Restore:
    def restore(tensor: Tensor) -> object:
        return tensor.array.view(original_dtype) if tensor.dtype is BFLOAT16 else tensor.array

    return restore


def _from_torch(value: object, torch: ModuleType) -> Converted:
    # The module comes from sys.modules, so a type checker does not know its names.
    device = torch.Tensor.detach(value).device
    try:
        plain = torch.Tensor.detach(value).cpu().contiguous().resolve_conj().resolve_neg()
        if plain.dtype is torch.bfloat16:
            tensor = Tensor(BFLOAT16, plain.view(torch.int16).numpy().view(np.uint16))
        else:
            tensor = _tensor_from_array(plain.numpy())
    except (TypeError, RuntimeError) as fault:
        # Sparse, quantized, float8, on the meta device, or inside torch.func.
        raise Unprocessable(
            "unsupported_dtype",
            f"a torch tensor of type {torch.Tensor.detach(value).dtype} on {device} has no plain elements: "
            f"{str(fault).partition(chr(10))[0]}",
        ) from fault

    def restore(tensor: Tensor) -> object:
        if tensor.dtype is BFLOAT16:
            return torch.from_numpy(tensor.array.view(np.int16)).view(torch.bfloat16).to(device)
        return torch.from_numpy(tensor.array).to(device)

    return Converted(tensor, restore)


def _from_dlpack(value: SupportsDLPack) -> Converted:
    try:
        # numpy's type stubs require types.CapsuleType, which Python has from 3.13.
        array: _Array = np.from_dlpack(value)  # type: ignore[arg-type]
    except (BufferError, RuntimeError, TypeError, ValueError):
        # On a device, or of a type that numpy does not import by DLPack; __array__ may still work.
        if not isinstance(value, _HasArray):
            raise
        array = np.asarray(value)
    to_numpy = _restore_numpy(array.dtype)
    namespace = value.__array_namespace__() if isinstance(value, _HasNamespace) else None

    def restore(tensor: Tensor) -> object:
        found = to_numpy(tensor)
        return found if namespace is None else namespace.from_dlpack(found)

    return Converted(_tensor_from_array(array), restore)


def _array_from_lists(value: list[object] | tuple[object, ...], *, keep_integers: bool) -> _Array:
    try:
        array: _Array = np.asarray(value)
    except ValueError as ragged:
        raise Unprocessable("invalid_data", f"the nested lists do not form a tensor: {ragged}") from None
    except (TypeError, RuntimeError) as fault:
        # torch's message for a tensor among numbers advises to call detach(), which does not help here.
        raise Unprocessable(
            "invalid_data", "the lists contain numbers and arrays; give only numbers, only arrays, or one array."
        ) from fault
    if keep_integers:
        # numpy gives an empty list the type float64.
        return array if array.size else array.astype(np.int64)
    return array.astype(np.float64) if array.dtype.kind in "iu" else array


def _to_lists(tensor: Tensor) -> object:
    if not tensor.array.size and math.prod(size for size in tensor.shape if size) > _MAX_EMPTY_LISTS:
        raise UnexpectedAnswer(
            200,
            f"The response has the shape {tensor.shape}, which as lists would be too many empty lists; "
            "give an array instead of lists.",
        )
    return tensor.array.tolist()


def _first_leaf(value: object) -> object:
    """The first entry of the innermost lists; the depth is limited, since a list may contain itself."""
    for _ in range(_MAX_AXES):
        if not isinstance(value, list | tuple) or not value:
            break
        value = value[0]
    return value


def is_array(value: object) -> bool:
    """Whether a value is an array of any library, and no number or list."""
    # numpy's scalars have __array__ too, but count as numbers.
    return isinstance(value, Tensor | SupportsDLPack | _HasArray) and not isinstance(value, np.generic)


def _from_lists_of_arrays(value: list[object] | tuple[object, ...]) -> Converted:
    """Stack the arrays in nested lists to one tensor; a result becomes lists of the same depth, of arrays of the first
    one's kind."""
    found: list[object] = []
    list_shape = _collect_arrays(value, found, _MAX_AXES)
    converted = [to_tensor(each) for each in found]
    shapes, dtypes = {each.tensor.shape for each in converted}, {each.tensor.dtype for each in converted}
    if len(shapes) > 1 or (BFLOAT16 in dtypes and len(dtypes) > 1):
        differing = sorted(map(str, shapes if len(shapes) > 1 else dtypes))
        raise Unprocessable(
            "invalid_data", f"the arrays in the list do not form a tensor: {' and '.join(differing[:2])} differ."
        )
    # numpy promotes arrays of several types; bfloat16 is not mixed with others, and its bits are stacked.
    stacked = np.stack([each.tensor.array for each in converted])
    dtype = dtypes.pop() if len(dtypes) == 1 else _element_type(stacked.dtype)

    def to_lists(tensor: Tensor, depth: int) -> object:
        if not depth or not tensor.array.ndim:
            return converted[0].restore(tensor)
        # The ellipsis makes a single element an array without axes.
        return [to_lists(Tensor(tensor.dtype, tensor.array[at, ...]), depth - 1) for at in range(len(tensor.array))]

    return Converted(
        Tensor(dtype, stacked.reshape(*list_shape, *stacked.shape[1:])),
        lambda tensor: to_lists(tensor, len(list_shape)),
    )


def _collect_arrays(value: object, found: list[object], depth: int) -> tuple[int, ...]:
    """Append the arrays of nested lists to ``found``, and return the shape of the lists."""
    if is_array(value):
        found.append(value)
        return ()
    if not isinstance(value, list | tuple) or not depth:
        other = f"more than {_MAX_AXES} levels of lists" if not depth else f"a {type(value).__name__}"
        raise Unprocessable(
            "invalid_data", f"the list contains arrays and {other}; give only arrays, only numbers, or one array."
        )
    shapes = {_collect_arrays(each, found, depth - 1) for each in value}
    if len(shapes) > 1:
        raise Unprocessable("invalid_data", "the lists of arrays have different lengths, so they do not form a tensor.")
    return (len(value), *shapes.pop()) if shapes else (0,)
