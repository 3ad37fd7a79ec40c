"""The loops that all maxima are made of: elements laid side by side, and lines of them joined.

Lines are stretches of flat arrays: line ``r`` begins at ``offset + r * pitch``. Offsets are never negative, so they
are unsigned, which spares the loops a look at the sign of every index.
The order of joining is the order of the elements in a plane, so that of equal values the first is taken and of NaN
the last: torch's rule, to the bit.
"""

from __future__ import annotations

import numpy as np

from poolhouse.kernels.compiling import Element, Flat, compiled

U = np.uint64


@compiled
def later(earlier: Element, other: Element) -> Element:
    """Whichever torch takes of two values, the second being the later one in the plane."""
    return other if (other > earlier) or (other != other) else earlier


@compiled
def join(
    out: Flat,
    to: int,
    out_pitch: int,
    x: Flat,
    a: int,
    b: int,
    c: int,
    pitch: int,
    rows: int,
    n: int,
    taps: int,
    fresh: bool,
) -> None:
    """``out`` becomes the maximum of up to three lines of x, and of what it was unless it is fresh.

    Args:
        out: flat.
        to: offset of the first line in out.
        out_pitch: from one of its lines to the next.
        x: flat.
        a: offset of the first line in x of the earliest elements; b and c of later ones.
        pitch: from one line of x to the next.
        rows: how many lines.
        n: elements of a line.
        taps: 1 for a alone, 2 for a and b, 3 for all; not fresh at most 2.
        fresh: whether out holds nothing yet.
    """
    if out_pitch == n and pitch == n:
        rows, n = 1, rows * n
    for r in range(rows):
        o = U(to + r * out_pitch)
        p = U(a + r * pitch)
        q = U(b + r * pitch)
        s = U(c + r * pitch)
        if fresh:
            if taps == 1:
                for j in range(n):
                    out[o + U(j)] = x[p + U(j)]
            elif taps == 2:
                for j in range(n):
                    out[o + U(j)] = later(x[p + U(j)], x[q + U(j)])
            else:
                for j in range(n):
                    out[o + U(j)] = later(later(x[p + U(j)], x[q + U(j)]), x[s + U(j)])
        elif taps == 1:
            for j in range(n):
                out[o + U(j)] = later(out[o + U(j)], x[p + U(j)])
        else:
            for j in range(n):
                out[o + U(j)] = later(later(out[o + U(j)], x[p + U(j)]), x[q + U(j)])


@compiled
def join_pairs(
    out: Flat,
    to: int,
    out_pitch: int,
    x: Flat,
    a: int,
    pitch: int,
    rows: int,
    n: int,
) -> None:
    """``out`` becomes the maxima of the neighbours at ``a``, two and two: windows of 2 that are 2 apart."""
    if out_pitch == n and pitch == 2 * n:
        rows, n = 1, rows * n
    for r in range(rows):
        o = U(to + r * out_pitch)
        p = U(a + r * pitch)
        for j in range(n):
            out[o + U(j)] = later(x[p + U(2) * U(j)], x[p + U(2) * U(j) + U(1)])


@compiled
def spread(
    x: Flat,
    a: int,
    pitch: int,
    rows: int,
    length: int,
    stride: int,
    phases: Flat,
    columns: int,
) -> None:
    """Lays every ``stride``-th element of the lines at a side by side.

    ``phases[(i * rows + r) * columns + j] = x[a + r * pitch + i + j * stride]``, for what is within the line's length.
    """
    if stride == 2:
        m = min(columns, length // 2)
        for r in range(rows):
            o = U(r * columns)
            q = U((rows + r) * columns)
            p = U(a + r * pitch)
            for j in range(m):
                phases[o + U(j)] = x[p + U(2) * U(j)]
                phases[q + U(j)] = x[p + U(2) * U(j) + U(1)]
            if m < columns and 2 * m < length:
                phases[o + U(m)] = x[p + U(2 * m)]
        return
    if stride == 3 or stride == 4:
        m = min(columns, length // stride)
        for r in range(rows):
            o = U(r * columns)
            q = U((rows + r) * columns)
            s = U((2 * rows + r) * columns)
            u = U((3 * rows + r) * columns)
            p = U(a + r * pitch)
            if stride == 3:
                for j in range(m):
                    phases[o + U(j)] = x[p + U(3) * U(j)]
                    phases[q + U(j)] = x[p + U(3) * U(j) + U(1)]
                    phases[s + U(j)] = x[p + U(3) * U(j) + U(2)]
            else:
                for j in range(m):
                    phases[o + U(j)] = x[p + U(4) * U(j)]
                    phases[q + U(j)] = x[p + U(4) * U(j) + U(1)]
                    phases[s + U(j)] = x[p + U(4) * U(j) + U(2)]
                    phases[u + U(j)] = x[p + U(4) * U(j) + U(3)]
            if m < columns:
                for i in range(length - m * stride):
                    phases[U((i * rows + r) * columns + m)] = x[p + U(m * stride + i)]
        return
    for i in range(stride):
        m = min(columns, (length - i + stride - 1) // stride)
        for r in range(rows):
            to = (i * rows + r) * columns
            at = a + r * pitch + i
            for j in range(m):
                phases[U(to + j)] = x[U(at + j * stride)]


@compiled
def join_strided(
    out: Flat,
    to: int,
    out_pitch: int,
    x: Flat,
    a: int,
    pitch: int,
    rows: int,
    n: int,
    stride: int,
    taps: int,
    step: int,
) -> None:
    """As :func:`join` for windows that are far apart: ``out[j]`` from ``x[a + j * stride + t * step]``."""
    for r in range(rows):
        o = to + r * out_pitch
        p = a + r * pitch
        for j in range(n):
            at = U(p + j * stride)
            found = x[at]
            for t in range(1, taps):
                found = later(found, x[at + U(t * step)])
            out[U(o + j)] = found
