"""The loops over keys: windows that a network sorts together and windows handled alone have the same results."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.kernels import rank_kernels
from poolhouse.kernels.axes import Axis
from poolhouse.kernels.omission import Omission
from poolhouse.kernels.quantiles import Quantile
from poolhouse.kernels.rank_kernels import RankKernel
from poolhouse.operators.windows import SlidingWindow
from tests.operators.random_cases import random_elements

GOALS = (Quantile(0.5, "lower"), Quantile(0.3, "linear"), None)


def axis_of(length: int, kernel: int, stride: int, padding: int, dilation: int) -> Axis:
    """The windows of an axis."""
    windows = SlidingWindow(kernel, stride, padding, padding, dilation).windows(length)
    return Axis(length, windows.first, windows.count, windows.dilation)


@pytest.mark.parametrize("name", ["uint8", "bfloat16", "int32", "float32", "uint64"])
def test_a_network_finds_what_each_window_alone_gives(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With NaN, ignored elements, borders, strides and dilation, in up to three axes and any number of threads."""
    element = ELEMENT_TYPES[name]
    for seed in range(30):
        random = Random(seed)
        spatial = random.choice(((1, 300), (9, 70), (40, 33), (4, 7, 40)))
        axes = []
        for length in spatial[:-1]:
            kernel = min(length, random.choice((1, 2, 3, 5)))
            axes.append(axis_of(length, kernel, random.choice((1, 1, 2, 3)), kernel // 2, 1))
        kernel, dilation = random.choice(((2, 1), (3, 1), (3, 4), (7, 1), (6, 2)))
        axes.append(axis_of(spatial[-1], kernel, random.choice((1, 1, 2, 3, 9)), random.choice((0, 1)), dilation))
        x = random_elements(random, element, (2, *spatial))
        value = random.choice((None, 0, 1))
        left = None if value is None else float(value)
        omission = Omission(element.kind == "float" and random.random() < 0.5, left, left)
        for quantile in GOALS[: 2 if element.kind == "float" else 3]:
            outputs = []
            for least in (8, 10**9):
                monkeypatch.setattr(rank_kernels, "MIN_NETWORK_WINDOWS", least)
                kernel_of_windows = RankKernel(axes, name, quantile, omission, gives_shares=True)
                outputs.append(kernel_of_windows({"input": x}, random.choice((1, 3))))

            for together, alone in zip(*outputs, strict=True):
                assert together.tobytes() == alone.tobytes(), (seed, quantile, omission)


@pytest.mark.parametrize("name", ["uint8", "int64"])
def test_the_sort_by_digits_sees_every_byte(name: str) -> None:
    """Windows whose elements differ in one byte of a key each."""
    rng = np.random.default_rng(1)
    bits = 8 * np.dtype(name).itemsize
    rows = [(rng.integers(0, 9, 300).astype(np.uint64) << np.uint64(shift)).astype(name) for shift in range(0, bits, 8)]
    x = np.stack(rows)

    (median,) = RankKernel([axis_of(300, 300, 1, 0, 1)], name, Quantile(0.5, "lower"))({"input": x}, 2)
    (mode,) = RankKernel([axis_of(300, 300, 1, 0, 1)], name, None)({"input": x}, 2)

    assert median.reshape(-1).tolist() == [np.sort(row)[149] for row in x]
    for row, found in zip(x, mode.reshape(-1), strict=True):
        values, counts = np.unique(row, return_counts=True)
        assert found == values[counts.argmax()]
