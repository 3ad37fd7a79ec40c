"""Reduction of windows of planes of up to three axes: the last axis row by row, then the others line by line.

The operation on two elements is a parameter, so that one source gives the loops for maxima, indexed maxima and sums.
Every call of it is inlined by the compiler, so the code has few calls, in loops over the cases.
"""

from __future__ import annotations

from collections.abc import Callable

from poolhouse.kernels.axes import ALGORITHM, IDENTITY, begin_of, end_of
from poolhouse.kernels.layout import (
    COLUMNS,
    D_AXIS,
    DEPTH,
    DEPTH_OUT,
    FACES,
    H_AXIS,
    HEIGHT,
    LINES,
    OUT_NUMBERS,
    OUTER,
    ROW_NUMBER_STEP,
    ROW_SCRATCH,
    ROWS,
    STRIP,
    TABLES,
    W_AXIS,
    WIDTH,
)
from poolhouse.kernels.line_reduction import make_reduce_lines
from poolhouse.kernels.registry import Flat
from poolhouse.kernels.row_reduction import make_reduce_rows


def make_plane_loop(
    join: Callable[..., None],
    join_strided: Callable[..., None],
    join_stride_two: Callable[..., None],
    *,
    indexed: bool,
    may_overlap: bool,
) -> Callable[..., None]:
    """Make the loop over planes that combines elements with these helpers.

    Args:
        join: as ``joins.join``.
        join_strided: as ``joins.join_strided``.
        join_stride_two: as ``stride_two.join_stride_two``.
        indexed: whether they combine element numbers too.
        may_overlap: whether two runs of a window may share elements: true for a maximum, false for a sum.
    """
    reduce_rows = make_reduce_rows(join, join_strided, join_stride_two, indexed=indexed, may_overlap=may_overlap)
    reduce_lines = make_reduce_lines(join, may_overlap=may_overlap)

    def pool_planes(
        x: Flat,
        numbers: Flat,
        out: Flat,
        indices: Flat,
        start: int,
        stop: int,
        layout: Flat,
        layout_pitch: int,
        scratch: Flat,
        scratch_numbers: Flat,
    ) -> None:
        """Pool units of work ``start`` to ``stop``: strips of rows, or planes that are reduced along D.

        Args:
            x: flat, planes ``(D, H, W)``.
            numbers: 0, 1, 2, … for the elements of the rows of a strip.
            out: flat.
            indices: flat int64.
            start: the first unit.
            stop: the end of the units.
            layout: :attr:`poolhouse.kernels.layout.Layout.encoded`.
            layout_pitch: distance between the layouts of two planes; 0 if all planes have the same.
            scratch: flat, of the size that the layout gives.
            scratch_numbers: numbers of the scratch.
        """
        width, columns, rows = layout[WIDTH], layout[COLUMNS], layout[ROWS]
        depth, depth_out = layout[DEPTH], layout[DEPTH_OUT]
        face, face_out = width * layout[HEIGHT], columns * rows
        flat = layout[layout[D_AXIS] + ALGORITHM] == IDENTITY
        strip = layout[STRIP]
        strips = (rows + strip - 1) // strip
        for unit in range(start, stop):
            plane = unit // strips if flat else unit
            own_layout = plane * layout_pitch
            d, h, w = layout[D_AXIS] + own_layout, layout[H_AXIS] + own_layout, layout[W_AXIS] + own_layout
            reduces_lines = layout[h + ALGORITHM] != IDENTITY
            reduces_rows = indexed or layout[w + ALGORITHM] != IDENTITY
            for part in range(unit % strips, unit % strips + 1) if flat else range(strips):
                low = part * strip
                high = min(low + strip, rows)
                begin, end = low, high
                if layout[h + ALGORITHM] != IDENTITY:
                    begin, end = begin_of(layout, h, low, high), end_of(layout, h, low, high)
                for i in range(depth):
                    a = (plane * depth + i) * face + begin * width
                    to = (plane * depth + i) * face_out + low * columns
                    target, target_skew = out, layout[OUT_NUMBERS] - to
                    if not flat:
                        target, to, target_skew = scratch, layout[FACES] + i * face_out + low * columns, 0
                    source, source_numbers, skew = x, numbers, -a
                    if reduces_rows:
                        source, source_numbers, row_offset, skew = target, scratch_numbers, to, target_skew
                        if reduces_lines:
                            source, row_offset, skew = scratch, layout[LINES], 0
                        reduce_rows(
                            x, numbers, a, -a, width, end - begin, source, source_numbers, row_offset, skew,
                            layout, w, scratch, scratch_numbers, layout[ROW_SCRATCH],
                        )  # fmt: skip
                        a = row_offset
                    if reduces_lines:
                        reduce_lines(
                            source, source_numbers, a, skew, columns, target, scratch_numbers, to, target_skew,
                            layout, h, low, high, begin, scratch, scratch_numbers, layout[TABLES],
                        )  # fmt: skip
                    elif not reduces_rows:
                        for j in range((high - low) * columns):
                            target[to + j] = x[a + j]
                    if indexed:
                        more = i * face + begin * layout[ROW_NUMBER_STEP]
                        # Two loops: with the condition inside, the compiler masks the stores of the other case, and a
                        # masked store to an unmapped address costs a thousand cycles.
                        if flat:
                            for j in range((high - low) * columns):
                                indices[to + j] = scratch_numbers[to + target_skew + j] + more
                        else:
                            for j in range((high - low) * columns):
                                scratch_numbers[to + j] += more
            if not flat:
                to = plane * depth_out * face_out
                reduce_lines(
                    scratch, scratch_numbers, layout[FACES], 0, face_out, out, scratch_numbers, to,
                    layout[OUT_NUMBERS] - to, layout, d, 0, depth_out, 0, scratch, scratch_numbers, layout[OUTER],
                )  # fmt: skip
                if indexed:
                    for j in range(depth_out * face_out):
                        indices[to + j] = scratch_numbers[layout[OUT_NUMBERS] + j]

    return pool_planes
