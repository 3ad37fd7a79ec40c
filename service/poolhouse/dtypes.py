"""The element types in one table: their names in each format, and their storage.

numpy has no bfloat16, so its elements are stored as uint16 with the same bits, without ml_dtypes. The numpy dtype of an
array therefore does not tell bfloat16 from uint16; its :class:`ElementType` does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

ElementKind = Literal["float", "integer", "boolean"]


@dataclass(frozen=True, slots=True)
class ElementType:
    """One element type.

    Attributes:
        name: as in torch: ``float32``.
        kind: ``float``, ``integer`` or ``boolean``.
        itemsize: bytes per element.
        storage: the numpy dtype of the elements, in native byte order (uint16 for bfloat16).
        npy_descr: the dtype in a ``.npy`` header; ``V2`` for bfloat16, as ml_dtypes writes it.
        safetensors_name: the name in safetensors.
        open_inference_name: the name in the Open Inference Protocol.
    """

    name: str
    kind: ElementKind
    itemsize: int
    storage: np.dtype[np.generic]
    npy_descr: str
    safetensors_name: str
    open_inference_name: str

    @property
    def is_unsigned(self) -> bool:
        """Whether it is an integer type without negative numbers."""
        return self.kind == "integer" and self.storage.kind == "u"

    def __repr__(self) -> str:
        return self.name

    def __reduce__(self) -> tuple[Callable[[str], ElementType], tuple[str]]:
        # By name: each exists once per process, and is compared with "is".
        return element_type, (self.name,)


def element_type(name: str) -> ElementType:
    """The element type of this name; pickle calls it.

    Raises:
        KeyError: there is none.
    """
    return ELEMENT_TYPES[name]


def _row(name: str, kind: ElementKind, storage: str, npy: str, safetensors: str, protocol: str) -> ElementType:
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
        _row("uint16", "integer", "uint16", "<u2", "U16", "UINT16"),
        _row("uint32", "integer", "uint32", "<u4", "U32", "UINT32"),
        _row("uint64", "integer", "uint64", "<u8", "U64", "UINT64"),
        _row("bool", "boolean", "bool", "|b1", "BOOL", "BOOL"),
    )
}

BFLOAT16: Final = ELEMENT_TYPES["bfloat16"]
FLOAT32: Final = ELEMENT_TYPES["float32"]
FLOAT64: Final = ELEMENT_TYPES["float64"]
INT64: Final = ELEMENT_TYPES["int64"]
UINT64: Final = ELEMENT_TYPES["uint64"]
BOOL: Final = ELEMENT_TYPES["bool"]
ELEMENT_TYPE_BY_SAFETENSORS_NAME: Final[dict[str, ElementType]] = {
    row.safetensors_name: row for row in ELEMENT_TYPES.values()
}
ELEMENT_TYPE_BY_NUMPY_NAME: Final[dict[str, ElementType]] = {
    row.storage.name: row for row in ELEMENT_TYPES.values() if row is not BFLOAT16
}


def element_type_names(*, kinds: tuple[ElementKind, ...] = ("float", "integer", "boolean")) -> str:
    """The names of the element types of these kinds, for an error message."""
    return ", ".join(row.name for row in ELEMENT_TYPES.values() if row.kind in kinds)


def bfloat16_to_float32(bits: npt.NDArray[np.uint16]) -> npt.NDArray[np.float32]:
    """Convert bfloat16 bits to float32, exactly."""
    return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)


def float32_to_bfloat16(values: npt.NDArray[np.float32]) -> npt.NDArray[np.uint16]:
    """Round to the bits of the nearest bfloat16, ties to even; a NaN stays a NaN.

    Source: the rounding of torch's ``c10::BFloat16``.
    """
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    rounded = (bits + (np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1)))) >> np.uint32(16)
    quiet = np.where(np.isnan(values), np.uint32(0x7FC0), rounded)
    return quiet.astype(np.uint16)


def float64_to_bfloat16(values: npt.NDArray[np.float64]) -> npt.NDArray[np.uint16]:
    """Round to the bits of the nearest bfloat16, without rounding twice through float32."""
    with np.errstate(over="ignore"):
        narrow = values.astype(np.float32)
    bits = narrow.view(np.uint32)
    # If rounding to float32 gave a tie between two bfloat16, the float64 value decides: move one bit towards it.
    halfway = (bits & np.uint32(0xFFFF)) == np.uint32(0x8000)
    grown, shrunk = (halfway & (compare(np.abs(narrow), np.abs(values))) for compare in (np.greater, np.less))
    return float32_to_bfloat16((bits - grown + shrunk).view(np.float32))
