"""How planes ``(D, H, W)`` are cut into units of work, in the numbers that loops read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt

from poolhouse.kernels.axes import FARTHEST, SAME, TABLE, WAY, Axis

(
    WIDTH,
    COLUMNS,
    HEIGHT,
    ROWS,
    DEPTH,
    DEPTH_OUT,
    STRIP,
    ROOM,
    NUMBERED,
    LINES,
    TABLES,
    FACES,
    OUTER,
    OWN,
    D_AXIS,
    H_AXIS,
    W_AXIS,
    HEAD,
) = range(18)
"""The places of numbers in :attr:`Layout.numbers`: the sizes of the planes and of their outputs; rows of the output in
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
        most_rows: how many rows of the input so many rows of the output look at, at most; None where that is to be read
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
        most_rows: Callable[[int], int] | None = None,
    ) -> None:
        depth, height, width = axes
        outputs = height.outputs if rows is None else rows
        row_bytes = itemsize * (width.length + width.outputs)
        reach = height.step * (height.longest - 1) + 1 if rows is None else 1
        stride = max(height.stride, 1)
        # Strips look at some rows again, a quarter of them at most.
        fit = max(_STRIP_BYTES // row_bytes, 5 * (reach - min(stride, reach)), 1)
        # So do windows that are more than the rows they lie on.
        repeats = -(-height.outputs // height.length) if rows is None else 1
        least = 4 * repeats if repeats > 1 else 1
        strip = self.strip = max(1, min(outputs, max(least, (fit - reach) // stride + 1)))
        self.strips = -(-outputs // strip)
        looked_at = most_rows or partial(_most_rows, height)
        self.within = strip if rows is not None else looked_at(strip)
        face_out = outputs * width.outputs
        room = self.within * _room(width)
        own = strip * width.outputs if depth.same else depth.outputs * face_out
        sizes = (
            2 * room,
            0 if height.same or rows is not None else self.within * width.outputs,
            self.within * width.outputs if height.way == TABLE else 0,
            0 if depth.same else depth.length * face_out,
            depth.length * face_out if depth.way == TABLE else 0,
            own,
        )
        ends = [int(end) for end in np.cumsum(sizes)]
        self.scratch, self.beside = ends[-2:]
        self._by_planes = not depth.same
        numbered = 0 if rows is not None else width.length
        sizes_in = (width.length, width.outputs, height.length if rows is None else rows, outputs, depth.length)
        axis_ends = np.cumsum([HEAD, len(depth.numbers), len(height.numbers)])
        head = (*sizes_in, depth.outputs, strip, room, numbered, *ends[:-1], *axis_ends)
        self.numbers = np.concatenate((head, depth.numbers, height.numbers, width.numbers)).astype(np.int64)
        if rows is not None:
            self.numbers[[DEPTH, DEPTH_OUT]] = 1
            self.numbers[[axis_ends[0] + WAY, axis_ends[1] + WAY]] = SAME

    def units(self, planes: int) -> int:
        """Units of work in so many planes."""
        return planes if self._by_planes else planes * self.strips

    @property
    def numbered(self) -> int:
        """How many :meth:`row_numbers` are."""
        return self.within * int(self.numbers[WIDTH])

    def row_numbers(self) -> npt.NDArray[np.int32]:
        """The number of each element of the rows of a strip, less that of the first."""
        width = int(self.numbers[WIDTH])
        if self.numbers[NUMBERED]:
            return np.arange(self.within * width, dtype=np.int32)
        return np.tile(np.arange(width, dtype=np.int32), self.within)


def _most_rows(height: Axis, strip: int) -> int:
    """Rows of the input that some strip of so many rows of the output looks at."""
    begins = np.arange(0, height.outputs, strip)
    last = height.first + (height.count - 1) * height.step
    spans = np.maximum.reduceat(last, begins) - np.minimum.reduceat(height.first, begins) + 1
    return int(spans.max(initial=0))


def _room(width: Axis) -> int:
    """Elements of scratch for one row: it is kept twice for a table, and rounded up to whole strides to be spread."""
    stride, longest = width.stride, width.longest
    if width.way == TABLE:
        return width.length
    spreads = width.has_regular and longest > 1 and (1 < stride <= 4 or 1 < stride < longest) and stride <= FARTHEST
    return width.length + stride if spreads else 0
