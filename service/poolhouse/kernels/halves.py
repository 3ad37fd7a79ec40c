"""Conversions between 16-bit floats and float32: by value, and by order for loops that only select elements.

bfloat16 is the upper half of a float32. By order, float16's sign, exponent and fraction are shifted to their positions
in float32 without correcting the exponent bias: that keeps the order, but not the value, and is exactly reversible.
"""

from __future__ import annotations

import numpy as np

from poolhouse.kernels.registry import Element, Flat, helper, loop

_U16, _U32, _F32 = np.uint16, np.uint32, np.float32


@helper
def shift_float16_bits(bits: Element) -> Element:
    """A float16's bits (uint32), shifted to their positions in float32."""
    moved = ((bits & _U32(0x7FFF)) << _U32(13)) | ((bits & _U32(0x8000)) << _U32(16))
    # Infinities and NaN have all exponent bits set, also in float32.
    return moved | _U32(0x7F800000) if (bits & _U32(0x7C00)) == _U32(0x7C00) else moved


@loop("void(uint16*, uint32*, int64)")
def widen_bfloat16(halves: Flat, wide: Flat, n: int) -> None:
    """Convert n elements of bfloat16 to float32."""
    for i in range(n):
        wide[i] = _U32(halves[i]) << _U32(16)


@loop("void(uint32*, uint16*, int64)")
def narrow_bfloat16(wide: Flat, halves: Flat, n: int) -> None:
    """Reverse :func:`widen_bfloat16`."""
    for i in range(n):
        halves[i] = _U16(wide[i] >> _U32(16))


@loop("void(uint16*, uint32*, int64)")
def widen_float16(halves: Flat, wide: Flat, n: int) -> None:
    """Convert n elements of float16 to float32 by order."""
    for i in range(n):
        wide[i] = shift_float16_bits(_U32(halves[i]))


@loop("void(uint32*, uint16*, int64)")
def narrow_float16(wide: Flat, halves: Flat, n: int) -> None:
    """Reverse :func:`widen_float16`."""
    for i in range(n):
        bits = wide[i]
        halves[i] = _U16(((bits >> _U32(13)) & _U32(0x7FFF)) | ((bits >> _U32(16)) & _U32(0x8000)))


@loop("void(uint32*, uint16*, int64)")
def round_bfloat16(wide: Flat, halves: Flat, n: int) -> None:
    """Round float32 bits to the nearest bfloat16, ties to even."""
    for i in range(n):
        bits = wide[i]
        if (bits & _U32(0x7FFFFFFF)) > _U32(0x7F800000):
            halves[i] = _U16(0x7FC0)
        else:
            halves[i] = _U16((bits + _U32(0x7FFF) + ((bits >> _U32(16)) & _U32(1))) >> _U32(16))


@loop("void(uint16*, float32*, int64)")
def float16_to_float32(halves: Flat, wide: Flat, n: int) -> None:
    """Convert float16 to float32 by value."""
    # The difference of the exponent biases; the product is exact and keeps infinities and NaN.
    scale = np.float32(2.0**112)
    for i in range(n):
        wide[i] = _U32(shift_float16_bits(_U32(halves[i]))).view(_F32) * scale


@loop("void(float32*, uint16*, int64)")
def round_float16(wide: Flat, halves: Flat, n: int) -> None:
    """Round float32 to the nearest float16, ties to even."""
    half = np.float32(0.5)
    for i in range(n):
        bits = _F32(wide[i]).view(_U32)
        size = _U32(bits & _U32(0x7FFFFFFF))
        # Adding 0.5 rounds a number below 2^-14 to a multiple of 2^-24, float16's least number.
        fraction = _F32(size.view(_F32) + half).view(_U32)
        found = _U32((size - _U32(0x38000000) + _U32(0xFFF) + ((size >> _U32(13)) & _U32(1))) >> _U32(13))
        found = _U32(fraction - _U32(0x3F000000)) if size < _U32(0x38800000) else found
        found = _U32(0x7C00) if size >= _U32(0x477FF000) else found
        found = _U32(0x7E00) if size > _U32(0x7F800000) else found
        halves[i] = _U16(found | ((bits >> _U32(16)) & _U32(0x8000)))


@loop("void(float64*, float32*, int64)")
def narrow_to_odd(reals: Flat, narrow: Flat, n: int) -> None:
    """Round float64 to odd: truncate to float32, and set its last bit if that changed the number.

    Rounding the result to a 16-bit float gives the float nearest to the float64. Rounding to the nearest float32 before
    would not: a number just beside the middle of two 16-bit floats would become the middle.
    """
    for i in range(n):
        nearest = _F32(reals[i])
        wide = np.float64(nearest)
        bits = _F32(nearest).view(_U32)
        bits = _U32(bits - _U32(1)) if abs(wide) > abs(reals[i]) else bits
        narrow[i] = _U32(bits | _U32(wide != reals[i])).view(_F32)
