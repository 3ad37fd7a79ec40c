"""Bound the length of a tensor's JSON text by its shape and element type alone, in closed form.

The text counts towards the memory of a response: a tensor of shape ``(20000000, 0)`` has no bytes and 60 MB of
brackets, and the text of booleans takes six times their bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from poolhouse.tensors import TensorMetadata

MAX_ELEMENT_CHARS: Final[Mapping[str, int]] = {
    "float16": 17,
    "bfloat16": 17,
    "float32": 17,
    "float64": 25,
    "int8": len("-128"),
    "int16": len("-32768"),
    "int32": len("-2147483648"),
    "int64": len("-9223372036854775808"),
    "uint8": len("255"),
    "uint16": len("65535"),
    "uint32": len("4294967295"),
    "uint64": len("18446744073709551615"),
    "bool": len("false"),
}
"""The maximum characters of one element. Floats have a sign, a point, nine or seventeen significant digits, and up to
six zeros or four characters of exponent; non-finite values are shorter, with their quotes."""

_HEAD_BYTES: Final = 128
"""An upper bound for the name of an output, its element type and the keys."""
_SIZE_BYTES: Final = 20


def nested_list_bytes(shape: Sequence[int], element_bytes: int) -> int:
    """The length of nested lists of this shape with elements of ``element_bytes`` each: brackets, commas, elements."""
    lists, total = 1, 0
    for size in shape:
        total += lists * (2 + max(size - 1, 0))
        lists *= size
    return total + lists * element_bytes


def max_text_bytes(metadata: TensorMetadata, encoding: str) -> int:
    """The maximum length of a tensor's entry in a response, with its elements as lists or as base64."""
    head = _HEAD_BYTES + _SIZE_BYTES * len(metadata.shape)
    if encoding == "base64":
        return head + (metadata.nbytes + 2) // 3 * 4
    return head + nested_list_bytes(metadata.shape, MAX_ELEMENT_CHARS[metadata.dtype.name])
