"""One tensor of a JSON body: from what stands under its name to elements, fast or exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from poolhouse.dtypes import BFLOAT16, FLOAT32, INT64, ElementType, float64_to_bfloat16
from poolhouse.errors import FieldProblem, Unprocessable
from poolhouse.tensors import Outline, Tensor
from poolhouse.wire.elements import MAX_RANK, check_shape, element_type, tensor_of
from poolhouse.wire.json_base64 import NotBase64, read_base64
from poolhouse.wire.json_document import Path
from poolhouse.wire.json_long import LongBase64, LongList, let_go
from poolhouse.wire.json_nest import NoNumbers, Numbers, Wanted
from poolhouse.wire.json_numbers import bad_data, walk
from poolhouse.wire.quoting import clip, shown

DEFAULTS: Final[dict[str, ElementType]] = {"input": FLOAT32, "indices": INT64}
"""The fields that are tensors, and the element type that each has when it names none."""

_TENSOR_KEYS: Final = frozenset({"data", "base64", "shape", "dtype"})
_OUTLINE_KEYS: Final = frozenset({"shape", "dtype"})


@dataclass(frozen=True, slots=True)
class Given:
    """One tensor as the document gives it, its outline read, its elements not yet."""

    name: str
    pointer: str
    dtype: ElementType
    shape: tuple[int, ...] | None
    data: object
    base64: str | LongBase64 | None


def _read_shape(value: object, name: str) -> tuple[int, ...]:
    pointer = f"/{name}/shape"
    if isinstance(value, LongList):
        value = value.lists()
    if not isinstance(value, list):
        raise bad_data(f"The shape of {name} is no list; write it as [8, 64, 112, 112].", pointer)
    if len(value) > MAX_RANK:
        raise Unprocessable(
            "wrong_rank",
            f"The shape of {name} has {len(value)} sizes, more than {MAX_RANK}; "
            "shapes are (N, C, *spatial) or (C, *spatial).",
        )
    for size in value:
        # To JSON 4.0 is as whole a number as 4; it has no types of numbers.
        if not (type(size) is int or (type(size) is float and size.is_integer() and abs(size) < 2.0**63)):
            raise bad_data(
                f"The shape of {name} holds {shown(size)}; sizes are whole numbers of at most 63 bits.",
                pointer,
            )
    return tuple(map(int, value))


def _read_dtype(entry: Mapping[str, object], name: str) -> ElementType:
    if "dtype" not in entry:
        return DEFAULTS[name]
    spelling = entry["dtype"]
    if not isinstance(spelling, str):
        raise bad_data(f'The dtype of {name} is no string; write it as "float32".', f"/{name}/dtype")
    return element_type(spelling, f"/{name}/dtype")


def _refuse_unknown(entry: Mapping[str, object], known: frozenset[str], name: str) -> None:
    for key in entry:
        if key not in known:
            message = f"{name} holds {clip(key)}; a tensor object holds {', '.join(sorted(known))}."
            problem = FieldProblem(f"/{name}/{key[:60]}", "unknown", message)
            raise Unprocessable("invalid_fields", message, problems=(problem,))


def _as_float(data: list[Any], storage: np.dtype[np.generic] | type[np.generic]) -> Numbers:
    try:
        with np.errstate(over="ignore"):
            return np.array(data, dtype=storage)
    except (ValueError, TypeError, OverflowError):
        raise NoNumbers from None


def _as_it_is(data: list[Any]) -> Numbers:
    """No type asked for: numpy then says by the type it finds whether any element was something else."""
    try:
        return np.array(data)
    except (ValueError, TypeError, OverflowError):
        raise NoNumbers from None


@cache
def _wanted(dtype: ElementType) -> Wanted:
    """How lists of numbers become an array: floats rounded once, others as they are, to be looked at."""
    if dtype.kind != "float":
        return Wanted(_as_it_is, floats=False)
    storage = np.dtype(np.float64) if dtype is BFLOAT16 else dtype.storage
    return Wanted(lambda data: _as_float(data, storage), floats=True)


def choose(path: Path, document: Mapping[str, Any]) -> Wanted | None:
    """How the list at this place of a body becomes an array, where it is a tensor's, and of a type that there is."""
    name = path[0]
    if name not in DEFAULTS or path[1:] not in ((), ("data",), ("base64",)):
        return None
    try:
        return _wanted(_read_dtype(document[name], name) if path[1:] else DEFAULTS[name])
    except Unprocessable:
        return None


def read_given(name: str, value: object) -> Given:
    """What stands under ``input`` or ``indices``."""
    if isinstance(value, list | LongList):
        return Given(name, f"/{name}", DEFAULTS[name], None, value, None)
    if not isinstance(value, dict):
        raise bad_data(
            f"{name} is {shown(value)}; write a nested list of numbers, or an object with data or base64.",
            f"/{name}",
        )
    if not value.keys() <= _TENSOR_KEYS:
        _refuse_unknown(value, _TENSOR_KEYS, name)
    dtype = _read_dtype(value, name)
    shape = _read_shape(value["shape"], name) if "shape" in value else None
    if ("data" in value) == ("base64" in value):
        raise bad_data(f"{name} needs either data or base64, and exactly one of the two.", f"/{name}")
    if "data" in value:
        return Given(name, f"/{name}/data", dtype, shape, value["data"], None)
    packed = value["base64"]
    if not isinstance(packed, str | LongBase64):
        raise bad_data(f"base64 of {name} is no string.", f"/{name}/base64")
    if shape is None:
        raise bad_data(f'{name} gives base64 without shape; add "shape": [...].', f"/{name}/shape")
    return Given(name, f"/{name}/base64", dtype, shape, None, packed)


