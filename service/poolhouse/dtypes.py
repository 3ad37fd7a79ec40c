"""The element types, in one table: how each is spelled everywhere and how its bytes are held.

numpy has no bfloat16, so its elements are held as the uint16 with the same bits; nothing here needs
ml_dtypes. Element types of other systems are added here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

Kind = Literal["float", "integer", "boolean"]


@dataclass(frozen=True, slots=True)
class ElementType:
    """One element type.

    Attributes:
        name: torch's and our spelling, ``float32``.
        kind: ``float``, ``integer`` or ``boolean``.
        itemsize: bytes an element.
        storage: the numpy dtype that holds the elements, native byte order (uint16 for bfloat16).
        npy: the dtype in a ``.npy`` header; bfloat16 is two raw bytes (``V2``), as ml_dtypes writes it.
        safetensors: the spelling of safetensors.
        protocol: the spelling of the Open Inference Protocol.
    """

    name: str
    kind: Kind
    itemsize: int
    storage: np.dtype[np.generic]
    npy: str
    safetensors: str
    protocol: str

    def __repr__(self) -> str:
        return self.name

    def __reduce__(self) -> tuple[Callable[[str], ElementType], tuple[str]]:
        # By name: there is one of each, and code tells them apart with "is".
        return element_type, (self.name,)


def element_type(name: str) -> ElementType:
    """The element type of this name, as in :data:`ELEMENT_TYPES`; what a pickled one is read by.

    Raises:
        KeyError: there is none.
    """
    return ELEMENT_TYPES[name]


def _row(name: str, kind: Kind, storage: str, npy: str, safetensors: str, protocol: str) -> ElementType:
    dtype: np.dtype[np.generic] = np.dtype(storage)
    return ElementType(name, kind, dtype.itemsize, dtype, npy, safetensors, protocol)


ELEMENT_TYPES: Final[dict[str, ElementType]] = {
    row.name: row
    for row in (
        _row("float16", "float", "float16", "<f2", "F16", "FP16"),
        _row("bfloat16", "float", "uint16", "<V2", "BF16", "BF16"),
        _row("float32", "float", "float32", "<f4", "F32", "FP32"),
        _row("float64", "float", "float64", "<f8", "F64", "FP64"),
        _row("int8", "integer", "int8", "|i1", "I8", "INT8"),
        _row("int16", "integer", "int16", "<i2", "I16", "INT16"),
        _row("int32", "integer", "int32", "<i4", "I32", "INT32"),
        _row("int64", "integer", "int64", "<i8", "I64", "INT64"),
        _row("uint8", "integer", "uint8", "|u1", "U8", "UINT8"),
        _row("bool", "boolean", "bool", "|b1", "BOOL", "BOOL"),
    )
}

BFLOAT16: Final = ELEMENT_TYPES["bfloat16"]
FLOAT32: Final = ELEMENT_TYPES["float32"]
FLOAT64: Final = ELEMENT_TYPES["float64"]
INT64: Final = ELEMENT_TYPES["int64"]
BY_SAFETENSORS: Final[dict[str, ElementType]] = {row.safetensors: row for row in ELEMENT_TYPES.values()}
BY_NUMPY: Final[dict[str, ElementType]] = {
    row.storage.name: row for row in ELEMENT_TYPES.values() if row is not BFLOAT16
}


def names(*, kinds: tuple[Kind, ...] = ("float", "integer", "boolean")) -> str:
    """The names of the element types of these kinds, for a message."""
    return ", ".join(row.name for row in ELEMENT_TYPES.values() if row.kind in kinds)


def bfloat16_to_float32(bits: npt.NDArray[np.uint16]) -> npt.NDArray[np.float32]:
    """The values that these bfloat16 bits stand for. A copy, exact."""
    return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)


def float32_to_bfloat16(values: npt.NDArray[np.float32]) -> npt.NDArray[np.uint16]:
    """The bits of the nearest bfloat16, ties to even, NaN kept a NaN. A copy.

    Source: the rounding of torch's ``c10::BFloat16``.
    """
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    rounded = (bits + (np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1)))) >> np.uint32(16)
    quiet = np.where(np.isnan(values), np.uint32(0x7FC0), rounded)
    return quiet.astype(np.uint16)


def float64_to_bfloat16(values: npt.NDArray[np.float64]) -> npt.NDArray[np.uint16]:
    """The bits of the nearest bfloat16, rounded once and not by way of float32 a second time. A copy."""
    with np.errstate(over="ignore"):
        narrow = values.astype(np.float32)
    bits = narrow.view(np.uint32)
    # What float32 puts halfway between two bfloat16 is nearer to the one on the side that it came from.
    halfway = (bits & np.uint32(0xFFFF)) == np.uint32(0x8000)
    grown, shrunk = (halfway & (compare(np.abs(narrow), np.abs(values))) for compare in (np.greater, np.less))
    return float32_to_bfloat16((bits - grown + shrunk).view(np.float32))
