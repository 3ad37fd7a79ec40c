"""The cost model of the loops that combine lines first: the work grows with the lines of all windows."""

from __future__ import annotations

from functools import partial

import pytest

from poolhouse.dtypes import ELEMENT_TYPES, FLOAT32
from poolhouse.kernels.averages import LineSumKernel
from poolhouse.kernels.line_extremes import COMPARED_ALONE, LineExtremeKernel
from poolhouse.operators.line_costs import line_extremes_cost, line_sum_loops_cost, variance_loops_cost
from poolhouse.operators.windows import AxisSummary, SlidingWindow
from tests.operators.random_cases import CATALOGUE


def windows(length: int, kernel: int, stride: int) -> tuple[AxisSummary, ...]:
    """Two axes of the same windows."""
    return (SlidingWindow(kernel, stride).summarize(length),) * 2


def test_windows_apart_read_each_element_once_and_others_each_line_again() -> None:
    """Lines are not shared: large windows that overlap much are cheaper by other loops."""
    for model in (partial(line_extremes_cost, with_indices=False), line_sum_loops_cost, variance_loops_cost):
        apart, shared = (model(windows(992, 31, stride), FLOAT32).plane_steps for stride in (31, 1))

        assert 0.05 * 992**2 < apart < 4 * 992**2
        assert shared > 15 * apart


def test_indices_take_steps_for_the_search() -> None:
    """Half of the elements of each window are read again."""
    axes = windows(992, 31, 31)
    plain, indexed = (line_extremes_cost(axes, FLOAT32, with_indices=each).plane_steps for each in (False, True))

    assert indexed > plain + 0.5 * 992**2


@pytest.mark.parametrize("name", ELEMENT_TYPES)
def test_only_types_that_are_widened_take_memory(name: str) -> None:
    """The others are compared where they are."""
    cost = line_extremes_cost(windows(992, 31, 31), ELEMENT_TYPES[name], with_indices=False)

    assert (cost.plane_bytes == 0) == (name in COMPARED_ALONE or name == "bool")


@pytest.mark.parametrize("name", ["max_pool2d", "min_pool2d"])
@pytest.mark.parametrize("element", ["float32", "uint8"])
def test_plans_choose_lines_for_large_windows_apart_and_runs_for_those_that_overlap(name: str, element: str) -> None:
    """Windows of 31 × 31 that are apart, and at every position."""
    for stride, by_lines in ((31, True), (1, False)):
        spec = CATALOGUE.find(name).of(kernel_size=31, stride=stride)
        factory = spec.kernel_factory((310, 310), ELEMENT_TYPES[element])

        assert factory is not None
        assert isinstance(factory.make(), LineExtremeKernel) == by_lines


def test_plans_choose_lines_for_large_sums() -> None:
    """As for extremes."""
    spec = CATALOGUE.find("sum_pool2d").of(kernel_size=31)

    factory = spec.kernel_factory((310, 310), FLOAT32)

    assert factory is not None
    assert isinstance(factory.make(), LineSumKernel)
