"""Convert the parsed numbers, float64 or exact 64-bit integers, to the requested element type.

A number is rounded to float64, as by other JSON parsers, and then to the element type, ties to even each time. Numbers
too small for the type become zero with their sign; numbers too large are refused, since JSON has no infinity.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NoReturn

import numpy as np
import numpy.typing as npt

from poolhouse.dtypes import BFLOAT16, FLOAT64, ElementType, float64_to_bfloat16
from poolhouse.wire.json.refusals import ElementChecker

Array = npt.NDArray[np.generic]

_CHUNK_ELEMENTS: Final = 64 * 1024
"""Elements of one chunk, whose intermediate results stay in the processor's cache."""
_OVERFLOW_FROM: Final = {"float16": 65520.0, "bfloat16": float.fromhex("0x1.ffp127"), "float32": 2.0**128 - 2.0**103}
"""The least magnitude that rounds to infinity."""
_OVERFLOW_FROM_BITS: Final = {name: int(np.float64(least).view(np.int64)) for name, least in _OVERFLOW_FROM.items()}
"""The same as bits: those of float64 are ordered as their magnitudes."""


def index_at(place: int, shape: Sequence[int]) -> list[int]:
    """The index of the element at this position in C order."""
    return [int(each) for each in np.unravel_index(place, shape)]


def narrow_floats(
    wide: npt.NDArray[np.float64], max_bits: int, checker: ElementChecker, shape: tuple[int, ...]
) -> Array:
    """Convert to a float type; the result is flat and a copy.

    Args:
        max_bits: the bits of the greatest magnitude.
        checker: of the tensor.
        shape: for the index in an error.

    Raises:
        Unprocessable: a finite number would become infinite.
    """
    dtype = checker.dtype
    if dtype is FLOAT64:
        return wide.copy()
    if max_bits < _OVERFLOW_FROM_BITS[dtype.name]:
        return _round_to(wide, dtype)
    overflowed = np.flatnonzero((np.abs(wide) >= _OVERFLOW_FROM[dtype.name]) & np.isfinite(wide))
    if overflowed.size:
        raise checker.too_large_error(index_at(int(overflowed[0]), shape), wide[overflowed[0]])
    return _round_to(wide, dtype)


def _round_to(wide: npt.NDArray[np.float64], dtype: ElementType) -> Array:
    if dtype is not BFLOAT16:
        return wide.astype(dtype.storage)
    bits = np.empty(wide.size, np.uint16)
    for start in range(0, wide.size, _CHUNK_ELEMENTS):
        some = slice(start, start + _CHUNK_ELEMENTS)
        bits[some] = float64_to_bfloat16(wide[some])
    return bits


def narrow_integers(wide: npt.NDArray[Any], checker: ElementChecker, shape: tuple[int, ...]) -> Array:
    """Convert whole numbers to an integer type; the result is flat and a copy.

    Raises:
        Unprocessable: a number is out of the type's range.
    """
    bounds = np.iinfo(checker.dtype.name)
    if wide.size and (wide.min() < bounds.min or wide.max() > bounds.max):
        _refuse_out_of_range(wide, bounds, checker, shape)
    return wide.astype(checker.dtype.storage)


def _refuse_out_of_range(
    wide: npt.NDArray[Any], bounds: Any, checker: ElementChecker, shape: tuple[int, ...]
) -> NoReturn:
    place = int(np.flatnonzero((wide < bounds.min) | (wide > bounds.max))[0])
    checker.check(int(wide[place]), index_at(place, shape))
    raise AssertionError("the checker accepts a number out of range")
