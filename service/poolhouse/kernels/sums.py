"""Loops for averages of windows: small ones added in torch's order in the element type, large ones in float64."""

from __future__ import annotations

import numpy as np

from poolhouse.kernels.axes import DILATION, FIRST, HIGH, LONGEST, LOW, MAX_REGULAR_STRIDE, STRIDE, begin_of, end_of
from poolhouse.kernels.joins import deinterleave
from poolhouse.kernels.layout import (
    COLUMNS,
    D_AXIS,
    DEPTH,
    DEPTH_OUT,
    H_AXIS,
    HEIGHT,
    ROWS,
    STRIP,
    W_AXIS,
    WIDTH,
)
from poolhouse.kernels.registry import Element, Flat, helper, loops


@helper
def add(out: Flat, to: int, x: Flat, a: int, b: int, c: int, n: int, taps: int, fresh: bool, zero: Element) -> None:
    """Add the lines of x at a, b and c, in this order, to a line of out, or to zero if out is fresh.

    A sum begins with +0, so the sum of -0 alone is +0.
    """
    if fresh:
        if taps == 1:
            for j in range(n):
                out[to + j] = zero + x[a + j]
        elif taps == 2:
            for j in range(n):
                out[to + j] = (zero + x[a + j]) + x[b + j]
        else:
            for j in range(n):
                out[to + j] = ((zero + x[a + j]) + x[b + j]) + x[c + j]
    elif taps == 1:
        for j in range(n):
            out[to + j] = out[to + j] + x[a + j]
    elif taps == 2:
        for j in range(n):
            out[to + j] = (out[to + j] + x[a + j]) + x[b + j]
    else:
        for j in range(n):
            out[to + j] = ((out[to + j] + x[a + j]) + x[b + j]) + x[c + j]


@helper
def add_nine(
    out: Flat, to: int, x: Flat, a: int, b: int, c: int, p: int, q: int, s: int, n: int, zero: Element
) -> None:
    """As :func:`add` for windows of 3 by 3: the elements at p, q and s of each of the lines at a, b and c."""
    for j in range(n):
        above = ((zero + x[a + p + j]) + x[a + q + j]) + x[a + s + j]
        between = ((above + x[b + p + j]) + x[b + q + j]) + x[b + s + j]
        out[to + j] = ((between + x[c + p + j]) + x[c + q + j]) + x[c + s + j]


@helper
def add_pairs(out: Flat, to: int, x: Flat, a: int, b: int, n: int, rows: int, fresh: bool, zero: Element) -> None:
    """As :func:`add` for windows of 2 with stride 2, of the line at a or of those at a and b."""
    if rows == 2 and fresh:
        for j in range(n):
            above = (zero + x[a + 2 * j]) + x[a + 2 * j + 1]
            out[to + j] = (above + x[b + 2 * j]) + x[b + 2 * j + 1]
    elif fresh:
        for j in range(n):
            out[to + j] = (zero + x[a + 2 * j]) + x[a + 2 * j + 1]
    else:
        for j in range(n):
            out[to + j] = (out[to + j] + x[a + 2 * j]) + x[a + 2 * j + 1]


@helper
def add_threes(
    out: Flat, to: int, x: Flat, a: int, b: int, c: int, n: int, rows: int, fresh: bool, zero: Element
) -> None:
    """As :func:`add_pairs` for windows of 3 with stride 2, of one line or of three."""
    if rows == 3:
        for j in range(n):
            above = ((zero + x[a + 2 * j]) + x[a + 2 * j + 1]) + x[a + 2 * j + 2]
            between = ((above + x[b + 2 * j]) + x[b + 2 * j + 1]) + x[b + 2 * j + 2]
            out[to + j] = ((between + x[c + 2 * j]) + x[c + 2 * j + 1]) + x[c + 2 * j + 2]
    elif fresh:
        for j in range(n):
            out[to + j] = ((zero + x[a + 2 * j]) + x[a + 2 * j + 1]) + x[a + 2 * j + 2]
    else:
        for j in range(n):
            out[to + j] = ((out[to + j] + x[a + 2 * j]) + x[a + 2 * j + 1]) + x[a + 2 * j + 2]


