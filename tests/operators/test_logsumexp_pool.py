"""logsumexp_pool against scipy, and its limits: minimum, mean and maximum."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special  # type: ignore[import-untyped]  # scipy has no stubs

from tests.hypothesis_profiles import scaled_examples
from tests.operators.both_ways import Array, outputs, refusal_of

PLANES = np.random.default_rng(7).standard_normal((2, 8, 12)) * 3
SHARPNESS = st.sampled_from((-20.0, -1.0, -0.1, 0.01, 0.5, 1.0, 7.0, 50.0))


def blocks(x: Array) -> Array:
    """(C, 2, 3, 16) the elements of windows of 4 by 4."""
    return x.reshape(2, 2, 4, 3, 4).transpose(0, 1, 3, 2, 4).reshape(2, 2, 3, 16)


@pytest.mark.parametrize("r", [-2.5, 0.3, 1.0, 40.0])
def test_windows_have_scipys_logsumexp(r: float) -> None:
    """Less the logarithm of the number of elements, and over r."""
    expected = (special.logsumexp(r * blocks(PLANES), axis=-1) - math.log(16)) / r

    for found in outputs("logsumexp_pool2d", PLANES, kernel_size=4, r=r):
        np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("r", [1e-6, -1e-6])
def test_a_small_sharpness_approaches_the_mean(r: float) -> None:
    """The first order of the series is r/2 times the variance."""
    windows = blocks(PLANES)

    for found in outputs("logsumexp_pool2d", PLANES, kernel_size=4, r=r):
        np.testing.assert_allclose(found, windows.mean(-1) + r / 2 * windows.var(-1), atol=2e-9)


@pytest.mark.parametrize("r", [5.0, 50.0, 1e4, -5.0, -1e4])
def test_a_large_sharpness_approaches_the_maximum(r: float) -> None:
    """By no more than log(n) / r; a negative one approaches the minimum."""
    windows = np.sign(r) * blocks(PLANES)

    for found in outputs("logsumexp_pool2d", PLANES, kernel_size=4, r=r):
        below = windows.max(-1) - np.sign(r) * found
        assert (below >= -1e-12).all()
        assert (below <= math.log(16) / abs(r) + 1e-12).all()


@scaled_examples(40)
@given(SHARPNESS, st.sampled_from((0.5, -3.0, 1000.0, -20_000.0)))
def test_a_shift_of_the_input_is_one_of_the_output(r: float, shift: float) -> None:
    """Also where exp() of each element overflows or is 0, and at the border: padding does not count."""
    fields = {"kernel_size": 3, "stride": 2, "padding": 1, "r": r}

    before, after = outputs("logsumexp_pool2d", PLANES, **fields), outputs("logsumexp_pool2d", PLANES + shift, **fields)

    for one, other in zip(before, after, strict=True):
        np.testing.assert_allclose(other, one + shift, rtol=1e-11, atol=1e-10)


@scaled_examples(40)
@given(SHARPNESS)
def test_the_negative_sharpness_is_that_of_the_negative(r: float) -> None:
    """As the minimum is the negative of the maximum of negatives."""
    fields = {"kernel_size": [3, 4], "stride": 1, "dilation": 2}

    one, other = (outputs("logsumexp_pool2d", sign * PLANES, r=sign * r, **fields)[0] for sign in (1.0, -1.0))

    np.testing.assert_allclose(one, -other, rtol=1e-13, atol=1e-13)


def test_integers_give_float32_and_nan_stays_in_its_window() -> None:
    """An infinity is the result of its window, not NaN from a difference of two."""
    for found in outputs("logsumexp_pool1d", np.array([[100, 100, -100, -100]], np.int8), kernel_size=2):
        assert found.dtype == np.float32
        assert found.tolist() == [[100, -100]]
    x = np.array([[math.nan, 1.0, math.inf, math.inf, 2.0, 2.0, -math.inf, -math.inf]])
    for found in outputs("logsumexp_pool1d", x, kernel_size=2):
        np.testing.assert_array_equal(found, [[math.nan, math.inf, 2.0, -math.inf]])


def test_no_sharpness_is_refused() -> None:
    """The formula divides by it; the mean has an operator of its own."""
    refused = refusal_of("logsumexp_pool2d", PLANES, kernel_size=2, r=0)

    assert refused is not None
    assert refused.code == "invalid_fields"
    assert [each.pointer for each in refused.problems] == ["/r"]
