"""Kernels of quantiles and modes against numpy, window by window."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.dtypes import bfloat16_to_float32, float32_to_bfloat16
from poolhouse.kernels.axes import Axis
from poolhouse.kernels.omission import Omission
from poolhouse.kernels.quantiles import Quantile
from poolhouse.kernels.rank_kernels import RankKernel
from poolhouse.kernels.widening import Array
from tests.hypothesis_profiles import scaled_examples
from tests.kernels.traced_windows import axes, positions_of

Plane = tuple[Axis, ...]

PLANES = st.tuples(axes(2), axes(5), axes(14))
PAIRS = Axis(6, np.array([0, 2, 4]), np.full(3, 2), 1)


def windows_of(plane: Plane, x: Array) -> list[Array]:
    """The elements of each window of one plane."""
    return [x.reshape(-1)[list(window)] for window in positions_of(plane)]


@pytest.mark.parametrize("name", ["bool", "uint8", "int32", "uint64", "float16", "float64"])
def test_the_ends_and_the_lower_middle_are_elements_of_numpys_sort(name: str) -> None:
    """Whatever the windows are, and whether a network or a sort orders them."""

    @scaled_examples(30)
    @given(PLANES, st.integers(0, 2**32), st.integers(1, 3))
    def holds(plane: Plane, seed: int, threads: int) -> None:
        rng = np.random.default_rng(seed)
        x: Array = (rng.integers(0, 9, [axis.length for axis in plane]) * (rng.random() < 0.8)).astype(name)
        ordered = [np.sort(window) for window in windows_of(plane, x)]

        for q, rank in ((0.0, lambda count: 0), (0.5, lambda count: (count - 1) // 2), (1.0, lambda count: count - 1)):
            (found,) = RankKernel(plane, name, Quantile(q, "lower"))({"input": x[None]}, threads)

            assert found.dtype == x.dtype
            assert found.reshape(-1).tolist() == [window[rank(len(window))] for window in ordered]

    holds()


def test_the_mode_is_the_least_of_the_most_frequent() -> None:
    """So that it does not depend on the order of the elements."""
    x = np.array([[3, 1, 2, 2, 9, -9]], np.int16)

    (found,) = RankKernel([PAIRS], "int16", None)({"input": x}, 1)

    assert found.tolist() == [[1, 2, -9]]


@scaled_examples(40)
@given(PLANES, st.floats(0, 1), st.integers(0, 2**32))
def test_quantiles_of_what_is_left_are_nanquantiles(plane: Plane, q: float, seed: int) -> None:
    """Each window has its own number of elements, and so its own ranks and weights; its share says how many."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal([axis.length for axis in plane])
    x[rng.random(x.shape) < 0.4] = math.nan

    kernel = RankKernel(plane, "float64", Quantile(q, "linear"), Omission(nan=True), gives_shares=True)
    found, shares = kernel({"input": x[None]}, 2)

    windows = [x.reshape(-1)[list(window)] for window in positions_of(plane)]
    left = [window[~np.isnan(window)] for window in windows]
    expected = [float(np.quantile(window, q)) if window.size else math.nan for window in left]
    np.testing.assert_allclose(found.reshape(-1).astype(np.float64), expected, rtol=1e-9, atol=1e-12)
    counted = np.array([window.size for window in left]) / np.array([window.size for window in windows])
    np.testing.assert_array_equal(shares.reshape(-1), counted.astype(np.float32))


def test_zeros_of_both_signs_are_ignored() -> None:
    """They are equal, though their keys are not; a window of nothing else gives the value that stands for it."""
    x = np.array([[0.0, -0.0, -0.0, 4.0, 5.0, 0.0]], np.float32)

    for quantile in (Quantile(0.5, "linear"), Quantile(0.0, "lower")):
        kernel = RankKernel([PAIRS], "float32", quantile, Omission(value=0.0, nothing_left=-7.0), gives_shares=True)
        found, shares = kernel({"input": x}, 1)

        assert found.tolist() == [[-7, 4, 5]]
        assert shares.tolist() == [[0, 0.5, 0.5]]


def test_halves_of_bfloat16_are_between_numbers_not_between_bits() -> None:
    """Its elements are integers for numpy; of 1 and 3 the middle is 2, and NaN counts where it is not omitted."""
    x = float32_to_bfloat16(np.array([[1.0, 3.0, -4.0, 2.0, math.nan, 1.0]], np.float32))

    (found,) = RankKernel([PAIRS], "bfloat16", Quantile(0.5, "linear"))({"input": x}, 1)

    np.testing.assert_array_equal(bfloat16_to_float32(found.view(np.uint16)), [[2.0, -1.0, math.nan]])
