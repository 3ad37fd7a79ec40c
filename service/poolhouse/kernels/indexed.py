"""Maxima with the flat index of each: as ``maxima``, with an int32 number beside every element that is joined."""

from __future__ import annotations

import numpy as np

from poolhouse.kernels.axes import HIGH, LONGEST, LOW, SAME, STEP, STRIDE, TABLE, WAY, Positions, reach_of
from poolhouse.kernels.compiling import Flat, compiled
from poolhouse.kernels.joins import U, spread


@compiled
def join_indexed(
    out: Flat,
    own: Flat,
    to: int,
    mine: int,
    out_pitch: int,
    x: Flat,
    places: Flat,
    a: int,
    b: int,
    pitch: int,
    pa: int,
    pb: int,
    places_pitch: int,
    add_a: int,
    add_b: int,
    add_pitch: int,
    rows: int,
    n: int,
    way: int,
) -> None:
    """``out`` and ``own`` become the larger of two lines of x and where it was, or of what they were and the line at b.

    Args:
        out: flat values.
        own: flat int32: the index of each value.
        to: offset of the first line in out; mine in own.
        out_pitch: from one of their lines to the next.
        x: flat values.
        places: flat int32: where each value of x was, less what is added.
        a: offset of the first line in x of the earlier elements.
        b: offset of the later ones.
        pitch: from one line of x to the next.
        pa: offset of a's numbers in places; pb likewise.
        places_pitch: from one line of places to the next.
        add_a: what is added to a's numbers; add_b likewise.
        add_pitch: what is added for each further line.
        rows: how many lines.
        n: elements of a line.
        way: 0 to take a as it is, 1 to join a and b, 2 to join out and b.
    """
    for r in range(rows):
        o = U(to + r * out_pitch)
        m = U(mine + r * out_pitch)
        p = U(a + r * pitch)
        q = U(b + r * pitch)
        i = U(pa + r * places_pitch)
        k = U(pb + r * places_pitch)
        more_a = np.int32(add_a + r * add_pitch)
        more_b = np.int32(add_b + r * add_pitch)
        if way == 0:
            for j in range(n):
                out[o + U(j)] = x[p + U(j)]
                own[m + U(j)] = np.int32(places[i + U(j)] + more_a)
        elif way == 1:
            for j in range(n):
                earlier, other = x[p + U(j)], x[q + U(j)]
                takes = (other > earlier) | (other != other)
                one, two = places[i + U(j)] + more_a, places[k + U(j)] + more_b
                out[o + U(j)] = other if takes else earlier
                own[m + U(j)] = np.int32(two if takes else one)
        else:
            for j in range(n):
                earlier, other = out[o + U(j)], x[q + U(j)]
                takes = (other > earlier) | (other != other)
                one, two = own[m + U(j)], places[k + U(j)] + more_b
                out[o + U(j)] = other if takes else earlier
                own[m + U(j)] = np.int32(two if takes else one)


@compiled
def pick_indexed(
    out: Flat,
    own: Flat,
    to: int,
    mine: int,
    out_pitch: int,
    x: Flat,
    places: Flat,
    a: int,
    pitch: int,
    pa: int,
    places_pitch: int,
    add: int,
    add_pitch: int,
    rows: int,
    n: int,
    stride: int,
    taps: int,
    step: int,
) -> None:
    """As :func:`join_indexed` for windows that are far apart: ``out[j]`` from ``x[a + j * stride + t * step]``."""
    for r in range(rows):
        more = add + r * add_pitch
        for j in range(n):
            at = a + r * pitch + j * stride
            was = pa + r * places_pitch + j * stride
            found, place = x[at], places[was] + more
            for t in range(1, taps):
                other = x[at + t * step]
                if (other > found) or (other != other):
                    found, place = other, places[was + t * step] + more
            out[to + r * out_pitch + j] = found
            own[mine + r * out_pitch + j] = np.int32(place)


