"""Convert one tensor of a parsed JSON body: its metadata, then its elements."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple, TypeAlias

from poolhouse.dtypes import BOOL, FLOAT32, ElementType
from poolhouse.errors import FieldProblem, Unprocessable
from poolhouse.tensor_names import MAYBE_BOOLEAN, TENSOR_TYPES
from poolhouse.tensors import Tensor, TensorMetadata
from poolhouse.wire.elements import MAX_RANK, check_shape, parse_element_type, tensor_from_bytes
from poolhouse.wire.json.base64 import NotBase64, ScannedBase64
from poolhouse.wire.json.body_scan import ScannedList
from poolhouse.wire.json.narrowing import Array
from poolhouse.wire.json.python_reader import ParsedBase64, ParsedList
from poolhouse.wire.json.refusals import ElementChecker, invalid_data_error
from poolhouse.wire.quoting import describe_value, quote_clipped

NumberList: TypeAlias = ScannedList | ParsedList
Base64Text: TypeAlias = ScannedBase64 | ParsedBase64

_TENSOR_KEYS: Final = frozenset({"data", "base64", "shape", "dtype"})
_METADATA_KEYS: Final = frozenset({"shape", "dtype"})


class TensorEntry(NamedTuple):
    """One tensor of the document, its metadata parsed and its elements unconverted."""

    name: str
    pointer: str
    dtype: ElementType
    shape: tuple[int, ...] | None
    data: object


def _read_shape(value: object, name: str) -> tuple[int, ...]:
    pointer = f"/{name}/shape"
    if not isinstance(value, list):
        raise invalid_data_error(f"The shape of {name} is no list; write for example [8, 64, 112, 112].", pointer)
    if len(value) > MAX_RANK:
        raise Unprocessable(
            "wrong_rank",
            f"The shape of {name} has {len(value)} sizes, more than the limit of {MAX_RANK}; "
            "shapes are (N, C, *spatial) or (C, *spatial).",
        )
    for size in value:
        # JSON does not distinguish 4.0 from 4.
        if not (type(size) is int or (type(size) is float and size.is_integer() and abs(size) < 2.0**63)):
            raise invalid_data_error(
                f"The shape of {name} holds {describe_value(size)}; sizes are whole numbers of at most 63 bits.",
                pointer,
            )
    return tuple(map(int, value))


def _read_dtype(entry: Mapping[str, object], name: str) -> ElementType:
    if "dtype" not in entry:
        return _default_type(name, entry.get("data"))
    spelling = entry["dtype"]
    if not isinstance(spelling, str):
        raise invalid_data_error(f'The dtype of {name} is no string; write for example "float32".', f"/{name}/dtype")
    return parse_element_type(spelling, f"/{name}/dtype")


def _default_type(name: str, data: object) -> ElementType:
    if name in MAYBE_BOOLEAN and isinstance(data, NumberList) and data.holds_booleans:
        return BOOL
    return TENSOR_TYPES.get(name, FLOAT32)


def _refuse_unknown_keys(entry: Mapping[str, object], known: frozenset[str], name: str) -> None:
    for key in entry:
        if key not in known:
            message = f"{name} has the unknown key {quote_clipped(key)}; its keys are {', '.join(sorted(known))}."
            problem = FieldProblem(f"/{name}/{key[:60]}", "unknown", message)
            raise Unprocessable("invalid_fields", message, problems=(problem,))


def read_entry(name: str, value: object) -> TensorEntry:
    """Check the value of a tensor's key, and parse its metadata; one of another name than those of requests is float32
    by default.

    Raises:
        Unprocessable: the value is no tensor; names the first fault and its pointer.
    """
    if isinstance(value, NumberList):
        return TensorEntry(name, f"/{name}", _default_type(name, value), None, value)
    if not isinstance(value, dict):
        raise invalid_data_error(
            f"{name} is {describe_value(value)}; write a nested list of numbers, or an object with data or base64.",
            f"/{name}",
        )
    if not value.keys() <= _TENSOR_KEYS:
        _refuse_unknown_keys(value, _TENSOR_KEYS, name)
    dtype = _read_dtype(value, name)
    shape = _read_shape(value["shape"], name) if "shape" in value else None
    if ("data" in value) == ("base64" in value):
        raise invalid_data_error(f"{name} needs exactly one of data and base64.", f"/{name}")
    if "data" in value:
        if not isinstance(value["data"], NumberList):
            raise invalid_data_error(
                f"data of {name} is no list; write nested lists of numbers, or a flat list and a shape.",
                f"/{name}/data",
            )
        return TensorEntry(name, f"/{name}/data", dtype, shape, value["data"])
    if not isinstance(value["base64"], Base64Text):
        raise invalid_data_error(f"base64 of {name} is no string; write the base64 of its elements.", f"/{name}/base64")
    if shape is None:
        raise invalid_data_error(f'{name} has base64 without a shape; add "shape": [...].', f"/{name}/shape")
    return TensorEntry(name, f"/{name}/base64", dtype, shape, value["base64"])


def _tensor_from_base64(entry: TensorEntry, encoded: Base64Text) -> Tensor:
    assert entry.shape is not None
    check_shape(entry.shape, entry.dtype, entry.name, f"/{entry.name}/shape")
    try:
        elements = encoded.decode()
    except NotBase64 as fault:
        raise invalid_data_error(f"base64 of {entry.name} {fault}", entry.pointer) from None
    nbytes = TensorMetadata(entry.dtype, entry.shape).nbytes
    if len(elements) != nbytes:
        raise invalid_data_error(
            f"{entry.name} of shape {list(entry.shape)} and type {entry.dtype.name} takes {nbytes} bytes, "
            f"and its base64 holds {len(elements)}.",
            entry.pointer,
        )
    return tensor_from_bytes(elements, entry.dtype, entry.shape, entry.name)


def tensor_from_array(array: Array, entry: TensorEntry) -> Tensor:
    """The tensor of an array, reshaped if the entry has a shape."""
    shape = array.shape if entry.shape is None else entry.shape
    check_shape(shape, entry.dtype, entry.name, entry.pointer)
    if array.shape != shape:
        # Nested lists of an empty shape give only its sizes up to the first zero.
        is_empty = not array.size and array.shape == shape[: array.ndim]
        is_flat = array.ndim == 1 and array.size == TensorMetadata(entry.dtype, shape).element_count
        if not (is_flat or is_empty):
            raise invalid_data_error(
                f"data of {entry.name} has the shape {list(array.shape)}, which contradicts its shape {list(shape)}; "
                "nest the lists by that shape, or send one flat list of that many numbers.",
                entry.pointer,
            )
        array = array.reshape(shape)
    return Tensor(entry.dtype, array)


def read_tensor(name: str, value: object) -> Tensor:
    """Convert the value of a tensor's key; see :func:`read_entry` and :func:`convert`."""
    return convert(read_entry(name, value))


def convert(entry: TensorEntry) -> Tensor:
    """Convert the elements of a tensor.

    Raises:
        Unprocessable: an element is invalid for the type, or their number for the shape; names the first fault.
    """
    if isinstance(entry.data, Base64Text):
        return _tensor_from_base64(entry, entry.data)
    assert isinstance(entry.data, NumberList)
    return tensor_from_array(entry.data.read_elements(ElementChecker(entry.name, entry.dtype, entry.pointer)), entry)


def read_metadata(name: str, entry: object) -> TensorMetadata:
    """The metadata of a tensor without elements, for a plan.

    Raises:
        Unprocessable: the value has elements, has no shape, or is no tensor.
    """
    if not isinstance(entry, dict) or "shape" not in entry:
        raise invalid_data_error(
            f'A plan needs no elements: write {name} as {{"shape": [8, 64, 112, 112], "dtype": "float32"}}.',
            f"/{name}",
        )
    _refuse_unknown_keys(entry, _METADATA_KEYS, name)
    dtype = _read_dtype(entry, name)
    shape = _read_shape(entry["shape"], name)
    check_shape(shape, dtype, name, f"/{name}/shape")
    return TensorMetadata(dtype, shape)
