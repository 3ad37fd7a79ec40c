"""Cost model of the loops that combine the lines of each window first: steps and memory, in plain integers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from poolhouse.dtypes import ElementType
from poolhouse.kernels.line_extremes import COMPARED_ALONE
from poolhouse.operators.costs import STEPS_PER_CALL, Cost
from poolhouse.operators.loop_costs import (
    ADDED_BYTES,
    COMPARED_BYTES,
    MAX_THREADS,
    UNIT_AXIS,
    loop_widening_cost,
    with_call_cost,
)
from poolhouse.operators.windows import AxisSummary

_NEAR_BYTES: Final = 2**15
"""Lines up to this size stay in a core's nearest cache."""


def line_extremes_cost(axes: Sequence[AxisSummary], dtype: ElementType, *, with_indices: bool) -> Cost:
    """Cost of ``kernels.line_extremes.LineExtremeKernel`` for planes with these axes."""
    depth, height, width = (*[UNIT_AXIS] * (3 - len(axes)), *axes)
    given, found = (math.prod(each) for each in zip(*((axis.length, axis.outputs) for axis in axes), strict=True))
    alone = dtype.name in COMPARED_ALONE or dtype.name == "bool"
    narrow = None if alone else COMPARED_BYTES.get(dtype.name)
    itemsize = narrow or dtype.itemsize
    lines = depth.element_reads * height.element_reads
    rows = depth.outputs * height.outputs
    # Longer lines are written to and read from slower caches.
    byte = 0.06 if width.length * itemsize < _NEAR_BYTES else 0.12
    regular = width.outputs - width.irregular
    columns = regular * width.longest * (0.35 if width.stride == 1 else 1.0) + width.irregular * width.longest * 2.0
    if width.outputs == 1 and width.dilation == 1:
        columns = width.length * 0.3
    steps = lines * (6 + width.length * (0.01 + itemsize * byte)) + rows * (40 + columns + width.outputs * 4.0)
    if with_indices:
        # Each window is searched for its extreme, on average to its middle.
        steps += math.prod(axis.element_reads for axis in axes) * 0.6 + found * 10
    wide, nbytes = loop_widening_cost(given, found, narrow)
    scratch = itemsize * (width.length + 1)
    return with_call_cost(axes, Cost(20 + steps + wide, 2 * STEPS_PER_CALL, nbytes, scratch * MAX_THREADS + 64))


def line_sum_loops_cost(axes: Sequence[AxisSummary], dtype: ElementType) -> Cost:
    """Cost of ``kernels.averages.LineSumKernel`` for planes with these axes."""
    depth, height, width = (*[UNIT_AXIS] * (3 - len(axes)), *axes)
    itemsize = ADDED_BYTES.get(dtype.name, dtype.itemsize)
    given, found = (math.prod(each) for each in zip(*((axis.length, axis.outputs) for axis in axes), strict=True))
    lines = depth.element_reads * height.element_reads
    steps = lines * (3 + width.length * 0.08 * itemsize / 4)
    steps += depth.outputs * height.outputs * (10 + width.length * 0.1 + width.element_reads * 1.3 + width.outputs * 3)
    wide, nbytes = loop_widening_cost(given, found, ADDED_BYTES.get(dtype.name))
    held = 8 * width.length + nbytes + 16 * found * (dtype.kind == "integer")
    return with_call_cost(axes, Cost(10 + steps + given * 0.1 + 1.5 * wide, 0.0, held, 8 * width.length * MAX_THREADS))


def integer_line_sums_cost(axes: Sequence[AxisSummary], dtype: ElementType) -> Cost:
    """Cost of ``kernels.integer_sums.IntegerLineSumKernel`` for planes with these axes."""
    depth, height, width = (*[UNIT_AXIS] * (3 - len(axes)), *axes)
    lines = depth.element_reads * height.element_reads
    rows = depth.outputs * height.outputs
    steps = lines * (4 + width.length * 0.12) + rows * (20 + width.length * 0.1 + width.element_reads * 0.6)
    found = rows * width.outputs
    return with_call_cost(axes, Cost(10 + steps + found * 4.0, STEPS_PER_CALL, 0.0, 4 * width.length * MAX_THREADS))


def variance_loops_cost(axes: Sequence[AxisSummary], dtype: ElementType) -> Cost:
    """Cost of ``kernels.variances.VarianceKernel`` for planes with these axes."""
    depth, height, width = (*[UNIT_AXIS] * (3 - len(axes)), *axes)
    given, found = (math.prod(each) for each in zip(*((axis.length, axis.outputs) for axis in axes), strict=True))
    taps = width.outputs * width.longest
    rows = depth.outputs * height.outputs
    lines = rows * depth.longest * height.longest
    # Where windows along W are apart, each column has one mean; else each window reads its elements again.
    is_apart = width.stride >= width.dilation * (width.longest - 1) + 1 and not width.irregular
    each = 0.25 if width.stride == 1 else 0.8
    squares = width.length * 0.25 if is_apart else taps * each + width.irregular * 5
    steps = lines * (12 + width.length * 0.25 + squares) + rows * (40 + 3 * taps * each + 8 * width.outputs)
    wide, nbytes = loop_widening_cost(given, found, 8)
    held = nbytes + 4 * (given + found) * (dtype.itemsize == 2)
    scratch = 8 * (2 * width.length + 2 * width.outputs)
    steps += wide * (1 + (dtype.itemsize == 2)) + 4 * found
    return with_call_cost(axes, Cost(30 + steps, 3 * STEPS_PER_CALL, held + scratch, scratch * MAX_THREADS))
