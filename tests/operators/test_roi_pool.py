"""roi_pool: whole images are max pooling, and the rules of rounding and of empty bins."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from tests.operators.region_cases import pool_arrays

X = np.random.default_rng(6).standard_normal((2, 3, 8, 12)).astype(np.float32)


def test_a_box_of_the_whole_image_is_max_pooling() -> None:
    """Its corners are the first and the last element, both included."""
    box = np.array([[1, 0, 0, 11, 7]], np.float32)

    found = pool_arrays("roi_pool", {"input": X, "boxes": box}, output_size=[4, 3])["output"]

    np.testing.assert_array_equal(found[0], F.max_pool2d(torch.from_numpy(X[1]), (2, 4)).numpy())


def test_bins_that_share_elements_are_adaptive_pooling() -> None:
    """Floor and ceil of the same borders."""
    box = np.array([[0, 0, 0, 11, 7]], np.float32)

    found = pool_arrays("roi_pool", {"input": X, "boxes": box}, output_size=5)["output"]

    np.testing.assert_array_equal(found[0], F.adaptive_max_pool2d(torch.from_numpy(X[0]), 5).numpy())


def test_corners_are_rounded_half_away_from_zero() -> None:
    """As C's round(); the box of 2.5 begins at element 3."""
    box = np.array([[0, 2.5, 0, 4.4, 0], [0, 2.4, 0, 4.5, 0]], np.float32)

    found = pool_arrays("roi_pool", {"input": X, "boxes": box}, output_size=1)["output"]

    np.testing.assert_array_equal(found[0, :, 0, 0], X[0, :, 0, 3:5].max(-1))
    np.testing.assert_array_equal(found[1, :, 0, 0], X[0, :, 0, 2:6].max(-1))


def test_bins_outside_of_the_input_are_zero() -> None:
    """Also where all elements are negative."""
    x = -np.abs(X) - 1
    box = np.array([[0, 6, 0, 17, 7]], np.float32)

    found = pool_arrays("roi_pool", {"input": x, "boxes": box}, output_size=[1, 2])["output"]

    np.testing.assert_array_equal(found[0, :, 0, 0], x[0, :, :, 6:12].max((1, 2)))
    assert not found[0, :, 0, 1].any()
