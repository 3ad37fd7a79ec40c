"""Reduction along the last axis: the windows of consecutive rows."""

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
    """Make the helper that combines elements of rows; see :func:`.plane_reduction.make_plane_loop`."""

    @helper
    def reduce_rows(
        x: Flat,
        numbers: Flat,
        a: int,
        skew: int,
        width: int,
        rows: int,
        out: Flat,
        out_numbers: Flat,
        to: int,
        out_skew: int,
        axis: Flat,
        at: int,
        scratch: Flat,
        scratch_numbers: Flat,
        phase_scratch: int,
    ) -> None:
        """Reduce each window of consecutive rows to one element.

        Args:
            x: flat.
            numbers: numbers of x; those of deinterleaved elements begin at 0 of ``scratch_numbers``.
            a: offset of the first row.
            skew: offset from an element of x to its number.
            width: elements of a row.
            rows: number of rows.
            out: flat.
            out_numbers: numbers of out.
            to: offset in out of the first window; rows follow each other.
            out_skew: offset from an element of out to its number.
            axis: the array with the encoded axis.
            at: offset of the encoded axis.
            scratch: flat, twice as many elements as ``phase_scratch``.
            scratch_numbers: numbers of the scratch.
            phase_scratch: at least rows times the width rounded up to whole strides.
        """
        step, low, high, stride = axis[at + DILATION], axis[at + LOW], axis[at + HIGH], axis[at + STRIDE]
        taps, outputs = axis[at + LONGEST], axis[at + OUTPUTS]
        first = at + FIRST
        count = first + outputs
        n = high - low
        source, source_numbers, base, source_skew = x, numbers, a, skew
        uses_table = axis[at + ALGORITHM] == TABLE
        far = stride > MAX_REGULAR_STRIDE or (stride > 1 and (taps == 1 or (stride > 4 and taps <= stride)))
        span, length = 1, width
        while True:
            # With a table, ``base`` is the offset of the results over ``span`` elements from each position on, ``step``
            # apart. A window combines two of them, or one for each power of two in its number of elements. Without a
            # table each element of a window is read.
            for o in range(outputs):
                many, elements = 1, axis[count + o]
                if low <= o < high:
                    if o > low or (not far and not uses_table):
                        continue
                    many = n
                apart, skipped = step, 0
                if uses_table and may_overlap:
                    if not span <= elements < 2 * span:
                        continue
                    elements, apart = 2, (elements - span) * step
                elif uses_table:
                    if not elements & span:
                        continue
                    elements, skipped = 1, elements & (span - 1)
                join_strided(
                    out, out_numbers, to + o, out_skew, outputs, source, source_numbers,
                    base + axis[first + o] + skipped * step, source_skew, width, rows, many, stride, elements, apart,
                    skipped == 0,
                )  # fmt: skip
            if 2 * span > taps or not uses_table:
                break
            length -= span * step
            kept = phase_scratch if span > 1 and base == 0 else 0
            join(
                scratch, scratch_numbers, kept, 0, width, source, source_numbers, base, base + span * step, base,
                source_skew, width, rows, length, 2, True,
            )  # fmt: skip
            source, source_numbers, base, source_skew = scratch, scratch_numbers, kept, 0
            span *= 2
        if uses_table or far or n <= 0:
            return
        begin = a + axis[first + low]
        if stride == 2 and 2 <= taps <= 3 and step == 1:
            join_stride_two(
                out, out_numbers, to + low, out_skew, outputs, x, numbers, begin, skew, width, rows, n, taps
            )
            return
        pitch, phase = width, 0
        if stride > 1:
            pitch = (width + stride - 1) // stride
            phase = rows * pitch
            remaining = width - axis[first + low]
            deinterleave(x, begin, width, rows, remaining, stride, scratch, 0, pitch)
            if indexed:
                deinterleave(numbers, begin + skew, width, rows, remaining, stride, scratch_numbers, 0, pitch)
            source, source_numbers, begin, source_skew = scratch, scratch_numbers, 0, 0
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
                out, out_numbers, to + low, out_skew, outputs, source, source_numbers, begin + p, begin + q, begin + s,
                source_skew, pitch, rows, n, group, done == 0,
            )  # fmt: skip
            done += group

    return reduce_rows
