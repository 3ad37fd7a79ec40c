"""The oracle of quantiles against numpy and fractions, and the requests that get compiled loops."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Literal, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.kernels.omission import NOTHING_OMITTED, Omission
from poolhouse.kernels.quantiles import BETWEEN, METHODS, Quantile
from poolhouse.kernels.rank_kernels import MIN_NETWORK_WINDOWS
from poolhouse.operators.ranks import METHOD_WORDS, RankReduction, quantile_of_numbers
from tests.hypothesis_profiles import scaled_examples
from tests.operators.both_ways import spec_of

Method = Literal["linear", "lower", "higher", "nearest", "midpoint"]

every_method = pytest.mark.parametrize("method", METHOD_WORDS)


@every_method
def test_quantiles_of_floats_are_those_of_numpy(method: str) -> None:
    """In numpy's words; other libraries have other names for the same methods."""

    @scaled_examples(150)
    @given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=12), st.floats(0, 1))
    def holds(values: list[float], q: float) -> None:
        found = quantile_of_numbers(values, Quantile(q, method))

        expected = float(np.quantile(np.array(values), q, method=cast("Method", method)))
        assert found == pytest.approx(expected, rel=1e-12, abs=1e-9)

    holds()


@every_method
def test_quantiles_of_integers_are_exact(method: str) -> None:
    """Between two integers of 64 bits, of which float64 has neither; halves go to the even number."""

    @scaled_examples(150)
    @given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=6), st.floats(0, 1))
    def holds(values: list[int], q: float) -> None:
        quantile, ordered = Quantile(q, method), sorted(values)
        low, high = (ordered[quantile.rank(len(values), upper=upper)] for upper in (False, True))
        place = (len(values) - 1) * q
        weight = 0.5 if method == "midpoint" else place - math.floor(place)

        found = quantile_of_numbers(values, quantile)

        share = Fraction(round(weight * 2**32), 2**32) if METHODS[method] == BETWEEN else 0
        assert found == round(low + (high - low) * share)

    holds()


@pytest.mark.parametrize(
    ("values", "q", "expected"),
    [
        ([1.0, math.nan, 2.0], 0.0, math.nan),
        ([-math.inf, 1.0], 0.5, -math.inf),
        ([-math.inf, math.inf], 0.5, math.nan),
        ([1.7e308, 1.7e308], 0.3, 1.7e308),
        ([1.7e308, 1.5e308], 0.5, 1.6e308),
        ([-1.7e308, 1.7e308], 0.25, -0.85e308),
    ],
)
def test_special_windows(values: list[float], q: float, expected: float) -> None:
    """Neither the sum nor the difference of two large numbers overflows."""
    found = quantile_of_numbers(values, Quantile(q, "linear"))

    assert found == pytest.approx(expected, rel=1e-15, nan_ok=True)


def test_a_negative_zero_comes_before_a_positive_one() -> None:
    """As the keys of the loops have it, so that a bit does not depend on the order of elements."""
    for values in ([0.0, -0.0], [-0.0, 0.0]):
        ends = [quantile_of_numbers(values, Quantile(q, "lower")) for q in (0.0, 1.0)]

        assert [math.copysign(1, end) for end in ends] == [-1, 1]


def test_a_median_is_between_for_floats_and_the_lower_one_for_integers() -> None:
    """A mode has no quantile."""
    median, mode = spec_of("median_pool2d", kernel_size=2), spec_of("mode_pool2d", kernel_size=2)
    assert isinstance(median, RankReduction)
    assert isinstance(mode, RankReduction)

    assert median.quantile_of(floating=True) == Quantile(0.5, "midpoint")
    assert median.quantile_of(floating=False) == Quantile(0.5, "lower")
    assert mode.quantile_of(floating=False) is None


def test_few_channels_and_more_than_int32_elements_have_no_loops() -> None:
    """Lines of few channels are short, and the loops count in 32 bits; planes alone are pooled by them."""
    byte = ELEMENT_TYPES["uint8"]
    spec = spec_of("median_pool2d", kernel_size=2, layout="channels_last")
    assert isinstance(spec, RankReduction)

    for spatial, has_loops in (
        ((8, 8), True),
        ((8, 8, MIN_NETWORK_WINDOWS - 1), False),
        ((8, 8, MIN_NETWORK_WINDOWS), True),
        ((2**16, 2**15), False),
        ((2**16 - 1, 2**15), True),
    ):
        for omission in (NOTHING_OMITTED, Omission(value=0.0, nothing_left=0.0)):
            assert (spec.rank_loops(spatial, byte, omission) is not None) is has_loops
