"""Window kernels: new arrays from planes, the same in any number of threads."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.kernels.axes import Axis
from poolhouse.kernels.registry import Flat
from poolhouse.kernels.window_kernels import MaximumKernel, WindowLoop, pad_to_three_axes
from poolhouse.kernels.windows import plane_maxima


def axis_of(length: int, kernel: int, stride: int) -> Axis:
    """Windows without padding."""
    first = np.arange(0, length - kernel + 1, stride)
    return Axis(length, first, np.full(len(first), kernel), 1)


def test_one_plane_is_divided_among_threads_by_rows() -> None:
    """One large picture must use more than one core."""
    axis = Axis(512, np.arange(0, 512, 2), np.full(256, 2), 1)
    kernel = MaximumKernel((axis, axis), "float32", with_indices=False)

    assert kernel.units(1) > 8


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("name", ["int8", "bool", "int64", "float16", "float64"])
def test_maxima_and_indices_are_those_of_numpy(name: str, threads: int) -> None:
    """Types without loops of their own are widened in chunks, whose indices must begin where their planes do."""
    x = np.random.default_rng(4).integers(0, 2 if name == "bool" else 100, (300, 9, 14)).astype(name)
    axes = (axis_of(9, 3, 2), axis_of(14, 2, 3))

    found, indices = MaximumKernel(axes, name, with_indices=True)({"input": x}, threads)
    (alone,) = MaximumKernel(axes, name, with_indices=False)({"input": np.asfortranarray(x)}, threads)

    windows = sliding_window_view(x, (3, 2), (1, 2))[:, ::2, ::3].reshape(300, 4, 5, 6)
    inside = windows.argmax(-1)
    corner = 2 * np.arange(4)[:, None] * 14 + 3 * np.arange(5)
    assert found.dtype == alone.dtype == ELEMENT_TYPES[name].storage
    np.testing.assert_array_equal(found, windows.max(-1))
    np.testing.assert_array_equal(alone, found)
    assert indices.dtype == np.int64
    np.testing.assert_array_equal(indices, corner + inside // 2 * 14 + inside % 2)


def test_the_last_nan_and_the_first_zero_are_chosen() -> None:
    """As in torch, also where rows of several planes are pooled as one sequence."""
    x = np.array([[[-0.0, 0.0, -1.0, 0.0, -0.0]], [[math.nan, 5.0, math.nan, 1.0, -math.inf]]], np.float32)

    found, indices = MaximumKernel((axis_of(5, 3, 2),), "float32", with_indices=True)({"input": x[:, 0]}, 1)

    assert indices.tolist() == [[0, 3], [2, 2]]
    assert found.tobytes() == np.array([[-0.0, 0.0], [math.nan, math.nan]], np.float32).tobytes()


def test_indices_count_from_the_plane_where_only_rows_are_reduced() -> None:
    """The rows of all planes are pooled as one sequence only if an index does not depend on the row."""
    x = np.random.default_rng(6).permutation(3 * 4 * 6).reshape(3, 4, 6)

    found, indices = MaximumKernel((Axis.identity(4), axis_of(6, 3, 3)), "int64", with_indices=True)({"input": x}, 2)

    assert found.tolist() == x.reshape(3, 4, 2, 3).max(-1).tolist()
    assert (
        np.take_along_axis(x.reshape(3, 24), indices.astype(np.int64).reshape(3, 8), 1).tolist()
        == found.reshape(3, 8).tolist()
    )


def test_one_loop_serves_batches_of_any_size() -> None:
    """A layout of rows is kept for the next call; one of another batch size would leave planes out."""
    loop = WindowLoop((axis_of(8, 2, 2),), plane_maxima["int64"], np.dtype(np.int64), indexed=False)

    for planes in (3, 3, 1, 5, 3):
        x = np.random.default_rng(planes).integers(-9, 9, (planes, 8))
        out: Flat = np.full((planes + 1, 4), 77)
        loop(x, out, None, planes, 2)

        assert out[:planes].tolist() == x.reshape(planes, 4, 2).max(-1).tolist()
        assert (out[planes] == 77).all()


def test_missing_axes_are_prepended_and_not_reduced() -> None:
    """The loops know three axes; windows belong to the last ones."""
    height, width = axis_of(4, 2, 1), axis_of(6, 3, 1)

    padded = pad_to_three_axes((height, width))

    assert padded[1:] == (height, width)
    assert (padded[0].length, padded[0].outputs, padded[0].is_identity) == (1, 1, True)
    assert pad_to_three_axes((width, height, width)) == (width, height, width)
