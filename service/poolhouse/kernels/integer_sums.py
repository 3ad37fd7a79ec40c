"""Exact sums and variances of integers: of few bits by the loops for float64, which has all integers below 2⁵³."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Final

import numpy as np
import numpy.typing as npt

from poolhouse.buffers import empty
from poolhouse.kernels.axes import DILATION, FIRST, Axis
from poolhouse.kernels.layout import (
    COLUMNS,
    D_AXIS,
    DEPTH,
    DEPTH_OUT,
    H_AXIS,
    HEIGHT,
    ROWS,
    W_AXIS,
    WIDTH,
    Layout,
)
from poolhouse.kernels.registry import Flat, loops
from poolhouse.kernels.sharding import shard
from poolhouse.kernels.widening import Array, WideType, cast, cast_rounded, pool_in_chunks
from poolhouse.kernels.window_kernels import WindowLoop, pad_to_three_axes
from poolhouse.kernels.windows import plane_sums

_WIDE: Final = WideType(np.dtype(np.float64), cast, cast)

_REAL: Final = WideType(np.dtype(np.float64), cast, cast_rounded)


class IntegerSumKernel:
    """The sum of each window of integers or booleans as int64.

    Args:
        axes: the windows of one to three axes; no sum reaches 2⁵².
    """

    def __init__(self, axes: Sequence[Axis]) -> None:
        self._pool = WindowLoop(axes, plane_sums["float64"], _WIDE.dtype, indexed=False)
        self._spatial_out = tuple(axis.outputs for axis in axes)

    def __call__(self, planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
        """Pool ``(P, *spatial)``; see :class:`poolhouse.kernels.window_kernels.Kernel`."""
        given = np.ascontiguousarray(planes["input"])
        out = empty((len(given), *self._spatial_out), np.int64)

        def pool(taken: Array, found: Array, begin: int, many: int) -> None:
            self._pool(taken, found, None, many, 1)

        pool_in_chunks(_WIDE, given.reshape(-1), out.reshape(-1), len(given), threads, pool)
        return (out,)


@loops("void(T*, int64*, int64, int64, int64*, int32*)", "int8", "uint8", "int16", "uint16")
def plane_integer_sums_by_lines(x: Flat, out: Flat, start: int, stop: int, layout: Flat, lines: Flat) -> None:
    """The sum of each window: adds the lines of a window in int32, then their columns in int64.

    Args:
        x: flat, planes ``(D, H, W)``.
        out: flat.
        start: the first row of outputs, counted through all planes.
        stop: the end of the rows.
        layout: :attr:`Layout.encoded`.
        lines: scratch: a line of the input.
    """
    width, columns, rows = layout[WIDTH], layout[COLUMNS], layout[ROWS]
    depth, depth_out, height = layout[DEPTH], layout[DEPTH_OUT], layout[HEIGHT]
    d, h, w = layout[D_AXIS], layout[H_AXIS], layout[W_AXIS]
    firsts_d, firsts_h, firsts_w = d + FIRST, h + FIRST, w + FIRST
    counts_d, counts_h, counts_w = firsts_d + depth_out, firsts_h + rows, firsts_w + columns
    pitch, dilation = layout[h + DILATION] * width, layout[w + DILATION]
    for row in range(start, stop):
        o, od = row % rows, row // rows % depth_out
        for j in range(width):
            lines[j] = 0
        for dt in range(layout[counts_d + od]):
            face = (row // rows // depth_out * depth + layout[firsts_d + od] + dt * layout[d + DILATION]) * height
            height_taps, t = layout[counts_h + o], 0
            while t < height_taps:
                a = (face + layout[firsts_h + o]) * width + t * pitch
                if t + 4 <= height_taps:
                    for j in range(width):
                        lines[j] += x[a + j] + x[a + pitch + j] + x[a + 2 * pitch + j] + x[a + 3 * pitch + j]
                    t += 4
                else:
                    for j in range(width):
                        lines[j] += x[a + j]
                    t += 1
        for j in range(columns):
            begin, total = layout[firsts_w + j], 0
            for k in range(layout[counts_w + j]):
                total += lines[begin + k * dilation]
            out[row * columns + j] = total


class IntegerLineSumKernel:
    """As :class:`IntegerSumKernel`, for integers of 8 or 16 bits and windows that share few lines.

    Args:
        axes: the windows of one to three axes; the sum of the lines of a window fits into int32.
        element: ``bool`` or an integer type of at most 16 bits.
    """

    def __init__(self, axes: Sequence[Axis], element: str) -> None:
        self._loop = plane_integer_sums_by_lines["uint8" if element == "bool" else element]
        self._width = axes[-1].length
        self._layout = Layout(pad_to_three_axes(axes), 4)
        self._spatial_out = tuple(axis.outputs for axis in axes)

    def __call__(self, planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
        """Pool ``(P, *spatial)``; see :class:`poolhouse.kernels.window_kernels.Kernel`."""
        given = np.ascontiguousarray(planes["input"])
        out = empty((len(given), *self._spatial_out), np.int64)

        def work(start: int, stop: int) -> None:
            self._loop(given, out, start, stop, self._layout.encoded, np.empty(self._width, np.int32))

        shard(work, out.size // max(self._spatial_out[-1], 1), threads)
        return (out,)


class LongSumKernel:
    """The sum of each window of int64 or uint64 as int64, modulo 2⁶⁴.

    Args:
        axes: the windows of one to three axes.
    """

    def __init__(self, axes: Sequence[Axis]) -> None:
        self._pool = WindowLoop(axes, plane_sums["int64"], np.dtype(np.int64), indexed=False)
        self._spatial_out = tuple(axis.outputs for axis in axes)

    def __call__(self, planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
        """Pool ``(P, *spatial)``; see :class:`poolhouse.kernels.window_kernels.Kernel`."""
        given = np.ascontiguousarray(planes["input"]).view(np.int64)
        out = empty((len(given), *self._spatial_out), np.int64)
        self._pool(given, out, None, len(given), threads)
        return (out,)


class IntegerVarianceKernel:
    """The variance of each window of integers or booleans as float32: ``(n·Σx² - (Σx)²) / (n·(n - correction))``.

    The numerator is exact, so it has none of the errors that this formula has for floats.

    Args:
        axes: the windows of one to three axes; the numerator stays below 2⁵².
        counts: factors for each axis; their outer product is the number of elements of each window.
        correction: 0 or 1.
        takes_root: whether the result is the standard deviation.
    """

    def __init__(
        self, axes: Sequence[Axis], counts: Sequence[npt.NDArray[np.int64]], correction: int, *, takes_root: bool
    ) -> None:
        self._pool = WindowLoop(axes, plane_sums["float64"], _WIDE.dtype, indexed=False)
        self._spatial_out = tuple(axis.outputs for axis in axes)
        self._takes_root = takes_root
        even = all(bool((each == each[0]).all()) for each in counts)
        factors = [(each[:1] if even else each).astype(np.float64) for each in counts]
        self._counts: npt.NDArray[np.float64] = reduce(np.multiply.outer, factors)
        self._divisors = self._counts * (self._counts - correction)

    def __call__(self, planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
        """Pool ``(P, *spatial)``; see :class:`poolhouse.kernels.window_kernels.Kernel`."""
        given = np.ascontiguousarray(planes["input"])
        out = empty((len(given), *self._spatial_out), np.float32)

        def pool(taken: Array, found: Array, begin: int, many: int) -> None:
            x, results = taken.view(np.float64), found.view(np.float64)
            totals = np.empty((many, *self._spatial_out))
            self._pool(x, totals, None, many, 1)
            np.multiply(x, x, out=x)
            self._pool(x, results, None, many, 1)
            squares = results.reshape(totals.shape)
            np.multiply(squares, self._counts, out=squares)
            np.multiply(totals, totals, out=totals)
            np.subtract(squares, totals, out=squares)
            with np.errstate(all="ignore"):
                np.divide(squares, self._divisors, out=squares)
                if self._takes_root:
                    np.sqrt(squares, out=squares)

        pool_in_chunks(_REAL, given.reshape(-1), out.reshape(-1), len(given), threads, pool)
        return (out,)
