"""Cost model of the compiled loops: steps and memory, in plain integers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from poolhouse.dtypes import FLOAT64, ElementType
from poolhouse.kernels.axes import MAX_REGULAR_STRIDE
from poolhouse.kernels.window_kernels import Kernel
from poolhouse.operators.costs import STEPS_PER_BYTE, STEPS_PER_CALL, Cost, byte_steps, window_position_steps
from poolhouse.operators.fields import Sizes
from poolhouse.operators.windows import AxisSummary


@dataclass(frozen=True, slots=True)
class KernelFactory:
    """Compiled loops for planes of one shape and element type.

    Attributes:
        cost: their cost.
        make: makes them, which computes the positions of all windows.
        is_bit_exact: whether their results have the same bits as torch's.
    """

    cost: Cost
    make: Callable[[], Kernel]
    is_bit_exact: bool = True

    def is_cheaper(self, other: Cost, planes: int) -> bool:
        """Whether they take no more steps than the other algorithm for this many planes."""
        if not self.is_bit_exact:
            # The choice changes bits, so it must not depend on the number of planes.
            return self.cost.plane_steps <= other.plane_steps
        return planes * self.cost.plane_steps + self.cost.call_steps <= planes * other.plane_steps + other.call_steps


_MAX_DIRECT_ELEMENTS: Final = 6
"""Larger windows are combined from runs of 1, 2, 4, … elements, if that reads fewer elements."""
_JOINED_AT_ONCE: Final = 3
_LATER_PASSES: Final = 3.0
"""Steps for the elements after the first three of each window, which are combined one by one with what was stored."""
_TABLE_PASSES: Final = 1.8
"""Steps for an element of a table, which is read and written again, to those for an element that is only read."""
_STRIP_BYTES: Final = 32 * 2**10
"""Approximate size of the rows that are pooled in one strip."""
MAX_THREADS: Final = 16
"""Threads that may share the work."""
_MIN_THREADED_BYTES: Final = 2**22
"""Input and output from which several threads are used."""
_LOOP_CALL_STEPS: Final = 3_000.0
"""Steps for one call of the loops, whatever the size of the planes."""
MAX_CACHED_WINDOWS: Final = 4096
"""Limit of the windows, summed over the axes, whose positions are cached with a plan; else each call computes them."""


@dataclass(frozen=True, slots=True)
class _Rates:
    """Steps of the operations of a maximum loop.

    Attributes:
        plane: for a plane.
        strip: for a strip of rows.
        sweep: for each pass over a strip.
        line: for each line that a pass combines.
        row: for each row that a pass combines.
        element: for each four-byte element that a pass combines.
        strided: for each element that is not adjacent to the previous one.
        single: for each element of a window that is pooled on its own.
        place: for each window that is combined from runs.
    """

    plane: float
    strip: float
    sweep: float
    line: float
    row: float
    element: float
    strided: float
    single: float
    place: float


_PLAIN: Final = _Rates(5.0, 24.0, 8.0, 5.0, 2.5, 0.12, 0.4, 2.5, 0.5)
_INDEXED: Final = _Rates(30.0, 210.0, 35.0, 7.0, 1.0, 0.3, 1.1, 3.0, 1.3)

COMPARED_BYTES: Final = {
    **dict.fromkeys(("bfloat16", "float16", "bool", "uint8", "uint16", "int8", "int16"), 4),
    **dict.fromkeys(("uint32", "uint64", "int32"), 8),
}
"""Bytes of the element type that these types are compared in."""
ADDED_BYTES: Final = {
    **dict.fromkeys(("bfloat16", "float16"), 4),
    **dict.fromkeys(("uint8", "uint16", "uint32", "int8", "int16", "int32"), 8),
}
"""Bytes of the element type that these types are added in."""
UNIT_AXIS: Final = AxisSummary(1, 1, 1, 1)


def uses_table(axis: AxisSummary) -> bool:
    """Whether windows are combined from runs of 1, 2, 4, … elements; the rule of ``kernels.axes``."""
    return axis.longest > _MAX_DIRECT_ELEMENTS and (axis.length + 2 * axis.outputs) * _levels(axis) < axis.element_reads


def _levels(axis: AxisSummary) -> int:
    return max(axis.longest - 1, 1).bit_length()


def maxima_loops_cost(axes: Sequence[AxisSummary], dtype: ElementType, *, with_indices: bool) -> Cost:
    """Cost of ``kernels.window_kernels.MaximumKernel`` for planes with these axes."""
    depth, height, width = (*[UNIT_AXIS] * (3 - len(axes)), *axes)
    rates = _INDEXED if with_indices else _PLAIN
    itemsize = COMPARED_BYTES.get(dtype.name, dtype.itemsize)
    both = itemsize + 4 * with_indices
    rows = depth.length * height.length
    strip_rows, strips = _strips(height, width, itemsize)
    # If only rows are pooled, the rows of all planes are handled as one sequence.
    by_rows = depth.is_identity and height.is_identity and not with_indices
    row_bytes = (width.length + width.outputs) * itemsize
    faces = rows * min(row_bytes / _STRIP_BYTES, 1) if by_rows else depth.length * strips
    steps = rates.plane * (0.2 if by_rows else 1.0) + faces * rates.strip
    steps += _rows_steps(width, rows, faces, itemsize, rates, indexed=with_indices)
    steps += _lines_steps(height, width.outputs, depth.length, itemsize, rates, indexed=with_indices)
    face_out = height.outputs * width.outputs
    if not depth.is_identity:
        steps += _lines_steps(depth, face_out, 1, itemsize, rates, indexed=with_indices)
    given, found = rows * width.length, depth.outputs * face_out
    # Each element is read and each output written, with indices also its number.
    steps += given * (0.1 + 0.2 * with_indices) + found * (both * STEPS_PER_BYTE + 0.4 * with_indices)
    scratch = strip_rows * (2 * _row_scratch(width) + 2 * width.outputs) * both
    scratch += 4 * (width.length + width.outputs) * with_indices
    between = 0 if depth.is_identity else depth.length * face_out * both * (2 if uses_table(depth) else 1)
    steps += (scratch + between) * (byte_steps(scratch + between) - STEPS_PER_BYTE)
    wide, bytes_wide = loop_widening_cost(given, found, COMPARED_BYTES.get(dtype.name))
    # Each thread has its own scratch memory; few and small planes use one thread.
    threads = min(
        MAX_THREADS * (given + found) * dtype.itemsize / _MIN_THREADED_BYTES, strips if depth.is_identity else 1
    )
    held = scratch * threads + between + bytes_wide + found * 4 * with_indices
    return with_call_cost(axes, Cost(steps + wide, 0.0, held, scratch))


def fractional_loops_cost(axes: Sequence[AxisSummary], dtype: ElementType, *, with_indices: bool) -> Cost:
    """Cost of ``kernels.fractional.FractionalMaximumKernel`` for planes with these axes."""
    pooled = maxima_loops_cost(axes, dtype, with_indices=with_indices)
    # Window positions are computed for every plane, for some planes in one call.
    known = sum(axis.outputs for axis in axes)
    # Windows are irregular, but each is pooled for all rows of a strip in one pass.
    return Cost(
        pooled.plane_steps * 0.6 + 80 + 8.0 * known,
        pooled.call_steps + 10 * STEPS_PER_CALL,
        pooled.plane_bytes + 16 * known,
        pooled.call_bytes + (64 + 48 * known) * MAX_THREADS,
    )


def average_loops_cost(axes: Sequence[AxisSummary], dtype: ElementType) -> Cost:
    """Cost of ``kernels.averages.AverageKernel`` for planes with these axes."""
    depth, height, width = (*[UNIT_AXIS] * (3 - len(axes)), *axes)
    itemsize = ADDED_BYTES.get(dtype.name, dtype.itemsize)
    strip_rows, whole_strips = _strips(height, width, itemsize)
    # With one axis the rows of all planes are handled as one sequence.
    row_bytes = (width.length + width.outputs) * itemsize
    strips = min(row_bytes / _STRIP_BYTES, 1.0) if len(axes) == 1 else float(whole_strips)
    stride, longest = width.stride, width.longest
    pairs = stride == 2 and longest in (2, 3) and width.dilation == 1
    spreads = (
        stride > 1 and not pairs and longest > 1 and (stride <= 4 or longest > stride) and stride <= MAX_REGULAR_STRIDE
    )
    regular = width.outputs - width.irregular if stride == 1 or pairs or spreads else 0
    taps = depth.longest * height.longest
    turns = depth.outputs * taps * (strips + height.irregular)
    lines = depth.outputs * height.outputs * taps
    found = depth.outputs * height.outputs * width.outputs
    given = depth.length * height.length * width.length
    steps = 10.0 + strips * 18 + turns * 40
    if regular:
        steps += lines * ((longest + 2) // 3 * 4 + regular * longest * 0.08 * itemsize / 4)
    steps += lines * (width.outputs - regular) * (2 + longest)
    steps += depth.outputs * depth.longest * height.length * width.length * 0.3 * spreads
    wide, bytes_wide = loop_widening_cost(given, found, ADDED_BYTES.get(dtype.name))
    scratch = (strip_rows * (width.length + stride) * spreads + width.outputs) * itemsize
    threads = min(MAX_THREADS * (given + found) * dtype.itemsize / _MIN_THREADED_BYTES, max(strips, 1))
    # Integer quotients are truncated and clamped in two more arrays. With one axis each plane is a row with a position.
    held = scratch * threads + bytes_wide + 16 * found * (dtype.kind == "integer") + 40 * (len(axes) == 1)
    return with_call_cost(axes, Cost(steps + found * 1.2 + 1.5 * wide, 0.0, held, scratch))


def sum_loops_cost(axes: Sequence[AxisSummary], dtype: ElementType) -> Cost:
    """Cost of ``kernels.averages.SumKernel`` for planes with these axes."""
    given, found = (math.prod(each) for each in zip(*((axis.length, axis.outputs) for axis in axes), strict=True))
    wide, nbytes = loop_widening_cost(given, found, None if dtype is FLOAT64 else 8)
    summed = maxima_loops_cost(axes, FLOAT64, with_indices=False)
    # 16-bit floats are converted through float32. Integer quotients are truncated and clamped in two more arrays.
    nbytes += 4 * (given + found) * (dtype.itemsize == 2) + 16 * found * (dtype.kind == "integer")
    return Cost(
        summed.plane_steps + wide * (1 + (dtype.itemsize == 2)) + 2 * found,
        summed.call_steps,
        summed.plane_bytes + nbytes,
        summed.call_bytes + 8 * found,
    )


def norm_loops_cost(axes: Sequence[AxisSummary], dtype: ElementType, each: float, root: float) -> Cost:
    """Cost of ``kernels.norms.NormKernel``; ``each`` is the steps for one power, ``root`` for one root."""
    given, found = (math.prod(each) for each in zip(*((axis.length, axis.outputs) for axis in axes), strict=True))
    summed = sum_loops_cost(axes, FLOAT64)
    wide, nbytes = loop_widening_cost(given, found, 8)
    # Magnitudes and their powers are separate arrays.
    held = nbytes + 17 * max(given, found) + 4 * (given + found) * (dtype.itemsize == 2)
    steps = summed.plane_steps + wide * (1 + (dtype.itemsize == 2)) + each * given + root * found
    return Cost(steps, summed.call_steps + 6 * STEPS_PER_CALL, summed.plane_bytes + held, summed.call_bytes + 8 * found)


def infinity_norm_loops_cost(axes: Sequence[AxisSummary], dtype: ElementType) -> Cost:
    """Cost of ``kernels.norms.InfinityNormKernel`` for planes with these axes."""
    given, found = (math.prod(each) for each in zip(*((axis.length, axis.outputs) for axis in axes), strict=True))
    pooled = maxima_loops_cost(axes, FLOAT64, with_indices=False)
    wide, nbytes = loop_widening_cost(given, found, 8)
    steps = pooled.plane_steps + wide + 0.2 * (given + found)
    return Cost(steps, pooled.call_steps + 3 * STEPS_PER_CALL, pooled.plane_bytes + nbytes, pooled.call_bytes)


def long_sum_loops_cost(axes: Sequence[AxisSummary]) -> Cost:
    """Cost of ``kernels.averages.LongAverageKernel`` for planes with these axes."""
    depth, height, width = (*[UNIT_AXIS] * (3 - len(axes)), *axes)
    # The quotient of a sum that is not exact in float64 takes three times as long as others.
    lines = depth.element_reads * height.element_reads * (3 + width.length * 0.4)
    found = depth.outputs * height.outputs * (10 + width.length * 0.2 + width.element_reads * 1.5 + width.outputs * 7)
    return with_call_cost(axes, Cost(10 + lines + found, 0.0, 16 * width.length, 16 * width.length * MAX_THREADS))


def global_loops_cost(spatial: Sizes, dtype: ElementType, *, adds: bool) -> Cost:
    """Cost of ``GlobalMaximumKernel`` or ``GlobalAverageKernel``, which reduce each plane to one element."""
    elements = math.prod(spatial)
    if dtype.kind == "float" and dtype.itemsize == 2:
        # They are read without a widened copy; means are rounded from float32.
        return Cost(40 + elements * (0.2 if adds else 0.12), _LOOP_CALL_STEPS, 4.0 * adds)
    wide, nbytes = loop_widening_cost(elements, 1, (ADDED_BYTES if adds else COMPARED_BYTES).get(dtype.name))
    if adds:
        return Cost(30 + elements * 0.15 + wide, _LOOP_CALL_STEPS, nbytes + 24)
    # The last elements of a plane, and all elements of a small one, are compared one by one.
    return Cost(45 + elements * 0.25 + min(elements, 256) * 0.7 + wide, _LOOP_CALL_STEPS, nbytes)


def half_maxima_loops_cost(axes: Sequence[AxisSummary]) -> Cost:
    """Cost of ``kernels.half_maxima.HalfMaximumKernel`` for planes with these axes."""
    depth, height, width = (*[UNIT_AXIS] * (3 - len(axes)), *axes)
    lines = depth.element_reads * height.element_reads * (5 + width.length * 0.12)
    found = depth.outputs * height.outputs * (10 + width.length * 0.1 + width.element_reads * 0.6 + width.outputs * 4)
    return with_call_cost(axes, Cost(10 + lines + found, 0.0, 2 * width.length, 2 * width.length * MAX_THREADS))


def unpool_loops_cost(spatial: Sizes, out: Sizes, dtype: ElementType) -> Cost:
    """Cost of ``kernels.unpooling.UnpoolKernel`` and of checking the indices before."""
    nbytes = math.prod(out) * dtype.itemsize
    put = 2.0 + 25 * (byte_steps(nbytes) - STEPS_PER_BYTE)
    return Cost(
        5 + math.prod(spatial) * put + nbytes * (byte_steps(nbytes) - STEPS_PER_BYTE / 2),
        _LOOP_CALL_STEPS + 2 * STEPS_PER_CALL,
        0.0,
    )


def loop_widening_cost(given: int, found: int, itemsize: int | None) -> tuple[float, int]:
    """Steps and bytes of converting elements to a wider type of this item size; zero if they are not converted."""
    if itemsize is None:
        return 0.0, 0
    nbytes = (given + found) * itemsize
    return 0.35 * (given + found) + nbytes * (byte_steps(nbytes) - STEPS_PER_BYTE), nbytes


def with_call_cost(axes: Sequence[AxisSummary], cost: Cost) -> Cost:
    """Add the cost of the call and of computing window positions that are not cached."""
    windows = sum(axis.outputs for axis in axes)
    position_steps = window_position_steps(windows) * 3 if windows > MAX_CACHED_WINDOWS else 0.0
    return Cost(cost.plane_steps, _LOOP_CALL_STEPS + position_steps, cost.plane_bytes, cost.call_bytes + 120 * windows)


def _row_scratch(axis: AxisSummary) -> int:
    """Elements of scratch memory for one row."""
    if uses_table(axis):
        return axis.length
    spreads = (
        axis.irregular < axis.outputs
        and axis.longest > 1
        and (1 < axis.stride <= 4 or 1 < axis.stride < axis.longest)
        and axis.stride <= MAX_REGULAR_STRIDE
    )
    return axis.length + axis.stride if spreads else 0


def _taps_steps(taps: int) -> float:
    """The elements of a window, with those that take a pass of their own counted several times."""
    return taps + max(taps - _JOINED_AT_ONCE, 0) * (_LATER_PASSES - 1)


def _strips(height: AxisSummary, width: AxisSummary, itemsize: int) -> tuple[int, int]:
    """Input rows of a strip, and the number of strips of a plane."""
    span = height.dilation * (height.longest - 1) + 1
    row_bytes = itemsize * (width.length + width.outputs)
    fit = max(_STRIP_BYTES // row_bytes, 5 * (span - min(height.stride, span)), 1)
    repeats = -(-height.outputs // height.length)
    least = 4 * repeats if repeats > 1 else 1
    outputs = max(1, min(height.outputs, max(least, (fit - span) // height.stride + 1)))
    return min(height.length, (outputs - 1) * height.stride + span), -(-height.outputs // outputs)


def _rows_steps(axis: AxisSummary, rows: int, faces: float, itemsize: int, rates: _Rates, *, indexed: bool) -> float:
    """Steps for reducing the last axis, row by row."""
    element = rates.element * itemsize / 4
    regular, longest, stride = axis.outputs - axis.irregular, axis.longest, axis.stride
    if axis.is_identity:
        return rows * axis.length * element
    if uses_table(axis):
        levels = _levels(axis)
        each = axis.length * levels * _TABLE_PASSES * element + levels * rates.row + 2 * axis.irregular * rates.single
        return rows * (each + 2 * regular * rates.strided) + faces * (axis.outputs * rates.place + rates.sweep) * levels
    steps: float = rows * axis.irregular * (longest + 2) * rates.single
    if not regular:
        return steps
    alone = longest == 1 or (stride > 4 and longest <= stride) or (stride == 2 and longest <= 3)
    if stride > MAX_REGULAR_STRIDE or (stride > 1 and alone):
        return steps + rows * (regular * longest * rates.strided + rates.row)
    passes = longest if indexed else longest // 2 + 1
    each = (
        regular * _taps_steps(longest) * element
        + passes * rates.row
        + (axis.length * rates.strided if stride > 1 else 0)
    )
    return steps + rows * each + faces * passes * rates.sweep


def _lines_steps(axis: AxisSummary, width: int, times: int, itemsize: int, rates: _Rates, *, indexed: bool) -> float:
    """Steps for reducing another axis by combining lines of this width, repeated ``times`` times."""
    element = rates.element * itemsize / 4
    if uses_table(axis):
        lines: float = axis.length * _levels(axis) + axis.outputs
        return times * (lines * width * _TABLE_PASSES * element + (lines + axis.outputs * _levels(axis)) * rates.line)
    if axis.is_identity and not indexed:
        return 0.0
    passes = axis.longest if indexed else axis.longest // 2 + 1
    lines = axis.irregular * 2 + 2 + (axis.outputs - axis.irregular) / 2
    return times * (lines * passes * rates.line + axis.outputs * _taps_steps(axis.longest) * width * element)
