"""Conversions of float elements within loops: every 16-bit float, and the float64 numbers next to each boundary."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from poolhouse.dtypes import bfloat16_to_float32, float64_to_bfloat16
from poolhouse.kernels.float_values import FLOAT_TYPES

ALL = np.arange(2**16, dtype=np.uint16)
"""The bits of every 16-bit float."""


def numbers_of(bits: npt.NDArray[np.uint16], name: str) -> npt.NDArray[np.float64]:
    """Elements of 16 bits in float64."""
    with np.errstate(invalid="ignore"):
        return (bits.view(np.float16) if name == "float16" else bfloat16_to_float32(bits)).astype(np.float64)


def rounded(values: npt.NDArray[np.float64], name: str) -> npt.NDArray[np.uint16]:
    """The helper's results; it is plain Python, which warns where unsigned integers wrap as intended."""
    helper: Any = FLOAT_TYPES[name].rounded
    with np.errstate(all="ignore"):
        return np.array([helper(value) for value in values], np.uint16)


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_a_half_is_read_by_value(name: str) -> None:
    """Sums need the value of subnormal numbers, infinities and NaN, too."""
    helper: Any = FLOAT_TYPES[name].value
    some = ALL[::7]

    with np.errstate(invalid="ignore"):
        found = np.array([helper(bits) for bits in some])

    np.testing.assert_array_equal(found, numbers_of(some, name))
    np.testing.assert_array_equal(np.signbit(found), np.signbit(numbers_of(some, name)))


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_a_half_is_rounded_to_itself(name: str) -> None:
    """A maximum is one of its elements."""
    some = ALL[::7][~np.isnan(numbers_of(ALL[::7], name))]

    assert rounded(numbers_of(some, name), name).tolist() == some.tolist()


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_float64_is_rounded_once_to_the_nearest_even(name: str) -> None:
    """Next to the middle of two halves float32 has no number, and rounding to it first would decide the tie wrongly."""
    low = numbers_of(ALL[:-1:13], name)
    high = numbers_of(ALL[1::13], name)
    finite = np.isfinite(low) & np.isfinite(high)
    middles = (low[finite] + high[finite]) / 2
    largest = numbers_of(np.array([0x7BFF if name == "float16" else 0x7F7F], np.uint16), name)[0]
    overflow = largest * (1 + 2.0 ** -(12 if name == "float16" else 9))
    values = np.concatenate(
        (
            middles,
            np.nextafter(middles, np.inf),
            np.nextafter(middles, -np.inf),
            middles * (1 + 2.0**-40),
            [0.0, -0.0, 1e-300, -1e-300, 5e-324, 1e300, -1e300, np.inf, -np.inf, largest, overflow, -overflow],
            [np.nextafter(overflow, 0)],
        )
    )

    found = rounded(values, name)

    with np.errstate(over="ignore"):
        expected = values.astype(np.float16).view(np.uint16) if name == "float16" else float64_to_bfloat16(values)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_any_nan_is_rounded_to_a_nan(name: str) -> None:
    """The upper bits of a NaN can be those of an infinity."""
    nans = np.array([0x7FF0000000000001, 0xFFFFFFFFFFFFFFFF, 0x7FF8000000000000], np.uint64).view(np.float64)

    assert np.isnan(numbers_of(rounded(nans, name), name)).all()


def test_wider_floats_are_left_to_the_assignment() -> None:
    """It rounds once."""
    for name in ("float32", "float64"):
        value: Any = FLOAT_TYPES[name].value
        helper: Any = FLOAT_TYPES[name].rounded
        assert value(np.float32(0.1)) == float(np.float32(0.1))
        assert helper(0.1) == 0.1
        assert FLOAT_TYPES[name].storage == name
