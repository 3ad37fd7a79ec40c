"""The compiled loops that an operator has, and what they cost: the steps and the memory, in plain integers."""

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
    """Compiled loops for planes of some sizes and type.

    Attributes:
        cost: what they take.
        make: makes them; works out where every window lies.
        exact: whether they give torch's bits, so that how many planes there are may decide.
    """

    cost: Cost
    make: Callable[[], Kernel]
    is_bit_exact: bool = True

    def is_cheaper(self, other: Cost, planes: int) -> bool:
        """Whether they take no longer than this, for so many planes where the choice cannot change a bit."""
        if not self.is_bit_exact:
            return self.cost.plane_steps <= other.plane_steps
        return planes * self.cost.plane_steps + self.cost.call_steps <= planes * other.plane_steps + other.call_steps


_MAX_DIRECT_ELEMENTS: Final = 6
"""Windows of more elements are put together from stretches, where that looks at fewer."""
_STRIP_BYTES: Final = 32 * 2**10
"""Rows that are pooled together take about this."""
_MAX_THREADS: Final = 16
"""Threads that may share the work."""
_MIN_THREADED_BYTES: Final = 2**22
"""They do from so many bytes on."""
_LOOP_CALL_STEPS: Final = 3_000.0
"""Steps for calling the loops, however small the planes."""
MAX_CACHED_WINDOWS: Final = 4096
"""The places of more windows are worked out for each call."""


