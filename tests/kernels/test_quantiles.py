"""Ranks and weights of quantiles, compared with numpy's quantile of 0, 1, 2, …"""

from __future__ import annotations

from typing import Final, Literal, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.kernels.quantiles import BETWEEN, METHODS, Quantile
from tests.hypothesis_profiles import scaled_examples

Method = Literal["linear", "lower", "higher", "nearest", "midpoint"]

COUNTS: Final = st.integers(1, 200)
SHARES: Final = st.one_of(st.floats(0, 1), st.sampled_from((0.0, 0.25, 0.5, 0.75, 1.0, 1 / 3, 0.1)))

every_method = pytest.mark.parametrize("method", METHODS)


@every_method
def test_ranks_and_weights_are_those_of_numpy(method: str) -> None:
    """The quantile of 0, 1, 2, … is the rank itself, and between two ranks it shows the weight."""

    @scaled_examples(200)
    @given(COUNTS, SHARES)
    def holds(count: int, q: float) -> None:
        quantile = Quantile(q, method)

        low, high = quantile.rank(count), quantile.rank(count, upper=True)
        (weight,) = quantile.weights(np.array([count])).tolist()

        expected = np.quantile(np.arange(count, dtype=np.float64), q, method=cast("Method", method))
        found = low + (high - low) * weight if METHODS[method] == BETWEEN else low
        assert found == pytest.approx(float(expected), rel=1e-12, abs=1e-12)
        assert 0 <= low <= high <= min(low + 1, count - 1)

    holds()


@every_method
def test_the_ends_are_the_first_and_the_last_rank(method: str) -> None:
    """The minimum and the maximum, without anything to interpolate."""
    for count in (1, 2, 1000, 2**31 - 1):
        for q, rank in ((0.0, 0), (1.0, count - 1)):
            quantile = Quantile(q, method)

            assert quantile.rank(count) == quantile.rank(count, upper=True) == rank
            assert quantile.weights(np.array([count])).tolist() == [0]


def test_the_nearest_of_two_equally_near_ranks_is_the_even_one() -> None:
    """As numpy rounds; the first of both, or the last, would be biased."""
    found = [Quantile(0.5, "nearest").rank(count) for count in (2, 4, 6, 8)]

    assert found == [0, 2, 2, 4]


def test_the_middle_of_an_odd_number_is_one_rank() -> None:
    """So that a median of an odd number of elements is one of them, and loops need not look for two."""
    for count in (1, 3, 9, 10**6 + 1):
        for method in METHODS:
            quantile = Quantile(0.5, method)

            assert quantile.rank(count) == quantile.rank(count, upper=True) == count // 2
