"""What a caller has in hand becomes a tensor, and a tensor becomes the same kind again; neither is copied.

A copy is made only of what does not lie as the wire has it: strided, big-endian, or on a device.
torch, ml_dtypes and jax are never imported here: who hands us one of their arrays has imported them.
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
from poolhouse.dtypes import BFLOAT16, BY_NUMPY, ElementType, names
from poolhouse.errors import Unprocessable
from poolhouse.tensors import Tensor

Restore = Callable[[Tensor], object]
"""Makes a tensor the kind that went in."""

_Array = npt.NDArray[np.generic]

_MAX_AXES: Final = 64
"""Of an array of numpy."""
_MAX_EMPTY_LISTS: Final = 2**20


@runtime_checkable
class SupportsDLPack(Protocol):
    """An array of any library that speaks DLPack: numpy's, torch's, jax's, cupy's."""

    def __dlpack__(self, *, stream: None = None) -> object:
        """Lend the elements."""
        ...

    def __dlpack_device__(self) -> tuple[int, int]:
        """Say where they are."""
        ...


@runtime_checkable
class _HasArray(Protocol):
    def __array__(self) -> _Array: ...


@runtime_checkable
class _HasNamespace(Protocol):
    def __array_namespace__(self) -> ModuleType: ...


@dataclass(frozen=True, slots=True)
class Converted:
    """A caller's value as a tensor, and the way back to its kind."""

    tensor: Tensor
    restore: Restore


