"""Averages of planes that are read from memory; those in a cache are read in another order."""

from __future__ import annotations

import numpy as np
import pytest

from poolhouse.kernels.averages import AverageKernel
from poolhouse.kernels.axes import Axis
from poolhouse.operators.windows import SlidingWindow


@pytest.mark.parametrize(
    "windows", [SlidingWindow(2, 2), SlidingWindow(3, 2, 1, 1), SlidingWindow(3, 1, 1, 1), SlidingWindow(5, 3, 2, 2)]
)
def test_a_plane_averages_to_the_same_bits_in_a_large_batch(windows: SlidingWindow) -> None:
    """Rows of large batches are read one by one, which must not change the order of additions."""
    length = 130
    axis_windows = windows.windows(length)
    axes = [Axis(length, axis_windows.first, axis_windows.count, axis_windows.dilation)] * 2
    kernel = AverageKernel(axes, [axis_windows.extent] * 2, "float64")
    few = np.random.default_rng(1).standard_normal((2, length, length))
    many = np.tile(few, (40, 1, 1))

    (alone,), (together,) = kernel({"input": few}, 1), kernel({"input": many}, 2)

    assert few.nbytes < 8 * 2**20 < many.nbytes
    assert together.tobytes() == np.tile(alone, (40, 1, 1)).tobytes()