@dataclass(frozen=True, slots=True)
class _Rates:
    """Steps of one kind of rates.

    Attributes:
        plane: for a plane.
        strip: for some rows that are pooled together.
        turn: for each pass over them.
        line: for each line that a pass joins.
        row: for each row that a pass joins.
        element: for each element that a pass joins, of four bytes.
        apart: for each element that is not beside the one before.
        alone: for each element of a window that is pooled by itself.
        place: for each window of an axis that is put together from stretches.
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

_COMPARED_BYTES: Final = {"bfloat16": 4, "float16": 4, "bool": 4, "uint8": 4, "int8": 4, "int16": 4, "int32": 8}
"""Bytes of the element type that these are compared as."""
_ADDED_BYTES: Final = {"bfloat16": 4, "float16": 4, "uint8": 8, "int8": 8, "int16": 8, "int32": 8}
"""Bytes of the element type that these are added as."""
_UNIT_AXIS: Final = AxisSummary(1, 1, 1, 1)


def uses_table(axis: AxisSummary) -> bool:
    """Whether windows are put together from stretches of 1, 2, 4, … elements, as ``kernels.axes`` decides."""
    return axis.longest > _MAX_DIRECT_ELEMENTS and (axis.length + 2 * axis.outputs) * _levels(axis) < axis.element_reads


def _levels(axis: AxisSummary) -> int:
    return max(axis.longest - 1, 1).bit_length()


def maxima_loops_cost(axes: Sequence[AxisSummary], dtype: ElementType, *, with_indices: bool) -> Cost:
    """What ``kernels.window_kernels.MaximumKernel`` takes for planes with these axes."""
    depth, height, width = (*[_UNIT_AXIS] * (3 - len(axes)), *axes)
    rates = _INDEXED if with_indices else _PLAIN
    itemsize = _COMPARED_BYTES.get(dtype.name, dtype.itemsize)
    both = itemsize + 4 * with_indices
    rows = depth.length * height.length
    strip_rows, strips = _strips(height, width, itemsize)
    # Where only rows are pooled, all rows of all planes are one after another.
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
    # Each element is read and each output written, the place of each too.
    steps += given * (0.1 + 0.2 * with_indices) + found * (both * STEPS_PER_BYTE + 0.4 * with_indices)
    scratch = strip_rows * (2 * _row_scratch(width) + 2 * width.outputs) * both
    scratch += 4 * (width.length + width.outputs) * with_indices
    between = 0 if depth.is_identity else depth.length * face_out * both * (2 if uses_table(depth) else 1)
    steps += (scratch + between) * (byte_steps(scratch + between) - STEPS_PER_BYTE)
    wide, bytes_wide = _widening_cost(given, found, _COMPARED_BYTES.get(dtype.name))
    # Each thread has scratch of its own: one where planes are few and small.
    threads = min(
        _MAX_THREADS * (given + found) * dtype.itemsize / _MIN_THREADED_BYTES, strips if depth.is_identity else 1
    )
    held = scratch * threads + between + bytes_wide + found * 4 * with_indices
    return _with_call_cost(axes, Cost(steps + wide, 0.0, held, scratch))


def fractional_loops_cost(axes: Sequence[AxisSummary], dtype: ElementType, *, with_indices: bool) -> Cost:
    """What ``kernels.fractional.FractionalMaximumKernel`` takes for planes with these axes."""
    pooled = maxima_loops_cost(axes, dtype, with_indices=with_indices)
    # Each plane's windows are placed anew, those of some planes together; a row of places of each axis is written.
    known = sum(axis.outputs for axis in axes)
    # No window is like the one before, but each is found in all rows of a strip in one go.
    return Cost(
        pooled.plane_steps * 0.6 + 80 + 8.0 * known,
        pooled.call_steps + 10 * STEPS_PER_CALL,
        pooled.plane_bytes + 16 * known,
        pooled.call_bytes + (64 + 48 * known) * _MAX_THREADS,
    )


def average_loops_cost(axes: Sequence[AxisSummary], dtype: ElementType) -> Cost:
    """What ``kernels.averages.AverageKernel`` takes for planes with these axes."""
    depth, height, width = (*[_UNIT_AXIS] * (3 - len(axes)), *axes)
    itemsize = _ADDED_BYTES.get(dtype.name, dtype.itemsize)
    strip_rows, whole_strips = _strips(height, width, itemsize)
    # Of one axis the rows of all planes are one after another.
    row_bytes = (width.length + width.outputs) * itemsize
    strips = min(row_bytes / _STRIP_BYTES, 1.0) if len(axes) == 1 else float(whole_strips)
    stride, longest = width.stride, width.longest
    pairs = stride == 2 and longest in (2, 3)
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
    wide, bytes_wide = _widening_cost(given, found, _ADDED_BYTES.get(dtype.name))
    scratch = (strip_rows * (width.length + stride) * spreads + width.outputs) * itemsize
    threads = min(_MAX_THREADS * (given + found) * dtype.itemsize / _MIN_THREADED_BYTES, max(strips, 1))
    # Quotients are cut and held in two further tensors. Of one axis each plane is a row with places of its own.
    held = scratch * threads + bytes_wide + 16 * found * (dtype.kind == "integer") + 40 * (len(axes) == 1)
    return _with_call_cost(axes, Cost(steps + found * 1.2 + 1.5 * wide, 0.0, held, scratch))


def sum_loops_cost(axes: Sequence[AxisSummary], dtype: ElementType) -> Cost:
    """What ``kernels.averages.SumKernel`` takes for planes with these axes."""
    given, found = (math.prod(each) for each in zip(*((axis.length, axis.outputs) for axis in axes), strict=True))
    wide, nbytes = _widening_cost(given, found, None if dtype is FLOAT64 else 8)
    summed = maxima_loops_cost(axes, FLOAT64, with_indices=False)
    # Halves go through float32. Quotients have a divisor each, and those of integers are cut and held in two tensors.
    nbytes += 4 * (given + found) * (dtype.itemsize == 2) + 16 * found * (dtype.kind == "integer")
    return Cost(
        summed.plane_steps + wide * (1 + (dtype.itemsize == 2)) + 2 * found,
        summed.call_steps,
        summed.plane_bytes + nbytes,
        summed.call_bytes + 8 * found,
    )


def norm_loops_cost(axes: Sequence[AxisSummary], dtype: ElementType, each: float, root: float) -> Cost:
    """What ``kernels.norms.NormKernel`` takes; ``each`` are the steps for one power, ``root`` for one root."""
    given, found = (math.prod(each) for each in zip(*((axis.length, axis.outputs) for axis in axes), strict=True))
    summed = sum_loops_cost(axes, FLOAT64)
    wide, nbytes = _widening_cost(given, found, 8)
    # Powers of magnitudes are an array of their own, and so are the magnitudes.
    held = nbytes + 17 * max(given, found) + 4 * (given + found) * (dtype.itemsize == 2)
    steps = summed.plane_steps + wide * (1 + (dtype.itemsize == 2)) + each * given + root * found
    return Cost(steps, summed.call_steps + 6 * STEPS_PER_CALL, summed.plane_bytes + held, summed.call_bytes + 8 * found)


def infinity_norm_loops_cost(axes: Sequence[AxisSummary], dtype: ElementType) -> Cost:
    """What ``kernels.norms.InfinityNormKernel`` takes for planes with these axes."""
    given, found = (math.prod(each) for each in zip(*((axis.length, axis.outputs) for axis in axes), strict=True))
    pooled = maxima_loops_cost(axes, FLOAT64, with_indices=False)
    wide, nbytes = _widening_cost(given, found, 8)
    steps = pooled.plane_steps + wide + 0.2 * (given + found)
    return Cost(steps, pooled.call_steps + 3 * STEPS_PER_CALL, pooled.plane_bytes + nbytes, pooled.call_bytes)


def line_sum_loops_cost(axes: Sequence[AxisSummary], dtype: ElementType) -> Cost:
    """What ``kernels.averages.LineSumKernel`` takes for planes with these axes."""
    depth, height, width = (*[_UNIT_AXIS] * (3 - len(axes)), *axes)
    itemsize = _ADDED_BYTES.get(dtype.name, dtype.itemsize)
    given, found = (math.prod(each) for each in zip(*((axis.length, axis.outputs) for axis in axes), strict=True))
    lines = depth.element_reads * height.element_reads
    steps = lines * (3 + width.length * 0.08 * itemsize / 4)
    steps += depth.outputs * height.outputs * (10 + width.length * 0.1 + width.element_reads * 1.3 + width.outputs * 3)
    wide, nbytes = _widening_cost(given, found, _ADDED_BYTES.get(dtype.name))
    held = 8 * width.length + nbytes + 16 * found * (dtype.kind == "integer")
    return _with_call_cost(
        axes, Cost(10 + steps + given * 0.1 + 1.5 * wide, 0.0, held, 8 * width.length * _MAX_THREADS)
    )


def int64_loops_cost(axes: Sequence[AxisSummary]) -> Cost:
    """What ``kernels.averages.Int64AverageKernel`` takes for planes with these axes."""
    depth, height, width = (*[_UNIT_AXIS] * (3 - len(axes)), *axes)
    # A quotient of a sum that float64 does not hold takes three times as long as one that it does.
    lines = depth.element_reads * height.element_reads * (3 + width.length * 0.4)
    found = depth.outputs * height.outputs * (10 + width.length * 0.2 + width.element_reads * 1.5 + width.outputs * 7)
    return _with_call_cost(axes, Cost(10 + lines + found, 0.0, 16 * width.length, 16 * width.length * _MAX_THREADS))


def global_loops_cost(spatial: Sizes, dtype: ElementType, *, adds: bool) -> Cost:
    """The cost of ``GlobalMaximumKernel`` or ``GlobalAverageKernel``: one result for a whole plane."""
    elements = math.prod(spatial)
    if dtype.kind == "float" and dtype.itemsize == 2:
        # Read as they are; their means are rounded from float32.
        return Cost(40 + elements * (0.2 if adds else 0.12), _LOOP_CALL_STEPS, 4.0 * adds)
    wide, nbytes = _widening_cost(elements, 1, (_ADDED_BYTES if adds else _COMPARED_BYTES).get(dtype.name))
    if adds:
        return Cost(30 + elements * 0.15 + wide, _LOOP_CALL_STEPS, nbytes + 24)
    # A plane's last few elements, and all of a small one, are looked at one after another.
    return Cost(45 + elements * 0.25 + min(elements, 256) * 0.7 + wide, _LOOP_CALL_STEPS, nbytes)


def half_maxima_loops_cost(axes: Sequence[AxisSummary]) -> Cost:
    """What ``kernels.half_maxima.HalfMaximumKernel`` takes for planes with these axes."""
    depth, height, width = (*[_UNIT_AXIS] * (3 - len(axes)), *axes)
    lines = depth.element_reads * height.element_reads * (5 + width.length * 0.12)
    found = depth.outputs * height.outputs * (10 + width.length * 0.1 + width.element_reads * 0.6 + width.outputs * 4)
    return _with_call_cost(axes, Cost(10 + lines + found, 0.0, 2 * width.length, 2 * width.length * _MAX_THREADS))


def unpool_loops_cost(spatial: Sizes, out: Sizes, dtype: ElementType) -> Cost:
    """What ``kernels.unpooling.UnpoolKernel`` takes, and looking at the indices before."""
    nbytes = math.prod(out) * dtype.itemsize
    put = 2.0 + 25 * (byte_steps(nbytes) - STEPS_PER_BYTE)
    return Cost(
        5 + math.prod(spatial) * put + nbytes * (byte_steps(nbytes) - STEPS_PER_BYTE / 2),
        _LOOP_CALL_STEPS + 2 * STEPS_PER_CALL,
        0.0,
    )


def _widening_cost(given: int, found: int, itemsize: int | None) -> tuple[float, int]:
    """Steps and bytes of pooling elements as wider ones, which are then so large; nothing where they are not."""
    if itemsize is None:
        return 0.0, 0
    nbytes = (given + found) * itemsize
    return 0.35 * (given + found) + nbytes * (byte_steps(nbytes) - STEPS_PER_BYTE), nbytes


def _with_call_cost(axes: Sequence[AxisSummary], cost: Cost) -> Cost:
    """With the call, and with finding where windows lie where that is not remembered."""
    known = sum(axis.outputs for axis in axes)
    places = window_position_steps(known) * 3 if known > MAX_CACHED_WINDOWS else 0.0
    return Cost(cost.plane_steps, _LOOP_CALL_STEPS + places, cost.plane_bytes, cost.call_bytes + 120 * known)


def _row_scratch(axis: AxisSummary) -> int:
    """Elements of scratch for one row."""
    if uses_table(axis):
        return axis.length
    spreads = (
        axis.irregular < axis.outputs
        and axis.longest > 1
        and (1 < axis.stride <= 4 or 1 < axis.stride < axis.longest)
        and axis.stride <= MAX_REGULAR_STRIDE
    )
    return axis.length + axis.stride if spreads else 0


def _strips(height: AxisSummary, width: AxisSummary, itemsize: int) -> tuple[int, int]:
    """Rows of the input in a strip, and how many strips a plane has."""
    span = height.dilation * (height.longest - 1) + 1
    row_bytes = itemsize * (width.length + width.outputs)
    fit = max(_STRIP_BYTES // row_bytes, 5 * (span - min(height.stride, span)), 1)
    repeats = -(-height.outputs // height.length)
    least = 4 * repeats if repeats > 1 else 1
    outputs = max(1, min(height.outputs, max(least, (fit - span) // height.stride + 1)))
    return min(height.length, (outputs - 1) * height.stride + span), -(-height.outputs // outputs)


def _rows_steps(axis: AxisSummary, rows: int, faces: float, itemsize: int, rates: _Rates, *, indexed: bool) -> float:
    """The last axis, row by row."""
    element = rates.element * itemsize / 4
    regular, longest, stride = axis.outputs - axis.irregular, axis.longest, axis.stride
    if axis.is_identity:
        return rows * axis.length * element
    if uses_table(axis):
        levels = _levels(axis)
        each = axis.length * levels * element + levels * rates.row + 2 * axis.irregular * rates.single
        return rows * (each + 2 * regular * rates.strided) + faces * (axis.outputs * rates.place + rates.sweep) * levels
    steps: float = rows * axis.irregular * (longest + 2) * rates.single
    if not regular:
        return steps
    alone = longest == 1 or (stride > 4 and longest <= stride) or (stride == 2 and longest <= 3)
    if stride > MAX_REGULAR_STRIDE or (stride > 1 and alone):
        return steps + rows * (regular * longest * rates.strided + rates.row)
    passes = longest if indexed else longest // 2 + 1
    each = regular * longest * element + passes * rates.row + (axis.length * rates.strided if stride > 1 else 0)
    return steps + rows * each + faces * passes * rates.sweep


def _lines_steps(axis: AxisSummary, width: int, times: int, itemsize: int, rates: _Rates, *, indexed: bool) -> float:
    """Another axis, line by line of some width; so many times."""
    element = rates.element * itemsize / 4
    if uses_table(axis):
        lines: float = axis.length * _levels(axis) + axis.outputs
        return times * (lines * width * element + (lines + axis.outputs * _levels(axis)) * rates.line)
    if axis.is_identity and not indexed:
        return 0.0
    passes = axis.longest if indexed else axis.longest // 2 + 1
    lines = axis.irregular * 2 + 2 + (axis.outputs - axis.irregular) / 2
    return times * (lines * passes * rates.line + axis.outputs * axis.longest * width * element)
