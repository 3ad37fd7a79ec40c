"""Cost model of the compiled loops that pass over elements: steps and memory, in plain integers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from poolhouse.dtypes import ElementType
from poolhouse.operators.costs import STEPS_PER_BYTE, STEPS_PER_CALL, Cost, byte_steps, window_position_steps
from poolhouse.operators.loop_costs import MAX_CACHED_WINDOWS
from poolhouse.operators.windows import AxisSummary

_CALL_STEPS: Final = 15_000.0
_MAX_THREADS: Final = 16
_NEAR_BYTES: Final = 2**15
"""Scratch memory that stays in the nearest cache."""
_CACHED_BYTES: Final = 2**20
"""Scratch memory that stays in a cache."""
_MIN_TOGETHER: Final = 4
"""From this number on, windows of a row are reduced together."""
_UNIT_AXIS: Final = AxisSummary(1, 1, 1, 1)
_COMPARED_BYTES: Final = {
    **dict.fromkeys(("bfloat16", "float16", "bool", "uint8", "uint16", "int8", "int16"), 4),
    **dict.fromkeys(("uint32", "uint64", "int32"), 8),
}
"""Bytes of the element type that these types are compared in."""


@dataclass(frozen=True, slots=True)
class _Rates:
    """Steps of a loop.

    Attributes:
        element: for each four-byte element of a line of a window.
        adjacent: for each column of a window, of the lines together, if windows are reduced together with stride 1.
        strided: the same with another stride.
        single: the same if windows are reduced one by one.
        output: for each output.
        line_bytes: of scratch memory for each element of a line.
        found_bytes: of memory for each output, with the number of its elements.
    """

    element: float
    adjacent: float
    strided: float
    single: float
    output: float
    line_bytes: int
    found_bytes: int


_EXTREME: Final = _Rates(0.15, 0.35, 1.1, 2.0, 8.0, 16, 16)
_SUM: Final = _Rates(0.25, 0.3, 0.9, 2.0, 10.0, 16, 24)
_DEVIATION: Final = _Rates(0.6, 0.3, 0.9, 2.0, 14.0, 24, 24)


def too_many_lines(axes: Sequence[AxisSummary]) -> bool:
    """Whether there may be more elements in a window than float32 counts exactly, in 32 parts."""
    return math.prod(axis.longest for axis in axes[:-1]) >= 2**24 or math.prod(axis.longest for axis in axes) >= 2**28


def kept_extremes_cost(axes: Sequence[AxisSummary], dtype: ElementType, *, with_indices: bool) -> Cost:
    """Cost of ``kernels.skipping.KeptExtremeKernel`` for planes with these axes."""
    found = _loops_cost(axes, dtype, _EXTREME, 2.0 if dtype.name in ("int64", "uint64") else 1.0)
    if not with_indices:
        return found
    # Each window is searched for its extreme, on average to its middle.
    reads = math.prod(axis.element_reads for axis in axes)
    outputs = math.prod(axis.outputs for axis in axes)
    return Cost(found.plane_steps + reads * 0.8 + outputs * 10, found.call_steps, found.plane_bytes, found.call_bytes)


def kept_sums_cost(axes: Sequence[AxisSummary], dtype: ElementType) -> Cost:
    """Cost of ``kernels.skipping.KeptSumKernel`` for planes with these axes."""
    return _loops_cost(axes, dtype, _SUM)


def kept_variances_cost(axes: Sequence[AxisSummary], dtype: ElementType) -> Cost:
    """Cost of ``kernels.skipping.KeptVarianceKernel`` for planes with these axes."""
    found = _loops_cost(axes, dtype, _DEVIATION)
    width = axes[-1]
    if width.stride >= width.dilation * (width.longest - 1) + 1 and not width.irregular:
        return found
    # Windows along the last axis overlap, and each reads its elements again.
    reads = math.prod(axis.element_reads for axis in axes) * (0.5 if width.stride == 1 else 0.9)
    return Cost(found.plane_steps + reads, found.call_steps, found.plane_bytes, found.call_bytes)


def _loops_cost(axes: Sequence[AxisSummary], dtype: ElementType, rates: _Rates, slower: float = 1.0) -> Cost:
    depth, height, width = (*[_UNIT_AXIS] * (3 - len(axes)), *axes)
    given, found = (math.prod(each) for each in zip(*((axis.length, axis.outputs) for axis in axes), strict=True))
    narrow = _COMPARED_BYTES.get(dtype.name)
    itemsize = narrow or dtype.itemsize
    lines = depth.element_reads * height.element_reads
    rows = depth.outputs * height.outputs
    regular = width.outputs - width.irregular
    together = regular if regular >= _MIN_TOGETHER else 0
    whole = width.outputs == 1 and width.dilation == 1
    columns = (
        width.length * 0.3
        if whole
        else together * width.longest * (rates.adjacent if width.stride == 1 else rates.strided)
        + (width.outputs - together) * width.longest * rates.single
    )
    # Longer lines are written to and read from slower caches, or memory, several times.
    line_bytes = width.length * rates.line_bytes
    farther = 0.0 if line_bytes < _NEAR_BYTES else 0.4 if line_bytes < _CACHED_BYTES else 1.4
    steps = lines * (6 + width.length * (rates.element * slower * itemsize / 4 + farther / 2))
    steps += rows * (40 + width.length * (0.3 + farther) + columns + width.outputs * (rates.output + 2 * farther))
    nbytes = 0
    if narrow is not None:
        nbytes = given * narrow + 4 * given * (dtype.itemsize == 2)
        steps += (0.4 if narrow == 4 else 0.7) * given + nbytes * (byte_steps(nbytes) - STEPS_PER_BYTE)
    windows = sum(axis.outputs for axis in axes)
    position_steps = window_position_steps(windows) * 3 if windows > MAX_CACHED_WINDOWS else 0.0
    scratch = rates.line_bytes * width.length + 8 * width.outputs
    return Cost(
        20 + steps,
        _CALL_STEPS + 2 * STEPS_PER_CALL + position_steps,
        nbytes + found * (rates.found_bytes + 8),
        120 * windows + scratch * _MAX_THREADS + 8 * found,
    )
