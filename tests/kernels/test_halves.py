"""Conversions of 16-bit floats: all 65,536 of them, and float32 numbers next to every rounding boundary."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from poolhouse.kernels import halves
from poolhouse.kernels.registry import Loop

ALL = np.arange(2**16, dtype=np.uint16)
"""The bits of every 16-bit float."""


def converted(loop: Loop, given: npt.NDArray[np.generic], target: type[np.generic]) -> npt.NDArray[np.generic]:
    """The elements by a loop; the array behind the last one must stay as it is."""
    out = np.full(len(given) + 1, 7, target)
    loop(given, out, len(given))
    assert out[-1] == 7
    return out[:-1]


@pytest.mark.parametrize(
    ("widen", "narrow"),
    [(halves.widen_bfloat16, halves.narrow_bfloat16), (halves.widen_float16, halves.narrow_float16)],
    ids=["bfloat16", "float16"],
)
def test_widening_is_reversible_for_all_bits(widen: Loop, narrow: Loop) -> None:
    """A maximum is one of its elements, with the payload of a NaN."""
    wide = converted(widen, ALL, np.uint32)

    assert converted(narrow, wide, np.uint16).tolist() == ALL.tolist()


def test_a_widened_float16_has_its_order_and_kind() -> None:
    """Loops compare the widened numbers only; infinities and NaN must stay what they are."""
    numbers = ALL.view(np.float16).astype(np.float64)

    wide = converted(halves.widen_float16, ALL, np.uint32).view(np.float32)

    for kind in (np.isnan, np.isposinf, np.isneginf, np.signbit):
        np.testing.assert_array_equal(kind(wide), kind(ALL.view(np.float16)))
    order = np.argsort(numbers[~np.isnan(numbers)], kind="stable")
    steps, expected = (np.diff(each[~np.isnan(numbers)].astype(np.float64)[order]) for each in (wide, numbers))
    np.testing.assert_array_equal(steps > 0, expected > 0)
    assert not (steps < 0).any()


def test_float16_is_converted_by_value() -> None:
    """Sums need the value, also of subnormal numbers, infinities and NaN."""
    found = converted(halves.float16_to_float32, ALL, np.float32)

    with np.errstate(invalid="ignore"):
        expected = ALL.view(np.float16).astype(np.float32)
    np.testing.assert_array_equal(found, expected)
    numbers = ~np.isnan(expected)
    assert found[numbers].tobytes() == expected[numbers].tobytes()


def boundaries(wide: npt.NDArray[np.uint32]) -> npt.NDArray[np.float32]:
    """Each number, its neighbours, and the numbers around the middle to the next 16-bit float."""
    # bfloat16 drops 16 bits, float16 drops 13 and more for subnormal numbers.
    offsets = np.array([middle + step for middle in (0, 1 << 12, 1 << 15) for step in (-1, 0, 1)], np.int64)
    numbers = np.add.outer(offsets, wide.astype(np.int64)).astype(np.uint32).reshape(-1).view(np.float32)
    return numbers[~np.isnan(numbers)]


def test_bfloat16_is_rounded_to_the_nearest_even() -> None:
    """Results are rounded once; the exact middle goes to the neighbour whose last bit is 0."""
    numbers = boundaries(ALL.astype(np.uint32) << np.uint32(16))

    found = converted(halves.round_bfloat16, numbers.view(np.uint32), np.uint16).astype(np.int64)

    bits = numbers.view(np.uint32).astype(np.int64)
    low, high = bits >> 16, (bits >> 16) + 1
    below, above = bits - (low << 16), (high << 16) - bits
    nearest = np.where(below < above, low, np.where(above < below, high, low + (low & 1)))
    np.testing.assert_array_equal(found, nearest)


def test_float16_is_rounded_to_the_nearest_even() -> None:
    """Also to subnormal numbers, which have fewer bits, and to infinity."""
    with np.errstate(invalid="ignore", over="ignore"):
        numbers = boundaries(ALL.view(np.float16).astype(np.float32).view(np.uint32))
        tiny = np.arange(0, 2**11, dtype=np.float32) * np.float32(2.0**-26)
        numbers = np.concatenate((numbers, tiny, -tiny, np.array([65519.99, 65520.0, 1e38, -1e38], np.float32)))
        expected = numbers.astype(np.float16)

    found = converted(halves.round_float16, numbers, np.uint16)

    np.testing.assert_array_equal(found, expected.view(np.uint16))


def test_any_nan_is_rounded_to_a_nan() -> None:
    """Rounding the bits of a NaN as a number can give an infinity or a zero."""
    nans = np.array([0x7F800001, 0x7FFFFFFF, 0xFF800001, 0xFFFFFFFF, 0x7FC00000], np.uint32)

    as_bfloat16 = converted(halves.round_bfloat16, nans, np.uint16).astype(np.uint32) << np.uint32(16)
    as_float16 = converted(halves.round_float16, nans.view(np.float32), np.uint16).view(np.float16)

    assert np.isnan(as_bfloat16.view(np.float32)).all()
    assert np.isnan(as_float16).all()
