"""Reduction along an axis other than the last: whole lines are combined with each other."""

from __future__ import annotations

from collections.abc import Callable

from poolhouse.kernels.axes import (
    ALGORITHM,
    DILATION,
    FIRST,
    HIGH,
    LONGEST,
    LOW,
    OUTPUTS,
    STRIDE,
    TABLE,
    begin_of,
    end_of,
)
from poolhouse.kernels.registry import Flat, helper


def make_reduce_lines(join: Callable[..., None], *, may_overlap: bool) -> Callable[..., None]:
    """Make the helper that combines lines with ``join``; see :func:`.plane_reduction.make_plane_loop`."""

    @helper
    def reduce_lines(
        x: Flat,
        numbers: Flat,
        a: int,
        skew: int,
        width: int,
        out: Flat,
        out_numbers: Flat,
        to: int,
        out_skew: int,
        axis: Flat,
        at: int,
        low: int,
        high: int,
        base: int,
        table: Flat,
        scratch_numbers: Flat,
        table_offset: int,
    ) -> None:
        """Reduce the lines of each window from low to high to a line of out.

        Args:
            x: flat: lines of ``width`` elements, beginning with line ``base`` of the axis.
            numbers: numbers of x.
            a: offset of the first line.
            skew: offset from an element of x to its number.
            width: elements of a line.
            out: flat.
            out_numbers: numbers of out.
            to: offset of the line for window low.
            out_skew: offset from an element of out to its number.
            axis: the array with the encoded axis.
            at: offset of the encoded axis.
            low: the first window.
            high: the end of the windows.
            base: index of the first line on the axis.
            table: scratch for all lines that the windows span, if the axis uses a table.
            scratch_numbers: numbers of the table.
            table_offset: offset of both.
        """
        step, longest = axis[at + DILATION], axis[at + LONGEST]
        first = at + FIRST
        count = first + axis[at + OUTPUTS]
        if axis[at + ALGORITHM] == TABLE:
            begin = begin_of(axis, at, low, high)
            rows = end_of(axis, at, low, high) - begin
            source, source_numbers, place, source_skew = x, numbers, a + (begin - base) * width, skew
            span = 1
            while True:
                # First the windows that two runs of this span cover, then the runs of twice the span. Those overwrite
                # the table in place: each line is read before it is overwritten.
                grows = 2 * span <= longest
                rows = max(rows - span * step, 0) if grows else 0
                for i in range(high - low + rows):
                    taps, fresh = 2, True
                    if i < high - low:
                        o = low + i
                        elements = axis[count + o]
                        target, target_numbers, target_offset, target_skew = out, out_numbers, to + i * width, out_skew
                        one = place + (axis[first + o] - begin) * width
                        other = one
                        if may_overlap:
                            if not span <= elements < 2 * span:
                                continue
                            other += (elements - span) * step * width
                        else:
                            if not elements & span:
                                continue
                            one += (elements & (span - 1)) * step * width
                            taps, fresh = 1, elements & (span - 1) == 0
                    else:
                        skipped = (i - high + low) * width
                        target, target_numbers = table, scratch_numbers
                        target_offset, target_skew = table_offset + skipped, 0
                        one = place + skipped
                        other = one + span * step * width
                    join(
                        target, target_numbers, target_offset, target_skew, width, source, source_numbers,
                        one, other, one, source_skew, width, 1, width, taps, fresh,
                    )  # fmt: skip
                if not grows:
                    return
                source, source_numbers, place, source_skew = table, scratch_numbers, table_offset, 0
                span *= 2
        o = low
        while o < high:
            taps, many = axis[count + o], 1
            if axis[at + LOW] <= o < axis[at + HIGH]:
                many = min(high, axis[at + HIGH]) - o
            begin = a + (axis[first + o] - base) * width
            done = 0
            while done < taps:
                group = 1 if done else min(taps, 3)
                p = begin + done * step * width
                q, s = p + min(1, group - 1) * step * width, p + min(2, group - 1) * step * width
                join(
                    out, out_numbers, to + (o - low) * width, out_skew, width, x, numbers, p, q, s, skew,
                    axis[at + STRIDE] * width, many, width, group, done == 0,
                )  # fmt: skip
                done += group
            o += many

    return reduce_lines
