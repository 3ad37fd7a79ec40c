"""Reductions in all forms against numpy and scipy, and the laws between them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import ndimage  # type: ignore[import-untyped]  # scipy has no stubs

from poolhouse.errors import Unprocessable
from tests.operators.test_skipping import pool

RNG = np.random.default_rng(11)


def test_all_forms_agree_on_the_same_windows() -> None:
    """Sliding windows that do not overlap are adaptive ones, and one window of the whole plane is the global one."""
    x = RNG.standard_normal((12, 9))
    for name in ("min", "sum", "gem", "std", "var", "logsumexp"):
        sliding = pool(f"{name}_pool2d", x, kernel_size=[4, 3])["output"]
        np.testing.assert_allclose(pool(f"adaptive_{name}_pool2d", x, output_size=3)["output"], sliding, rtol=1e-13)
        whole = pool(f"{name}_pool2d", x, kernel_size=[12, 9])["output"]
        np.testing.assert_allclose(pool(f"global_{name}_pool2d", x)["output"], whole, rtol=1e-13)


def test_minima_and_means_equal_scipy() -> None:
    """The same windows as ``scipy.ndimage`` for odd sizes, small and large ones."""
    for dtype in ("float32", "float64", "int16"):
        x = (RNG.standard_normal((40, 37)) * 100).astype(dtype)
        for size in (3, 15):
            half = size // 2
            inner = (slice(half, -half),) * 2
            least = ndimage.minimum_filter(x, size)[inner]
            np.testing.assert_array_equal(pool("min_pool2d", x, kernel_size=size, stride=1)["output"], least)
            mean = ndimage.uniform_filter(x.astype(np.float64), size)[inner]
            total = pool("sum_pool2d", x, kernel_size=size, stride=1)["output"]
            np.testing.assert_allclose(total / size**2, mean, rtol=1e-4, atol=1e-4)


def test_the_minimum_is_the_maximum_of_the_opposite() -> None:
    """With the same indices, ties, zeros of both signs and NaN included."""
    x = np.array([0.0, -0.0, 3.0, 3.0, math.nan, 1.0, math.nan, -math.inf, 2.0, 2.0])
    least = pool("min_pool1d", x, kernel_size=2, return_indices=True)
    most = pool("max_pool1d", -x, kernel_size=2, return_indices=True)

    np.testing.assert_array_equal(least["output"], -most["output"])
    np.testing.assert_array_equal(least["indices"], most["indices"])


def test_sums_of_integers_are_exact_or_refused() -> None:
    """No sum wraps: 2⁶² twice is beyond int64, and 2⁶² - 1 twice is not."""
    exact = np.array([2**62, 2**62 - 1, -(2**62), -(2**62)], np.int64)
    assert pool("sum_pool1d", exact, kernel_size=2)["output"].tolist() == [2**63 - 1, -(2**63)]
    large = np.array([2**63 - 1, 0, 2**62, 2**62 - 1], np.uint64)
    assert pool("sum_pool1d", large, kernel_size=2)["output"].tolist() == [2**63 - 1, 2**63 - 1]

    for x in (np.array([2**62, 2**62], np.int64), np.array([2**63, 0], np.uint64)):
        for fields in ({}, {"ignore_value": 5}):
            with pytest.raises(Unprocessable) as refused:
                pool("sum_pool1d", x, kernel_size=2, **fields)
            assert refused.value.code == "sum_too_large"
    # What is passed over cannot make a sum too large.
    gap = np.array([2**63 - 1, 7, 3, 4], np.int64)
    assert pool("sum_pool1d", gap, kernel_size=2, ignore_value=2**63 - 1)["output"].tolist() == [7, 7]


def test_the_variance_does_not_depend_on_the_mean() -> None:
    """Where squares are subtracted, a mean of 1e9 leaves no digit of the variance."""
    x = RNG.integers(0, 7, (16, 16)).astype(np.float64)
    for correction in (0, 1):
        fields = {"kernel_size": 5, "stride": 2, "correction": correction}
        near = pool("var_pool2d", x, **fields)["output"]
        far = pool("var_pool2d", x + 1e9, **fields)["output"]

        np.testing.assert_allclose(far, near, rtol=1e-13)
        np.testing.assert_allclose(near[0, 0], x[:5, :5].var(ddof=correction), rtol=1e-13)
        np.testing.assert_allclose(pool("std_pool2d", x, **fields)["output"] ** 2, near, rtol=1e-13)

    assert np.isnan(pool("std_pool2d", x, kernel_size=1, correction=1)["output"]).all()
    for equal in (np.full((9, 9), 0.1), np.full((9, 9), 0.1, np.float32), np.full((9, 9), -(2**31), np.int32)):
        for stride in (1, 3):
            assert (pool("std_pool2d", equal, kernel_size=3, stride=stride)["output"] == 0).all()


@pytest.mark.parametrize("element", ["float32", "int32", "uint32"])
def test_variances_of_windows_that_overlap_and_that_are_apart(element: str) -> None:
    """Elements of 32 bits are pooled in two passes, by other loops for windows that overlap; infinities spread no
    further than their windows."""
    x = RNG.integers(2**30, 2**31, (11, 13)).astype(element)
    for kernel, stride, dilation in ((3, 1, 1), (3, 2, 1), (3, 3, 1), (2, 5, 1), (2, 2, 3), (4, 1, 2)):
        found = pool("var_pool2d", x, kernel_size=kernel, stride=stride, dilation=dilation)["output"]
        span = dilation * (kernel - 1) + 1
        windows = np.lib.stride_tricks.sliding_window_view(x.astype(np.float64), (span, span))
        windows = windows[::stride, ::stride, ::dilation, ::dilation]

        np.testing.assert_allclose(found, windows.var(axis=(-2, -1)), rtol=1e-6)

        if element == "float32":
            infinite = x.copy()
            infinite[5, 6] = np.inf
            spoiled = pool("var_pool2d", infinite, kernel_size=kernel, stride=stride, dilation=dilation)["output"]
            marked = np.zeros(x.shape, bool)
            marked[5, 6] = True
            covered = np.lib.stride_tricks.sliding_window_view(marked, (span, span))
            hit = covered[::stride, ::stride, ::dilation, ::dilation].any(axis=(-2, -1))
            np.testing.assert_array_equal(spoiled, np.where(hit, np.float32(np.nan), found))


def test_generalized_means_lie_between_the_mean_and_the_maximum() -> None:
    """p = 1 is the mean of positive elements; logsumexp tends to mean and maximum with r."""
    x = RNG.random((12, 12)) + 0.1
    mean, most = (pool(f"{name}_pool2d", x, kernel_size=3)["output"] for name in ("avg", "max"))

    np.testing.assert_allclose(pool("gem_pool2d", x, kernel_size=3, p=1)["output"], mean, rtol=1e-12)
    for name, field in (("gem", "p"), ("logsumexp", "r")):
        low = mean
        for power in (1.5, 5, 50):
            found = pool(f"{name}_pool2d", x, kernel_size=3, **{field: power})["output"]
            assert (low <= found * (1 + 1e-12)).all()
            assert (found <= most * (1 + 1e-12)).all()
            low = found if name == "gem" or power > 1.5 else low


def test_logsumexp_neither_overflows_nor_loses_infinities() -> None:
    """The shift is the maximum of each window, not of the plane."""
    x = np.array([1000.0, 1000.0, -1000.0, -1000.0, math.inf, 1.0, -math.inf, -math.inf, -math.inf, 0.0])

    found = pool("logsumexp_pool1d", x, kernel_size=2)["output"]

    np.testing.assert_allclose(found, [1000, -1000, math.inf, -math.inf, math.log(0.5)], rtol=1e-13)
