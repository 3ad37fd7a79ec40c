"""Maxima of planes of one to three axes: the last axis row by row, then whole lines against each other.

Every call of :func:`join` is compiled into its caller, so there are few, in loops over what differs.
"""

from __future__ import annotations

import numpy as np

from poolhouse.kernels.axes import HIGH, LONGEST, LOW, SAME, STEP, STRIDE, TABLE, WAY, Positions, reach_of
from poolhouse.kernels.compiling import Flat, compiled
from poolhouse.kernels.joins import join, join_pairs, join_strided, later, spread


@compiled
def row_maxima(
    x: Flat,
    a: int,
    width: int,
    rows: int,
    out: Flat,
    to: int,
    outputs: int,
    first: Positions,
    count: Positions,
    shape: Positions,
    scratch: Flat,
    room: int,
) -> None:
    """The maximum of each window of each of some rows that lie one behind the other.

    Args:
        x: flat.
        a: offset of the first row.
        width: elements of a row.
        rows: how many.
        out: flat.
        to: offset in out of the first window; the rows follow each other.
        outputs: windows of a row.
        first: of the axis.
        count: of the axis.
        shape: of the axis.
        scratch: flat, twice as many elements as `room`.
        room: at least rows times the width rounded up to whole strides.
    """
    step, low, high, stride = shape[STEP], shape[LOW], shape[HIGH], shape[STRIDE]
    taps = shape[LONGEST]
    n = high - low
    if shape[WAY] == TABLE:
        source, at = x, a
        span = 1
        length = width
        while True:
            # At ``at`` lie, in lines of the width, the maxima over ``span`` elements from each on, ``step`` apart.
            for o in range(outputs):
                if not low <= o < high and span <= count[o] < 2 * span:
                    begin = at + first[o]
                    end = begin + (count[o] - span) * step
                    for r in range(rows):
                        out[to + r * outputs + o] = later(source[begin + r * width], source[end + r * width])
            if n > 0 and span <= taps < 2 * span:
                begin = at + first[low]
                join_strided(out, to + low, outputs, source, begin, width, rows, n, stride, 2, (taps - span) * step)
            if 2 * span > taps:
                return
            length -= span * step
            kept = room if span > 1 and at < room else 0
            join(scratch, kept, width, source, at, at + span * step, at, width, rows, length, 2, True)
            source, at = scratch, kept
            span *= 2
    for o in range(outputs):
        if not low <= o < high:
            for r in range(rows):
                at = a + r * width + first[o]
                found = x[at]
                for t in range(1, count[o]):
                    found = later(found, x[at + t * step])
                out[to + r * outputs + o] = found
    if n <= 0:
        return
    begin = a + first[low]
    if stride == 2 and taps == 2 and step == 1:
        join_pairs(out, to + low, outputs, x, begin, width, rows, n)
        return
    if stride > 1 and (taps == 1 or (stride > 4 and taps <= stride)):
        join_strided(out, to + low, outputs, x, begin, width, rows, n, stride, taps, step)
        return
    source, pitch, phase = x, width, 0
    if stride > 1:
        pitch = (width + stride - 1) // stride
        phase = rows * pitch
        spread(x, begin, width, rows, width - first[low], stride, scratch, pitch)
        source, begin = scratch, 0
    done = 0
    while done < taps:
        group = min(taps - done, 2 if done else 3)
        p, q, s = done * step, (done + min(1, group - 1)) * step, (done + min(2, group - 1)) * step
        if stride > 1:
            p, q, s = (
                p % stride * phase + p // stride,
                q % stride * phase + q // stride,
                s % stride * phase + s // stride,
            )
        join(out, to + low, outputs, source, begin + p, begin + q, begin + s, pitch, rows, n, group, done == 0)
        done += group


