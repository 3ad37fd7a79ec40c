"""The loops over boxes: they write the channels they are given, and floats that are rounded to 16 bits only once."""

from __future__ import annotations

import numpy as np
import pytest

from poolhouse.dtypes import float64_to_bfloat16
from poolhouse.kernels.box_loops import average_boxes, compare_boxes
from poolhouse.kernels.box_positions import SampleGrid
from poolhouse.kernels.halves import round_bfloat16, round_float16
from poolhouse.kernels.widening import Array

BOXES = np.array([[0.3, 0.7, 4.1, 4.9], [1.2, 2.2, 3.3, 5.0]])
IMAGES = np.zeros(2, np.int64)


def align(x: Array, out: Array, start: int, stop: int, *, skipped: int, takes_max: bool) -> None:
    """Pool channels of both boxes to 2 by 3 bins of 2 by 2 samples."""
    taps = SampleGrid((2, 3), 1.0, 2, aligned=True, takes_max=takes_max).taps(BOXES, (6, 7))
    arrays = [array for axis in taps for array in (*axis[:3], axis.is_complete.view(np.uint8))]
    sizes = (out.shape[1], x.shape[1], 6, 7, 2, 3)
    loop = (compare_boxes if takes_max else average_boxes)["float64"]
    loop(x, out, 2, start, stop, skipped, *sizes, IMAGES, np.full(2, 4.0), *arrays, np.empty(7), np.empty(4, np.int64))


@pytest.mark.parametrize("takes_max", [False, True])
def test_align_writes_its_channels_only(takes_max: bool) -> None:
    """Threads share one output; or a part of the channels has an output of its own."""
    x = np.random.default_rng(0).standard_normal((1, 4, 6, 7))
    whole = np.empty((2, 4, 2, 3))
    align(x, whole, 0, 4, skipped=0, takes_max=takes_max)

    for start, stop in ((0, 3), (1, 4), (2, 3), (2, 2)):
        shared, own = np.full((2, 4, 2, 3), 7.0), np.empty((2, stop - start, 2, 3))
        align(x, shared, start, stop, skipped=0, takes_max=takes_max)
        align(x, own, start, stop, skipped=start, takes_max=takes_max)

        assert shared[:, start:stop].tobytes() == own.tobytes() == whole[:, start:stop].tobytes()
        assert (np.delete(shared, range(start, stop), 1) == 7).all()


@pytest.mark.parametrize("element", ["float16", "bfloat16"])
def test_a_tie_between_halves_is_none_for_float32(element: str) -> None:
    """1 + 2⁻⁹ + 2⁻³⁰ is above a tie of bfloat16, and 1 + 2⁻¹² + … of float16; float32 has only the ties."""
    bits = 8 if element == "bfloat16" else 11
    number = 1 + 2.0**-bits + 2.0**-30
    rng = np.random.default_rng(2)
    numbers = number * 2.0 ** rng.integers(-10, 10, (1, 1, 6, 7)) * rng.choice([-1, 1], (1, 1, 6, 7))
    expected = float64_to_bfloat16(numbers) if element == "bfloat16" else numbers.astype(np.float16).view(np.uint16)

    # The loop's rounding is that of a plane whose samples are its elements: no half has such a number.
    found = _rounded(numbers, element)

    assert found.tolist() == expected.reshape(-1).tolist()


def _rounded(numbers: Array, element: str) -> Array:
    """Rounds numbers by the loop: as the weight of a sample on the element 1."""
    rounding = {"float16": round_float16, "bfloat16": round_bfloat16}[element]
    one = np.array([0x3C00 if element == "float16" else 0x3F80], np.uint16)
    values = numbers.reshape(-1).astype(np.float64)
    count = len(values)
    begins, taps, flags = np.arange(count + 1), np.zeros(count, np.int64), np.ones(count, np.uint8)
    wide, narrow = np.empty(count, np.float32), np.empty(count, np.uint16)
    rows = (np.array([0, 1]), taps[:1], np.ones(1), flags[:1])
    columns = (begins, taps, values, flags)
    sizes = (1, 0, 1, 0, 1, 1, 1, 1, 1, count)
    scratch = (np.empty(1), np.empty(2, np.int64))
    average_boxes[element](one, wide, *sizes, np.zeros(1, np.int64), np.ones(1), *rows, *columns, *scratch)
    rounding(wide, narrow, count)
    return narrow