def _from_base64(given: Given) -> Tensor:
    assert given.base64 is not None
    assert given.shape is not None
    check_shape(given.shape, given.dtype, given.name, f"/{given.name}/shape")
    try:
        packed = given.base64
        elements = packed.elements if isinstance(packed, LongBase64) else read_base64(packed)
    except NotBase64 as fault:
        raise bad_data(f"base64 of {given.name} {fault}", given.pointer) from None
    nbytes = Outline(given.dtype, given.shape).nbytes
    if len(elements) != nbytes:
        raise bad_data(
            f"{given.name} of shape {list(given.shape)} and type {given.dtype.name} takes {nbytes} bytes, "
            f"and its base64 holds {len(elements)}.",
            given.pointer,
        )
    return tensor_of(memoryview(elements), given.dtype, given.shape, given.name)


def _shaped(array: npt.NDArray[np.generic], given: Given) -> Tensor:
    """The array under the shape that was given beside it."""
    shape = array.shape if given.shape is None else given.shape
    check_shape(shape, given.dtype, given.name, given.pointer)
    if array.shape != shape:
        # Nested lists show no more of an empty shape than its sizes up to the first zero.
        is_empty = not array.size and array.shape == shape[: array.ndim]
        is_flat = array.ndim == 1 and array.size == Outline(given.dtype, shape).elements
        if not (is_flat or is_empty):
            raise bad_data(
                f"data of {given.name} has the shape {list(array.shape)} and the shape beside it says "
                f"{list(shape)}; give that many numbers flat, or nested just so.",
                given.pointer,
            )
        array = array.reshape(shape)
    return Tensor(given.dtype, array)


def _fast(given: Given) -> Numbers | None:
    """The numbers as an array, or None where only the slow way can say what they are."""
    kind = given.dtype.kind
    data = given.data
    if isinstance(data, LongList):
        found = data.array
    elif isinstance(data, list):
        try:
            found = _wanted(given.dtype).convert(data)
        except NoNumbers:
            found = None
    else:
        found = None
    if found is None:
        return None
    if given.dtype is BFLOAT16:
        return float64_to_bfloat16(found.astype(np.float64, copy=False))
    if kind == "float":
        return found
    if not found.size:
        return found.astype(given.dtype.storage)
    if kind == "boolean":
        return found if found.dtype.kind == "b" else None
    if found.dtype.kind not in "iu":
        return None
    bounds = np.iinfo(given.dtype.name)
    if int(np.min(found)) < bounds.min or int(np.max(found)) > bounds.max:
        return None
    return found.astype(given.dtype.storage, copy=False)


def read_fast(given: Given, has_strings: bool) -> Tensor:
    """The tensor, its numbers not looked at one by one.

    Args:
        given: what the document holds; base64 is read here for good.
        has_strings: whether there may be strings in any tensor's data. Integers are then read exactly:
            numpy would make room for the longest string at each element.
    """
    if given.base64 is not None:
        return _from_base64(given)
    if given.dtype.kind != "float" and has_strings:
        return read_exactly(given)
    array = _fast(given)
    return read_exactly(given) if array is None else _shaped(array, given)


def read_exactly(given: Given) -> Tensor:
    """The tensor, every element looked at.

    Raises:
        Unprocessable: with the first thing that is wrong and where it stands.
    """
    if not isinstance(given.data, LongList):
        return _shaped(walk(given.data, given.dtype, given.name, given.pointer), given)
    lists = given.data.lists()
    try:
        return _shaped(walk(lists, given.dtype, given.name, given.pointer), given)
    finally:
        let_go(lists)


def read_outline(name: str, entry: object) -> Outline:
    """Shape and element type of a tensor that has no elements, for a plan.

    Raises:
        Unprocessable: it has elements, or no shape, or can be no tensor.
    """
    if not isinstance(entry, dict) or "shape" not in entry:
        raise bad_data(
            f'A plan takes no elements: write {name} as {{"shape": [8, 64, 112, 112], "dtype": "float32"}}.',
            f"/{name}",
        )
    _refuse_unknown(entry, _OUTLINE_KEYS, name)
    dtype = _read_dtype(entry, name)
    shape = _read_shape(entry["shape"], name)
    check_shape(shape, dtype, name, f"/{name}/shape")
    return Outline(dtype, shape)


def count_nonfinite(tensor: Tensor) -> int:
    """How many elements are NaN or infinite; 0 for what cannot be."""
    if tensor.dtype.kind != "float":
        return 0
    if tensor.dtype is BFLOAT16:
        bits = tensor.array.view(np.uint16)
        return int(np.count_nonzero((bits & np.uint16(0x7F80)) == np.uint16(0x7F80)))
    return tensor.array.size - int(np.count_nonzero(np.isfinite(tensor.array)))
