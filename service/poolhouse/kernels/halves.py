"""16-bit floats as float32, for loops that only choose: exact both ways, in the order of the numbers.

bfloat16 is the upper half of a float32. A float16's bits are moved to where float32 has sign, exponent and fraction,
without the difference of the two exponents' biases: its order stays, its value need not.
"""

from __future__ import annotations

import numpy as np

from poolhouse.kernels.compiling import Flat, compiled

_U16, _U32 = np.uint16, np.uint32


@compiled
def widen_bfloat16(halves: Flat, wide: Flat) -> None:
    """Elements of halves (uint16) go to wide (uint32)."""
    for i in range(len(halves)):
        wide[i] = _U32(halves[i]) << _U32(16)


@compiled
def narrow_bfloat16(wide: Flat, halves: Flat) -> None:
    """What :func:`widen_bfloat16` made, back."""
    for i in range(len(halves)):
        halves[i] = _U16(wide[i] >> _U32(16))


@compiled
def widen_float16(halves: Flat, wide: Flat) -> None:
    """Elements of halves (uint16) go to wide (uint32)."""
    for i in range(len(halves)):
        bits = _U32(halves[i])
        moved = ((bits & _U32(0x7FFF)) << _U32(13)) | ((bits & _U32(0x8000)) << _U32(16))
        # Infinities and NaN have every bit of the exponent, also of the wider one.
        wide[i] = moved | _U32(0x7F800000) if (bits & _U32(0x7C00)) == _U32(0x7C00) else moved


@compiled
def narrow_float16(wide: Flat, halves: Flat) -> None:
    """What :func:`widen_float16` made, back."""
    for i in range(len(halves)):
        bits = wide[i]
        halves[i] = _U16(((bits >> _U32(13)) & _U32(0x7FFF)) | ((bits >> _U32(16)) & _U32(0x8000)))


@compiled
def round_bfloat16(wide: Flat, halves: Flat) -> None:
    """float32 bits (uint32) rounded to the nearest bfloat16, to the even one of two."""
    for i in range(len(halves)):
        bits = wide[i]
        if (bits & _U32(0x7FFFFFFF)) > _U32(0x7F800000):
            halves[i] = _U16(0x7FC0)
        else:
            halves[i] = _U16((bits + _U32(0x7FFF) + ((bits >> _U32(16)) & _U32(1))) >> _U32(16))


@compiled
def value_of_float16(halves: Flat, wide: Flat, numbers: Flat) -> None:
    """float16 (uint16) as float32 of the same value; ``numbers`` is wide (uint32) seen as float32."""
    for i in range(len(halves)):
        bits = _U32(halves[i])
        moved = ((bits & _U32(0x7FFF)) << _U32(13)) | ((bits & _U32(0x8000)) << _U32(16))
        wide[i] = moved | _U32(0x7F800000) if (bits & _U32(0x7C00)) == _U32(0x7C00) else moved
    # What the two exponents' biases differ by; an exact product, and infinities and NaN stay.
    scale = np.float32(2.0**112)
    for i in range(len(halves)):
        numbers[i] = numbers[i] * scale


@compiled
def round_float16(wide: Flat, numbers: Flat, halves: Flat) -> None:
    """float32 bits (uint32; ``numbers`` is the same seen as float32) rounded to the nearest float16."""
    small = np.empty(len(halves), np.float32)
    half = np.float32(0.5)
    for i in range(len(halves)):
        # Added to a half, a number below 2^-14 is rounded to a multiple of 2^-24: float16's least.
        small[i] = abs(numbers[i]) + half
    fraction = small.view(np.uint32)
    for i in range(len(halves)):
        bits = wide[i]
        size = bits & _U32(0x7FFFFFFF)
        found = (size - _U32(0x38000000) + _U32(0xFFF) + ((size >> _U32(13)) & _U32(1))) >> _U32(13)
        found = fraction[i] - _U32(0x3F000000) if size < _U32(0x38800000) else found
        found = _U32(0x7C00) if size >= _U32(0x477FF000) else found
        found = _U32(0x7E00) if size > _U32(0x7F800000) else found
        halves[i] = _U16(found | ((bits >> _U32(16)) & _U32(0x8000)))


@compiled
def make_zeros_positive(halves: Flat) -> None:
    """-0 becomes +0, in any 16-bit float type (uint16)."""
    for i in range(len(halves)):
        halves[i] = _U16(0) if halves[i] == _U16(0x8000) else halves[i]
