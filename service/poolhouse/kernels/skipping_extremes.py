"""Loops for the extremes of the elements of windows that are not passed over, with their places and their number.

The lines of a window are combined first. So which of several equal elements is found does not depend on the order of
the plane, and where their bits may differ the window is searched for the element that torch chooses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from poolhouse.kernels.axes import DILATION, FIRST, HIGH, LONGEST, LOW, STRIDE
from poolhouse.kernels.joins import later_wins
from poolhouse.kernels.layout import COLUMNS, D_AXIS, DEPTH, DEPTH_OUT, H_AXIS, HEIGHT, ROWS, W_AXIS, WIDTH
from poolhouse.kernels.registry import Element, Flat, helper, loops
from poolhouse.kernels.skipping_loops import (
    FOLDED,
    IGNORED,
    MIN_TOGETHER,
    NAN_COUNT,
    NAN_TERM,
    NEUTRAL,
    ONE,
    ZERO,
    add_columns,
    if_kept,
)

NO_PLACES, ODD_PLACES, ALL_PLACES = range(3)
"""For which extremes the element is looked for: none; zeros and NaN, which have several elements of different bits;
all."""


@helper
def smaller_wins(earlier: Element, other: Element) -> bool:
    """Whether the minimum is the later of two values."""
    later: bool = (other < earlier) | (other != other)
    return later


def make_join_columns(wins: Callable[[Element, Element], bool]) -> Callable[..., None]:
    """Make the helper that reduces the columns of a line."""

    @helper
    def join_columns(line: Flat, layout: Flat, out: Flat, to: int) -> None:
        """The extreme of each window along W of a line; may overwrite the line."""
        columns, w = layout[COLUMNS], layout[W_AXIS]
        dilation, stride = layout[w + DILATION], layout[w + STRIDE]
        if columns == 1 and dilation == 1:
            begin, many = layout[w + FIRST], layout[w + LONGEST]
            while many > FOLDED:
                half = many // 2
                for j in range(half):
                    earlier, other = line[begin + j], line[begin + many - half + j]
                    line[begin + j] = other if wins(earlier, other) else earlier
                many -= half
            found = line[begin]
            for k in range(1, many):
                other = line[begin + k]
                found = other if wins(found, other) else found
            out[to] = found
            return
        firsts = w + FIRST
        counts = firsts + columns
        low, high = layout[w + LOW], layout[w + HIGH]
        if high - low < MIN_TOGETHER:
            low, high = 0, 0
        for j in range(columns):
            if not low <= j < high:
                begin = layout[firsts + j]
                found = line[begin]
                for k in range(1, layout[counts + j]):
                    other = line[begin + k * dilation]
                    found = other if wins(found, other) else found
                out[to + j] = found
        for k in range(layout[w + LONGEST] if high > low else 0):
            begin = layout[firsts + low] + k * dilation
            if k == 0:
                for j in range(high - low):
                    out[to + low + j] = line[begin + j * stride]
            elif stride == 1:
                for j in range(high - low):
                    earlier, other = out[to + low + j], line[begin + j]
                    out[to + low + j] = other if wins(earlier, other) else earlier
            else:
                for j in range(high - low):
                    earlier, other = out[to + low + j], line[begin + j * stride]
                    out[to + low + j] = other if wins(earlier, other) else earlier

    return join_columns


@helper
def first_place(x: Flat, a: int, layout: Flat, od: int, o: int, j: int, found: Element) -> int:
    """The place of the first element of a window that equals ``found``; there is one.

    Args:
        x: flat.
        a: offset of the plane's line at which the window begins.
        layout: :attr:`Layout.encoded`.
        od: the window's number along D; o and j are those along H and W.
        o: see od.
        j: see od.
        found: the extreme.
    """
    width, height = layout[WIDTH], layout[HEIGHT]
    d, h, w = layout[D_AXIS], layout[H_AXIS], layout[W_AXIS]
    many_d, many_h = layout[d + FIRST + layout[DEPTH_OUT] + od], layout[h + FIRST + layout[ROWS] + o]
    many_w, step = layout[w + FIRST + layout[COLUMNS] + j], layout[w + DILATION]
    for dt in range(many_d):
        for t in range(many_h):
            at = a + (dt * layout[d + DILATION] * height + t * layout[h + DILATION]) * width + layout[w + FIRST + j]
            for k in range(many_w):
                place: int = at + k * step
                if x[place] == found:
                    return place
    return a


@helper
def last_nan(x: Flat, a: int, layout: Flat, od: int, o: int, j: int) -> int:
    """The place of the last NaN of a window; see :func:`first_place`."""
    width, height = layout[WIDTH], layout[HEIGHT]
    d, h, w = layout[D_AXIS], layout[H_AXIS], layout[W_AXIS]
    many_d, many_h = layout[d + FIRST + layout[DEPTH_OUT] + od], layout[h + FIRST + layout[ROWS] + o]
    many_w, step = layout[w + FIRST + layout[COLUMNS] + j], layout[w + DILATION]
    for dt in range(many_d - 1, -1, -1):
        for t in range(many_h - 1, -1, -1):
            at = a + (dt * layout[d + DILATION] * height + t * layout[h + DILATION]) * width + layout[w + FIRST + j]
            for k in range(many_w - 1, -1, -1):
                place: int = at + k * step
                if x[place] != x[place]:
                    return place
    return a


def _make_extremes(wins: Callable[[Element, Element], bool]) -> Callable[..., None]:
    join_columns = make_join_columns(wins)

    def kept_extremes(
        x: Flat,
        constants: Flat,
        out: Flat,
        counts: Flat,
        indices: Flat,
        start: int,
        stop: int,
        layout: Flat,
        places: int,
        scratch: Flat,
    ) -> None:
        """The extreme of the elements of each window that are kept, and their number.

        Args:
            x: flat, planes ``(D, H, W)``.
            constants: the numbers that IGNORED, NEUTRAL, … name.
            out: flat; the neutral element for windows without an element that is kept.
            counts: flat.
            indices: flat, written for all places: the first of equal elements, the last NaN; -1 for no element.
            start: the first row of outputs, counted through all planes.
            stop: the end of the rows.
            layout: :attr:`Layout.encoded`.
            places: NO_PLACES, ODD_PLACES or ALL_PLACES.
            scratch: two lines of the input.
        """
        width, columns, rows = layout[WIDTH], layout[COLUMNS], layout[ROWS]
        depth, depth_out, height = layout[DEPTH], layout[DEPTH_OUT], layout[HEIGHT]
        d, h = layout[D_AXIS], layout[H_AXIS]
        firsts_d, firsts_h = d + FIRST, h + FIRST
        counts_d, counts_h = firsts_d + depth_out, firsts_h + rows
        ignored, neutral, zero, one = constants[IGNORED], constants[NEUTRAL], constants[ZERO], constants[ONE]
        nan_term, nan_count = constants[NAN_TERM], constants[NAN_COUNT]
        for unit in range(start, stop):
            o, od = unit % rows, unit // rows % depth_out
            plane = unit // rows // depth_out
            a = ((plane * depth + layout[firsts_d + od]) * height + layout[firsts_h + o]) * width
            for j in range(width):
                scratch[j] = neutral
                scratch[width + j] = zero
            for dt in range(layout[counts_d + od]):
                for t in range(layout[counts_h + o]):
                    at = a + (dt * layout[d + DILATION] * height + t * layout[h + DILATION]) * width
                    for j in range(width):
                        value, earlier = x[at + j], scratch[j]
                        other = if_kept(value, value, ignored, neutral, nan_term)
                        found = other if wins(earlier, other) else earlier
                        # The sum makes it a store without a condition, which takes half the time. The sign of a zero
                        # is found afterwards.
                        scratch[j] = found + zero
                        scratch[width + j] += if_kept(value, one, ignored, zero, nan_count)
            to = unit * columns
            add_columns(scratch, width, layout, counts, to)
            join_columns(scratch, layout, out, to)
            if places != NO_PLACES:
                base = plane * depth * height * width
                for j in range(columns):
                    found = out[to + j]
                    is_nan = found != found
                    if counts[to + j] == 0:
                        if places == ALL_PLACES:
                            indices[to + j] = -1
                    elif is_nan or found == zero or places == ALL_PLACES:
                        if is_nan:
                            place = last_nan(x, a, layout, od, o, j)
                        else:
                            place = first_place(x, a, layout, od, o, j, found)
                        out[to + j] = x[place]
                        if places == ALL_PLACES:
                            indices[to + j] = place - base

    return kept_extremes


_EXTREMES: Final = "void(T*, T*, T*, float64*, int64*, int64, int64, int64*, int64, T*)"
_ELEMENTS: Final = ("float32", "float64", "int64")

kept_maxima = loops(_EXTREMES, *_ELEMENTS, declared_as=(__name__, "kept_maxima"))(_make_extremes(later_wins))
kept_minima = loops(_EXTREMES, *_ELEMENTS, declared_as=(__name__, "kept_minima"))(_make_extremes(smaller_wins))
