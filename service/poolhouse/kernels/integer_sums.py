"""Exact sums and variances of integers: of few bits by the loops for float64, which has all integers below 2⁵³."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Final

import numpy as np
import numpy.typing as npt

from poolhouse.buffers import empty
from poolhouse.kernels.axes import Axis
from poolhouse.kernels.widening import Array, WideType, cast, cast_rounded, pool_in_chunks
from poolhouse.kernels.window_kernels import WindowLoop
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
