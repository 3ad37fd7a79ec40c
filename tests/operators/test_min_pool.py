"""min_pool is max_pool in the opposite order, for every element type."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hypothesis_profiles import scaled_examples
from tests.operators.both_ways import outputs, pool_both_ways

FIELDS = st.fixed_dictionaries(
    {
        "kernel_size": st.integers(2, 4),
        "stride": st.integers(1, 4),
        "padding": st.sampled_from((0, 1, "same")),
        "dilation": st.integers(1, 2),
    }
)


@pytest.mark.parametrize("name", ["bool", "int8", "uint8", "uint16", "int64", "uint64"])
def test_of_integers_it_is_the_complement_of_the_maximum_of_complements(name: str) -> None:
    """The least integer has no negative; the indices are those of the maximum."""

    @scaled_examples(30)
    @given(FIELDS, st.integers(0, 2**32))
    def holds(fields: dict[str, object], seed: int) -> None:
        most = 1 if name == "bool" else np.iinfo(name).max
        x = np.array([0, 1, most, most - (most > 1)], name)
        x = np.concatenate([x, ~x])[np.random.default_rng(seed).integers(0, 8, (2, 8, 9))]

        maxima = pool_both_ways("max_pool2d", ~x, return_indices=True, **fields)
        for found in pool_both_ways("min_pool2d", x, return_indices=True, **fields):
            np.testing.assert_array_equal(~found["output"], maxima[0]["output"])
            np.testing.assert_array_equal(found["indices"], maxima[0]["indices"])

    holds()


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_an_index_points_to_its_minimum(rank: int) -> None:
    """Flat within the plane, for all numbers of axes; padding is never chosen."""
    x = np.random.default_rng(rank).standard_normal((3, *(6, 7, 8)[:rank]))

    for found in pool_both_ways(f"min_pool{rank}d", x, kernel_size=3, padding=1, stride=2, return_indices=True):
        indices = found["indices"].reshape(3, -1)
        taken = np.take_along_axis(x.reshape(3, -1), indices, 1)
        np.testing.assert_array_equal(taken, found["output"].reshape(3, -1))


def test_of_booleans_it_is_whether_all_are_true() -> None:
    """As numpy's all, and the maximum is its any."""
    x = np.random.default_rng(3).random((1, 9, 9)) < 0.8

    for found in outputs("min_pool2d", x, kernel_size=3):
        np.testing.assert_array_equal(found, x.reshape(1, 3, 3, 3, 3).all((2, 4)))


@pytest.mark.parametrize("name", ["float16", "float32", "float64"])
def test_nan_is_the_minimum_unless_it_is_omitted(name: str) -> None:
    """As numpy's min and nanmin; infinities are numbers."""
    x = np.array([[np.nan, -np.inf, 1, np.inf, np.inf, np.inf, np.nan, np.nan]], name)

    for found in outputs("min_pool1d", x, kernel_size=2):
        np.testing.assert_array_equal(found, np.array([[np.nan, 1, np.inf, np.nan]], name))
    for found in outputs("min_pool1d", x, kernel_size=2, nan_policy="omit"):
        np.testing.assert_array_equal(found, np.array([[-np.inf, 1, np.inf, np.nan]], name))


def test_minima_of_minima_are_those_of_the_larger_window() -> None:
    """An erosion by one box and then another is that by their sum."""
    x = np.random.default_rng(5).integers(0, 255, (1, 17, 19), np.uint8)

    twice = outputs("min_pool2d", outputs("min_pool2d", x, kernel_size=3, stride=1)[0], kernel_size=5, stride=1)

    for found in outputs("min_pool2d", x, kernel_size=7, stride=1):
        np.testing.assert_array_equal(found, twice[0])
