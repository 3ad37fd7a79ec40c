"""How the last axis of planes is reduced: the windows of some rows that lie one behind the other."""

from __future__ import annotations

from collections.abc import Callable

from poolhouse.kernels.axes import (
    ALGORITHM,
    DILATION,
    FIRST,
    HIGH,
    LONGEST,
    LOW,
    MAX_REGULAR_STRIDE,
    OUTPUTS,
    STRIDE,
    TABLE,
)
from poolhouse.kernels.joins import deinterleave
from poolhouse.kernels.registry import Flat, helper


def make_reduce_rows(
    join: Callable[..., None],
    join_strided: Callable[..., None],
    join_stride_two: Callable[..., None],
    *,
    indexed: bool,
    may_overlap: bool,
) -> Callable[..., None]:
    """The helper that joins elements of rows so; see :func:`poolhouse.kernels.plane_reduction.make_plane_loop`."""

    @helper
    def reduce_rows(
        x: Flat,
        numbers: Flat,
        a: int,
        skew: int,
        width: int,
        rows: int,
        out: Flat,
        own: Flat,
        to: int,
        away: int,
        axis: Flat,
        at: int,
        scratch: Flat,
        beside: Flat,
        phase_scratch: int,
    ) -> None:
        """The result of each window of each of some rows that lie one behind the other.

        Args:
            x: flat.
            numbers: of the elements of x; those of its phases begin at 0 of ``beside``.
            a: offset of the first row.
            skew: of numbers.
            width: elements of a row.
            rows: how many.
            out: flat.
            own: numbers of out.
            to: offset in out of the first window; the rows follow each other.
            away: of own.
            axis: where the axis' numbers are.
            at: offset of these.
            scratch: flat, twice as many elements as `phase_scratch`.
            beside: numbers of the scratch.
            phase_scratch: at least rows times the width rounded up to whole strides.
        """
        step, low, high, stride = axis[at + DILATION], axis[at + LOW], axis[at + HIGH], axis[at + STRIDE]
        taps, outputs = axis[at + LONGEST], axis[at + OUTPUTS]
        first = at + FIRST
        count = first + outputs
        n = high - low
        source, told, base, off = x, numbers, a, skew
        stretches = axis[at + ALGORITHM] == TABLE
        far = stride > MAX_REGULAR_STRIDE or (stride > 1 and (taps == 1 or (stride > 4 and taps <= stride)))
        span, length = 1, width
        while True:
            # By stretches there lie at ``base``, in lines of the width, the results over ``span`` elements from each
            # on, ``step`` apart; a window is two of these, or one for each power of two in its number of elements. Else
            # each element of a window is looked at.
            for o in range(outputs):
                many, elements = 1, axis[count + o]
                if low <= o < high:
                    if o > low or (not far and not stretches):
                        continue
                    many = n
                apart, skipped = step, 0
                if stretches and may_overlap:
                    if not span <= elements < 2 * span:
                        continue
                    elements, apart = 2, (elements - span) * step
                elif stretches:
                    if not elements & span:
                        continue
                    elements, skipped = 1, elements & (span - 1)
                join_strided(
                    out, own, to + o, away, outputs, source, told, base + axis[first + o] + skipped * step, off,
                    width, rows, many, stride, elements, apart, skipped == 0,
                )  # fmt: skip
            if 2 * span > taps or not stretches:
                break
            length -= span * step
            kept = phase_scratch if span > 1 and base == 0 else 0
            join(
                scratch, beside, kept, 0, width, source, told, base, base + span * step, base, off, width, rows, length,
                2, True,
            )  # fmt: skip
            source, told, base, off = scratch, beside, kept, 0
            span *= 2
        if stretches or far or n <= 0:
            return
        begin = a + axis[first + low]
        if stride == 2 and 2 <= taps <= 3 and step == 1:
            join_stride_two(out, own, to + low, away, outputs, x, numbers, begin, skew, width, rows, n, taps)
            return
        pitch, phase = width, 0
        if stride > 1:
            pitch = (width + stride - 1) // stride
            phase = rows * pitch
            deinterleave(x, begin, width, rows, width - axis[first + low], stride, scratch, 0, pitch)
            if indexed:
                deinterleave(numbers, begin + skew, width, rows, width - axis[first + low], stride, beside, 0, pitch)
            source, told, begin, off = scratch, beside, 0, 0
        done = 0
        while done < taps:
            group = 1 if done else min(taps, 3)
            p = done * step
            q, s = p + min(1, group - 1) * step, p + min(2, group - 1) * step
            if stride > 1:
                p = p % stride * phase + p // stride
                q = q % stride * phase + q // stride
                s = s % stride * phase + s // stride
            join(
                out, own, to + low, away, outputs, source, told, begin + p, begin + q, begin + s, off, pitch, rows, n,
                group, done == 0,
            )  # fmt: skip
            done += group

    return reduce_rows