@compiled
def row_maxima_indexed(
    x: Flat,
    a: int,
    width: int,
    rows: int,
    base: int,
    out: Flat,
    own: Flat,
    to: int,
    mine: int,
    outputs: int,
    first: Positions,
    count: Positions,
    shape: Positions,
    scratch: Flat,
    room: int,
    places: Flat,
    column: Flat,
    strided: Flat,
) -> None:
    """The maximum of each window of each of some rows, and its index. Beside what ``row_maxima`` takes:

    Args:
        base: the index of the first row's first element.
        own: flat int32, for the indices.
        mine: offset in own of the first window.
        places: scratch as large as scratch, int32.
        column: 0, 1, 2, … for every column.
        strided: the same times the stride.
    """
    step, low, high, stride = shape[STEP], shape[LOW], shape[HIGH], shape[STRIDE]
    taps = shape[LONGEST]
    n = high - low
    if shape[WAY] == TABLE:
        source, numbers, at, was, pitch, add, add_pitch = x, column, a, 0, 0, base, width
        span = 1
        length = width
        while True:
            for o in range(outputs):
                # The regular windows in one go, the others one by one.
                many = 1
                if low <= o < high:
                    if o > low:
                        continue
                    many = n
                if span <= count[o] < 2 * span:
                    pick_indexed(
                        out,
                        own,
                        to + o,
                        mine + o,
                        outputs,
                        source,
                        numbers,
                        at + first[o],
                        width,
                        was + first[o],
                        pitch,
                        add,
                        add_pitch,
                        rows,
                        many,
                        stride,
                        2,
                        (count[o] - span) * step,
                    )
            if 2 * span > taps:
                return
            shift = span * step
            length -= shift
            kept = room if span > 1 and at < room else 0
            join_indexed(
                scratch,
                places,
                kept,
                kept,
                width,
                source,
                numbers,
                at,
                at + shift,
                width,
                was,
                was + shift,
                pitch,
                add,
                add,
                add_pitch,
                rows,
                length,
                1,
            )
            source, numbers, at, was, pitch, add, add_pitch = scratch, places, kept, kept, width, 0, 0
            span *= 2
    far = stride > 1 and (taps == 1 or (stride > 4 and taps <= stride))
    for o in range(outputs):
        many = 1
        if low <= o < high:
            if not far or o > low:
                continue
            many = n
        pick_indexed(
            out,
            own,
            to + o,
            mine + o,
            outputs,
            x,
            column,
            a + first[o],
            width,
            first[o],
            0,
            base,
            width,
            rows,
            many,
            stride,
            count[o],
            step,
        )
    if n <= 0 or far:
        return
    begin = a + first[low]
    source, pitch, phase = x, width, 0
    if stride > 1:
        pitch = (width + stride - 1) // stride
        phase = rows * pitch
        spread(x, begin, width, rows, width - first[low], stride, scratch, pitch)
        source, begin = scratch, 0
    add = base + first[low]
    for t in range(1 if taps > 1 else 0, taps):
        earlier = max(t - 1, 0) * step
        p, q = earlier, t * step
        if stride > 1:
            p = p % stride * phase + p // stride
            q = q % stride * phase + q // stride
        join_indexed(
            out,
            own,
            to + low,
            mine + low,
            outputs,
            source,
            strided,
            begin + p,
            begin + q,
            pitch,
            0,
            0,
            0,
            add + earlier,
            add + t * step,
            width,
            rows,
            n,
            min(t, 2),
        )


