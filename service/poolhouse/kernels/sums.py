"""Averages of small windows: added in the order of the plane, in the element type, and divided once, as torch does."""

from __future__ import annotations

import numpy as np

from poolhouse.kernels.axes import EACH, HIGH, LONGEST, LOW, SAME, STEP, STRIDE, WAY, Positions, reach_of
from poolhouse.kernels.compiling import Element, Flat, compiled
from poolhouse.kernels.joins import U, spread


@compiled
def add(
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
    zero: Element,
) -> None:
    """To each line of out the lines of x at a, b and c are added, in this order; to zero where out is fresh.

    A sum begins with +0, and so -0 alone becomes +0.
    """
    for r in range(rows):
        o = U(to + r * out_pitch)
        p = U(a + r * pitch)
        q = U(b + r * pitch)
        s = U(c + r * pitch)
        if taps == 1:
            for j in range(n):
                out[o + U(j)] = (zero if fresh else out[o + U(j)]) + x[p + U(j)]
        elif taps == 2:
            for j in range(n):
                out[o + U(j)] = ((zero if fresh else out[o + U(j)]) + x[p + U(j)]) + x[q + U(j)]
        else:
            for j in range(n):
                out[o + U(j)] = (((zero if fresh else out[o + U(j)]) + x[p + U(j)]) + x[q + U(j)]) + x[s + U(j)]


@compiled
def add_pairs(
    out: Flat,
    to: int,
    out_pitch: int,
    x: Flat,
    a: int,
    pitch: int,
    rows: int,
    n: int,
    fresh: bool,
    zero: Element,
) -> None:
    """As :func:`add` for the neighbours at ``a``, two and two: windows of 2 that are 2 apart."""
    for r in range(rows):
        o = U(to + r * out_pitch)
        p = U(a + r * pitch)
        for j in range(n):
            begins = zero if fresh else out[o + U(j)]
            out[o + U(j)] = (begins + x[p + U(2) * U(j)]) + x[p + U(2) * U(j) + U(1)]


@compiled
def add_edges(
    out: Flat,
    to: int,
    columns: int,
    x: Flat,
    a: int,
    pitch: int,
    rows: int,
    first: Positions,
    count: Positions,
    shape: Positions,
    fresh: bool,
    zero: Element,
) -> None:
    """As :func:`add` for the windows that are not regular, or that are far apart: element by element."""
    step, low, high = shape[STEP], shape[LOW], shape[HIGH]
    for o in range(columns):
        if shape[WAY] == EACH and low <= o < high:
            continue
        for r in range(rows):
            found = zero if fresh else out[to + r * columns + o]
            at = a + r * pitch + first[o]
            for t in range(count[o]):
                found = found + x[at + t * step]
            out[to + r * columns + o] = found


@compiled
def plane_averages(
    x: Flat,
    out: Flat,
    start: int,
    stop: int,
    strip: int,
    sizes: Positions,
    dn: Positions,
    hn: Positions,
    wn: Positions,
    df: Positions,
    dc: Positions,
    ds: Positions,
    hf: Positions,
    hc: Positions,
    hs: Positions,
    wf: Positions,
    wc: Positions,
    ws: Positions,
) -> None:
    """Pools units of work ``start`` to ``stop``: strips of rows of planes.

    Args:
        x: flat, planes ``(D, H, W)``.
        out: flat.
        start: the first unit.
        stop: the end of the units.
        strip: rows of the output in a strip.
        sizes: as ``Layout`` gives them.
        dn: (OD,) factors of the divisors; likewise hn and wn.
        df: the first elements of the windows along D; likewise the rest.
    """
    width, columns, rows, depth, depth_out = sizes[0], sizes[1], sizes[3], sizes[4], sizes[5]
    face, face_out = width * sizes[2], columns * rows
    step, low_column, stride, taps = ws[STEP], ws[LOW], ws[STRIDE], ws[LONGEST]
    n = ws[HIGH] - low_column
    pairs = n > 0 and stride == 2 and taps == 2 and step == 1
    spreads = n > 0 and not pairs and stride > 1 and taps > 1 and (stride <= 4 or taps > stride)
    regular = pairs or spreads or (n > 0 and stride == 1)
    each = (width + stride - 1) // stride
    scratch = np.empty(sizes[10] * each * stride if spreads else 0, x.dtype)
    divisors = np.empty(columns, x.dtype)
    zero = np.zeros(1, x.dtype)[0]
    edges = ws.copy()
    edges[WAY] = EACH if regular else SAME
    begin_column = wf[low_column] if n > 0 else 0
    strips = (rows + strip - 1) // strip
    for unit in range(start, stop):
        plane = unit // strips
        low = (unit % strips) * strip
        high = min(low + strip, rows)
        begin, end = reach_of(hf, hc, hs[STEP], low, high)
        phase = (end - begin) * each
        for od in range(depth_out):
            base = (plane * depth_out + od) * face_out
            for dt in range(dc[od]):
                at_face = (plane * depth + df[od] + dt * ds[STEP]) * face
                if spreads:
                    spread(
                        x,
                        at_face + begin * width + begin_column,
                        width,
                        end - begin,
                        width - begin_column,
                        stride,
                        scratch,
                        each,
                    )
                o = low
                while o < high:
                    many = 1
                    if hs[LOW] <= o < hs[HIGH]:
                        many = min(high, hs[HIGH]) - o
                    to = base + o * columns
                    for t in range(hc[o]):
                        row = hf[o] + t * hs[STEP]
                        at = at_face + row * width
                        pitch = hs[STRIDE] * width
                        fresh = dt == 0 and t == 0
                        add_edges(out, to, columns, x, at, pitch, many, wf, wc, edges, fresh, zero)
                        if pairs:
                            add_pairs(out, to + low_column, columns, x, at + begin_column, pitch, many, n, fresh, zero)
                        elif regular:
                            source, a = x, at + begin_column
                            if spreads:
                                source, a, pitch = scratch, (row - begin) * each, hs[STRIDE] * each
                            done = 0
                            while done < taps:
                                group = min(taps - done, 3)
                                p = done * step
                                q = (done + min(1, group - 1)) * step
                                s = (done + min(2, group - 1)) * step
                                if spreads:
                                    p = p % stride * phase + p // stride
                                    q = q % stride * phase + q // stride
                                    s = s % stride * phase + s // stride
                                add(
                                    out,
                                    to + low_column,
                                    columns,
                                    source,
                                    a + p,
                                    a + q,
                                    a + s,
                                    pitch,
                                    many,
                                    n,
                                    group,
                                    fresh and done == 0,
                                    zero,
                                )
                                done += group
                    o += many
            for o in range(low, high):
                for j in range(columns):
                    divisors[j] = dn[od] * hn[o] * wn[j]
                to_row = U(base + o * columns)
                for j in range(columns):
                    # Torch adds the quotient to zero, so -0 becomes +0.
                    out[to_row + U(j)] = zero + out[to_row + U(j)] / divisors[j]
