"""Maxima by torch: NaN, -0.0 and bool, own memory, and the windows that are picked."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from poolhouse.dtypes import FLOAT32, FLOAT64, INT64
from poolhouse.operators.maxima import Maximum, window_maxima, window_maxima_cost
from poolhouse.operators.reductions import Tensors
from poolhouse.operators.window_operator import Window
from poolhouse.operators.windows import SlidingWindow
from tests.operators.random_cases import CATALOGUE

NAN = math.nan
PAIRS = [SlidingWindow(2, 2).windows(4)]


def bits(values: torch.Tensor) -> list[str]:
    """The values with the sign of zeros."""
    return [str(value) for value in values.reshape(-1).tolist()]


@pytest.mark.parametrize(
    ("values", "index"),
    [
        ([1.0, 3.0, 3.0], 1),
        ([-math.inf, -math.inf], 0),
        ([1.0, NAN, 9.0], 1),
        ([NAN, 1.0, NAN, 2.0], 2),
        ([-0.0, 0.0], 0),
        ([False, True, True], 1),
        ([2**63 - 2, 2**63 - 1], 1),
    ],
)
def test_the_oracle_gives_the_first_maximum_or_the_last_nan(values: list[float], index: int) -> None:
    """As torch's kernels; every algorithm is compared with this rule."""
    spec = CATALOGUE.find("max_pool1d").of(kernel_size=1, return_indices=True)
    assert isinstance(spec, Maximum)

    found = spec.of_window(Window(values, [10 * i for i in range(len(values))], 1, 1))

    assert found[1] == 10 * index
    assert str(found[0]) == str(values[index])


@pytest.mark.parametrize("with_indices", [False, True])
@pytest.mark.parametrize(
    ("row", "expected", "indices"),
    [
        ([1.0, 2.0, 4.0, 3.0], ["2.0", "4.0"], [1, 2]),
        ([-0.0, 0.0, 0.0, -0.0], ["-0.0", "0.0"], [0, 2]),
        ([NAN, 2.0, 4.0, 3.0], ["nan", "4.0"], [0, 2]),
        ([-math.inf, -math.inf, -0.0, NAN], ["-inf", "nan"], [0, 3]),
    ],
)
def test_the_values_are_the_same_with_and_without_indices(
    row: list[float], expected: list[str], indices: list[int], with_indices: bool
) -> None:
    """Without indices a faster comparison is used, which must give the same bits."""
    found = window_maxima(torch.tensor([row]), PAIRS, with_indices=with_indices)

    assert bits(found[0]) == expected
    assert len(found) == 1 + with_indices
    if with_indices:
        assert (found[1].dtype, found[1].tolist()) == (torch.int64, [indices])


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.float32])
def test_an_output_owns_its_memory(dtype: torch.dtype) -> None:
    """A view of the request's body would change while the response is sent."""
    x = torch.tensor([[0, 1, 1, 0]]).to(dtype)

    (found,) = window_maxima(x, [SlidingWindow(1, 1).windows(4)], with_indices=False)

    assert found.dtype is dtype
    assert torch.equal(found, x)
    assert found.untyped_storage().data_ptr() != x.untyped_storage().data_ptr()


def test_windows_are_picked_axis_by_axis() -> None:
    """Windows that are dropped early are not combined along the other axes."""
    shapes: list[tuple[int, tuple[int, ...]]] = []

    def pick(found: Tensors, axis: int) -> Tensors:
        shapes.append((axis, tuple(found[0].shape)))
        return tuple(each.narrow(axis + 1, 1, 2) for each in found)

    x = torch.from_numpy(np.arange(30.0).reshape(1, 5, 6))
    windows = [SlidingWindow(2, 1).windows(length) for length in (5, 6)]

    values, indices = window_maxima(x, windows, with_indices=True, pick=pick)

    assert shapes == [(1, (1, 5, 5)), (0, (1, 4, 2))]
    assert indices.tolist() == [[[14, 15], [20, 21]]]
    assert torch.equal(values, indices.double())


def test_indices_cost_memory_and_large_planes_need_wide_ones() -> None:
    """The index of every element is held, in eight bytes from 2³¹ elements on."""
    window = SlidingWindow(2, 2)

    def cost_of(length: int, *, with_indices: bool) -> float:
        axes = (window.summarize(length),)
        return window_maxima_cost((length,), axes, INT64, with_indices=with_indices).plane_bytes / length

    assert cost_of(2**20, with_indices=True) >= cost_of(2**20, with_indices=False) + 4
    assert cost_of(2**31, with_indices=True) >= cost_of(2**31 - 2, with_indices=True) + 4


def test_the_search_for_negative_zeros_is_planned() -> None:
    """Floats are read once more than integers of their size."""
    axes = (SlidingWindow(1, 2**20).summarize(2**20),)

    integers, floats = (window_maxima_cost((2**20,), axes, each, with_indices=False) for each in (INT64, FLOAT64))

    assert floats.plane_steps - integers.plane_steps >= 0.2 * 2**20
    assert floats.call_steps > integers.call_steps
    assert window_maxima_cost((2**20,), axes, FLOAT32, with_indices=False).plane_steps >= 0.2 * 2**20
