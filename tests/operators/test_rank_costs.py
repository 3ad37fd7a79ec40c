"""The cost model of quantiles and modes: what grows with what, and what is bounded."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.dtypes import ELEMENT_TYPES, ElementType
from poolhouse.kernels.networks import MAX_NETWORK_TAPS
from poolhouse.kernels.quantiles import METHODS, Quantile
from poolhouse.operators.costs import Cost
from poolhouse.operators.rank_costs import Ranking, rank_cost, rank_loops_cost
from poolhouse.operators.windows import AxisSummary, SlidingWindow
from tests.hypothesis_profiles import scaled_examples

Model = Callable[[Sequence[AxisSummary], ElementType, Ranking], Cost]

MEDIAN = Quantile(0.5, "midpoint")
FLOAT = ELEMENT_TYPES["float32"]
BYTE = ELEMENT_TYPES["uint8"]

AXES = st.lists(
    st.builds(
        lambda length, kernel, stride, padding: SlidingWindow(
            min(kernel, length), stride, min(padding, kernel // 2), min(padding, kernel // 2)
        ).summarize(length),
        st.one_of(st.integers(1, 100), st.integers(1, 2**20)),
        st.integers(1, 40),
        st.integers(1, 9),
        st.integers(0, 3),
    ),
    min_size=1,
    max_size=3,
)
both_models = pytest.mark.parametrize("model", [rank_loops_cost, rank_cost])


def square(length: int, kernel: int, stride: int = 1) -> list[AxisSummary]:
    """Two equal axes."""
    return [SlidingWindow(kernel, stride).summarize(length)] * 2


def total(cost: Cost) -> float:
    """Steps of one plane."""
    return cost.plane_steps + cost.call_steps


@pytest.mark.parametrize("method", METHODS)
def test_two_ranks_are_found_where_a_quantile_lies_between(method: str) -> None:
    """Where all windows have one size, it may be that of an element; elsewhere windows differ."""

    @scaled_examples(100)
    @given(st.integers(1, 9), st.floats(0, 1))
    def holds(kernel: int, q: float) -> None:
        quantile = Quantile(q, method)
        place = (kernel * kernel - 1) * q

        found = Ranking(quantile).finds_two(square(40, kernel))

        assert found is (method in ("linear", "midpoint") and place != math.floor(place))

    holds()


def test_windows_of_several_sizes_may_need_two_ranks() -> None:
    """At the border, and where elements are passed over; chosen elements and modes never do."""
    odd = square(20, 3)
    cut = [SlidingWindow(3, 1, 1, 1).summarize(20)] * 2

    assert not Ranking(MEDIAN).finds_two(odd)
    assert Ranking(MEDIAN).finds_two(cut)
    assert Ranking(MEDIAN, skips=True).finds_two(odd)
    for chosen in (None, Quantile(0.5, "lower"), Quantile(0.5, "nearest")):
        assert not Ranking(chosen, skips=True).finds_two(cut)


@both_models
@pytest.mark.parametrize("quantile", [MEDIAN, Quantile(0.25, "lower"), None])
def test_costs_are_positive_and_finite(model: Model, quantile: Quantile | None) -> None:
    """For windows of every size and number; a limit compares with them."""

    @scaled_examples(100)
    @given(AXES, st.sampled_from(sorted(ELEMENT_TYPES)), st.booleans(), st.booleans())
    def holds(axes: list[AxisSummary], name: str, skips: bool, gives_shares: bool) -> None:
        cost = model(axes, ELEMENT_TYPES[name], Ranking(quantile, skips, gives_shares))

        for each in (cost.plane_steps, cost.call_steps, cost.plane_bytes, cost.call_bytes):
            assert math.isfinite(each)
            assert each >= 0
        assert cost.plane_steps >= math.prod(axis.outputs for axis in axes) / 2

    holds()


@both_models
def test_more_work_costs_more(model: Model) -> None:
    """Larger windows, more of them, two ranks instead of one, and a plane twice as large."""
    ranking = Ranking(MEDIAN)
    lower = Ranking(Quantile(0.5, "lower"))
    sizes = [total(model(square(200, kernel), FLOAT, ranking)) for kernel in (3, 5, 7, 13, 31)]
    strides = [total(model(square(200, 5, stride), FLOAT, ranking)) for stride in (4, 2, 1)]

    for costs in (sizes, strides):
        assert all(less < more for less, more in itertools.pairwise(costs))
    assert total(model(square(200, 4), FLOAT, lower)) < total(model(square(200, 4), FLOAT, ranking))
    small, large = (model(square(length, 4, 4), FLOAT, ranking).plane_steps for length in (400, 800))
    assert 3 < large / small < 5


@pytest.mark.parametrize("quantile", [MEDIAN, None])
def test_passing_over_elements_and_shares_cost_more(quantile: Quantile | None) -> None:
    """The loops count the elements of every window then."""
    axes = square(100, 3)

    plain = rank_loops_cost(axes, FLOAT, Ranking(quantile))
    skipping = rank_loops_cost(axes, FLOAT, Ranking(quantile, skips=True))
    sharing = rank_loops_cost(axes, FLOAT, Ranking(quantile, skips=True, gives_shares=True))

    assert total(plain) < total(skipping) < total(sharing)
    assert sharing.plane_bytes >= skipping.plane_bytes + 16 * 98 * 98


def test_windows_in_a_network_cost_less_than_windows_alone() -> None:
    """Of a long row many are sorted together; of a row of few windows, or of large windows, each is alone."""

    def per_window(length: int, kernel: int) -> float:
        axes = [SlidingWindow(kernel, 1).summarize(length)]
        return rank_loops_cost(axes, BYTE, Ranking(Quantile(0.5, "lower"))).plane_steps / axes[0].outputs

    assert per_window(1000, 9) < per_window(12, 9) / 2
    assert per_window(10_000, MAX_NETWORK_TAPS) < per_window(10_000, MAX_NETWORK_TAPS + 1)


def test_a_comparison_of_64_bits_costs_twice_that_of_32_for_each_byte() -> None:
    """Processors have no instruction for it."""
    axes = square(300, 5)
    steps = {name: rank_loops_cost(axes, ELEMENT_TYPES[name], Ranking(None)).plane_steps for name in ("int32", "int64")}

    assert steps["int64"] > 1.5 * steps["int32"]


def test_torchs_memory_does_not_grow_with_the_number_of_windows() -> None:
    """Windows are gathered in pieces; without them a filter of 31 by 31 would take a thousand planes."""
    small, large = (rank_cost(square(length, 31), BYTE, Ranking(MEDIAN)) for length in (300, 3000))
    elements = [300 * 300, 3000 * 3000]

    more = (large.plane_bytes - small.plane_bytes) / (elements[1] - elements[0])
    assert more < 16
    assert large.call_bytes - small.call_bytes < 2**20


def test_bytes_of_large_windows_take_steps_for_the_columns_that_enter_and_leave() -> None:
    """A histogram moves along the row: the work of a window grows with its side, not with its area."""
    for quantile in (MEDIAN, None):
        small, large = (rank_loops_cost(square(992, kernel), BYTE, Ranking(quantile)) for kernel in (20, 80))
        floats = rank_loops_cost(square(992, 80), FLOAT, Ranking(quantile))

        assert small.plane_steps < large.plane_steps < 4 * small.plane_steps
        assert 50 * large.plane_steps < floats.plane_steps
