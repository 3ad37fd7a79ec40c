"""The loops over bins: they write the channels they are given, and choose elements without changing them."""

from __future__ import annotations

import numpy as np
import pytest

from poolhouse.kernels.bin_loops import pool_boxes
from poolhouse.kernels.box_positions import bin_bounds

BOXES = np.array([[0.3, 0.7, 4.1, 4.9], [1.2, 2.2, 3.3, 5.0]])
IMAGES = np.zeros(2, np.int64)


def test_pool_writes_its_channels_only() -> None:
    """All threads share one output."""
    x = np.random.default_rng(1).standard_normal((1, 4, 6, 7))
    bounds = [each for axis, bins in enumerate((2, 3)) for each in bin_bounds(BOXES, bins, 1.0, axis, 6 + axis)]
    whole, out = np.empty((8, 2, 3)), np.full((8, 2, 3), 7.0)
    for start, stop, found in ((0, 8, whole), (3, 6, out)):
        pool_boxes["float64"](x, found, start, stop, 4, 6, 7, 2, 3, IMAGES, *bounds, np.empty(7))

    assert out[3:6].tobytes() == whole[3:6].tobytes()
    assert (np.delete(out, range(3, 6), 0) == 7).all()


@pytest.mark.parametrize("element", ["float16", "bfloat16"])
def test_every_half_comes_back_in_its_bits(element: str) -> None:
    """Subnormal numbers, infinities, both zeros and NaN: bins of one element choose it."""
    bits = np.arange(2**16).astype(np.uint16)
    out = np.empty(2**16, np.uint16)
    edges = np.arange(2**16 + 1)
    line = np.empty(2**16, np.float32)

    bounds = (np.zeros(1, np.int64), np.ones(1, np.int64), edges[:-1], edges[1:])
    pool_boxes[element](bits, out, 0, 1, 1, 1, 2**16, 1, 2**16, IMAGES[:1], *bounds, line)

    assert out.tobytes() == bits.tobytes()