def to_tensor(value: object, *, keep_integers: bool = False) -> Converted:
    """The tensor that a caller's value is.

    Args:
        value: a numpy array, a torch tensor, a :class:`~poolhouse.tensors.Tensor`, whatever has ``__dlpack__`` or
            ``__array__``, or nested lists of numbers or of any of these.
        counts: whether whole numbers in lists are meant as such, as in indices. Else they are float64: who writes
            ``[1, 2]`` and asks for the average means 1.5.

    Returns:
        a view of the value's memory where it lies in C order on the CPU, else one copy.

    Raises:
        Unprocessable: elements that have no place on the wire, or lists that are ragged.
    """
    if isinstance(value, Tensor):
        return Converted(value, lambda tensor: tensor)
    if isinstance(value, np.ndarray):
        if type(value) is not np.ndarray and np.ma.is_masked(value):
            # Under a mask lies anything; pooling it would give numbers that the caller has crossed out.
            raise Unprocessable(
                "invalid_data", "a masked array hides elements; say what stands there: x.filled(value)."
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
        if _is_array(_first_leaf(value)):
            return _from_lists_of_arrays(value)
        return Converted(_tensor_from_array(_array_from_lists(value, keep_integers=keep_integers)), _to_lists)
    raise Unprocessable(
        "unsupported_dtype",
        f"a {type(value).__name__} is no tensor; give a numpy array, a torch tensor, nested lists, "
        "or anything with __dlpack__ or __array__.",
    )


def dtype_name(dtype: object) -> str:
    """An element type's name on the wire, from its name, from numpy's type or from torch's."""
    if isinstance(dtype, type) and issubclass(dtype, np.generic):
        dtype = np.dtype(dtype)
    return dtype.name if isinstance(dtype, np.dtype) else str(dtype).removeprefix("torch.")


def _tensor_from_array(array: _Array) -> Tensor:
    dtype = _element_type(array.dtype)
    if dtype is BFLOAT16:
        return Tensor(dtype, np.ascontiguousarray(array).view(np.uint16))
    # Both leave an array alone that is native and in order; ascontiguousarray would make a number a list of one.
    return Tensor(dtype, np.asarray(array, dtype=dtype.storage, order="C"))


# To ask numpy for the name takes as long as to look for a tensor's memory.
@lru_cache(maxsize=64)
def _element_type(dtype: np.dtype[np.generic]) -> ElementType:
    # ml_dtypes' bfloat16 is a type that numpy learnt from outside; its name is all that we need to know.
    found = BFLOAT16 if dtype.name == "bfloat16" else BY_NUMPY.get(dtype.name)
    if found is None:
        raise Unprocessable(
            "unsupported_dtype", f"elements of type {dtype.name} cannot be pooled; convert to one of {names()}."
        )
    return found


def _restore_numpy(given: np.dtype[np.generic]) -> Restore:
    def give(tensor: Tensor) -> object:
        return tensor.array.view(given) if tensor.dtype is BFLOAT16 else tensor.array

    return give


def _from_torch(value: object, torch: ModuleType) -> Converted:
    # The module came out of sys.modules, so its names have no types here; the checks are the tests'.
    device = torch.Tensor.detach(value).device
    try:
        plain = torch.Tensor.detach(value).cpu().contiguous().resolve_conj().resolve_neg()
        if plain.dtype is torch.bfloat16:
            tensor = Tensor(BFLOAT16, plain.view(torch.int16).numpy().view(np.uint16))
        else:
            tensor = _tensor_from_array(plain.numpy())
    except (TypeError, RuntimeError) as fault:
        # Sparse, quantized, of float8, without elements as on the meta device, or inside of torch.func.
        raise Unprocessable(
            "unsupported_dtype",
            f"a torch tensor of type {torch.Tensor.detach(value).dtype} on {device} cannot be had as plain elements: "
            f"{str(fault).partition(chr(10))[0]}",
        ) from fault

    def give(tensor: Tensor) -> object:
        if tensor.dtype is BFLOAT16:
            return torch.from_numpy(tensor.array.view(np.int16)).view(torch.bfloat16).to(device)
        return torch.from_numpy(tensor.array).to(device)

    return Converted(tensor, give)


def _from_dlpack(value: SupportsDLPack) -> Converted:
    try:
        # numpy's types want a capsule, which Python before 3.13 has no name for.
        array: _Array = np.from_dlpack(value)  # type: ignore[arg-type]
    except (BufferError, RuntimeError, TypeError, ValueError):
        # On a device, or of a type that DLPack's numpy does not know: its own way to numpy may still work.
        if not isinstance(value, _HasArray):
            raise
        array = np.asarray(value)
    to_numpy = _restore_numpy(array.dtype)
    namespace = value.__array_namespace__() if isinstance(value, _HasNamespace) else None

    def give(tensor: Tensor) -> object:
        found = to_numpy(tensor)
        return found if namespace is None else namespace.from_dlpack(found)

    return Converted(_tensor_from_array(array), give)


def _array_from_lists(value: list[object] | tuple[object, ...], *, keep_integers: bool) -> _Array:
    try:
        array: _Array = np.asarray(value)
    except ValueError as ragged:
        raise Unprocessable("invalid_data", f"the nested lists are no tensor: {ragged}") from None
    except (TypeError, RuntimeError) as fault:
        # torch, of a tensor among numbers: its words are about how to get at what is inside of it.
        raise Unprocessable(
            "invalid_data", "the lists hold numbers and arrays; give numbers alone, arrays alone, or one array."
        ) from fault
    return array.astype(np.float64) if array.dtype.kind == "i" and not keep_integers else array


def _to_lists(tensor: Tensor) -> object:
    if not tensor.array.size and math.prod(size for size in tensor.shape if size) > _MAX_EMPTY_LISTS:
        raise UnexpectedAnswer(
            200,
            f"The answer has the shape {tensor.shape}: no element, and too many lists; give an array in their place.",
        )
    return tensor.array.tolist()


def _first_leaf(value: object) -> object:
    """The first entry of the innermost lists. They are counted, since a list may hold itself."""
    for _ in range(_MAX_AXES):
        if not isinstance(value, list | tuple) or not value:
            break
        value = value[0]
    return value


def _is_array(value: object) -> bool:
    # numpy's numbers have __array__ too, and are numbers.
    return isinstance(value, Tensor | SupportsDLPack | _HasArray) and not isinstance(value, np.generic)


def _from_lists_of_arrays(value: list[object] | tuple[object, ...]) -> Converted:
    """One tensor of the arrays in nested lists; what comes back is lists as deep, of arrays of the first one's kind."""
    found: list[object] = []
    lead = _collect_arrays(value, found, _MAX_AXES)
    taken = [to_tensor(each) for each in found]
    shapes, kinds = {each.tensor.shape for each in taken}, {each.tensor.dtype for each in taken}
    if len(shapes) > 1 or (BFLOAT16 in kinds and len(kinds) > 1):
        differing = sorted(map(str, shapes if len(shapes) > 1 else kinds))
        raise Unprocessable(
            "invalid_data", f"the arrays in the list are no tensor together: {' and '.join(differing[:2])} differ."
        )
    # Arrays of several types become what numpy makes of them; bfloat16 is alone, and its bits are joined.
    joined = np.stack([each.tensor.array for each in taken])
    dtype = kinds.pop() if len(kinds) == 1 else _element_type(joined.dtype)

    def lists_of(tensor: Tensor, depth: int) -> object:
        if not depth or not tensor.array.ndim:
            return taken[0].restore(tensor)
        # The dots keep a number an array of no axes.
        return [lists_of(Tensor(tensor.dtype, tensor.array[at, ...]), depth - 1) for at in range(len(tensor.array))]

    return Converted(
        Tensor(dtype, joined.reshape(*lead, *joined.shape[1:])), lambda tensor: lists_of(tensor, len(lead))
    )


def _collect_arrays(value: object, found: list[object], depth: int) -> tuple[int, ...]:
    """Put the arrays of nested lists into ``found``, and say how many there are along each of the lists' axes."""
    if _is_array(value):
        found.append(value)
        return ()
    if not isinstance(value, list | tuple) or not depth:
        what = "more lists in lists than a tensor has axes" if not depth else f"a {type(value).__name__}"
        raise Unprocessable(
            "invalid_data", f"the list holds arrays and {what}; give arrays alone, numbers alone, or one array."
        )
    shapes = {_collect_arrays(each, found, depth - 1) for each in value}
    if len(shapes) > 1:
        raise Unprocessable("invalid_data", "the lists of arrays are of different lengths, so they are no tensor.")
    return (len(value), *shapes.pop()) if shapes else (0,)
