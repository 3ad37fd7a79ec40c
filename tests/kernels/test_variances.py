"""Variances in two passes: of windows that overlap and that are apart, near 0 and far from it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.dtypes import bfloat16_to_float32, float32_to_bfloat16
from poolhouse.kernels.axes import Axis
from poolhouse.kernels.variances import VarianceKernel
from poolhouse.kernels.widening import Array
from tests.hypothesis_profiles import scaled_examples
from tests.kernels.traced_windows import axes, positions_of

Plane = tuple[Axis, ...]

PLANES = st.tuples(axes(3), axes(5), axes(14))


def variances(plane: Plane, x: Array, correction: int = 0, *, takes_root: bool = False) -> Array:
    """The variances of the windows of ``(P, D, H, W)``."""
    name = x.dtype.name
    return VarianceKernel(plane, name, correction, takes_root=takes_root)({"input": x}, 2)[0]


@pytest.mark.parametrize("name", ["float32", "float16", "int32", "uint32", "int8"])
@pytest.mark.parametrize("correction", [0, 1])
def test_variances_are_those_of_numpy(name: str, correction: int) -> None:
    """For all windows: overlapping, apart, dilated, of one element and of several sizes."""

    @scaled_examples(30)
    @given(PLANES, st.integers(0, 2**32), st.booleans())
    def holds(plane: Plane, seed: int, takes_root: bool) -> None:
        shape = (2, *(axis.length for axis in plane))
        x: Array = np.random.default_rng(seed).integers(0, 100, shape).astype(name)

        found = variances(plane, x, correction, takes_root=takes_root)

        windows = [each.reshape(-1)[list(window)] for each in x for window in positions_of(plane)]
        reduce = np.std if takes_root else np.var
        expected = np.array(
            [
                reduce(window.astype(np.float64), ddof=correction) if len(window) > correction else math.nan
                for window in windows
            ]
        )
        output = name if name.startswith("float") else "float32"
        assert found.dtype == np.dtype(output)
        close = 1e-3 if name == "float16" else 2e-7
        np.testing.assert_allclose(found.reshape(-1).astype(np.float64), expected.astype(output), rtol=close)

    holds()


@scaled_examples(40)
@given(PLANES, st.sampled_from((0.1, -3e38, 2.0**-149, 16777217.0)))
def test_equal_elements_have_no_variance(plane: Plane, value: float) -> None:
    """Exactly: the sum of equal elements of 32 bits is exact in float64, and so is their mean."""
    x = np.full((1, *(axis.length for axis in plane)), value, np.float32)

    assert (variances(plane, x) == 0).all()


@scaled_examples(40)
@given(PLANES, st.integers(0, 2**32), st.sampled_from((2**20, -(2**22), 2**23)))
def test_a_shift_does_not_change_a_variance(plane: Plane, seed: int, shift: int) -> None:
    """Where squares are subtracted, this one leaves no digit of float32."""
    x = np.random.default_rng(seed).integers(-50, 50, (1, *(axis.length for axis in plane))).astype(np.float32)

    found = variances(plane, x + np.float32(shift))

    np.testing.assert_allclose(found.astype(np.float64), variances(plane, x).astype(np.float64), rtol=1e-5, atol=1e-10)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("special", [math.nan, math.inf, -math.inf])
def test_a_special_element_reaches_its_own_windows_only(stride: int, special: float) -> None:
    """Windows that overlap and windows that are apart add their lines in different loops."""
    first = np.arange(0, 9, stride)
    plane = (Axis.identity(1), Axis.identity(3), Axis(10, first, np.full(len(first), 2), 1))
    x = np.arange(30, dtype=np.float32).reshape(1, 1, 3, 10)
    x[0, 0, 1, 4] = special

    found = variances(plane, x)

    hit = np.zeros(found.shape, bool)
    hit[0, 0, 1] = (first <= 4) & (first + 2 > 4)
    assert np.isnan(found).tolist() == hit.tolist()
    assert (found[~hit] == 0.25).all()


def test_bfloat16_is_rounded_from_the_variance() -> None:
    """Its elements are 16-bit integers for numpy; the variance of 0 and 3 is 2.25."""
    x = float32_to_bfloat16(np.array([[0.0, 3.0, 1.0, 1.0]], np.float32))
    pairs = Axis(4, np.array([0, 2]), np.full(2, 2), 1)

    (found,) = VarianceKernel([pairs], "bfloat16", 0, takes_root=False)({"input": x}, 1)

    assert bfloat16_to_float32(found.view(np.uint16)).tolist() == [[2.25, 0]]
