"""Helpers of the plane loops: they combine lines of elements, and deinterleave elements for strides.

Lines are parts of flat arrays: line ``r`` begins at ``offset + r * pitch``. With indices every element has an int32
number, its position: the number of ``x[i]`` is ``numbers[i + skew]``, that of ``out[i]`` ``out_numbers[i + out_skew]``.
Elements are combined in the order of the plane, so that of equal values the first is chosen and of NaN the last, as in
torch.
"""

from __future__ import annotations

from poolhouse.kernels.registry import Element, Flat, helper


@helper
def later_wins(earlier: Element, other: Element) -> bool:
    """Whether torch's maximum chooses the later of two values."""
    later: bool = (other > earlier) | (other != other)
    return later


@helper
def join(
    out: Flat,
    out_numbers: Flat,
    to: int,
    out_skew: int,
    out_pitch: int,
    x: Flat,
    numbers: Flat,
    a: int,
    b: int,
    c: int,
    skew: int,
    pitch: int,
    rows: int,
    n: int,
    taps: int,
    fresh: bool,
) -> None:
    """Store the maximum of up to three lines of x in ``out``, or of one line and ``out`` unless it is fresh.

    Args:
        out: flat.
        out_numbers: numbers of out; unused here.
        to: offset of the first line in out.
        out_skew: offset from an element of out to its number.
        out_pitch: distance between lines of out.
        x: flat.
        numbers: numbers of x; unused here.
        a: offset of the first line of the earliest elements in x; b and c those of later ones.
        skew: offset from an element of x to its number.
        pitch: distance between lines of x.
        rows: number of lines.
        n: elements of a line.
        taps: 1 for a alone, 2 for a and b, 3 for all.
        fresh: whether out has no value yet; if it has, it is combined with line a only.
    """
    if out_pitch == n and pitch == n:
        rows, n = 1, rows * n
    for r in range(rows):
        o, p, q, s = to + r * out_pitch, a + r * pitch, b + r * pitch, c + r * pitch
        if not fresh:
            for j in range(n):
                earlier, other = out[o + j], x[p + j]
                out[o + j] = other if later_wins(earlier, other) else earlier
        elif taps == 1:
            for j in range(n):
                out[o + j] = x[p + j]
        elif taps == 2:
            for j in range(n):
                earlier, other = x[p + j], x[q + j]
                out[o + j] = other if later_wins(earlier, other) else earlier
        else:
            for j in range(n):
                earlier, other, third = x[p + j], x[q + j], x[s + j]
                found = other if later_wins(earlier, other) else earlier
                out[o + j] = third if later_wins(found, third) else found


@helper
def join_indexed(
    out: Flat,
    out_numbers: Flat,
    to: int,
    out_skew: int,
    out_pitch: int,
    x: Flat,
    numbers: Flat,
    a: int,
    b: int,
    c: int,
    skew: int,
    pitch: int,
    rows: int,
    n: int,
    taps: int,
    fresh: bool,
) -> None:
    """As :func:`join`, with the number of the chosen element."""
    for r in range(rows):
        o, p, q, s = to + r * out_pitch, a + r * pitch, b + r * pitch, c + r * pitch
        if not fresh:
            for j in range(n):
                earlier, other = out[o + j], x[p + j]
                later = later_wins(earlier, other)
                out[o + j] = other if later else earlier
                out_numbers[o + out_skew + j] = numbers[p + skew + j] if later else out_numbers[o + out_skew + j]
        elif taps == 1:
            for j in range(n):
                out[o + j] = x[p + j]
                out_numbers[o + out_skew + j] = numbers[p + skew + j]
        elif taps == 2:
            for j in range(n):
                earlier, other = x[p + j], x[q + j]
                later = later_wins(earlier, other)
                one, two = numbers[p + skew + j], numbers[q + skew + j]
                out[o + j] = other if later else earlier
                out_numbers[o + out_skew + j] = two if later else one
        else:
            for j in range(n):
                earlier, other, third = x[p + j], x[q + j], x[s + j]
                one, two, three = numbers[p + skew + j], numbers[q + skew + j], numbers[s + skew + j]
                later = later_wins(earlier, other)
                found, number = other if later else earlier, two if later else one
                later = later_wins(found, third)
                out[o + j] = third if later else found
                out_numbers[o + out_skew + j] = three if later else number


