"""Averages of small windows: added in the order of the plane, in the element type, and divided once, as torch does."""

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
    """To a line of out the lines of x at a, b and c are added, in this order; to zero where out is fresh.

    A sum begins with +0, and so -0 alone becomes +0.
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
    """As :func:`add` for windows of 3 by 3: the lines at a, b and c, of each the elements at p, q and s."""
    for j in range(n):
        above = ((zero + x[a + p + j]) + x[a + q + j]) + x[a + s + j]
        between = ((above + x[b + p + j]) + x[b + q + j]) + x[b + s + j]
        out[to + j] = ((between + x[c + p + j]) + x[c + q + j]) + x[c + s + j]


@helper
def add_pairs(out: Flat, to: int, x: Flat, a: int, b: int, n: int, rows: int, fresh: bool, zero: Element) -> None:
    """As :func:`add` for the neighbours at ``a``, and those at b, two and two: windows of 2 that are 2 apart."""
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
    """As :func:`add_pairs` for windows of 3 that are 2 apart, of one row or of three."""
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
    x: Flat, out: Flat, start: int, stop: int, plan: Flat, factors: Flat, in_turn: int, by_rows: int, scratch: Flat
) -> None:
    """Pools units of work ``start`` to ``stop``: strips of rows of planes.

    Args:
        x: flat, planes ``(D, H, W)``.
        out: flat.
        start: the first unit.
        stop: the end of the units.
        plan: as ``Layout`` gives it.
        factors: of the divisors: those of each output along D, then H, then W.
        in_turn: whether to divide by one factor after the other, in place of by their product.
        by_rows: whether one row of a window is read after another, in place of two or three together: faster from the
            memory, slower from a cache.
        scratch: a line of the output, and the rows of a strip rounded up to whole strides.
    """
    width, columns, rows, depth, depth_out = plan[WIDTH], plan[COLUMNS], plan[ROWS], plan[DEPTH], plan[DEPTH_OUT]
    face, face_out = width * plan[HEIGHT], columns * rows
    d, h, w = plan[D_AXIS], plan[H_AXIS], plan[W_AXIS]
    firsts_d, firsts_h, firsts_w = d + FIRST, h + FIRST, w + FIRST
    counts_d, counts_h, counts_w = firsts_d + depth_out, firsts_h + rows, firsts_w + columns
    step, low_column, high_column, stride, taps = (
        plan[w + DILATION],
        plan[w + LOW],
        plan[w + HIGH],
        plan[w + STRIDE],
        plan[w + LONGEST],
    )
    n = high_column - low_column
    pairs = n > 0 and stride == 2 and taps == 2 and step == 1
    threes = n > 0 and stride == 2 and taps == 3 and step == 1
    near = stride <= 4 or (stride < taps and stride <= MAX_REGULAR_STRIDE)
    spreads = n > 0 and not pairs and not threes and stride > 1 and taps > 1 and near
    regular = pairs or threes or spreads or (n > 0 and stride == 1)
    each = (width + stride - 1) // stride
    scratch[0] = 0
    zero = scratch[0]
    begin_column = plan[firsts_w + low_column] if n > 0 else 0
    strip = plan[STRIP]
    strips = (rows + strip - 1) // strip
    for unit in range(start, stop):
        plane = unit // strips
        low = (unit % strips) * strip
        high = min(low + strip, rows)
        begin, end = begin_of(plan, h, low, high), end_of(plan, h, low, high)
        phase = (end - begin) * each
        for od in range(depth_out):
            for dt in range(plan[counts_d + od]):
                at_face = (plane * depth + plan[firsts_d + od] + dt * plan[d + DILATION]) * face
                if spreads:
                    at = at_face + begin * width + begin_column
                    deinterleave(x, at, width, end - begin, width - begin_column, stride, scratch, columns, each)
                for o in range(low, high):
                    to = (plane * depth_out + od) * face_out + o * columns
                    tall, t = plan[counts_h + o], 0
                    while t < tall:
                        row = plan[firsts_h + o] + t * plan[h + DILATION]
                        at = at_face + row * width
                        fresh = dt == 0 and t == 0
                        together = 1
                        if by_rows:
                            together = 1
                        elif pairs and fresh and tall > 1:
                            together = 2
                        elif regular and fresh and taps == 3 and tall == 3:
                            together = 3
                        j = 0
                        while j < columns:
                            if regular and j == low_column:
                                j = high_column
                                continue
                            found = zero if fresh else out[to + j]
                            for u in range(together):
                                place = at + u * plan[h + DILATION] * width + plan[firsts_w + j]
                                for k in range(plan[counts_w + j]):
                                    found = found + x[place + k * step]
                            out[to + j] = found
                            j += 1
                        if pairs:
                            a = at + begin_column
                            add_pairs(
                                out, to + low_column, x, a, a + plan[h + DILATION] * width, n, together, fresh, zero
                            )
                        elif threes:
                            a, lower = at + begin_column, plan[h + DILATION] * width
                            b, c = a + lower, a + 2 * lower
                            add_threes(out, to + low_column, x, a, b, c, n, together, fresh, zero)
                        elif regular:
                            source, a, lower = x, at + begin_column, plan[h + DILATION] * width
                            if spreads:
                                source, a, lower = scratch, columns + (row - begin) * each, plan[h + DILATION] * each
                            done = 0
                            while done < taps:
                                group = min(taps - done, 3)
                                p = done * step
                                q, s = p + min(1, group - 1) * step, p + min(2, group - 1) * step
                                if spreads:
                                    p = p % stride * phase + p // stride
                                    q = q % stride * phase + q // stride
                                    s = s % stride * phase + s // stride
                                if together == 3:
                                    b = a + lower
                                    add_nine(out, to + low_column, source, a, b, b + lower, p, q, s, n, zero)
                                else:
                                    starts = fresh and done == 0
                                    add(out, to + low_column, source, a + p, a + q, a + s, n, group, starts, zero)
                                done += group
                        t += together
            for o in range(low, high):
                to = (plane * depth_out + od) * face_out + o * columns
                if in_turn:
                    scratch[0] = factors[od]
                    deep = scratch[0]
                    scratch[0] = factors[depth_out + o]
                    tall = scratch[0]
                    for j in range(columns):
                        scratch[j] = factors[depth_out + rows + j]
                    for j in range(columns):
                        out[to + j] = out[to + j] / deep / tall / scratch[j]
                else:
                    outer = factors[od] * factors[depth_out + o]
                    for j in range(columns):
                        scratch[j] = outer * factors[depth_out + rows + j]
                    for j in range(columns):
                        # Torch adds the quotient to zero, so -0 becomes +0.
                        out[to + j] = zero + out[to + j] / scratch[j]


@loops("void(T*, T*, int64, int64, int64*, int64*, float64*)", "float32", "float64")
def plane_sums_by_lines(x: Flat, out: Flat, start: int, stop: int, plan: Flat, factors: Flat, lines: Flat) -> None:
    """Averages of large windows that share few lines: the lines of each are added up in float64, then the columns.

    Args:
        x: flat, planes ``(D, H, W)``.
        out: flat.
        start: the first unit: strips of rows of planes.
        stop: the end of the units.
        plan: as ``Layout`` gives it.
        factors: of the divisors: those of each output along D, then H, then W.
        lines: scratch: a line of the input.
    """
    width, columns, rows, depth, depth_out = plan[WIDTH], plan[COLUMNS], plan[ROWS], plan[DEPTH], plan[DEPTH_OUT]
    face, face_out = width * plan[HEIGHT], columns * rows
    d, h, w = plan[D_AXIS], plan[H_AXIS], plan[W_AXIS]
    firsts_d, firsts_h, firsts_w = d + FIRST, h + FIRST, w + FIRST
    counts_d, counts_h, counts_w = firsts_d + depth_out, firsts_h + rows, firsts_w + columns
    strip = plan[STRIP]
    strips = (rows + strip - 1) // strip
    for unit in range(start, stop):
        plane = unit // strips
        low = (unit % strips) * strip
        high = min(low + strip, rows)
        for od in range(depth_out):
            for o in range(low, high):
                for j in range(width):
                    lines[j] = 0.0
                for dt in range(plan[counts_d + od]):
                    at_face = (plane * depth + plan[firsts_d + od] + dt * plan[d + DILATION]) * face
                    tall, t = plan[counts_h + o], 0
                    while t < tall:
                        a = at_face + (plan[firsts_h + o] + t * plan[h + DILATION]) * width
                        if t + 4 <= tall:
                            pitch = plan[h + DILATION] * width
                            for j in range(width):
                                one = np.float64(x[a + j]) + np.float64(x[a + pitch + j])
                                two = np.float64(x[a + 2 * pitch + j]) + np.float64(x[a + 3 * pitch + j])
                                lines[j] += one + two
                            t += 4
                        else:
                            for j in range(width):
                                lines[j] += x[a + j]
                            t += 1
                # In float64: the number of positions of a window with its padding may pass int64.
                outer = 1.0 * factors[od] * factors[depth_out + o]
                to = (plane * depth_out + od) * face_out + o * columns
                for j in range(columns):
                    found = 0.0
                    for k in range(plan[counts_w + j]):
                        found += lines[plan[firsts_w + j] + k * plan[w + DILATION]]
                    out[to + j] = found / (outer * factors[depth_out + rows + j])
