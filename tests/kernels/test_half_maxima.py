"""Maxima of large windows of 16-bit floats, whose bits are compared line by line."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from poolhouse.kernels.axes import Axis
from poolhouse.kernels.half_maxima import HalfMaximumKernel, plane_maxima_of_halves
from poolhouse.kernels.layout import Layout
from poolhouse.operators.windows import adaptive_windows
from tests.kernels.test_global_pooling import HALVES, bits_of, planes_of


@HALVES
@pytest.mark.parametrize(("spatial", "outputs"), [((61,), (3,)), ((20, 33), (2, 5)), ((9, 8, 17), (2, 1, 3))])
def test_the_maxima_of_large_windows_have_torchs_bits(
    name: str, spatial: tuple[int, ...], outputs: tuple[int, ...]
) -> None:
    """Lines are compared first, not in the plane's order; results for zeros and NaN must not depend on it."""
    x = planes_of(name, math.prod(spatial)).reshape(-1, *spatial)
    windows = [adaptive_windows(length, count) for length, count in zip(spatial, outputs, strict=True)]
    axes = [Axis(length, each.first, each.count, 1) for length, each in zip(spatial, windows, strict=True)]
    given = {"input": x.view(torch.int16).numpy().view("uint16" if name == "bfloat16" else "float16")}

    (found,) = HalfMaximumKernel(axes, name)(given, 2)

    pool = (F.adaptive_max_pool1d, F.adaptive_max_pool2d, F.adaptive_max_pool3d)[len(spatial) - 1]
    assert bits_of(found, name) == bits_of(pool(x, outputs).view(torch.int16).numpy(), name)


ROWS = {
    "the first zero": ([[-1.0, -0.0, 0.0, -2.0], [0.0, -0.0, -0.0, 0.0]], -0.0),
    "a zero of a later line": ([[-1.0, -3.0, -2.0, -2.0], [-4.0, 0.0, -0.0, -1.0]], 0.0),
    "no zero": ([[-65504.0, -6e-8, -1.0, -math.inf], [-6e-8, -2.0, -3.0, -4.0]], -6e-8),
    "only infinities": ([[-math.inf] * 4] * 2, -math.inf),
}


@pytest.mark.parametrize("case", ROWS)
def test_a_zero_has_the_sign_of_the_first_zero(case: str) -> None:
    """By their bits +0 is larger than -0, but as floats the first of equal values is chosen."""
    rows, expected = ROWS[case]
    axes = [Axis(2, np.array([0]), np.array([2]), 1), Axis(4, np.array([0]), np.array([4]), 1)]

    (found,) = HalfMaximumKernel(axes, "float16")({"input": np.array([rows], np.float16)}, 1)

    assert found.tobytes() == np.float16(expected).tobytes()


def test_of_nans_the_last_keeps_its_bits() -> None:
    """Indices of the same request point to it, and clients store payloads in NaNs."""
    bits = np.array([[[0x7E01, 0x7C00, 0xFE02], [0x3C00, 0x7E03, 0x0000]]], np.uint16)
    axes = [Axis(2, np.array([0]), np.array([2]), 1), Axis(3, np.array([0, 2]), np.array([2, 1]), 1)]

    (found,) = HalfMaximumKernel(axes, "float16")({"input": bits.view(np.float16)}, 1)

    assert found.view(np.uint16).tolist() == [[[0x7E03, 0xFE02]]]


def test_only_the_units_of_a_call_are_written() -> None:
    """Threads share one output; each must write its own strips."""
    axis = Axis(40, np.arange(0, 40, 10), np.full(4, 10), 1)
    layout = Layout((Axis.identity(1), axis, axis), 2)
    x = np.arange(3 * 1600, dtype=np.int16)
    out = np.full(48, -1, np.int16)

    start, stop = layout.strips, 2 * layout.strips
    plane_maxima_of_halves(x, out, start, stop, layout.encoded, 0x7C00, np.empty(40, np.int16))

    assert (out[:16] == -1).all()
    assert out[16:32].tolist() == x.reshape(3, 4, 10, 4, 10).max((2, 4))[1].reshape(-1).tolist()
    assert (out[32:] == -1).all()
