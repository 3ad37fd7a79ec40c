"""How another axis than the last is reduced: whole lines joined with each other."""

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
    """The helper that joins lines so; see :func:`poolhouse.kernels.plane_reduction.make_plane_loop`."""

    @helper
    def reduce_lines(
        x: Flat,
        numbers: Flat,
        a: int,
        skew: int,
        width: int,
        out: Flat,
        own: Flat,
        to: int,
        away: int,
        axis: Flat,
        at: int,
        low: int,
        high: int,
        base: int,
        table: Flat,
        beside: Flat,
        table_offset: int,
    ) -> None:
        """The result over the lines of each window from low to high, which goes to a line of out.

        Args:
            x: flat: lines of the width, the first of them number ``base``.
            numbers: of x.
            a: offset of the first line.
            skew: of numbers.
            width: elements of a line.
            out: flat.
            own: numbers of out.
            to: offset of the line for window low.
            away: of own.
            axis: where the axis' numbers are.
            at: offset of these.
            low: the first window.
            high: the end of the windows.
            base: the number of the first line.
            table: scratch for as many lines as the windows reach over, where the axis goes by stretches.
            beside: numbers of the table.
            table_offset: offset of both.
        """
        step, longest = axis[at + DILATION], axis[at + LONGEST]
        first = at + FIRST
        count = first + axis[at + OUTPUTS]
        if axis[at + ALGORITHM] == TABLE:
            begin = begin_of(axis, at, low, high)
            rows = end_of(axis, at, low, high) - begin
            source, told, place, off = x, numbers, a + (begin - base) * width, skew
            span = 1
            while True:
                # The windows that two stretches of this span cover, and then the stretches of twice the span. These
                # are made in place: a line is read ahead of where it is written.
                grows = 2 * span <= longest
                rows = max(rows - span * step, 0) if grows else 0
                for i in range(high - low + rows):
                    taps, fresh = 2, True
                    if i < high - low:
                        o = low + i
                        elements = axis[count + o]
                        goal, marks, goes, aside = out, own, to + i * width, away
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
                        goal, marks, goes, aside = table, beside, table_offset + skipped, 0
                        one = place + skipped
                        other = one + span * step * width
                    join(
                        goal, marks, goes, aside, width, source, told, one, other, one, off, width, 1, width, taps,
                        fresh,
                    )  # fmt: skip
                if not grows:
                    return
                source, told, place, off = table, beside, table_offset, 0
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
                    out, own, to + (o - low) * width, away, width, x, numbers, p, q, s, skew,
                    axis[at + STRIDE] * width, many, width, group, done == 0,
                )  # fmt: skip
                done += group
            o += many

    return reduce_lines
