"""Loops over the elements of windows that are not passed over: sums and squared deviations, with counts.

The lines of a window are combined first, element by element, and then the columns of the combined line. So elements
that windows along the last axis share are read once, and those that windows along the other axes share again for each.
"""

from __future__ import annotations

from typing import Final

from poolhouse.kernels.axes import DILATION, FIRST, HIGH, LONGEST, LOW, STRIDE
from poolhouse.kernels.layout import COLUMNS, D_AXIS, DEPTH, DEPTH_OUT, H_AXIS, HEIGHT, ROWS, W_AXIS, WIDTH
from poolhouse.kernels.registry import Element, Flat, helper, loops

IGNORED, NEUTRAL, ZERO, ONE, NAN_TERM, NAN_COUNT, CONSTANTS = range(7)
"""Indices into the numbers that a loop knows in its element type: what is passed over, NaN for nothing; the result of
no element; 0; 1; what a NaN is in a result, and how often it counts."""

MIN_TOGETHER: Final = 4
"""From this number on, windows of a row are reduced together, tap by tap."""
FOLDED: Final = 64
"""A line of which all elements are in one window is folded to at most this many."""


@helper
def if_kept(value: Element, term: Element, ignored: Element, neutral: Element, nan: Element) -> Element:
    """The term of an element, or ``neutral`` if it is ignored, or ``nan`` if it is NaN: selections without branches."""
    found = neutral if value == ignored else term
    return nan if value != value else found


@helper
def add_columns(line: Flat, at: int, layout: Flat, out: Flat, to: int) -> None:
    """The sum of each window along W of the line that begins at ``at``, in the type of out; may overwrite the line."""
    columns, w = layout[COLUMNS], layout[W_AXIS]
    dilation, stride = layout[w + DILATION], layout[w + STRIDE]
    if columns == 1 and dilation == 1:
        begin, many = at + layout[w + FIRST], layout[w + LONGEST]
        while many > FOLDED:
            half = many // 2
            for j in range(half):
                line[begin + j] += line[begin + many - half + j]
            many -= half
        out[to] = line[begin]
        total = out[to]
        for k in range(1, many):
            total += line[begin + k]
        out[to] = total
        return
    firsts = w + FIRST
    counts = firsts + columns
    low, high = layout[w + LOW], layout[w + HIGH]
    if high - low < MIN_TOGETHER:
        low, high = 0, 0
    for j in range(columns):
        if not low <= j < high:
            begin = at + layout[firsts + j]
            out[to + j] = line[begin]
            total = out[to + j]
            for k in range(1, layout[counts + j]):
                total += line[begin + k * dilation]
            out[to + j] = total
    for k in range(layout[w + LONGEST] if high > low else 0):
        begin = at + layout[firsts + low] + k * dilation
        if k == 0:
            for j in range(high - low):
                out[to + low + j] = line[begin + j * stride]
        elif stride == 1:
            for j in range(high - low):
                out[to + low + j] += line[begin + j]
        else:
            for j in range(high - low):
                out[to + low + j] += line[begin + j * stride]


