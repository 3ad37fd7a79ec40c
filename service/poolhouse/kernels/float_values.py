"""Conversions of float elements to float64 and back within loops, rounded once to the nearest, ties to even.

Rounding a float64 to float32 and then to 16 bits would round twice, which can give the second nearest number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from poolhouse.kernels.halves import shift_float16_bits
from poolhouse.kernels.registry import Element, helper

_U16, _U32, _U64, _F32, _F64 = np.uint16, np.uint32, np.uint64, np.float32, np.float64
_FLOAT16_SCALE: Final = np.float32(2.0**112)
"""The difference of the exponent biases of float16 and float32."""


@dataclass(frozen=True)
class FloatType:
    """How loops read and write the elements of a float type.

    Attributes:
        storage: the element type of pointers to them: ``uint16`` for both types of 16 bits.
        value: helper: the float64 of an element.
        rounded: helper: the element nearest to a float64; the assignment to float32 rounds.
    """

    storage: str
    value: Callable[[Element], Element]
    rounded: Callable[[Element], Element]


@helper
def value_of_float(number: Element) -> Element:
    """The float64 of a float32 or float64."""
    return _F64(number)


@helper
def value_of_float16(bits: Element) -> Element:
    """The float64 of a float16."""
    return _F64(_U32(shift_float16_bits(_U32(bits))).view(_F32) * _FLOAT16_SCALE)


@helper
def value_of_bfloat16(bits: Element) -> Element:
    """The float64 of a bfloat16."""
    return _F64(_U32(_U32(bits) << _U32(16)).view(_F32))


@helper
def unrounded(number: Element) -> Element:
    """The number itself."""
    return number


def _make_rounded(fraction_bits: int, bias: int) -> Callable[[Element], Element]:
    """Make the helper that rounds float64 to the bits of a 16-bit float."""
    dropped = 52 - fraction_bits
    shift, one, magnitude = _U64(dropped), _U64(1), _U64(2**63 - 1)
    rebias = _U64(((1023 - bias) << 52) - (1 << (dropped - 1)) + 1)
    # Its last place is the least number of the type, so that adding it rounds a subnormal number.
    large = 2.0 ** (1 - bias - fraction_bits + 52)
    large_bits = _U64(np.array(large).view(np.uint64).item())
    least_normal = _U64((1024 - bias) << 52)
    # In the middle between the largest number and the next power of two.
    overflow = _U64(((1023 + bias) << 52) + (((1 << (fraction_bits + 1)) - 1) << (dropped - 1)))
    infinity = _U64((2 * bias + 1) << fraction_bits)
    nan = _U64(((2 * bias + 1) << fraction_bits) + (1 << (fraction_bits - 1)))
    infinite, sign_shift, sign = _U64(0x7FF << 52), _U64(48), _U64(0x8000)

    @helper
    def rounded(number: Element) -> Element:
        bits = _F64(number).view(_U64)
        size = _U64(bits & magnitude)
        found = _U64((size - rebias + ((size >> shift) & one)) >> shift)
        found = _U64(_F64(size.view(_F64) + large).view(_U64) - large_bits) if size < least_normal else found
        found = infinity if size >= overflow else found
        found = nan if size > infinite else found
        return _U16(found | ((bits >> sign_shift) & sign))

    return rounded


FLOAT_TYPES: Final[Mapping[str, FloatType]] = {
    "float32": FloatType("float32", value_of_float, unrounded),
    "float64": FloatType("float64", value_of_float, unrounded),
    "float16": FloatType("uint16", value_of_float16, _make_rounded(10, 15)),
    "bfloat16": FloatType("uint16", value_of_bfloat16, _make_rounded(7, 127)),
}
"""The float types by name."""
