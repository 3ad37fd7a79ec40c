"""Extremes of large windows that share few lines: the lines of each window are combined first, then the columns.

The lines are combined in the element type itself, so a processor compares as many elements at once as it can. Where the
bits of equal elements may differ, or where an index is wanted, the window is searched for the element that torch
chooses: the first of equal ones, the last NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from poolhouse.buffers import empty
from poolhouse.kernels.axes import DILATION, FIRST, Axis
from poolhouse.kernels.joins import later_wins
from poolhouse.kernels.layout import COLUMNS, D_AXIS, DEPTH, DEPTH_OUT, H_AXIS, HEIGHT, ROWS, WIDTH, Layout
from poolhouse.kernels.registry import Element, Flat, helper, loops
from poolhouse.kernels.sharding import shard
from poolhouse.kernels.skipping_extremes import (
    ALL_PLACES,
    NO_PLACES,
    ODD_PLACES,
    first_place,
    last_nan,
    make_join_columns,
    smaller_wins,
)
from poolhouse.kernels.widening import COMPARED_AS, Array, pool_in_chunks
from poolhouse.kernels.window_kernels import pad_to_three_axes

COMPARED_ALONE: Final = ("float32", "float64", "int64", "int32", "int16", "int8", "uint8")
"""Element types that are compared without conversion, bool as uint8; others as the types of ``widening``."""


def _make_extremes_by_lines(wins: Callable[[Element, Element], bool]) -> Callable[..., None]:
    join_columns = make_join_columns(wins)

    @helper
    def better(earlier: Element, other: Element) -> Element:
        """The one of two elements that wins."""
        return other if wins(earlier, other) else earlier

    def extremes_by_lines(
        x: Flat, out: Flat, indices: Flat, start: int, stop: int, layout: Flat, places: int, line: Flat
    ) -> None:
        """The extreme of each window.

        Args:
            x: flat, planes ``(D, H, W)``.
            out: flat.
            indices: flat, written for all places.
            start: the first row of outputs, counted through all planes.
            stop: the end of the rows.
            layout: :attr:`Layout.encoded`.
            places: NO_PLACES, ODD_PLACES or ALL_PLACES.
            line: scratch: a line of the input, then 0.
        """
        width, columns, rows = layout[WIDTH], layout[COLUMNS], layout[ROWS]
        depth, depth_out, height = layout[DEPTH], layout[DEPTH_OUT], layout[HEIGHT]
        d, h = layout[D_AXIS], layout[H_AXIS]
        firsts_d, firsts_h = d + FIRST, h + FIRST
        counts_d, counts_h = firsts_d + depth_out, firsts_h + rows
        pitch = layout[h + DILATION] * width
        zero = line[width]
        for unit in range(start, stop):
            o, od = unit % rows, unit // rows % depth_out
            plane = unit // rows // depth_out
            corner = ((plane * depth + layout[firsts_d + od]) * height + layout[firsts_h + o]) * width
            many = layout[counts_h + o]
            for dt in range(layout[counts_d + od]):
                a = corner + dt * layout[d + DILATION] * height * width
                t = 0
                if dt == 0:
                    t = 1
                    for j in range(width):
                        line[j] = x[a + j]
                # Sums make stores without a condition, which take half the time. The sign of a zero is found
                # afterwards.
                while t + 4 <= many:
                    b = a + t * pitch
                    for j in range(width):
                        one = better(x[b + j], x[b + pitch + j])
                        two = better(x[b + 2 * pitch + j], x[b + 3 * pitch + j])
                        line[j] = better(line[j], better(one, two)) + zero
                    t += 4
                while t < many:
                    b = a + t * pitch
                    for j in range(width):
                        line[j] = better(line[j], x[b + j]) + zero
                    t += 1
            to = unit * columns
            join_columns(line, layout, out, to)
            if places != NO_PLACES:
                base = plane * depth * height * width
                for j in range(columns):
                    found = out[to + j]
                    is_nan = found != found
                    if is_nan or found == zero or places == ALL_PLACES:
                        if is_nan:
                            place = last_nan(x, corner, layout, od, o, j)
                        else:
                            place = first_place(x, corner, layout, od, o, j, found)
                        out[to + j] = x[place]
                        if places == ALL_PLACES:
                            indices[to + j] = place - base

    return extremes_by_lines


_SIGNATURE: Final = "void(T*, T*, int64*, int64, int64, int64*, int64, T*)"

maxima_by_lines = loops(_SIGNATURE, *COMPARED_ALONE, declared_as=(__name__, "maxima_by_lines"))(
    _make_extremes_by_lines(later_wins)
)
minima_by_lines = loops(_SIGNATURE, *COMPARED_ALONE, declared_as=(__name__, "minima_by_lines"))(
    _make_extremes_by_lines(smaller_wins)
)


class LineExtremeKernel:
    """The largest or the least element of each window, and optionally its flat index.

    Args:
        axes: the windows of one to three axes.
        element: the element type.
        least: whether to find the least element.
        with_indices: whether to compute indices too.
    """

    def __init__(self, axes: Sequence[Axis], element: str, *, least: bool, with_indices: bool) -> None:
        alone = "uint8" if element == "bool" else element
        self._wide = None if alone in COMPARED_ALONE else COMPARED_AS[element]
        self._type: np.dtype[np.generic] = self._wide.dtype if self._wide else np.dtype(alone)
        three = pad_to_three_axes(axes)
        self._layout = Layout(three, self._type.itemsize).encoded
        self._rows, self._width = three[0].outputs * three[1].outputs, axes[-1].length
        self._spatial_out = tuple(axis.outputs for axis in axes)
        self._indexed = with_indices
        self._places = ALL_PLACES if with_indices else ODD_PLACES if self._type.kind == "f" else NO_PLACES
        self._loop = (minima_by_lines if least else maxima_by_lines)[self._type.name]

    def __call__(self, planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
        """Pool ``(P, *spatial)``; see :class:`poolhouse.kernels.window_kernels.Kernel`."""
        given = np.ascontiguousarray(planes["input"])
        count = len(given)
        out = empty((count, *self._spatial_out), given.dtype)
        indices = empty(out.shape, np.int64) if self._indexed else np.empty((count, 1), np.int64)
        if self._wide is None:
            self._pool(given.view(self._type), out.view(self._type), indices, count, threads)
        else:

            def pool(taken: Array, found: Array, begin: int, many: int) -> None:
                self._pool(taken, found, indices[begin:], many, 1)

            pool_in_chunks(self._wide, given.reshape(-1), out.reshape(-1), count, threads, pool)
        return (out, indices) if self._indexed else (out,)

    def _pool(self, x: Array, out: Array, indices: Array, planes: int, threads: int) -> None:
        def work(start: int, stop: int) -> None:
            line = np.zeros(self._width + 1, self._type)
            self._loop(x, out, indices, start, stop, self._layout, self._places, line)

        shard(work, planes * self._rows, threads)
