"""Extremes by lines: the bits and indices of the loops that combine runs, for every element type."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.kernels.axes import Axis
from poolhouse.kernels.line_extremes import LineExtremeKernel
from poolhouse.kernels.reversal import ReversedKernel
from poolhouse.kernels.widening import Array
from poolhouse.kernels.window_kernels import Kernel, MaximumKernel
from tests.hypothesis_profiles import scaled_examples
from tests.kernels.traced_windows import axes

FLOATS = ("float16", "bfloat16", "float32", "float64")
LARGE = np.array([0, 31, 62], np.int64)


def elements(element: str, shape: tuple[int, ...], seed: int) -> Array:
    """Ties and limits; of floats also zeros of both signs, infinities and NaN of several bits."""
    rng = np.random.default_rng(seed)
    if element == "bool":
        return rng.random(shape) < 0.5
    if element not in FLOATS:
        limits = np.iinfo(element)
        few = np.array([limits.min, limits.max, 0, 0, 1, 2], element)
        return few[rng.integers(0, len(few), shape)]
    values = np.array([0.0, -0.0, 1.0, 1.0, -2.0, -np.inf, np.nan, -np.nan], np.float32)
    kinds = rng.integers(0, rng.integers(2, len(values) + 1), shape)
    if element == "bfloat16":
        return (values.view(np.uint32) >> 16).astype(np.uint16)[kinds]
    return values.astype(element)[kinds]


def by_runs(windows: tuple[Axis, ...], element: str, *, least: bool, with_indices: bool) -> Kernel:
    """The loops that these must equal."""
    kernel = MaximumKernel(windows, element, with_indices=with_indices)
    return ReversedKernel(kernel, element in FLOATS) if least else kernel


def bits(x: Array) -> npt.NDArray[np.uint8]:
    """The bytes of an array."""
    return np.ascontiguousarray(x).reshape(-1).view(np.uint8)


@pytest.mark.parametrize("least", [False, True])
@pytest.mark.parametrize("element", ELEMENT_TYPES)
def test_they_have_the_bits_of_the_loops_over_runs(element: str, *, least: bool) -> None:
    """With indices or without, along one to three axes, whatever windows overlap."""

    @scaled_examples(15)
    @given(st.lists(axes(9), min_size=1, max_size=3), st.integers(0, 2**32), st.booleans(), st.integers(1, 2))
    def holds(given_axes: list[Axis], seed: int, with_indices: bool, threads: int) -> None:
        windows = tuple(given_axes)
        x = elements(element, (2, *(axis.length for axis in windows)), seed)

        found = LineExtremeKernel(windows, element, least=least, with_indices=with_indices)({"input": x}, threads)

        expected = by_runs(windows, element, least=least, with_indices=with_indices)({"input": x}, threads)
        assert len(found) == len(expected) == 1 + with_indices
        for one, other in zip(found, expected, strict=True):
            assert (one.dtype, one.shape) == (other.dtype, other.shape)
            np.testing.assert_array_equal(bits(one), bits(other))

    holds()


@pytest.mark.parametrize("element", ["uint8", "float32"])
def test_large_windows_combine_four_lines_at_once(element: str) -> None:
    """31 lines are one, seven times four, and two."""
    axis = Axis(93, LARGE, np.full(3, 31, np.int64), 1)
    rng = np.random.default_rng(3)
    x = (rng.permutation(93 * 93).reshape(1, 93, 93) % 251).astype(element)

    (found,) = LineExtremeKernel((axis, axis), element, least=True, with_indices=False)({"input": x}, 1)

    np.testing.assert_array_equal(found[0], x.reshape(3, 31, 3, 31).min((1, 3)))