@loops("void(T*, T*, int64, int64, int64*, int64*, int64, int64, T*)", "float32", "float64")
def plane_averages(
    x: Flat,
    out: Flat,
    start: int,
    stop: int,
    layout: Flat,
    factors: Flat,
    divide_sequentially: int,
    by_rows: int,
    scratch: Flat,
) -> None:
    """Pool units of work ``start`` to ``stop``: strips of rows of planes.

    Args:
        x: flat, planes ``(D, H, W)``.
        out: flat.
        start: the first unit.
        stop: the end of the units.
        layout: :attr:`Layout.encoded`.
        factors: factors of the divisors for each output along D, then H, then W.
        divide_sequentially: whether to divide by one factor after the other instead of by their product.
        by_rows: whether to read the rows of a window one by one instead of two or three together: faster from memory,
            slower from a cache.
        scratch: a line of the output, and the rows of a strip rounded up to whole strides.
    """
    width, columns, rows = layout[WIDTH], layout[COLUMNS], layout[ROWS]
    depth, depth_out = layout[DEPTH], layout[DEPTH_OUT]
    face, face_out = width * layout[HEIGHT], columns * rows
    d, h, w = layout[D_AXIS], layout[H_AXIS], layout[W_AXIS]
    firsts_d, firsts_h, firsts_w = d + FIRST, h + FIRST, w + FIRST
    counts_d, counts_h, counts_w = firsts_d + depth_out, firsts_h + rows, firsts_w + columns
    step, low_column, high_column, stride, taps = (
        layout[w + DILATION],
        layout[w + LOW],
        layout[w + HIGH],
        layout[w + STRIDE],
        layout[w + LONGEST],
    )
    n = high_column - low_column
    pairs = n > 0 and stride == 2 and taps == 2 and step == 1
    threes = n > 0 and stride == 2 and taps == 3 and step == 1
    small_stride = stride <= 4 or (stride < taps and stride <= MAX_REGULAR_STRIDE)
    spreads = n > 0 and not pairs and not threes and stride > 1 and taps > 1 and small_stride
    regular = pairs or threes or spreads or (n > 0 and stride == 1)
    phase_pitch = (width + stride - 1) // stride
    scratch[0] = 0
    zero = scratch[0]
    begin_column = layout[firsts_w + low_column] if n > 0 else 0
    strip = layout[STRIP]
    strips = (rows + strip - 1) // strip
    for unit in range(start, stop):
        plane = unit // strips
        low = (unit % strips) * strip
        high = min(low + strip, rows)
        begin, end = begin_of(layout, h, low, high), end_of(layout, h, low, high)
        phase = (end - begin) * phase_pitch
        for od in range(depth_out):
            for dt in range(layout[counts_d + od]):
                at_face = (plane * depth + layout[firsts_d + od] + dt * layout[d + DILATION]) * face
                if spreads:
                    at = at_face + begin * width + begin_column
                    deinterleave(x, at, width, end - begin, width - begin_column, stride, scratch, columns, phase_pitch)
                for o in range(low, high):
                    to = (plane * depth_out + od) * face_out + o * columns
                    height_taps, t = layout[counts_h + o], 0
                    while t < height_taps:
                        row = layout[firsts_h + o] + t * layout[h + DILATION]
                        at = at_face + row * width
                        fresh = dt == 0 and t == 0
                        rows_read = 1
                        if by_rows:
                            rows_read = 1
                        elif pairs and fresh and height_taps > 1:
                            rows_read = 2
                        elif regular and fresh and taps == 3 and height_taps == 3:
                            rows_read = 3
                        j = 0
                        while j < columns:
                            if regular and j == low_column:
                                j = high_column
                                continue
                            found = zero if fresh else out[to + j]
                            for u in range(rows_read):
                                place = at + u * layout[h + DILATION] * width + layout[firsts_w + j]
                                for k in range(layout[counts_w + j]):
                                    found = found + x[place + k * step]
                            out[to + j] = found
                            j += 1
                        if pairs:
                            a = at + begin_column
                            add_pairs(
                                out, to + low_column, x, a, a + layout[h + DILATION] * width, n, rows_read, fresh, zero
                            )
                        elif threes:
                            a, lower = at + begin_column, layout[h + DILATION] * width
                            b, c = a + lower, a + 2 * lower
                            add_threes(out, to + low_column, x, a, b, c, n, rows_read, fresh, zero)
                        elif regular:
                            source, a, lower = x, at + begin_column, layout[h + DILATION] * width
                            if spreads:
                                source, a = scratch, columns + (row - begin) * phase_pitch
                                lower = layout[h + DILATION] * phase_pitch
                            done = 0
                            while done < taps:
                                group = min(taps - done, 3)
                                p = done * step
                                q, s = p + min(1, group - 1) * step, p + min(2, group - 1) * step
                                if spreads:
                                    p = p % stride * phase + p // stride
                                    q = q % stride * phase + q // stride
                                    s = s % stride * phase + s // stride
                                if rows_read == 3:
                                    b = a + lower
                                    add_nine(out, to + low_column, source, a, b, b + lower, p, q, s, n, zero)
                                else:
                                    starts = fresh and done == 0
                                    add(out, to + low_column, source, a + p, a + q, a + s, n, group, starts, zero)
                                done += group
                        t += rows_read
            for o in range(low, high):
                to = (plane * depth_out + od) * face_out + o * columns
                if divide_sequentially:
                    scratch[0] = factors[od]
                    depth_factor = scratch[0]
                    scratch[0] = factors[depth_out + o]
                    height_factor = scratch[0]
                    for j in range(columns):
                        scratch[j] = factors[depth_out + rows + j]
                    for j in range(columns):
                        out[to + j] = out[to + j] / depth_factor / height_factor / scratch[j]
                else:
                    outer = factors[od] * factors[depth_out + o]
                    for j in range(columns):
                        scratch[j] = outer * factors[depth_out + rows + j]
                    for j in range(columns):
                        # Torch adds the quotient to zero, so -0 becomes +0.
                        out[to + j] = zero + out[to + j] / scratch[j]


