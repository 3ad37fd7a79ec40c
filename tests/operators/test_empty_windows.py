"""Windows in the padding: zeros between the pooled ones, by torch and by the kernel alike."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from poolhouse.kernels.widening import Array
from poolhouse.operators.costs import Cost
from poolhouse.operators.empty_windows import Places, PlacingKernel, place_tensor, placing_cost
from tests.hypothesis_profiles import scaled_examples


@st.composite
def placings(draw: st.DrawFn) -> list[Places]:
    """For one or both axes of three, some of their windows."""
    numbers = draw(st.sampled_from(((0,), (1,), (0, 1), (1, 0))))
    found = []
    for axis in numbers:
        outputs = draw(st.integers(1, 7))
        pooled = sorted(draw(st.sets(st.integers(0, outputs - 1), min_size=1)))
        found.append(Places(axis, outputs, np.array(pooled)))
    return found


TYPES = ("int32", "uint8", "uint16", "uint32", "uint64", "float64")


def pooled_array(places: list[Places], channels: int, element: str = "int32") -> Array:
    """(2, *pooled, channels) numbers that are not 0."""
    sizes = {each.axis: len(each.pooled) for each in places}
    shape = (2, sizes.get(0, 3), sizes.get(1, 4), channels)
    return np.random.default_rng(1).integers(1, 99, shape, np.int32).astype(element)


@scaled_examples(80)
@given(placings(), st.integers(1, 3), st.sampled_from(TYPES))
@example([Places(0, 3, np.array([0, 2]))], 1, "uint32")
def test_pooled_windows_are_at_their_places_and_zeros_elsewhere(
    places: list[Places], channels: int, element: str
) -> None:
    """Whatever follows the axes, such as channels last."""
    found = pooled_array(places, channels, element)

    (by_kernel,) = PlacingKernel(lambda planes, threads: (planes["input"],), places)({"input": found}, 1)
    by_torch = place_tensor(torch.from_numpy(found), places)

    taken = by_kernel
    for each in places:
        assert taken.shape[1 + each.axis] == each.outputs
        taken = np.take(taken, each.pooled, 1 + each.axis)
    np.testing.assert_array_equal(taken, found)
    assert np.count_nonzero(by_kernel) == found.size
    assert by_torch.dtype == getattr(torch, element)
    np.testing.assert_array_equal(by_torch.numpy(), by_kernel)


def test_neighbouring_windows_are_a_slice() -> None:
    """A slice is copied in rows; only dilation leaves windows out in between."""
    assert Places(0, 9, np.array([2, 3, 4])).index == slice(2, 5)
    assert Places(0, 9, np.array([8])).index == slice(8, 9)
    with_gap = Places(0, 9, np.array([2, 4])).index
    assert not isinstance(with_gap, slice)
    assert with_gap.tolist() == [2, 4]


def test_every_output_is_placed() -> None:
    """With the type of each."""
    place = [Places(0, 3, np.array([1]))]
    kernel = PlacingKernel(lambda planes, threads: (np.ones((1, 1)), np.full((1, 1), 7)), place)

    values, indices = kernel({}, 1)

    assert values.tolist() == [[0, 1, 0]]
    assert indices.tolist() == [[0, 7, 0]]
    assert values.dtype == np.float64
    assert indices.dtype == np.int64


def test_without_a_pooled_window_only_zeros_are_written() -> None:
    """No workspace beside the output; else placing costs more than pooling alone."""
    nothing = placing_cost(None, 2, 0, 4000)
    pooling = Cost(1000.0, 10.0, 500.0, 60.0)

    assert nothing.plane_bytes == nothing.call_bytes == 0
    assert 0 < nothing.plane_steps < placing_cost(pooling, 1, 2000, 4000).plane_steps


@pytest.mark.parametrize(("axes", "held"), [(1, 500 + 2000), (2, 500 + 2000 + 4000)])
def test_placing_holds_the_pooled_windows(axes: int, held: int) -> None:
    """After the first of two axes there is a tensor between both."""
    pooling = Cost(1000.0, 10.0, 500.0, 60.0)

    cost = placing_cost(pooling, axes, 2000, 4000)

    assert cost.plane_bytes == held
    assert cost.call_bytes == pooling.call_bytes
    assert cost.plane_steps > pooling.plane_steps
    assert cost.call_steps > pooling.call_steps
