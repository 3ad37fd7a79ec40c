"""How windows of planes of up to three axes are reduced: the last axis row by row, then lines against each other.

What is done to two elements is given as functions, so that there is one such loop for maxima and one for maxima with
their places. Every call of them is compiled into its caller, so there are few, in loops over what differs.
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
    """The loop over planes that joins elements so.

    Args:
        join: as ``joins.join``.
        pick: as ``joins.pick``.
        join_stride_two: as ``near.join_stride_two``.
        indexed: whether they join numbers too.
        overlaps: whether two stretches of a window may share elements, as for a maximum and not for a sum.
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
        plan: Flat,
        plan_pitch: int,
        scratch: Flat,
        beside: Flat,
    ) -> None:
        """Pools units of work ``start`` to ``stop``: strips of planes, or planes of three axes.

        Args:
            x: flat, planes ``(D, H, W)``.
            numbers: 0, 1, 2, … for the elements of the rows of a strip.
            out: flat.
            indices: flat int64.
            start: the first unit.
            stop: the end of the units.
            plan: as :class:`poolhouse.kernels.layout.Layout` gives it.
            plan_pitch: from one plane's plan to the next one's; 0 where all have one.
            scratch: as many elements as the layout says.
            beside: numbers of the scratch.
        """
        width, columns, rows, depth, depth_out = plan[WIDTH], plan[COLUMNS], plan[ROWS], plan[DEPTH], plan[DEPTH_OUT]
        face, face_out = width * plan[HEIGHT], columns * rows
        flat = plan[plan[D_AXIS] + ALGORITHM] == IDENTITY
        strip = plan[STRIP]
        strips = (rows + strip - 1) // strip
        for unit in range(start, stop):
            plane = unit // strips if flat else unit
            own_plan = plane * plan_pitch
            d, h, w = plan[D_AXIS] + own_plan, plan[H_AXIS] + own_plan, plan[W_AXIS] + own_plan
            reduces_lines = plan[h + ALGORITHM] != IDENTITY
            reduces_rows = indexed or plan[w + ALGORITHM] != IDENTITY
            for part in range(unit % strips, unit % strips + 1) if flat else range(strips):
                low = part * strip
                high = min(low + strip, rows)
                begin, end = low, high
                if plan[h + ALGORITHM] != IDENTITY:
                    begin, end = begin_of(plan, h, low, high), end_of(plan, h, low, high)
                for i in range(depth):
                    a = (plane * depth + i) * face + begin * width
                    to = (plane * depth + i) * face_out + low * columns
                    goal, away = out, plan[OUT_NUMBERS] - to
                    if not flat:
                        goal, to, away = scratch, plan[FACES] + i * face_out + low * columns, 0
                    source, told, skew = x, numbers, -a
                    if reduces_rows:
                        source, told, goes, skew = goal, beside, to, away
                        if reduces_lines:
                            source, goes, skew = scratch, plan[LINES], 0
                        reduce_rows(
                            x, numbers, a, -a, width, end - begin, source, told, goes, skew, plan, w, scratch, beside,
                            plan[ROW_SCRATCH],
                        )  # fmt: skip
                        a = goes
                    if reduces_lines:
                        reduce_lines(
                            source, told, a, skew, columns, goal, beside, to, away, plan, h, low, high, begin,
                            scratch, beside, plan[TABLES],
                        )  # fmt: skip
                    elif not reduces_rows:
                        for j in range((high - low) * columns):
                            goal[to + j] = x[a + j]
                    if indexed:
                        more = i * face + begin * plan[ROW_NUMBER_STEP]
                        # Two loops: with the choice inside, a vector of the case that is not taken would be masked off,
                        # which costs a thousand cycles where its address, which has no meaning, is not mapped.
                        if flat:
                            for j in range((high - low) * columns):
                                indices[to + j] = beside[to + away + j] + more
                        else:
                            for j in range((high - low) * columns):
                                beside[to + j] += more
            if not flat:
                to = plane * depth_out * face_out
                reduce_lines(
                    scratch, beside, plan[FACES], 0, face_out, out, beside, to, plan[OUT_NUMBERS] - to, plan, d, 0,
                    depth_out, 0, scratch, beside, plan[OUTER],
                )  # fmt: skip
                if indexed:
                    for j in range(depth_out * face_out):
                        indices[to + j] = beside[plan[OUT_NUMBERS] + j]

    return pool_planes