def _kept_sums(
    x: Flat,
    constants: Flat,
    out: Flat,
    counts: Flat,
    start: int,
    stop: int,
    layout: Flat,
    scratch: Flat,
) -> None:
    """The sum of the elements of each window that are kept, and their number.

    Args:
        x: flat, planes ``(D, H, W)``.
        constants: the numbers that IGNORED, NEUTRAL, … name.
        out: flat.
        counts: flat.
        start: the first row of outputs, counted through all planes.
        stop: the end of the rows.
        layout: :attr:`Layout.encoded`.
        scratch: two lines of the input.
    """
    width, columns, rows = layout[WIDTH], layout[COLUMNS], layout[ROWS]
    depth, depth_out, height = layout[DEPTH], layout[DEPTH_OUT], layout[HEIGHT]
    d, h = layout[D_AXIS], layout[H_AXIS]
    firsts_d, firsts_h = d + FIRST, h + FIRST
    counts_d, counts_h = firsts_d + depth_out, firsts_h + rows
    ignored, zero, one = constants[IGNORED], constants[ZERO], constants[ONE]
    nan_term, nan_count = constants[NAN_TERM], constants[NAN_COUNT]
    for unit in range(start, stop):
        o, od = unit % rows, unit // rows % depth_out
        a = ((unit // rows // depth_out * depth + layout[firsts_d + od]) * height + layout[firsts_h + o]) * width
        for j in range(2 * width):
            scratch[j] = zero
        for dt in range(layout[counts_d + od]):
            for t in range(layout[counts_h + o]):
                at = a + (dt * layout[d + DILATION] * height + t * layout[h + DILATION]) * width
                for j in range(width):
                    value = x[at + j]
                    scratch[j] += if_kept(value, value, ignored, zero, nan_term)
                    scratch[width + j] += if_kept(value, one, ignored, zero, nan_count)
        add_columns(scratch, width, layout, counts, unit * columns)
        add_columns(scratch, 0, layout, out, unit * columns)


_SUMS: Final = "void(T*, T*, float64*, float64*, int64, int64, int64*, float64*)"
_LONG_SUMS: Final = "void(T*, T*, int64*, float64*, int64, int64, int64*, int64*)"

kept_sums = {
    **loops(_SUMS, "float32", "float64", declared_as=(__name__, "kept_sums"))(_kept_sums),
    **loops(_LONG_SUMS, "int64", declared_as=(__name__, "kept_sums"))(_kept_sums),
}
"""Floats are added in float64, int64 modulo 2⁶⁴."""


@helper
def add_squares(
    x: Flat, at: int, layout: Flat, ignored: Element, nan: Element, means: Flat, mean: int, out: Flat, to: int
) -> None:
    """Add the squared deviations of a row, which begins at ``at``, from the mean of each window along W."""
    columns, w = layout[COLUMNS], layout[W_AXIS]
    dilation, stride = layout[w + DILATION], layout[w + STRIDE]
    firsts = w + FIRST
    counts = firsts + columns
    low, high = layout[w + LOW], layout[w + HIGH]
    if high - low < MIN_TOGETHER:
        low, high = 0, 0
    for j in range(columns):
        if not low <= j < high:
            total = 0.0
            for k in range(layout[counts + j]):
                value = x[at + layout[firsts + j] + k * dilation]
                deviation = value - means[mean + j]
                total += if_kept(value, deviation * deviation, ignored, 0.0, nan)
            out[to + j] += total
    for k in range(layout[w + LONGEST] if high > low else 0):
        begin = at + layout[firsts + low] + k * dilation
        for j in range(high - low):
            value = x[begin + j * stride]
            deviation = value - means[mean + low + j]
            out[to + low + j] += if_kept(value, deviation * deviation, ignored, 0.0, nan)


@loops("void(T*, T*, float64*, float64*, int64, int64, int64*, int64, float64*)", "float32", "float64")
def kept_deviations(
    x: Flat,
    constants: Flat,
    out: Flat,
    counts: Flat,
    start: int,
    stop: int,
    layout: Flat,
    apart: int,
    scratch: Flat,
) -> None:
    """The squared deviations of the elements of each window that are kept, added, and their number.

    Args:
        x: flat, planes ``(D, H, W)``.
        constants: the numbers that IGNORED, NEUTRAL, … name.
        out: flat.
        counts: flat.
        start: the first row of outputs, counted through all planes.
        stop: the end of the rows.
        layout: :attr:`Layout.encoded`.
        apart: 1 if no two windows along W overlap, so that each column has one mean; else 0.
        scratch: three lines of the input and one of the output.
    """
    width, columns, rows = layout[WIDTH], layout[COLUMNS], layout[ROWS]
    depth, depth_out, height = layout[DEPTH], layout[DEPTH_OUT], layout[HEIGHT]
    d, h, w = layout[D_AXIS], layout[H_AXIS], layout[W_AXIS]
    firsts_d, firsts_h, firsts_w = d + FIRST, h + FIRST, w + FIRST
    counts_d, counts_h, counts_w = firsts_d + depth_out, firsts_h + rows, firsts_w + columns
    ignored, zero, one = constants[IGNORED], constants[ZERO], constants[ONE]
    nan_term, nan_count = constants[NAN_TERM], constants[NAN_COUNT]
    spread, means = 2 * width, 3 * width
    for j in range(width):
        scratch[spread + j] = 0.0
    for unit in range(start, stop):
        o, od = unit % rows, unit // rows % depth_out
        a = ((unit // rows // depth_out * depth + layout[firsts_d + od]) * height + layout[firsts_h + o]) * width
        to = unit * columns
        for j in range(2 * width):
            scratch[j] = 0.0
        for dt in range(layout[counts_d + od]):
            for t in range(layout[counts_h + o]):
                at = a + (dt * layout[d + DILATION] * height + t * layout[h + DILATION]) * width
                for j in range(width):
                    value = x[at + j]
                    scratch[j] += if_kept(value, value, ignored, zero, nan_term)
                    scratch[width + j] += if_kept(value, one, ignored, zero, nan_count)
        add_columns(scratch, width, layout, counts, to)
        add_columns(scratch, 0, layout, scratch, means)
        for j in range(columns):
            scratch[means + j] /= max(counts[to + j], 1.0)
        if apart != 0:
            for j in range(columns):
                for k in range(layout[counts_w + j]):
                    scratch[spread + layout[firsts_w + j] + k * layout[w + DILATION]] = scratch[means + j]
        for j in range(width):
            scratch[j] = 0.0
        for j in range(columns):
            out[to + j] = 0.0
        for dt in range(layout[counts_d + od]):
            for t in range(layout[counts_h + o]):
                at = a + (dt * layout[d + DILATION] * height + t * layout[h + DILATION]) * width
                if apart != 0:
                    for j in range(width):
                        value = x[at + j]
                        deviation = value - scratch[spread + j]
                        scratch[j] += if_kept(value, deviation * deviation, ignored, 0.0, nan_term)
                else:
                    add_squares(x, at, layout, ignored, nan_term, scratch, means, out, to)
        if apart != 0:
            add_columns(scratch, 0, layout, out, to)
