"""How long the JSON text of a tensor can be, from its shape and element type alone.

The text is part of what an answer costs: a tensor of shape ``(20000000, 0)`` has no bytes and 60 MB of brackets, and
one of booleans takes six times its bytes. It is known in closed form before anything is printed.
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
    "bool": len("false"),
}
"""Characters of one element at most. Floats have a sign, a point, nine or seventeen digits that tell them apart, and
up to six zeros or four characters of exponent; what is not finite is shorter, in its quotes."""

_HEAD_BYTES: Final = 128
"""More than the name of an output, its element type and the keys beside them take."""
_SIZE_BYTES: Final = 20


def nested_list_bytes(shape: Sequence[int], element_bytes: int) -> int:
    """The length of nested lists of this shape whose elements are each so long: brackets, commas, elements."""
    lists, total = 1, 0
    for size in shape:
        total += lists * (2 + max(size - 1, 0))
        lists *= size
    return total + lists * element_bytes


def max_text_bytes(metadata: TensorMetadata, encoding: str) -> int:
    """At most so long is one entry of an answer, its elements as lists or as base64."""
    head = _HEAD_BYTES + _SIZE_BYTES * len(metadata.shape)
    if encoding == "base64":
        return head + (metadata.nbytes + 2) // 3 * 4
    return head + nested_list_bytes(metadata.shape, MAX_ELEMENT_CHARS[metadata.dtype.name])
