"""std_pool and var_pool against numpy, in all forms."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from tests.operators.both_ways import outputs, refusal_of
from tests.operators.random_cases import Fields

Reals = npt.NDArray[np.float64]
REDUCTIONS: dict[str, Callable[..., Reals]] = {"std": np.nanstd, "var": np.nanvar}


def blocks(x: npt.NDArray[np.generic], size: int) -> Reals:
    """(C, H_out, W_out, elements) of windows that do not overlap."""
    count, height, width = x.shape
    whole = x.astype(np.float64).reshape(count, height // size, size, width // size, size)
    return whole.transpose(0, 1, 3, 2, 4).reshape(count, height // size, width // size, -1)


@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize("element", ["float64", "float32", "int16", "uint32", "uint64", "bool"])
@pytest.mark.parametrize("correction", [0, 1])
def test_windows_have_numpys_result(name: str, element: str, correction: int) -> None:
    """ddof is numpy's name of the correction; integers give float32."""
    x = np.random.default_rng(3).integers(0, 2 if element == "bool" else 100, (2, 12, 16)).astype(element)

    for found in outputs(f"{name}_pool2d", x, kernel_size=4, correction=correction):
        assert found.dtype == (x.dtype if x.dtype.kind == "f" else np.float32)
        expected = REDUCTIONS[name](blocks(x, 4), axis=-1, ddof=correction)
        np.testing.assert_allclose(found, expected, rtol=1e-13 if element == "float64" else 2e-7)


@pytest.mark.parametrize("element", ["float32", "float64", "int8"])
def test_the_variance_is_the_square_of_the_standard_deviation(element: str) -> None:
    """With and without correction, at borders with fewer elements, whichever loops compute them."""
    x = (np.random.default_rng(4).standard_normal((2, 11, 13)) * 30).astype(element)
    for correction in (0, 1):
        fields = {"kernel_size": 3, "stride": 2, "padding": 1, "correction": correction}

        roots, variances = outputs("std_pool2d", x, **fields), outputs("var_pool2d", x, **fields)

        for root, variance in zip(roots, variances, strict=True):
            np.testing.assert_allclose(root.astype(np.float64) ** 2, variance, rtol=3e-7)


@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize("correction", [0, 1])
def test_omitted_nan_leaves_numpys_nanstd(name: str, correction: int) -> None:
    """The correction is subtracted from the number of elements that are left; too few give NaN."""
    rng = np.random.default_rng(5)
    x = rng.standard_normal((1, 12, 12))
    x[rng.random(x.shape) < 0.3] = np.nan
    x[0, :3, :3] = np.nan
    x[0, 4, 4] = 1.0
    x[0, 3:6, 3:6][np.arange(9).reshape(3, 3) != 4] = np.nan

    windows = blocks(x, 3)
    left = (~np.isnan(windows)).sum(-1)
    with np.errstate(invalid="ignore"):
        kept = np.nan_to_num(windows)
        mean = kept.sum(-1) / np.maximum(left, 1)
        squares = np.where(np.isnan(windows), 0, windows - mean[..., None]) ** 2
        variance = np.where(left > correction, squares.sum(-1) / np.maximum(left - correction, 1), math.nan)
    for found in outputs(f"{name}_pool2d", x, kernel_size=3, nan_policy="omit", correction=correction):
        np.testing.assert_allclose(found, np.sqrt(variance) if name == "std" else variance, rtol=1e-12, atol=1e-15)
        assert np.isnan(found[0, 0, 0])
        assert bool(np.isnan(found[0, 1, 1])) is (correction == 1)


@pytest.mark.parametrize("name", REDUCTIONS)
def test_all_forms_take_the_correction(name: str) -> None:
    """One window of the plane, by each of them."""
    x = np.random.default_rng(6).standard_normal((2, 5, 7))
    expected = REDUCTIONS[name](x.reshape(2, -1), axis=-1, ddof=1)
    forms: dict[str, Fields] = {
        f"{name}_pool2d": {"kernel_size": [5, 7]},
        f"adaptive_{name}_pool2d": {"output_size": 1},
        f"global_{name}_pool2d": {},
    }

    for operator, fields in forms.items():
        for found in outputs(operator, x, correction=1, **fields):
            np.testing.assert_allclose(found.reshape(-1), expected, rtol=1e-13)


@pytest.mark.parametrize("name", REDUCTIONS)
def test_only_0_and_1_are_corrections(name: str) -> None:
    """A larger one would divide by a negative number in small windows."""
    for value in (2, -1, 0.5, True, "1"):
        refused = refusal_of(f"{name}_pool2d", np.zeros((1, 4, 4)), kernel_size=2, correction=value)

        assert refused is not None
        assert [(each.pointer, refused.code) for each in refused.problems] == [("/correction", "invalid_fields")]
