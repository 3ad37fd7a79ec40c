"""mode_pool: the most frequent element, the least of equally frequent ones."""

from __future__ import annotations

import numpy as np
import pytest

from tests.operators.ranked import Array, pool, windows_of

SIZES = ((2, 2, 0), (3, 1, 1), (4, 3, 2), (17, 5, 0))
"""Kernel size, stride and padding."""


def mode_of(window: Array) -> int:
    """The mode by numpy."""
    values, counts = np.unique(window, return_counts=True)
    return int(values[counts.argmax()])


@pytest.mark.parametrize("name", ["uint8", "int16", "int32", "uint64", "bool"])
def test_the_mode_equals_the_most_frequent_of_each_window(name: str) -> None:
    """Labels near both ends of the type, so that none is computed with."""
    rng = np.random.default_rng(3)
    most = 1 if name == "bool" else np.iinfo(name).max
    labels = np.array([0, 1] if name == "bool" else [0, 1, 2, most - 1, most], name)
    plane = labels[rng.integers(0, len(labels), (40, 37))]
    for kernel, stride, padding in SIZES:
        found = pool("mode_pool2d", plane, kernel_size=kernel, stride=stride, padding=padding)["output"]

        assert found.reshape(-1).tolist() == [mode_of(each) for each in windows_of(plane, kernel, stride, padding)]


def test_no_permutation_of_a_window_changes_its_mode() -> None:
    """The network, insertion and the sort by digits."""
    rng = np.random.default_rng(4)
    for kernel in (2, 5, 20):
        windows = rng.integers(0, 6, (12, kernel * kernel)).astype(np.int32)

        planes = [
            np.concatenate([each.reshape(kernel, kernel) for each in shuffled], 1)
            for shuffled in (windows, rng.permuted(windows, axis=1))
        ]

        one, other = (pool("mode_pool2d", plane, kernel_size=kernel)["output"] for plane in planes)
        np.testing.assert_array_equal(one, other)


def test_ignored_labels_do_not_count() -> None:
    """No data is often the most frequent label; where there is nothing else, it is the answer."""
    plane = np.random.default_rng(5).choice(np.array([0, 0, 0, 3, 4], np.uint8), (24, 30))
    for kernel, stride, padding in SIZES:
        found = pool("mode_pool2d", plane, kernel_size=kernel, stride=stride, padding=padding, ignore_value=0)

        windows = windows_of(plane, kernel, stride, padding)
        expected = [mode_of(each[each != 0]) if each.any() else 0 for each in windows]
        assert found["output"].reshape(-1).tolist() == expected
