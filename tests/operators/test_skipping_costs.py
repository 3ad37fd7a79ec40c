"""The cost model of the loops that pass over elements: the work grows with what they read."""

from __future__ import annotations

import math

import pytest

from poolhouse.dtypes import ELEMENT_TYPES, FLOAT32
from poolhouse.operators.costs import Cost
from poolhouse.operators.skipping_costs import (
    kept_extremes_cost,
    kept_sums_cost,
    kept_variances_cost,
    too_many_lines,
)
from poolhouse.operators.windows import AxisSummary, SlidingWindow


def extremes_cost(axes: tuple[AxisSummary, ...], name: str) -> Cost:
    """Of extremes without indices."""
    return kept_extremes_cost(axes, ELEMENT_TYPES[name], with_indices=False)


def sums_cost(axes: tuple[AxisSummary, ...], name: str) -> Cost:
    """Of sums and averages."""
    return kept_sums_cost(axes, ELEMENT_TYPES[name])


def variances_cost(axes: tuple[AxisSummary, ...], name: str) -> Cost:
    """Of variances."""
    return kept_variances_cost(axes, ELEMENT_TYPES[name])


MODELS = pytest.mark.parametrize("model", [extremes_cost, sums_cost, variances_cost])


def windows(length: int, kernel: int, stride: int) -> tuple[AxisSummary, ...]:
    """Two axes of the same windows."""
    return (SlidingWindow(kernel, stride).summarize(length),) * 2


@MODELS
def test_windows_apart_read_each_element_once_and_others_each_line_again(model: type) -> None:
    """Lines are not shared: large windows that overlap much are cheaper by tables."""
    small, large, shared = (
        model(windows(992, kernel, stride), "float32").plane_steps for kernel, stride in ((8, 8), (31, 31), (31, 1))
    )

    assert 0.1 * 992**2 < large < small
    assert shared > 15 * large


@MODELS
@pytest.mark.parametrize("narrow", ["float16", "bfloat16", "uint8", "int32"])
def test_widened_types_take_more_steps_and_memory(model: type, narrow: str) -> None:
    """They are converted chunk by chunk."""
    axes = windows(992, 31, 31)
    found, plain = model(axes, narrow), model(axes, "float32")

    assert found.plane_steps > plain.plane_steps
    assert found.plane_bytes >= plain.plane_bytes + 4 * 992**2


def test_indices_take_a_search_of_each_window() -> None:
    """Half of its elements are read again, one by one."""
    axes = windows(100, 10, 10)
    plain, indexed = (kept_extremes_cost(axes, FLOAT32, with_indices=indices).plane_steps for indices in (False, True))

    assert indexed > plain + 0.5 * 100**2


@MODELS
def test_a_long_line_does_not_look_like_many_short_ones(model: type) -> None:
    """Its scratch memory does not fit into a cache."""
    line = model((AxisSummary(10**6, 1, 10**6, 10**6),), "float32").plane_steps
    plane = model((AxisSummary(1000, 1, 1000, 1000),) * 2, "float32").plane_steps

    assert line > 1.5 * plane


@pytest.mark.parametrize(("lengths", "refused"), [((2**24, 1), True), ((2**23, 32), True), ((2**23, 31), False)])
def test_windows_whose_elements_float32_cannot_count_are_left_to_torch(
    lengths: tuple[int, ...], *, refused: bool
) -> None:
    """2²⁴ + 1 is not a float32."""
    axes = [AxisSummary(length, 1, length, length) for length in lengths]

    assert too_many_lines(axes) is refused
    assert math.prod(lengths) >= 2**24 or not refused
