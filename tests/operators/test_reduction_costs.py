"""The cost model of the reduction of axes: what it must grow with, and what not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.operators.reduction_costs import SUM_JOIN_COST, maximum_join_cost, reduction_cost
from poolhouse.operators.windows import SlidingWindow
from tests.hypothesis_profiles import scaled_examples


@scaled_examples(100)
@given(st.integers(1, 64), st.integers(1, 64), st.integers(1, 64), st.integers(1, 16), st.integers(1, 8))
def test_the_result_is_in_the_workspace_and_in_the_steps(
    planes: int, height: int, width: int, size: int, stride: int
) -> None:
    """A plan that forgets an axis would let a request take any time."""
    spatial = (planes, max(height, size), max(width, size))
    axes = tuple(SlidingWindow(size, stride).summarize(length) for length in (max(planes, size), *spatial[1:]))
    spatial = (max(planes, size), *spatial[1:])

    cost = reduction_cost(spatial, axes, SUM_JOIN_COST)

    if size > 1:
        # The first axis gives a row of results for each row of the input; they are held while the second is reduced.
        first = spatial[0] * spatial[1] * axes[2].outputs
        assert cost.plane_bytes >= 8 * first
        assert cost.plane_steps >= 0.8 * first
    assert cost.call_bytes >= 64 * sum(axis.outputs for axis in axes)


def test_axes_without_windows_of_several_elements_cost_little() -> None:
    """Pooling words of a text leaves the other axes as they are."""
    one = SlidingWindow(1, 1).summarize(512)

    cost = reduction_cost((512, 512), (one, one), SUM_JOIN_COST)

    assert cost.plane_steps == 0
    assert cost.plane_bytes == 8 * 512 * 512


def test_large_overlapping_windows_cost_a_logarithm() -> None:
    """They are combined from a table, so twice the size is one level more."""
    steps = [
        reduction_cost((2**14,), (SlidingWindow(size, 1).summarize(2**14),), SUM_JOIN_COST).plane_steps
        for size in (255, 511, 1023)
    ]

    assert steps[0] < steps[1] < 1.3 * steps[0]
    assert steps[1] < steps[2] < 1.3 * steps[1]


@pytest.mark.parametrize("kept", [1, 10, 99])
def test_picked_windows_make_the_next_axis_smaller(kept: int) -> None:
    """Fractional pooling computes every window of an axis and keeps a few."""
    axes = (SlidingWindow(2, 1).summarize(100),) * 2

    all_kept, some = (
        reduction_cost((100, 100), axes, SUM_JOIN_COST, kept_windows=each) for each in ((99, 99), (kept, kept))
    )

    assert some.plane_steps <= all_kept.plane_steps
    assert some.plane_bytes <= all_kept.plane_bytes
    assert some.plane_steps > reduction_cost((100,), axes[:1], SUM_JOIN_COST).plane_steps * 99


def test_clipped_windows_cost_more_than_evenly_spaced_ones() -> None:
    """They are gathered instead of read as a view."""
    plain, padded = (
        reduction_cost((64, 4096), (SlidingWindow(1, 1).summarize(64), each.summarize(4096)), SUM_JOIN_COST)
        for each in (SlidingWindow(4, 2), SlidingWindow(4, 2, 2, 2))
    )

    assert padded.plane_steps > 1.2 * plain.plane_steps
    assert padded.plane_bytes > plain.plane_bytes


@pytest.mark.parametrize("itemsize", [1, 2, 4, 8])
def test_a_comparison_with_indices_costs_the_most(itemsize: int) -> None:
    """Values and indices are selected by a mask; floats need a search for NaN."""
    integers, floats, indexed, indexed_floats = (
        maximum_join_cost(itemsize, index_bytes, floating=floating)
        for index_bytes in (0, 4)
        for floating in (False, True)
    )

    assert integers.itemsize == floats.itemsize == itemsize
    assert indexed.itemsize == indexed_floats.itemsize == itemsize + 4
    assert integers.steps < floats.steps < indexed.steps < indexed_floats.steps
    assert integers.nbytes < floats.nbytes
    assert indexed.nbytes >= itemsize + 4 + 2 * max(itemsize, 4)
    assert all(each.may_overlap for each in (integers, floats, indexed, indexed_floats))
    assert not SUM_JOIN_COST.may_overlap