@loops("void(T*, T*, int64, int64, int64*, int64*, float64*)", "float32", "float64")
def plane_sums_by_lines(x: Flat, out: Flat, start: int, stop: int, layout: Flat, factors: Flat, lines: Flat) -> None:
    """Averages of large windows that share few lines: adds the lines of each window in float64, then the columns.

    Args:
        x: flat, planes ``(D, H, W)``.
        out: flat.
        start: the first unit of work, a strip of rows.
        stop: the end of the units.
        layout: :attr:`Layout.encoded`.
        factors: factors of the divisors for each output along D, then H, then W.
        lines: scratch: a line of the input.
    """
    width, columns, rows = layout[WIDTH], layout[COLUMNS], layout[ROWS]
    depth, depth_out = layout[DEPTH], layout[DEPTH_OUT]
    face, face_out = width * layout[HEIGHT], columns * rows
    d, h, w = layout[D_AXIS], layout[H_AXIS], layout[W_AXIS]
    firsts_d, firsts_h, firsts_w = d + FIRST, h + FIRST, w + FIRST
    counts_d, counts_h, counts_w = firsts_d + depth_out, firsts_h + rows, firsts_w + columns
    strip = layout[STRIP]
    strips = (rows + strip - 1) // strip
    for unit in range(start, stop):
        plane = unit // strips
        low = (unit % strips) * strip
        high = min(low + strip, rows)
        for od in range(depth_out):
            for o in range(low, high):
                for j in range(width):
                    lines[j] = 0.0
                for dt in range(layout[counts_d + od]):
                    at_face = (plane * depth + layout[firsts_d + od] + dt * layout[d + DILATION]) * face
                    height_taps, t = layout[counts_h + o], 0
                    while t < height_taps:
                        a = at_face + (layout[firsts_h + o] + t * layout[h + DILATION]) * width
                        if t + 4 <= height_taps:
                            pitch = layout[h + DILATION] * width
                            for j in range(width):
                                one = np.float64(x[a + j]) + np.float64(x[a + pitch + j])
                                two = np.float64(x[a + 2 * pitch + j]) + np.float64(x[a + 3 * pitch + j])
                                lines[j] += one + two
                            t += 4
                        else:
                            for j in range(width):
                                lines[j] += x[a + j]
                            t += 1
                # In float64: the number of positions of a window with its padding may not fit into int64.
                outer = 1.0 * factors[od] * factors[depth_out + o]
                to = (plane * depth_out + od) * face_out + o * columns
                for j in range(columns):
                    found = 0.0
                    for k in range(layout[counts_w + j]):
                        found += lines[layout[firsts_w + j] + k * layout[w + DILATION]]
                    out[to + j] = found / (outer * factors[depth_out + rows + j])
