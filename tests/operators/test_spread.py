"""Variances of windows: laws of variances, exact numbers, and the loops that are chosen for them."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.kernels.integer_sums import IntegerVarianceKernel
from poolhouse.kernels.variances import VarianceKernel
from tests.hypothesis_profiles import scaled_examples
from tests.operators.both_ways import outputs, spec_of

NUMBERS = st.lists(st.integers(-(2**20), 2**20), min_size=12, max_size=12)


@pytest.mark.parametrize("correction", [0, 1])
def test_variances_are_those_of_exact_fractions(correction: int) -> None:
    """The mean of integers is seldom a float64; far from 0 an error of it would show in the squares."""

    @scaled_examples(60)
    @given(NUMBERS, st.sampled_from((0, 10**9, -(10**12))))
    def holds(values: list[int], shift: int) -> None:
        x = np.array([values], np.float64) + shift
        exact = []
        for window in (values[:4], values[4:8], values[8:]):
            mean = Fraction(sum(window), 4)
            exact.append(float(sum((value - mean) ** 2 for value in window) / (4 - correction)))

        for found in outputs("var_pool1d", x, kernel_size=4, correction=correction):
            np.testing.assert_allclose(found[0], exact, rtol=1e-13)

    holds()


@scaled_examples(40)
@given(st.integers(0, 2**32), st.sampled_from((0.5, -3.0, 1e-100, 1e100)))
def test_a_factor_of_the_input_is_squared(seed: int, factor: float) -> None:
    """And a standard deviation has its magnitude."""
    x = np.random.default_rng(seed).standard_normal((1, 6, 8))

    variances = (outputs("var_pool2d", each, kernel_size=2)[0] for each in (x, factor * x))
    roots = (outputs("std_pool2d", each, kernel_size=2)[0] for each in (x, factor * x))

    before, after = variances
    np.testing.assert_allclose(after, before * factor**2, rtol=1e-12)
    before, after = roots
    np.testing.assert_allclose(after, before * abs(factor), rtol=1e-12)


@pytest.mark.parametrize("name", ["float32", "float64"])
def test_the_variance_is_that_within_and_that_between_blocks(name: str) -> None:
    """The law of total variance, which links windows of two sizes."""
    x = np.random.default_rng(4).standard_normal((2, 12, 12)).astype(name)
    within = outputs("avg_pool2d", outputs("var_pool2d", x, kernel_size=3)[0], kernel_size=2)[0]
    between = outputs("var_pool2d", outputs("avg_pool2d", x, kernel_size=3)[0], kernel_size=2)[0]

    for found in outputs("var_pool2d", x, kernel_size=6):
        np.testing.assert_allclose(found, within + between, rtol=1e-12 if name == "float64" else 1e-5)


@pytest.mark.parametrize("name", ["float32", "float64", "uint8", "int32", "bool"])
def test_one_element_has_no_variance_of_a_sample(name: str) -> None:
    """NaN, as numpy answers, but without its warning; of the population it is 0, and of equal elements, too."""
    x = np.ones((1, 3, 3), name)
    for operator in ("var_pool2d", "std_pool2d"):
        for correction, expected in ((0, 0.0), (1, math.nan)):
            for found in outputs(operator, x, kernel_size=1, correction=correction):
                np.testing.assert_array_equal(found, np.full((1, 3, 3), expected))
        # Padding does not count: in the corners one element is left of four.
        for found in outputs(operator, x, kernel_size=2, padding=1, correction=1):
            assert np.isnan(found[0]).tolist() == [[True, False], [False, False]]
            assert (found[0][~np.isnan(found[0])] == 0).all()


def test_an_infinity_has_no_variance() -> None:
    """Its deviation from the mean is inf - inf; other windows keep theirs, though all are shifted together."""
    x = np.array([[math.inf, math.inf, 1.0, 3.0, -math.inf, 5.0, math.nan, 1.0, 2.0, 4.0]])

    for found in outputs("var_pool1d", x, kernel_size=2):
        np.testing.assert_array_equal(found, [[math.nan, 1.0, math.nan, math.nan, 1.0]])


@pytest.mark.parametrize(
    ("name", "kernel_size", "expected"),
    [
        ("uint8", 40, IntegerVarianceKernel),
        ("int16", 30, IntegerVarianceKernel),
        ("int16", 40, VarianceKernel),
        ("int32", 3, VarianceKernel),
        ("float16", 3, VarianceKernel),
        ("float32", 3, VarianceKernel),
        ("float64", 3, None),
        ("int64", 3, None),
    ],
)
def test_loops_are_taken_where_their_sums_are_exact(name: str, kernel_size: int, expected: type | None) -> None:
    """Sums of squares share elements of large windows, but n·Σx² of 1600 elements of 16 bits takes over 52 bits."""
    spec = spec_of("var_pool2d", kernel_size=kernel_size, stride=1)

    loops = spec.loops_of((640, 640), ELEMENT_TYPES[name])

    assert (None if loops is None else type(loops.make())) is expected


def test_torch_shifts_each_plane_by_its_own_numbers() -> None:
    """Planes near 2⁵³, where a mean of two has no half, and near 0 in one batch; a common shift would cost digits."""
    rows = torch.tensor([0.0, 1, 5, 0, 2, 7, 3, 1, 1], dtype=torch.float64).repeat(4, 1)
    planes = rows + torch.tensor([[0.0], [1e9], [-1e9], [2.0**53 - 16]], dtype=torch.float64)

    (found,) = spec_of("var_pool1d", kernel_size=3).run({"input": planes})

    np.testing.assert_allclose(found.numpy(), np.tile([14 / 3, 26 / 3, 8 / 9], (4, 1)), rtol=1e-14)
