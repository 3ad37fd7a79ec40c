"""Averages of planes that come from the memory, which are read in another way than those of a cache."""

from __future__ import annotations

import numpy as np
import pytest

from poolhouse.kernels.averages import AverageKernel
from poolhouse.kernels.axes import Axis
from poolhouse.operators.windows import SlidingWindow


@pytest.mark.parametrize(
    "windows", [SlidingWindow(2, 2), SlidingWindow(3, 2, 1), SlidingWindow(3, 1, 1), SlidingWindow(5, 3, 2)]
)
def test_a_plane_averages_to_the_same_bits_in_large_company(windows: SlidingWindow) -> None:
    """Rows of large batches are read one after another: that must not be another order of adding."""
    length = 130
    placed = windows.windows(length)
    axes = [Axis(length, placed.first, placed.count, placed.dilation)] * 2
    kernel = AverageKernel(axes, [placed.extent] * 2, "float64")
    few = np.random.default_rng(1).standard_normal((2, length, length))
    many = np.tile(few, (40, 1, 1))

    (alone,), (together,) = kernel({"input": few}, 1), kernel({"input": many}, 2)

    assert few.nbytes < 8 * 2**20 < many.nbytes
    assert together.tobytes() == np.tile(alone, (40, 1, 1)).tobytes()