@compiled
def line_maxima(
    x: Flat,
    a: int,
    width: int,
    out: Flat,
    to: int,
    first: Positions,
    count: Positions,
    shape: Positions,
    low: int,
    high: int,
    base: int,
    table: Flat,
) -> None:
    """The maximum over the lines of each window from low to high, which goes to a line of out.

    Args:
        x: flat: lines of the width, the first of them number ``base``.
        a: offset of the first line.
        width: elements of a line.
        out: flat.
        to: offset of the line for window low.
        first: of the axis.
        count: of the axis.
        shape: of the axis.
        low: the first window.
        high: the end of the windows.
        base: the number of the first line.
        table: scratch for as many lines as the windows reach over, where the axis goes by tables.
    """
    step = shape[STEP]
    longest = shape[LONGEST]
    if shape[WAY] == TABLE:
        begin, end = reach_of(first, count, step, low, high)
        rows = end - begin
        source, at = x, a + (begin - base) * width
        span = 1
        while True:
            # The windows that two stretches of this span cover, and then the stretches of twice the span. These are
            # made in place: a line is read ahead of where it is written.
            grows = 2 * span <= longest
            rows = max(rows - span * step, 0) if grows else 0
            for i in range(high - low + rows):
                if i < high - low:
                    o = low + i
                    if not span <= count[o] < 2 * span:
                        continue
                    goal, goes = out, to + i * width
                    one = at + (first[o] - begin) * width
                    other = one + (count[o] - span) * step * width
                else:
                    goal, goes = table, (i - high + low) * width
                    one = at + goes
                    other = one + span * step * width
                join(goal, goes, width, source, one, other, one, width, 1, width, 2, True)
            if not grows:
                return
            source, at = table, 0
            span *= 2
    o = low
    while o < high:
        taps, many = count[o], 1
        if shape[LOW] <= o < shape[HIGH]:
            many = min(high, shape[HIGH]) - o
        begin = a + (first[o] - base) * width
        done = 0
        while done < taps:
            group = min(taps - done, 2 if done else 3)
            p = begin + done * step * width
            q = begin + (done + min(1, group - 1)) * step * width
            s = begin + (done + min(2, group - 1)) * step * width
            goes = to + (o - low) * width
            join(out, goes, width, x, p, q, s, shape[STRIDE] * width, many, width, group, done == 0)
            done += group
        o += many


@compiled
def plane_maxima(
    x: Flat,
    out: Flat,
    start: int,
    stop: int,
    strip: int,
    sizes: Positions,
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
    """Pools units of work ``start`` to ``stop``: strips of planes, or planes of three axes.

    Args:
        x: flat, planes ``(D, H, W)``.
        out: flat.
        start: the first unit.
        stop: the end of the units.
        strip: rows of the output in a strip.
        sizes: as :class:`poolhouse.kernels.planes.Layout` gives them.
        df: the first elements of the windows along D; likewise the rest.
    """
    width, columns, rows, depth, depth_out = sizes[0], sizes[1], sizes[3], sizes[4], sizes[5]
    face, face_out = width * sizes[2], columns * rows
    room = sizes[6]
    scratch = np.empty(2 * room, x.dtype)
    lines = np.empty(sizes[7], x.dtype)
    table = np.empty(sizes[8], x.dtype)
    flat = ds[WAY] == SAME
    faces = np.empty(0 if flat else depth * face_out, x.dtype)
    outer = np.empty(sizes[9], x.dtype)
    strips = (rows + strip - 1) // strip
    for unit in range(start, stop):
        plane = unit // strips if flat else unit
        for part in range(unit % strips, unit % strips + 1) if flat else range(strips):
            low = part * strip
            high = min(low + strip, rows)
            begin, end = low, high
            if hs[WAY] != SAME:
                begin, end = reach_of(hf, hc, hs[STEP], low, high)
            for d in range(depth):
                at = (plane * depth + d) * face + begin * width
                to = (plane * depth + d if flat else d) * face_out + low * columns
                goal = out if flat else faces
                source = x
                if ws[WAY] != SAME:
                    source = goal if hs[WAY] == SAME else lines
                    goes = to if hs[WAY] == SAME else 0
                    row_maxima(x, at, width, end - begin, source, goes, columns, wf, wc, ws, scratch, room)
                    at = goes
                if hs[WAY] != SAME:
                    line_maxima(source, at, columns, goal, to, hf, hc, hs, low, high, begin, table)
                elif ws[WAY] == SAME:
                    for i in range((high - low) * columns):
                        goal[to + i] = x[at + i]
        if not flat:
            line_maxima(faces, 0, face_out, out, plane * depth_out * face_out, df, dc, ds, 0, depth_out, 0, outer)
