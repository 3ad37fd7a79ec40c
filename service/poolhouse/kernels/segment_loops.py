"""Loops over the rows of segments, in float64. Neighbouring columns are reduced together, each of them on its own.

All loops over a tile, which is a run of segments and a run of columns, begin with the same arguments: ``x``, flat rows;
``pitch``, elements of a row; ``order``, numbers of rows, grouped by segment; ``offsets``, where the segments begin in
the order; ``first`` and ``stop``, the segments; ``column`` and ``width``, the columns. Their results are flat, a row of
``width`` for each segment.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from poolhouse.kernels.float_values import FLOAT_TYPES
from poolhouse.kernels.ranks import select
from poolhouse.kernels.registry import Element, Flat, Loop, helper, loop, loops

_MAGNITUDE: Final = np.int64(0x7FFFFFFFFFFFFFFF)
_NAN: Final = float("nan")
_TILE: Final = "void(T*, int64, int64*, int64*, int64, int64, int64, int64, {})"
_LEAST: Final = float("-inf")
COMPARED_IN: Final = {name: np.dtype(np.float64 if name == "float64" else np.float32) for name in FLOAT_TYPES}
"""The type that the extremes of an element type are found in."""


def _declare(signature: str, make: Callable[[str], Callable[..., None]]) -> dict[str, Loop]:
    """Declare a loop for each element type.

    Args:
        signature: the arguments after those of a tile; ``W`` is the type of extremes.
        make: makes the loop's function for an element type.
    """
    made = {}
    for element, kind in FLOAT_TYPES.items():
        function = make(element)
        name = (__name__, f"{function.__name__}_of_{element}")
        own = _TILE.format(signature.replace("W", COMPARED_IN[element].name))
        made[element] = loops(own, kind.storage, declared_as=name)(function)[kind.storage]
    return made


def _make_sums(element: str) -> Callable[..., None]:
    value = FLOAT_TYPES[element].value

    def segment_sums(
        x: Flat, pitch: int, order: Flat, offsets: Flat, first: int, stop: int, column: int, width: int,
        totals: Flat, multiplies: int,
    ) -> None:  # fmt: skip
        """The sum of each segment's rows, or their product.

        Args:
            totals: the results; 0 or 1 without rows.
            multiplies: whether it is the product.
        """
        for s in range(first, stop):
            o, r, end = (s - first) * width, offsets[s], offsets[s + 1]
            for j in range(width):
                totals[o + j] = 1.0 if multiplies else 0.0
            while r < end:
                a = order[r] * pitch + column
                if multiplies:
                    for j in range(width):
                        totals[o + j] *= value(x[a + j])
                    r += 1
                elif r + 4 <= end:
                    b, c, d = order[r + 1] * pitch, order[r + 2] * pitch, order[r + 3] * pitch
                    b, c, d = b + column, c + column, d + column
                    for j in range(width):
                        total = totals[o + j] + value(x[a + j]) + value(x[b + j])
                        totals[o + j] = total + value(x[c + j]) + value(x[d + j])
                    r += 4
                else:
                    for j in range(width):
                        totals[o + j] += value(x[a + j])
                    r += 1

    return segment_sums


@helper
def _larger(first: Element, other: Element) -> Element:
    """The larger element, the first of equal ones, or a NaN."""
    return other if (other > first) | (other != other) else first


def _make_extremes(element: str) -> Callable[..., None]:
    value = FLOAT_TYPES[element].value
    compared: Callable[[Element], Element] = COMPARED_IN[element].type

    def segment_extremes(
        x: Flat, pitch: int, order: Flat, offsets: Flat, first: int, stop: int, column: int, width: int,
        found: Flat, sign: float, winners: Flat, indexed: int,
    ) -> None:  # fmt: skip
        """The maximum of each segment's rows, each times the sign: of equal ones the first, and the first NaN of all.

        Args:
            found: the results, minus infinity without rows.
            sign: 1 or -1, with which they are the negated minima.
            winners: flat, ``(S, pitch)`` for all segments and columns: the row of each result, or -1.
            indexed: whether ``winners`` are wanted; without them any NaN is taken.
        """
        factor = compared(sign)
        for s in range(first, stop):
            o, w, r, end = (s - first) * width, s * pitch + column, offsets[s], offsets[s + 1]
            for j in range(width):
                found[o + j] = _LEAST
            if indexed:
                row = order[r] if r < end else np.int64(-1)
                for j in range(width):
                    winners[w + j] = row
            while r < end:
                row = order[r]
                a = row * pitch + column
                if indexed:
                    for j in range(width):
                        each, best = factor * compared(value(x[a + j])), found[o + j]
                        wins = (each > best) | ((each != each) & (best == best))
                        found[o + j] = each if wins else best
                        winners[w + j] = row if wins else winners[w + j]
                    r += 1
                elif r + 4 <= end:
                    b, c, d = order[r + 1] * pitch, order[r + 2] * pitch, order[r + 3] * pitch
                    b, c, d = b + column, c + column, d + column
                    for j in range(width):
                        best = _larger(found[o + j], factor * compared(value(x[a + j])))
                        best = _larger(best, factor * compared(value(x[b + j])))
                        best = _larger(best, factor * compared(value(x[c + j])))
                        found[o + j] = _larger(best, factor * compared(value(x[d + j])))
                    r += 4
                else:
                    for j in range(width):
                        found[o + j] = _larger(found[o + j], factor * compared(value(x[a + j])))
                    r += 1

    return segment_extremes


def _make_medians(element: str) -> Callable[..., None]:
    value = FLOAT_TYPES[element].value

    def segment_medians(
        x: Flat, pitch: int, order: Flat, offsets: Flat, first: int, stop: int, column: int, width: int,
        found: Flat, keys: Flat, bins: Flat,
    ) -> None:  # fmt: skip
        """The element of rank ``(n - 1) // 2`` of each segment, or NaN if it has one.

        Args:
            found: the results, 0 without rows.
            keys: scratch: two more than the rows of the longest segment.
            bins: scratch of :data:`.ranks.BINS`.
        """
        for s in range(first, stop):
            begin, count = offsets[s], offsets[s + 1] - offsets[s]
            for j in range(width):
                has_nan = False
                for i in range(count):
                    each = value(x[order[begin + i] * pitch + column + j])
                    has_nan = has_nan | (each != each)
                    keys[i] = _flip_negative(np.float64(each).view(np.int64))
                result = 0.0
                if has_nan:
                    result = _NAN
                elif count > 0:
                    select(keys, count, (count - 1) // 2, bins, 64)
                    result = np.int64(_flip_negative(keys[0])).view(np.float64)
                found[(s - first) * width + j] = result

    return segment_medians


def _make_squares(element: str) -> Callable[..., None]:
    value = FLOAT_TYPES[element].value

    def segment_squares(
        x: Flat, pitch: int, order: Flat, offsets: Flat, first: int, stop: int, column: int, width: int,
        means: Flat, squares: Flat,
    ) -> None:  # fmt: skip
        """The sum of the squared deviations of each segment's rows.

        Args:
            means: from which they deviate.
            squares: the results, 0 without rows.
        """
        for s in range(first, stop):
            o = (s - first) * width
            for j in range(width):
                squares[o + j] = 0.0
            for r in range(offsets[s], offsets[s + 1]):
                a = order[r] * pitch + column
                for j in range(width):
                    apart = value(x[a + j]) - means[o + j]
                    squares[o + j] += apart * apart

    return segment_squares


def _make_rows(element: str) -> Callable[..., None]:
    value = FLOAT_TYPES[element].value

    def segment_rows(
        x: Flat, pitch: int, order: Flat, offsets: Flat, first: int, stop: int, column: int, width: int,
        shifts: Flat, begin: int, end: int, rows: Flat,
    ) -> None:  # fmt: skip
        """Rows less the shift of their segment.

        Args:
            shifts: of the tile.
            begin: the first row, counted in the order.
            end: the end of the rows.
            rows: the results.
        """
        for s in range(first, stop):
            o = (s - first) * width
            for r in range(max(begin, offsets[s]), min(end, offsets[s + 1])):
                a, to = order[r] * pitch + column, (r - begin) * width
                for j in range(width):
                    rows[to + j] = value(x[a + j]) - shifts[o + j]

    return segment_rows


def _make_weighted(element: str) -> Callable[..., None]:
    value = FLOAT_TYPES[element].value

    def weighted_rows(
        x: Flat, pitch: int, order: Flat, offsets: Flat, first: int, stop: int, column: int, width: int,
        weights: Flat, begin: int, end: int, totals: Flat, weighted: Flat, is_weighted: int,
    ) -> None:  # fmt: skip
        """Add the weights of rows, and the rows times their weights, to the totals of their segments.

        Args:
            weights: of each element of the rows.
            begin: the first row, counted in the order.
            end: the end of the rows.
            totals: the sums of weights so far.
            weighted: the sums of weighted rows so far.
            is_weighted: whether these are wanted.
        """
        for s in range(first, stop):
            o = (s - first) * width
            for r in range(max(begin, offsets[s]), min(end, offsets[s + 1])):
                a, w = order[r] * pitch + column, (r - begin) * width
                for j in range(width):
                    totals[o + j] += weights[w + j]
                if is_weighted:
                    for j in range(width):
                        weighted[o + j] += value(x[a + j]) * weights[w + j]

    return weighted_rows


@helper
def _flip_negative(bits: Element) -> Element:
    """Bits of a float64 as an integer of the same order, and back."""
    return np.int64(bits ^ ((bits >> np.int64(63)) & _MAGNITUDE))


SUMS: Final = _declare("float64*, int64", _make_sums)
EXTREMES: Final = _declare("W*, float64, int64*, int64", _make_extremes)
MEDIANS: Final = _declare("float64*, int64*, int64*", _make_medians)
SQUARES: Final = _declare("float64*, float64*", _make_squares)
ROWS: Final = _declare("float64*, int64, int64, float64*", _make_rows)
WEIGHTED: Final = _declare("float64*, int64, int64, float64*, float64*, int64", _make_weighted)


@loop("void(int64*, int64, int64, int64*, int64*)")
def place_rows(segments: Flat, rows: int, count: int, order: Flat, offsets: Flat) -> None:
    """Sort rows by counting; see :func:`.segments.group_rows`."""
    for s in range(count + 1):
        offsets[s] = 0
    for r in range(rows):
        offsets[segments[r] + 1] += 1
    for s in range(count):
        offsets[s + 1] += offsets[s]
    for r in range(rows):
        order[offsets[segments[r]]] = r
        offsets[segments[r]] += 1
    # Each offset is now the end of its segment.
    for s in range(count):
        offsets[count - s] = offsets[count - s - 1]
    offsets[0] = 0
