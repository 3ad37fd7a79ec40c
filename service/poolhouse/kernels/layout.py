"""How planes ``(D, H, W)`` are cut into units of work, in the numbers that loops read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt

from poolhouse.kernels.axes import ALGORITHM, IDENTITY, MAX_REGULAR_STRIDE, TABLE, Axis

(
    WIDTH,
    COLUMNS,
    HEIGHT,
    ROWS,
    DEPTH,
    DEPTH_OUT,
    STRIP,
    ROW_SCRATCH,
    ROW_NUMBER_STEP,
    LINES,
    TABLES,
    FACES,
    OUTER,
    OUT_NUMBERS,
    D_AXIS,
    H_AXIS,
    W_AXIS,
    HEADER_SIZE,
) = range(18)
"""The places of numbers in :attr:`Layout.encoded`: the sizes of the planes and of their outputs; rows of the output in
a strip; elements of scratch for rows; what a row adds to the number of an element; where in the scratch there are
lines, their tables, faces, their tables, and numbers of outputs; where the numbers of the axes begin."""

_STRIP_BYTES: Final = 32 * 2**10
"""Rows of one strip and what they are reduced to take about this: they stay in a core's nearest cache."""


class Layout:
    """The units of work of planes: strips of rows, or whole planes where windows reach over the first of three axes.

    Args:
        axes: three of them.
        itemsize: bytes of an element.
        rows: how many rows there are that are each pooled alone; None for planes.
        max_rows: how many rows of the input so many rows of the output look at, at most; None where that is to be read
            from the axis.

    Attributes:
        numbers: int64, for the loops: the head, and the three axes.
        strip: rows of the output in a strip.
        strips: of a plane.
        within: rows of the input in a strip, at most.
        scratch: elements of scratch that a loop needs.
        beside: numbers of elements that a loop with indices needs.
    """

    def __init__(
        self,
        axes: Sequence[Axis],
        itemsize: int,
        rows: int | None = None,
        max_rows: Callable[[int], int] | None = None,
    ) -> None:
        depth, height, width = axes
        outputs = height.outputs if rows is None else rows
        row_bytes = itemsize * (width.length + width.outputs)
        reach = height.dilation * (height.longest - 1) + 1 if rows is None else 1
        stride = max(height.stride, 1)
        # Strips look at some rows again, a quarter of them at most.
        fit = max(_STRIP_BYTES // row_bytes, 5 * (reach - min(stride, reach)), 1)
        # So do windows that are more than the rows they lie on.
        repeats = -(-height.outputs // height.length) if rows is None else 1
        least = 4 * repeats if repeats > 1 else 1
        strip = self.strip = max(1, min(outputs, max(least, (fit - reach) // stride + 1)))
        self.strips = -(-outputs // strip)
        looked_at = max_rows or partial(_max_rows, height)
        self.strip_input_rows = strip if rows is not None else looked_at(strip)
        face_out = outputs * width.outputs
        row_scratch = self.strip_input_rows * _row_scratch(width)
        own = strip * width.outputs if depth.is_identity else depth.outputs * face_out
        sizes = (
            2 * row_scratch,
            0 if height.is_identity or rows is not None else self.strip_input_rows * width.outputs,
            self.strip_input_rows * width.outputs if height.algorithm == TABLE else 0,
            0 if depth.is_identity else depth.length * face_out,
            depth.length * face_out if depth.algorithm == TABLE else 0,
            own,
        )
        ends = [int(end) for end in np.cumsum(sizes)]
        self.scratch_elements, self.number_count = ends[-2:]
        self._by_planes = not depth.is_identity
        numbered = 0 if rows is not None else width.length
        sizes_in = (width.length, width.outputs, height.length if rows is None else rows, outputs, depth.length)
        axis_ends = np.cumsum([HEADER_SIZE, len(depth.encoded), len(height.encoded)])
        head = (*sizes_in, depth.outputs, strip, row_scratch, numbered, *ends[:-1], *axis_ends)
        self.encoded = np.concatenate((head, depth.encoded, height.encoded, width.encoded)).astype(np.int64)
        if rows is not None:
            self.encoded[[DEPTH, DEPTH_OUT]] = 1
            self.encoded[[axis_ends[0] + ALGORITHM, axis_ends[1] + ALGORITHM]] = IDENTITY

    def units(self, planes: int) -> int:
        """Units of work in so many planes."""
        return planes if self._by_planes else planes * self.strips

    @property
    def row_number_count(self) -> int:
        """How many :meth:`row_numbers` are."""
        return self.strip_input_rows * int(self.encoded[WIDTH])

    def row_numbers(self) -> npt.NDArray[np.int32]:
        """The number of each element of the rows of a strip, less that of the first."""
        width = int(self.encoded[WIDTH])
        if self.encoded[ROW_NUMBER_STEP]:
            return np.arange(self.strip_input_rows * width, dtype=np.int32)
        return np.tile(np.arange(width, dtype=np.int32), self.strip_input_rows)


def _max_rows(height: Axis, strip: int) -> int:
    """Rows of the input that some strip of so many rows of the output looks at."""
    begins = np.arange(0, height.outputs, strip)
    last = height.first + (height.count - 1) * height.dilation
    spans = np.maximum.reduceat(last, begins) - np.minimum.reduceat(height.first, begins) + 1
    return int(spans.max(initial=0))


def _row_scratch(width: Axis) -> int:
    """Elements of scratch for one row: it is kept twice for a table, and rounded up to whole strides to be spread."""
    stride, longest = width.stride, width.longest
    if width.algorithm == TABLE:
        return width.length
    spreads = (
        width.has_regular_run
        and longest > 1
        and (1 < stride <= 4 or 1 < stride < longest)
        and stride <= MAX_REGULAR_STRIDE
    )
    return width.length + stride if spreads else 0
