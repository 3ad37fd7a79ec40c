"""quantile_pool equals numpy's quantile of each window."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from tests.operators.ranked import pool, windows_of

METHODS = ("linear", "lower", "higher", "nearest", "midpoint")
SIZES = ((2, 2, 0), (3, 1, 1), (4, 3, 2), (17, 5, 0))
"""Kernel size, stride and padding."""


@pytest.mark.parametrize("method", METHODS)
def test_every_method_equals_numpy(method: Literal["linear", "lower", "higher", "nearest", "midpoint"]) -> None:
    """On the elements as float64; the result is rounded to the type."""
    floats = np.random.default_rng(3).standard_normal((24, 31))
    integers = np.random.default_rng(4).integers(0, 200, (24, 31)).astype(np.uint8)
    for q in (0.0, 0.1, 0.5, 2 / 3, 1.0):
        for kernel, stride, padding in SIZES:
            fields = {"kernel_size": kernel, "stride": stride, "padding": padding, "q": q, "method": method}
            for plane in (floats, integers):
                found = pool("quantile_pool2d", plane, **fields)["output"].reshape(-1)

                windows = windows_of(plane, kernel, stride, padding)
                expected = np.array([np.quantile(each.astype(np.float64), q, method=method) for each in windows])
                if plane is floats:
                    # The middle is computed as half the sum, whose error is less than numpy's.
                    np.testing.assert_allclose(found.astype(np.float64), expected, rtol=1e-15, atol=1e-15)
                else:
                    # Numpy's places have rounding errors, which matter for what is half an integer.
                    assert (np.abs(found - expected) <= 0.5 + 1e-6).all()


def test_the_ends_are_minimum_and_maximum() -> None:
    """Exactly, for integers that float64 has not."""
    plane = np.random.default_rng(5).integers(-99, 99, (21, 34)).astype(np.int64) * (2**55 + 1)
    fields = {"kernel_size": 5, "stride": 2, "padding": 2}

    least, greatest = (pool("quantile_pool2d", plane, **fields, q=q)["output"].reshape(-1).tolist() for q in (0, 1))

    windows = list(windows_of(plane, 5, 2, 2))
    assert least == [each.min() for each in windows]
    assert greatest == [each.max() for each in windows]


@pytest.mark.parametrize("method", ["lower", "higher", "nearest"])
def test_monotone_maps_commute_with_chosen_elements(method: str) -> None:
    """A chosen element depends on the order alone."""
    plane = np.random.default_rng(6).standard_normal((18, 26))
    fields = {"kernel_size": 4, "stride": 3, "q": 0.3, "method": method}

    before = pool("quantile_pool2d", np.exp(plane), **fields)["output"]

    np.testing.assert_array_equal(before, np.exp(pool("quantile_pool2d", plane, **fields)["output"]))


def test_global_and_adaptive_quantiles_of_one_window_are_equal() -> None:
    """Both are one window over the plane, larger than what is sorted by insertion."""
    plane = np.random.default_rng(7).standard_normal((33, 45)).astype(np.float32)

    found = pool("global_quantile_pool2d", plane, q=0.9)["output"]

    np.testing.assert_array_equal(found, pool("adaptive_quantile_pool2d", plane, q=0.9, output_size=1)["output"])
    assert found[0, 0] == np.float32(np.quantile(plane.astype(np.float64), 0.9))
