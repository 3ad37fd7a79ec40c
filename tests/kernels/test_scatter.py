"""Scattering of planes: each value to its index, zero elsewhere, and nothing outside the plane."""

from __future__ import annotations

import numpy as np
import pytest

from poolhouse.kernels.scatter import scatter_planes


@pytest.mark.parametrize("name", scatter_planes)
def test_values_are_moved_bit_by_bit_within_their_plane(name: str) -> None:
    """Only the planes of a call are written, which threads rely on."""
    x = np.random.default_rng(1).integers(0, np.iinfo(name).max, 3 * 4, name, endpoint=True)
    indices = np.array([[0, 1, 2, 3], [6, 0, 3, 5], [1, 1, 1, 1]])
    out = np.full(3 * 7, 9, name)

    wrong = scatter_planes[name](x, indices, out, 4, 7, 1, 2)

    expected = np.zeros(7, name)
    expected[[6, 0, 3, 5]] = x[4:8]
    assert wrong == 0
    assert out.tolist() == [9] * 7 + expected.tolist() + [9] * 7


def test_of_equal_indices_the_last_value_is_kept() -> None:
    """As on torch's CPU."""
    out = np.zeros(3, np.uint32)

    scatter_planes["uint32"](np.array([5, 6, 7], np.uint32), np.array([2, 1, 2]), out, 3, 3, 0, 1)

    assert out.tolist() == [0, 6, 7]


@pytest.mark.parametrize("index", [3, -1, 2**32, 2**32 + 1, -(2**63), 2**63 - 1])
def test_wrong_indices_are_counted_and_stay_inside(index: int) -> None:
    """A negative index is not one from the end, and 2³² + 1 is not 1."""
    out = np.full(9, 8, np.uint8)

    wrong = scatter_planes["uint8"](np.array([4, 5, 6], np.uint8), np.array([1, index, index]), out[3:], 3, 3, 0, 1)

    assert wrong == 2
    assert out.tolist() == [8, 8, 8, 6, 4, 0, 8, 8, 8]


def test_no_planes_and_no_values_write_no_values() -> None:
    """The last part of a thread may be empty."""
    out = np.full(4, 8, np.uint16)
    nothing = np.empty(0, np.uint16), np.empty(0, np.int64)

    assert scatter_planes["uint16"](*nothing, out, 0, 2, 1, 1) == 0
    assert scatter_planes["uint16"](*nothing, out, 0, 2, 1, 2) == 0

    assert out.tolist() == [8, 8, 0, 0]
