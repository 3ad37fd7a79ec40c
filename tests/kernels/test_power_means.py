"""Generalized means: the formula, and the inequalities that hold for every one of them."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats  # type: ignore[import-untyped]  # scipy has no stubs

from poolhouse.kernels.axes import Axis
from poolhouse.kernels.power_means import PowerMeanKernel
from tests.hypothesis_profiles import scaled_examples
from tests.kernels.traced_windows import axes, positions_of

Reals = npt.NDArray[np.float64]
PLANES = st.tuples(axes(2), axes(4), axes(9))
POWERS = (-7.5, -2.0, -1.0, -0.3, 0.1, 1.0, 1.7, 2.0, 3.0, 12.0)


def power_means(plane: tuple[Axis, ...], x: Reals, power: float, least: float = 0.0) -> Reals:
    """The means of each window of one plane."""
    kernel = PowerMeanKernel(plane, "float64", power, least, [axis.count for axis in plane])
    (found,) = kernel({"input": x[None]}, 2)
    return found.reshape(-1).astype(np.float64)


def positive_plane(plane: tuple[Axis, ...], seed: int) -> Reals:
    """Numbers from 0.1 to 10."""
    return 10 ** np.random.default_rng(seed).uniform(-1, 1, [axis.length for axis in plane])


@pytest.mark.parametrize("power", POWERS)
def test_a_window_has_the_power_mean_of_scipy(power: float) -> None:
    """The divisor of each window is its own number of elements, whatever the others have."""

    @scaled_examples(25)
    @given(PLANES, st.integers(0, 2**32))
    def holds(plane: tuple[Axis, ...], seed: int) -> None:
        x = positive_plane(plane, seed)

        found = power_means(plane, x, power)

        expected = [stats.pmean(x.reshape(-1)[list(window)], power) for window in positions_of(plane)]
        np.testing.assert_allclose(found, expected, rtol=1e-12)

    holds()


@scaled_examples(40)
@given(PLANES, st.integers(0, 2**32))
def test_means_grow_with_the_power_between_minimum_and_maximum(plane: tuple[Axis, ...], seed: int) -> None:
    """The inequality of power means, which a wrong root or divisor breaks."""
    x = positive_plane(plane, seed)

    means = [power_means(plane, x, power) for power in POWERS]

    windows = [x.reshape(-1)[list(window)] for window in positions_of(plane)]
    bounds = [np.array([each.min() for each in windows]), *means, np.array([each.max() for each in windows])]
    for smaller, larger in pairwise(bounds):
        assert (smaller <= larger * (1 + 1e-12)).all()


def test_a_small_power_approaches_the_geometric_mean() -> None:
    """Its limit at 0, where the formula itself divides by 0."""
    x = positive_plane((Axis.identity(2), Axis.identity(8)), 3)
    plane = (Axis(2, np.array([0]), np.array([2]), 1), Axis(8, np.array([0, 4]), np.array([4, 4]), 1))

    expected = stats.gmean(x.reshape(2, 2, 4).transpose(1, 0, 2).reshape(2, 8), axis=1)
    for power in (1e-6, -1e-6):
        np.testing.assert_allclose(power_means(plane, x, power), expected, rtol=1e-4)


def test_smaller_elements_count_as_the_least_value() -> None:
    """Of a negative element there is no cube root; a NaN is not smaller and stays."""
    pairs = Axis(8, np.arange(0, 8, 2), np.full(4, 2), 1)
    x = np.array([-5.0, 2.0, 0.5, -math.inf, math.nan, 3.0, 0.0, math.inf])

    found = power_means((pairs,), x, 3.0, 1.0)

    np.testing.assert_allclose(found, [(9 / 2) ** (1 / 3), 1.0, math.nan, math.inf], rtol=1e-15)


@pytest.mark.parametrize("name", ["uint8", "int16", "bool"])
def test_means_of_integers_are_float32(name: str) -> None:
    """The square of 200 does not fit into a byte."""
    x = np.array([[200, 100, 1, 0]]).astype(name)
    pairs = Axis(4, np.array([0, 2]), np.array([2, 2]), 1)

    (found,) = PowerMeanKernel([pairs], name, 2.0, 0.0, [pairs.count])({"input": x}, 1)

    assert found.dtype == np.float32
    expected = np.sqrt((x.astype(np.float64).reshape(2, 2) ** 2).mean(-1))
    np.testing.assert_array_equal(found[0], expected.astype(np.float32))
