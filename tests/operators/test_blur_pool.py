"""blur_pool: a binomial filter over the reflected input, written with numpy, and its published weights."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hypothesis_profiles import scaled_examples
from tests.operators.both_ways import outputs, refusal_of

Reals = npt.NDArray[np.float64]

BINOMIALS = {3: [1, 2, 1], 5: [1, 4, 6, 4, 1], 7: [1, 6, 15, 20, 15, 6, 1]}
"""Rows of Pascal's triangle, as in Zhang's paper."""


def blurred(x: Reals, size: int, strides: list[int]) -> Reals:
    """A depthwise convolution of ``(C, *spatial)`` along each axis, by the definition."""
    weights = np.array(BINOMIALS[size]) / sum(BINOMIALS[size])
    for axis, stride in enumerate(strides, start=1):
        pad = (stride - 1 + size - 1) // 2
        around = [(pad, pad) if each == axis else (0, 0) for each in range(x.ndim)]
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, around, mode="reflect"), size, axis)
        x = np.take(windows @ weights, range(0, windows.shape[axis], stride), axis)
    return x


@pytest.mark.parametrize("size", [3, 5, 7])
def test_it_is_a_convolution_of_the_reflected_input(size: int) -> None:
    """For one to three axes, each with its own stride."""

    @scaled_examples(40)
    @given(st.lists(st.tuples(st.integers(5, 12), st.integers(1, 4)), min_size=1, max_size=3), st.integers(0, 2**32))
    def holds(axes: list[tuple[int, int]], seed: int) -> None:
        strides = [stride for _, stride in axes]
        x = np.random.default_rng(seed).standard_normal((2, *(length for length, _ in axes)))

        for found in outputs(f"blur_pool{len(axes)}d", x, filter_size=size, stride=strides):
            np.testing.assert_allclose(found, blurred(x, size, strides), rtol=1e-13, atol=1e-14)

    holds()


@pytest.mark.parametrize("size", [3, 5, 7])
def test_an_impulse_becomes_the_published_weights(size: int) -> None:
    """The outer product of the binomials, whose sum is 1."""
    x = np.zeros((1, 15, 15))
    x[0, 7, 7] = 4 ** (size - 1)
    half = size // 2

    for found in outputs("blur_pool2d", x, filter_size=size, stride=1):
        expected = np.zeros((15, 15))
        expected[7 - half : 8 + half, 7 - half : 8 + half] = np.outer(BINOMIALS[size], BINOMIALS[size])
        np.testing.assert_array_equal(found[0], expected)


@pytest.mark.parametrize("name", ["float16", "float32", "float64"])
def test_a_constant_stays_as_it_is(name: str) -> None:
    """Exactly, at the borders too: the weights are powers of 2 that add up to 1."""
    x = np.full((1, 8, 9), 1.5, name)
    for size in (3, 5, 7):
        for found in outputs("blur_pool2d", x, filter_size=size, stride=2):
            assert found.dtype == x.dtype
            assert (found == 1.5).all()


def test_a_ramp_stays_a_ramp_inside() -> None:
    """The weights are symmetric; reflection bends the ramp at the ends only."""
    x = np.arange(40.0).reshape(1, 40)

    for found in outputs("blur_pool1d", x, filter_size=5, stride=3):
        # p = (3 + 5 - 2) // 2 = 3, so that window o is centred at 3·o - 1.
        np.testing.assert_allclose(found[0, 2:-2], (3.0 * np.arange(found.shape[1]) - 1)[2:-2], rtol=1e-15)


@pytest.mark.parametrize("special", [math.nan, math.inf])
def test_a_special_element_reaches_its_own_windows_only(special: float) -> None:
    """A product with a weight of 0 would spread it."""
    x = np.ones((1, 20))
    x[0, 9] = special

    for found in outputs("blur_pool1d", x, stride=1):
        assert np.flatnonzero(~np.isfinite(found[0])).tolist() == [8, 9, 10]


def test_halves_are_added_in_float32_and_rounded_once() -> None:
    """2048 + 1 is 2048 in float16."""
    x = np.array([[0, 0, 2048, 1, 2048, 3, 5, 7]], np.float16)

    for found in outputs("blur_pool1d", x, stride=1):
        np.testing.assert_array_equal(found, blurred(x.astype(np.float64), 3, [1]).astype(np.float16))


@pytest.mark.parametrize(("size", "stride"), [(3, 1), (3, 2), (5, 1), (7, 4), (3, 9)])
def test_an_axis_must_have_one_position_more_than_is_reflected(size: int, stride: int) -> None:
    """As numpy's and torch's reflection; the refusal says how many that are."""
    padding = (stride + size - 2) // 2
    fields: dict[str, Any] = {"filter_size": size, "stride": stride}

    assert refusal_of("blur_pool1d", np.ones((1, padding + 1)), **fields) is None
    refused = refusal_of("blur_pool1d", np.ones((1, padding)), **fields)
    assert refused is not None
    assert refused.code == "window_does_not_fit"
    assert f"reflects {padding} of them" in refused.detail
