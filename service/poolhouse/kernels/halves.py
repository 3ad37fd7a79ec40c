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