@compiled
def line_maxima_indexed(
    x: Flat,
    places: Flat,
    a: int,
    pa: int,
    width: int,
    out: Flat,
    own: Flat,
    to: int,
    mine: int,
    first: Positions,
    count: Positions,
    shape: Positions,
    low: int,
    high: int,
    base: int,
    table: Flat,
    table_places: Flat,
) -> None:
    """The maximum over the lines of each window from low to high, and its index; see ``line_maxima``."""
    step = shape[STEP]
    longest = shape[LONGEST]
    if shape[WAY] == TABLE:
        begin, end = reach_of(first, count, step, low, high)
        rows = end - begin
        source, numbers, at, was = x, places, a + (begin - base) * width, pa + (begin - base) * width
        span = 1
        while True:
            grows = 2 * span <= longest
            rows = max(rows - span * step, 0) if grows else 0
            for i in range(high - low + rows):
                if i < high - low:
                    o = low + i
                    if not span <= count[o] < 2 * span:
                        continue
                    goal, keeps, goes, stays = out, own, to + i * width, mine + i * width
                    one = (first[o] - begin) * width
                    other = one + (count[o] - span) * step * width
                else:
                    goes = stays = (i - high + low) * width
                    goal, keeps = table, table_places
                    one = goes
                    other = one + span * step * width
                join_indexed(
                    goal,
                    keeps,
                    goes,
                    stays,
                    width,
                    source,
                    numbers,
                    at + one,
                    at + other,
                    width,
                    was + one,
                    was + other,
                    width,
                    0,
                    0,
                    0,
                    1,
                    width,
                    1,
                )
            if not grows:
                return
            source, numbers, at, was = table, table_places, 0, 0
            span *= 2
    o = low
    while o < high:
        taps, many = count[o], 1
        if shape[LOW] <= o < shape[HIGH]:
            many = min(high, shape[HIGH]) - o
        skipped = (first[o] - base) * width
        pitch = shape[STRIDE] * width
        for t in range(1 if taps > 1 else 0, taps):
            earlier = skipped + max(t - 1, 0) * step * width
            later = skipped + t * step * width
            join_indexed(
                out,
                own,
                to + (o - low) * width,
                mine + (o - low) * width,
                width,
                x,
                places,
                a + earlier,
                a + later,
                pitch,
                pa + earlier,
                pa + later,
                pitch,
                0,
                0,
                0,
                many,
                width,
                min(t, 2),
            )
        o += many


@compiled
def plane_maxima_indexed(
    x: Flat,
    out: Flat,
    indices: Flat,
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
    """Pools units of work ``start`` to ``stop``; ``indices`` is flat int64. See ``plane_maxima``."""
    width, columns, rows, depth, depth_out = sizes[0], sizes[1], sizes[3], sizes[4], sizes[5]
    face, face_out = width * sizes[2], columns * rows
    room = sizes[6]
    flat = ds[WAY] == SAME
    strips = (rows + strip - 1) // strip
    scratch, places = np.empty(2 * room, x.dtype), np.empty(2 * room, np.int32)
    lines, numbers = np.empty(sizes[7], x.dtype), np.empty(sizes[7], np.int32)
    table, table_places = np.empty(sizes[8], x.dtype), np.empty(sizes[8], np.int32)
    faces, face_places = (
        np.empty(0 if flat else depth * face_out, x.dtype),
        np.empty(0 if flat else depth * face_out, np.int32),
    )
    outer, outer_places = np.empty(sizes[9], x.dtype), np.empty(sizes[9], np.int32)
    own = np.empty(strip * columns if flat else depth_out * face_out, np.int32)
    column, strided = np.empty(width, np.int32), np.empty(columns, np.int32)
    for j in range(width):
        column[j] = j
    for j in range(columns):
        strided[j] = min(j * ws[STRIDE], width)
    for unit in range(start, stop):
        plane = unit // strips if flat else unit
        for part in range(unit % strips, unit % strips + 1) if flat else range(strips):
            low = part * strip
            high = min(low + strip, rows)
            begin, end = reach_of(hf, hc, hs[STEP], low, high)
            for d in range(depth):
                at = (plane * depth + d) * face + begin * width
                row_maxima_indexed(
                    x,
                    at,
                    width,
                    end - begin,
                    d * face + begin * width,
                    lines,
                    numbers,
                    0,
                    0,
                    columns,
                    wf,
                    wc,
                    ws,
                    scratch,
                    room,
                    places,
                    column,
                    strided,
                )
                to = (plane * depth + d if flat else d) * face_out + low * columns
                line_maxima_indexed(
                    lines,
                    numbers,
                    0,
                    0,
                    columns,
                    out if flat else faces,
                    own if flat else face_places,
                    to,
                    0 if flat else to,
                    hf,
                    hc,
                    hs,
                    low,
                    high,
                    begin,
                    table,
                    table_places,
                )
                if flat:
                    for i in range((high - low) * columns):
                        indices[to + i] = own[i]
        if not flat:
            to = plane * depth_out * face_out
            line_maxima_indexed(
                faces, face_places, 0, 0, face_out, out, own, to, 0, df, dc, ds, 0, depth_out, 0, outer, outer_places
            )
            for i in range(depth_out * face_out):
                indices[to + i] = own[i]
