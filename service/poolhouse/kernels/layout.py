"""Division of planes ``(D, H, W)`` into units of work, encoded for the compiled loops."""

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
"""Indices into :attr:`Layout.encoded`: the sizes of planes and outputs; output rows of a strip; scratch elements for
rows; the difference of element numbers from row to row; the scratch offsets of lines, their tables, faces (slices of a
plane along D), their tables, and output numbers; the offsets of the encoded axes."""

_STRIP_BYTES: Final = 32 * 2**10
"""Approximate size of a strip's input and output rows, which fits into a core's L1 cache."""


class Layout:
    """The units of work of planes: strips of rows, or whole planes if windows span the first of three axes.

    Args:
        axes: the three axes.
        itemsize: bytes of an element.
        rows: number of rows that are pooled independently; None for planes.
        max_rows: upper bound of the input rows for a number of output rows; None to compute it from the axis.

    Attributes:
        encoded: int64, for the loops: the header and the three axes.
        strip: output rows of a strip.
        strips: strips of a plane.
        strip_input_rows: upper bound of the input rows of a strip.
        scratch_elements: elements of scratch memory that a loop needs.
        number_count: element numbers that a loop with indices needs.
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
        span = height.dilation * (height.longest - 1) + 1 if rows is None else 1
        stride = max(height.stride, 1)
        # Neighbouring strips read some rows twice; strips are large enough that at most a quarter is read twice.
        fit = max(_STRIP_BYTES // row_bytes, 5 * (span - min(stride, span)), 1)
        # If there are more windows than rows, windows read rows repeatedly, too.
        repeats = -(-height.outputs // height.length) if rows is None else 1
        least = 4 * repeats if repeats > 1 else 1
        strip = self.strip = max(1, min(outputs, max(least, (fit - span) // stride + 1)))
        self.strips = -(-outputs // strip)
        input_rows = max_rows or partial(_max_rows, height)
        self.strip_input_rows = strip if rows is not None else input_rows(strip)
        face_out = outputs * width.outputs
        row_scratch = self.strip_input_rows * _row_scratch(width)
        out_numbers = strip * width.outputs if depth.is_identity else depth.outputs * face_out
        sizes = (
            2 * row_scratch,
            0 if height.is_identity or rows is not None else self.strip_input_rows * width.outputs,
            self.strip_input_rows * width.outputs if height.algorithm == TABLE else 0,
            0 if depth.is_identity else depth.length * face_out,
            depth.length * face_out if depth.algorithm == TABLE else 0,
            out_numbers,
        )
        ends = [int(end) for end in np.cumsum(sizes)]
        self.scratch_elements, self.number_count = ends[-2:]
        self._by_planes = not depth.is_identity
        row_number_step = 0 if rows is not None else width.length
        sizes_in = (width.length, width.outputs, height.length if rows is None else rows, outputs, depth.length)
        axis_ends = np.cumsum([HEADER_SIZE, len(depth.encoded), len(height.encoded)])
        header = (*sizes_in, depth.outputs, strip, row_scratch, row_number_step, *ends[:-1], *axis_ends)
        self.encoded = np.concatenate((header, depth.encoded, height.encoded, width.encoded)).astype(np.int64)
        if rows is not None:
            self.encoded[[DEPTH, DEPTH_OUT]] = 1
            self.encoded[[axis_ends[0] + ALGORITHM, axis_ends[1] + ALGORITHM]] = IDENTITY

    def units(self, planes: int) -> int:
        """Units of work of this many planes."""
        return planes if self._by_planes else planes * self.strips

    @property
    def row_number_count(self) -> int:
        """Length of :meth:`row_numbers`."""
        return self.strip_input_rows * int(self.encoded[WIDTH])

    def row_numbers(self) -> npt.NDArray[np.int32]:
        """The number of each element of a strip's input rows, minus that of the first element."""
        width = int(self.encoded[WIDTH])
        if self.encoded[ROW_NUMBER_STEP]:
            return np.arange(self.strip_input_rows * width, dtype=np.int32)
        return np.tile(np.arange(width, dtype=np.int32), self.strip_input_rows)


def _max_rows(height: Axis, strip: int) -> int:
    """The largest number of input rows of any strip with this many output rows."""
    begins = np.arange(0, height.outputs, strip)
    last = height.first + (height.count - 1) * height.dilation
    spans = np.maximum.reduceat(last, begins) - np.minimum.reduceat(height.first, begins) + 1
    return int(spans.max(initial=0))


def _row_scratch(width: Axis) -> int:
    """Scratch elements for a row that is reduced by a table or deinterleaved; else 0."""
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
