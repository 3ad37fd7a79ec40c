"""median_pool equals numpy's median of each window."""

from __future__ import annotations

import numpy as np
import pytest

from tests.operators.ranked import pool, windows_of

SIZES = ((2, 2, 0), (3, 1, 1), (3, 2, 1), (5, 1, 2), (6, 3, 2), (17, 5, 3))
"""Kernel size, stride and padding: networks over rows and over windows, borders, and windows handled one by one."""


@pytest.mark.parametrize("name", ["float32", "float64", "float16"])
def test_floats_equal_numpys_median(name: str) -> None:
    """Of an even number the mean of both middle elements."""
    plane = np.random.default_rng(3).standard_normal((40, 37)).astype(name)
    for kernel, stride, padding in SIZES:
        found = pool("median_pool2d", plane, kernel_size=kernel, stride=stride, padding=padding)["output"]

        expected = [np.median(each.astype(np.float64)) for each in windows_of(plane, kernel, stride, padding)]
        np.testing.assert_array_equal(found.reshape(-1), np.array(expected).astype(name))


@pytest.mark.parametrize("name", ["uint8", "int16", "int32", "uint64", "bool"])
def test_integers_give_the_lower_of_both_middle_elements(name: str) -> None:
    """So a median of labels is a label."""
    rng = np.random.default_rng(4)
    plane = rng.integers(0, 2 if name == "bool" else 100, (40, 37)).astype(name)
    for kernel, stride, padding in SIZES:
        found = pool("median_pool2d", plane, kernel_size=kernel, stride=stride, padding=padding)["output"]

        expected = [np.sort(each)[(len(each) - 1) // 2] for each in windows_of(plane, kernel, stride, padding)]
        assert found.reshape(-1).tolist() == expected


def test_the_median_of_equal_elements_is_that_element() -> None:
    """Also of the largest ones, whose sum overflows."""
    for value in (0.1, float(np.finfo(np.float64).max), -np.inf):
        plane = np.full((16, 16), value)

        found = pool("median_pool2d", plane, kernel_size=2)["output"]

        assert (found == value).all()


def test_a_nan_reaches_the_windows_that_contain_it_and_no_others() -> None:
    """As in numpy, but not beyond its windows, whatever is done for many windows at once."""
    plane = np.random.default_rng(5).standard_normal((20, 30)).astype(np.float32)
    plane[7, 11] = np.nan
    for kernel, stride, padding in SIZES:
        found = pool("median_pool2d", plane, kernel_size=kernel, stride=stride, padding=padding)["output"]

        expected = [bool(np.isnan(each).any()) for each in windows_of(plane, kernel, stride, padding)]
        assert np.isnan(found).reshape(-1).tolist() == expected
        omitted = pool("median_pool2d", plane, kernel_size=kernel, stride=stride, padding=padding, nan_policy="omit")
        medians = [np.nanmedian(each.astype(np.float64)) for each in windows_of(plane, kernel, stride, padding)]
        np.testing.assert_array_equal(omitted["output"].reshape(-1), np.array(medians).astype(np.float32))


def test_ignored_elements_do_not_count() -> None:
    """Zeros of both signs are equal to 0; a window without other elements gives the value, and a share of 0."""
    rng = np.random.default_rng(6)
    plane = rng.standard_normal((24, 24)).astype(np.float32) * (rng.random((24, 24)) < 0.4)
    for kernel, stride, padding in SIZES:
        found = pool(
            "median_pool2d",
            plane, kernel_size=kernel, stride=stride, padding=padding, ignore_value=0, return_valid=True,
        )  # fmt: skip

        windows = list(windows_of(plane, kernel, stride, padding))
        kept = [each[each != 0].astype(np.float64) for each in windows]
        expected = [np.median(each) if len(each) else 0 for each in kept]
        np.testing.assert_array_equal(found["output"].reshape(-1), np.array(expected).astype(np.float32))
        shares = [len(some) / len(all_) for some, all_ in zip(kept, windows, strict=True)]
        np.testing.assert_array_equal(found["valid"].reshape(-1), np.array(shares).astype(np.float32))


def test_a_median_over_channels_last_is_that_of_each_channel() -> None:
    """The channels are the last axis of the loops, in lines or, where they are few, moved to the front."""
    for channels in (3, 16):
        planes = np.random.default_rng(7).integers(0, 9, (1, 12, 13, channels)).astype(np.int16)

        found = pool("median_pool2d", planes[0], kernel_size=3, stride=2, layout="channels_last")["output"]

        for channel in range(channels):
            plane = np.ascontiguousarray(planes[0, ..., channel])
            alone = pool("median_pool2d", plane, kernel_size=3, stride=2)["output"]
            np.testing.assert_array_equal(found[..., channel], alone)
