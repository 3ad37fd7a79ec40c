"""Both algorithms for reducing an axis, compared with one window after another in plain Python."""

from __future__ import annotations

import math
from random import Random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.operators import reductions
from poolhouse.operators.reductions import MAXIMUM, SUM, Tensors, fold_cost, reduce_axis, table_cost
from poolhouse.operators.windows import SlidingWindow, Windows, adaptive_windows


def random_windows(random: Random, length: int) -> Windows:
    """Random windows of one axis: sliding, adaptive, or arbitrary ones in any order."""
    kind = random.randrange(3)
    if kind == 0:
        while True:
            axis = SlidingWindow(
                random.randint(1, length + 2),
                random.randint(1, 4),
                random.randint(0, 3),
                random.randint(0, 3),
                random.randint(1, 3),
                random.random() < 0.5,
            )
            if axis.outputs(length) > axis.empty(length):
                return axis.windows(length)
    if kind == 1:
        return adaptive_windows(length, random.randint(1, 2 * length))
    step = random.randint(1, 3)
    first = np.array([random.randrange(length) for _ in range(random.randint(1, 8))], dtype=np.int64)
    count = np.array([random.randint(1, (length - 1 - place) // step + 1) for place in first], dtype=np.int64)
    return Windows(first, count, step, count)


def positions(windows: Windows) -> list[list[int]]:
    """The positions of every window."""
    return [
        [int(first) + j * windows.dilation for j in range(count)]
        for first, count in zip(windows.first, windows.count, strict=True)
    ]


@pytest.fixture(params=["fold", "table"])
def reduction_path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Forces one of the two algorithms, whatever its cost."""
    low, high = (lambda *sizes: 0), (lambda *sizes: 1)
    monkeypatch.setattr(reductions, "fold_cost", low if request.param == "fold" else high)
    monkeypatch.setattr(reductions, "table_cost", high if request.param == "fold" else low)
    return str(request.param)


CASES = range(150)


@pytest.mark.parametrize(
    "dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int8, torch.int64]
)
def test_maxima_and_their_indices_are_exact(reduction_path: str, dtype: torch.dtype) -> None:
    """The first of equal values and the last NaN, for every window and every axis."""
    for seed in CASES:
        random = Random(seed)
        shape = [random.randint(1, 4), random.randint(1, 4), random.randint(1, 4)]
        dim = random.choice((-1, -2, -3))
        shape[dim] = random.randint(1, 17)
        windows = random_windows(random, shape[dim])
        values = torch.tensor([random.choice((-2, -1, 0, 1, 2)) for _ in range(math.prod(shape))]).reshape(shape)
        x = values.to(dtype)
        if dtype.is_floating_point:
            for odd in (math.nan, math.inf, -math.inf):
                x[torch.tensor([random.random() < 0.1 for _ in range(x.numel())]).reshape(shape)] = odd
        where = torch.arange(shape[dim]).reshape([-1 if d == dim % 3 else 1 for d in range(3)]).expand(shape)

        found, index = reduce_axis((x, where), dim, windows, MAXIMUM)

        lines, indices = x.movedim(dim, -1), index.movedim(dim, -1)
        expected = torch.stack(
            [
                torch.stack([_best(line, window) for window in positions(windows)])
                for line in lines.reshape(-1, shape[dim])
            ]
        ).reshape(indices.shape)
        torch.testing.assert_close(indices, expected, rtol=0, atol=0)
        torch.testing.assert_close(found.movedim(dim, -1), lines.gather(-1, expected), rtol=0, atol=0, equal_nan=True)


def _best(line: torch.Tensor, window: list[int]) -> torch.Tensor:
    values = line[window].tolist()
    nans = [position for position, value in zip(window, values, strict=True) if value != value]
    return torch.tensor(nans[-1] if nans else window[values.index(max(values))])


@pytest.mark.parametrize("dtype", [torch.float64, torch.int64])
def test_sums_are_those_of_the_windows(reduction_path: str, dtype: torch.dtype) -> None:
    """With small integers every order of additions gives the same sum, and an element counted twice changes it."""
    for seed in CASES:
        random = Random(seed)
        shape = [random.randint(1, 4), random.randint(1, 4), random.randint(1, 4)]
        dim = random.choice((-1, -2, -3))
        shape[dim] = random.randint(1, 17)
        windows = random_windows(random, shape[dim])
        x = torch.tensor([random.randint(-9, 9) for _ in range(math.prod(shape))], dtype=dtype).reshape(shape)

        (found,) = reduce_axis((x,), dim, windows, SUM)

        lines = x.movedim(dim, -1)
        expected = torch.stack([lines[..., window].sum(-1) for window in positions(windows)], dim=-1)
        torch.testing.assert_close(found.movedim(dim, -1), expected, rtol=0, atol=0)


def test_nan_and_infinity_affect_only_their_windows(reduction_path: str) -> None:
    """An integral image would spread them to every later position."""
    for seed in CASES:
        random = Random(seed)
        length = random.randint(2, 30)
        windows = random_windows(random, length)
        x = torch.zeros(length, dtype=torch.float64)
        nan, infinite = random.randrange(length), random.randrange(length)
        x[infinite] = math.inf
        x[nan] = math.nan

        (found,) = reduce_axis((x,), -1, windows, SUM)

        for value, window in zip(found.tolist(), positions(windows), strict=True):
            if nan in window:
                assert math.isnan(value)
            elif infinite in window:
                assert value == math.inf
            else:
                assert value == 0


@given(st.integers(0, 2**32))
def test_both_algorithms_give_the_same_bits(seed: int) -> None:
    """The choice depends on sizes, so it must not change a maximum."""
    random = Random(seed)
    length = random.randint(2, 40)
    windows = random_windows(random, length)
    longest = int(windows.count.max())
    if longest == 1:
        return
    x = torch.tensor([random.choice((0.0, -0.0, 1.0, math.nan)) for _ in range(length)])
    tensors: Tensors = (x, torch.arange(length))

    folded = reductions._fold(tensors, -1, windows, longest, MAXIMUM)
    tabled = reductions._table(tensors, -1, windows, longest, MAXIMUM)

    for one, other in zip(folded, tabled, strict=True):
        assert one.numpy().tobytes() == other.contiguous().numpy().tobytes()


def test_the_input_is_not_changed(reduction_path: str) -> None:
    """The first table is the memory of the request."""
    for seed in range(50):
        random = Random(seed)
        length = random.randint(2, 20)
        x = torch.arange(length, dtype=torch.float64)
        before = x.clone()

        for monoid in (SUM, MAXIMUM):
            reduce_axis((x,), -1, random_windows(random, length), monoid)

        assert torch.equal(x, before)


def test_the_cost_of_the_table_grows_with_the_logarithm() -> None:
    """A plan's steps, and so the limit, depend on the chosen algorithm."""
    assert fold_cost(10, 3) < table_cost(1000, 10, 3)
    assert table_cost(1000, 1000, 501) < fold_cost(1000, 501) / 30
    assert table_cost(1000, 1000, 2) <= 2 * table_cost(1000, 1000, 2**10)
