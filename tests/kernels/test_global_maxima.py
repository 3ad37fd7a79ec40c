"""Maxima of whole planes, which are compared in 64 lanes and in blocks of 1024 elements."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from poolhouse.kernels.global_maxima import (
    INFINITIES,
    LANES,
    NAN_KEY,
    global_maxima,
    global_maxima_of_halves,
    key_of_half,
)
from tests.kernels.traced_windows import chosen

SIZES = (1, 2, 63, 64, 65, 1023, 1024, 1025, 2048, 2049)
Planes = npt.NDArray[Any]


def planes_with(name: str, size: int) -> tuple[Planes, list[int]]:
    """Planes whose maximum, last NaN or first zero is at each end of a block, and its position."""
    rng = np.random.default_rng(size)
    ends = sorted({place for end in (0, 64, 1024, 2048, size) for place in (end - 1, end) if 0 <= place < size})
    planes, expected = [], []
    for place in ends:
        plane = rng.integers(-90, -2, size).astype(name)
        plane[place] = 5
        # Equal values behind the first one do not change its index.
        plane[place + 1 :: 3] = 5
        planes.append(plane)
        expected.append(place)
        if plane.dtype.kind == "f":
            nans, zeros = plane.copy(), plane.copy()
            nans[: place + 1 : 7] = nans[place] = np.nan
            zeros[place:] = np.where(zeros[place:] == 5, 0.0, zeros[place:])
            zeros[place] = -0.0
            planes += [nans, zeros]
            expected += [place, place]
    return np.stack(planes), expected


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["float32", "float64", "int64", "float16"])
def test_the_chosen_element_may_be_at_any_end_of_a_block(name: str, size: int) -> None:
    """Elements behind the last whole block, or the last whole set of lanes, are compared one by one."""
    x, expected = planes_with(name, size)
    count = len(x)
    for with_indices in (True, False):
        out, indices = np.zeros(count + 1, x.dtype), np.full(count + 1, -7)
        if name == "float16":
            lanes = np.empty(LANES, np.int16)
            infinity = INFINITIES[name]
            # All planes but the first one: the first output must stay as it is.
            global_maxima_of_halves(x, out, indices, size, 1, count, lanes, with_indices, infinity)
        else:
            global_maxima[name](x, out, indices, size, 1, count, np.empty(LANES, x.dtype), with_indices)

        assert out[1:count].tobytes() == x[range(1, count), expected[1:]].tobytes()
        assert indices[1:count].tolist() == (expected[1:] if with_indices else [-7] * (count - 1))
        assert (out[0], out[count], indices[0], indices[count]) == (0, 0, -7, -7)


def test_an_int64_is_not_compared_as_a_float() -> None:
    """In float64 these numbers are equal."""
    x, out, indices = np.array([2**62, 2**62 + 1, -(2**63)]), np.zeros(1, np.int64), np.zeros(1, np.int64)

    global_maxima["int64"](x, out, indices, 3, 0, 1, np.empty(LANES, np.int64), 1)

    assert (out.tolist(), indices.tolist()) == ([2**62 + 1], [1])


@pytest.mark.parametrize("place", [0, 1000, 1024, 2100])
def test_the_last_nan_may_be_in_an_earlier_block(place: int) -> None:
    """The best block so far is kept, and searched at the end."""
    x = np.linspace(-1, 1, 3000)
    x[[0, place // 2, place]] = np.nan
    out, indices = np.zeros(1), np.zeros(1, np.int64)

    global_maxima["float64"](x, out, indices, 3000, 0, 1, np.empty(LANES), 1)

    assert np.isnan(out).all()
    assert indices.tolist() == [chosen(x.tolist())] == [place]


@pytest.mark.parametrize("name", INFINITIES)
def test_the_key_of_a_half_has_its_order(name: str) -> None:
    """The bits of negative floats are in reverse order; a NaN must be above infinity."""
    infinity = INFINITIES[name]
    rising = [0xFFFF & -0x8000 | infinity, 0x8000 | infinity - 1, 0xBC00, 0x8001, 0x8000, 0, 1, 0x3C00, infinity]
    nans = [infinity + 1, 0x7FFF, 0x8000 | infinity + 1, 0xFFFF]

    keys, nan_keys = (
        [int(key_of_half(bits, np.int16(infinity))) for bits in np.array(each, np.uint16).view(np.int16)]
        for each in (rising, nans)
    )

    assert keys == sorted(set(keys))
    assert keys[4:6] == [-1, 0]
    assert nan_keys == [NAN_KEY] * 4
    assert keys[-1] < NAN_KEY