@helper
def join_strided(
    out: Flat,
    out_numbers: Flat,
    to: int,
    out_skew: int,
    out_pitch: int,
    x: Flat,
    numbers: Flat,
    a: int,
    skew: int,
    pitch: int,
    rows: int,
    n: int,
    stride: int,
    taps: int,
    step: int,
    fresh: bool,
) -> None:
    """As :func:`join` for strided windows: ``out[j]`` from ``x[a + j * stride + t * step]``, always fresh."""
    for r in range(rows):
        o, p = to + r * out_pitch, a + r * pitch
        for j in range(n):
            found = x[p + j * stride]
            for t in range(1, taps):
                other = x[p + j * stride + t * step]
                found = other if later_wins(found, other) else found
            out[o + j] = found


@helper
def join_strided_indexed(
    out: Flat,
    out_numbers: Flat,
    to: int,
    out_skew: int,
    out_pitch: int,
    x: Flat,
    numbers: Flat,
    a: int,
    skew: int,
    pitch: int,
    rows: int,
    n: int,
    stride: int,
    taps: int,
    step: int,
    fresh: bool,
) -> None:
    """As :func:`join_strided`, with the number of the chosen element."""
    for r in range(rows):
        o, p = to + r * out_pitch, a + r * pitch
        for j in range(n):
            place = p + j * stride
            found = x[place]
            for t in range(1, taps):
                other = x[p + j * stride + t * step]
                later = later_wins(found, other)
                found = other if later else found
                place = p + j * stride + t * step if later else place
            out[o + j] = found
            out_numbers[o + out_skew + j] = numbers[place + skew]


@helper
def join_sums(
    out: Flat,
    out_numbers: Flat,
    to: int,
    out_skew: int,
    out_pitch: int,
    x: Flat,
    numbers: Flat,
    a: int,
    b: int,
    c: int,
    skew: int,
    pitch: int,
    rows: int,
    n: int,
    taps: int,
    fresh: bool,
) -> None:
    """As :func:`join`, for sums."""
    for r in range(rows):
        o, p, q, s = to + r * out_pitch, a + r * pitch, b + r * pitch, c + r * pitch
        if not fresh:
            for j in range(n):
                out[o + j] += x[p + j]
        elif taps == 1:
            for j in range(n):
                out[o + j] = x[p + j]
        elif taps == 2:
            for j in range(n):
                out[o + j] = x[p + j] + x[q + j]
        else:
            for j in range(n):
                out[o + j] = x[p + j] + x[q + j] + x[s + j]


@helper
def join_strided_sums(
    out: Flat,
    out_numbers: Flat,
    to: int,
    out_skew: int,
    out_pitch: int,
    x: Flat,
    numbers: Flat,
    a: int,
    skew: int,
    pitch: int,
    rows: int,
    n: int,
    stride: int,
    taps: int,
    step: int,
    fresh: bool,
) -> None:
    """As :func:`join_strided`, for sums; added to ``out`` unless it is fresh."""
    for r in range(rows):
        o, p = to + r * out_pitch, a + r * pitch
        for j in range(n):
            found = x[p + j * stride]
            for t in range(1, taps):
                found += x[p + j * stride + t * step]
            out[o + j] = found if fresh else out[o + j] + found


@helper
def deinterleave(
    x: Flat, a: int, pitch: int, rows: int, length: int, stride: int, phases: Flat, to: int, columns: int
) -> None:
    """Copy every ``stride``-th element of the lines at a to adjacent positions.

    ``phases[to + (i * rows + r) * columns + j] = x[a + r * pitch + i + j * stride]``, within the line's length.
    """
    m = min(columns, length // stride)
    phase = rows * columns
    for r in range(rows):
        o, p = to + r * columns, a + r * pitch
        if stride == 2:
            for j in range(m):
                phases[o + j] = x[p + 2 * j]
                phases[o + phase + j] = x[p + 2 * j + 1]
        else:
            for i in range(stride):
                for j in range(m):
                    phases[o + i * phase + j] = x[p + i + j * stride]
        if m < columns:
            for i in range(length - m * stride):
                phases[o + i * phase + m] = x[p + m * stride + i]
