"""Average kernels: they take arrays of planes, run the compiled loops, and return new arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial, reduce
from typing import Final

import numpy as np
import numpy.typing as npt

from poolhouse.buffers import empty
from poolhouse.kernels.axes import Axis
from poolhouse.kernels.layout import Layout
from poolhouse.kernels.long_sums import plane_averages_of_int64
from poolhouse.kernels.registry import address_of
from poolhouse.kernels.sharding import shard
from poolhouse.kernels.sums import plane_averages, plane_sums_by_lines
from poolhouse.kernels.widening import ADDED_AS, SUMMED_AS, Array, pool_in_chunks
from poolhouse.kernels.window_kernels import WindowLoop, pad_to_three_axes
from poolhouse.kernels.windows import plane_sums

Factors = npt.NDArray[np.int64]
_MIN_BY_ROWS_BYTES: Final = 8 * 2**20
"""From this size on planes are read from memory, not from a cache."""
_MAX_CACHED_PLANES: Final = 1024
"""Layouts of more rows are not cached with a kernel; there may be thousands of kernels."""


class AverageKernel:
    """The sum of each window over a divisor, for windows of few elements. It adds in torch's order.

    Args:
        axes: the windows of one to three axes.
        divisors: factors for each axis; their outer product is the divisor of each output.
        element: the element type.
        divide_sequentially: whether to divide by one factor after the other, as adaptive pooling does.
        rank: the number of spatial axes; by default of all axes, of which the last may be the channels.
    """

    def __init__(
        self,
        axes: Sequence[Axis],
        divisors: Sequence[Factors],
        element: str,
        *,
        divide_sequentially: bool = False,
        rank: int | None = None,
    ) -> None:
        self._divide_sequentially = divide_sequentially
        missing = 3 - len(axes)
        self._axes = pad_to_three_axes(axes)
        self._divisors = (*[np.ones(1, np.int64)] * missing, *divisors)
        self._wide = ADDED_AS.get(element)
        is_flat = (len(axes) if rank is None else rank) < 3
        if self._wide and self._wide.dtype == np.float32 and is_flat and not divide_sequentially:
            # Torch adds the rounded quotients to zero. In 3-D the operator calls torch with float32 instead.
            self._wide = replace(self._wide, narrow=partial(_narrow_to_zero, self._wide.narrow))
        self._type = self._wide.dtype if self._wide else np.dtype(element)
        self._layout = Layout(self._axes, self._type.itemsize)
        self._rank = len(axes)
        self._spatial_out = tuple(axis.outputs for axis in axes)
        self._factors = np.concatenate(self._divisors)
        self._loop = plane_averages[self._type.name]
        self._layout_address, self._factors_address = address_of(self._layout.encoded), address_of(self._factors)
        self._cached_rows = (0, self._layout, self._factors)

    def __call__(self, planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
        """Pool ``(P, *spatial)``; see :class:`poolhouse.kernels.window_kernels.Kernel`."""
        given = np.ascontiguousarray(planes["input"])
        count = len(given)
        out = empty((count, *self._spatial_out), given.dtype)
        if self._wide is None:
            self._pool(given, out, count, threads)
        else:
            pool_in_chunks(
                self._wide,
                given.reshape(-1),
                out.reshape(-1),
                count,
                threads,
                lambda taken, found, begin, many: self._pool(taken, found, many, 1),
            )
        return (out,)

    def _pool(self, x: Array, out: Array, planes: int, threads: int) -> None:
        layout, factors = self._layout, self._factors
        layout_address, factors_address = self._layout_address, self._factors_address
        if self._rank == 1 and planes > 1:
            # With one axis all planes are handled as the rows of a single plane.
            layout, factors = self._of_rows(planes)
            layout_address, factors_address, planes = address_of(layout.encoded), address_of(factors), 1
        # Both orders of reading add in the same order. Only float64 is read from memory: float32 is half as large, and
        # other types are widened chunk by chunk in a cache.
        by_rows = self._type == np.float64 and x.nbytes >= _MIN_BY_ROWS_BYTES
        width = self._axes[2]
        size = width.outputs + 1 + layout.strip_input_rows * (width.length + width.stride)

        def work(start: int, stop: int) -> None:
            scratch = np.empty(size, self._type)
            self._loop(
                x, out, start, stop, layout_address, factors_address, self._divide_sequentially, by_rows, scratch
            )

        shard(work, planes * layout.strips, threads)

    def _of_rows(self, planes: int) -> tuple[Layout, Factors]:
        # Consecutive requests often have one shape. Threads may overwrite the cached tuple; every value is valid.
        cached_planes, layout, factors = self._cached_rows
        if cached_planes != planes:
            layout = Layout((self._axes[0], Axis.identity(planes), self._axes[2]), self._type.itemsize)
            factors = np.concatenate((np.ones(1 + planes, np.int64), self._divisors[2]))
            if planes <= _MAX_CACHED_PLANES:
                self._cached_rows = (planes, layout, factors)
        return layout, factors


class LineSumKernel:
    """As :class:`SumKernel`, for windows that share few lines: the lines of each window are added first.

    Args:
        axes: the windows of one to three axes.
        divisors: factors for each axis; their outer product is the divisor of each output.
        element: the element type; sums of integers must be exact in float64.
    """

    def __init__(self, axes: Sequence[Axis], divisors: Sequence[Factors], element: str) -> None:
        missing = 3 - len(axes)
        self._factors = np.concatenate((*[np.ones(1, np.int64)] * missing, *divisors))
        self._wide = ADDED_AS.get(element)
        dtype = self._wide.dtype if self._wide else np.dtype(element)
        self._loop = plane_sums_by_lines[dtype.name]
        self._width = axes[-1].length
        self._layout = Layout(pad_to_three_axes(axes), dtype.itemsize)
        self._spatial_out = tuple(axis.outputs for axis in axes)

    def __call__(self, planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
        """Pool ``(P, *spatial)``; see :class:`poolhouse.kernels.window_kernels.Kernel`."""
        given = np.ascontiguousarray(planes["input"])
        count = len(given)
        out = empty((count, *self._spatial_out), given.dtype)
        if self._wide is None:
            self._pool(given, out, 0, count, threads)
        else:
            pool_in_chunks(self._wide, given.reshape(-1), out.reshape(-1), count, threads, self._pool)
        return (out,)

    def _pool(self, x: Array, out: Array, begin: int, planes: int, threads: int = 1) -> None:
        def work(start: int, stop: int) -> None:
            self._loop(x, out, start, stop, self._layout.encoded, self._factors, np.empty(self._width, np.float64))

        shard(work, planes * self._layout.strips, threads)


class LongAverageKernel:
    """The exact average of each window of int64 or uint64, truncated toward zero.

    Args:
        axes: the windows of one to three axes.
        divisors: factors for each axis; their outer product, the divisor of each output, must fit into int64.
        element: ``int64`` or ``uint64``.
    """

    def __init__(self, axes: Sequence[Axis], divisors: Sequence[Factors], element: str) -> None:
        self._is_unsigned = element == "uint64"
        self._factors = np.concatenate((*[np.ones(1, np.int64)] * (3 - len(axes)), *divisors))
        self._width = axes[-1].length
        self._layout = Layout(pad_to_three_axes(axes), 8)
        self._spatial_out = tuple(axis.outputs for axis in axes)

    def __call__(self, planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
        """Pool ``(P, *spatial)``; see :class:`poolhouse.kernels.window_kernels.Kernel`."""
        given = np.ascontiguousarray(planes["input"])
        out = empty((len(given), *self._spatial_out), given.dtype)

        def work(start: int, stop: int) -> None:
            lines = np.empty(2 * self._width, np.int64)
            plane_averages_of_int64(
                given, out, start, stop, self._layout.encoded, self._factors, lines, self._is_unsigned
            )

        shard(work, len(given) * self._layout.strips, threads)
        return (out,)


class SumKernel:
    """The sum of each window over a divisor, in float64 and rounded once; for integers truncated toward zero.

    Args:
        axes: the windows of one to three axes.
        divisors: factors for each axis; their outer product is the divisor of each output.
        element: the element type; sums of integers must be exact in float64.
    """

    def __init__(self, axes: Sequence[Axis], divisors: Sequence[Factors], element: str) -> None:
        self._divisors = [each.astype(np.float64) for each in divisors]
        self._wide = SUMMED_AS.get(element)
        self._pool = WindowLoop(axes, plane_sums["float64"], np.dtype(np.float64), indexed=False)
        self._spatial_out = tuple(axis.outputs for axis in axes)

    def __call__(self, planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
        """Pool ``(P, *spatial)``; see :class:`poolhouse.kernels.window_kernels.Kernel`."""
        given = np.ascontiguousarray(planes["input"])
        count = len(given)
        out = empty((count, *self._spatial_out), given.dtype)
        even = all((each == each[0]).all() for each in self._divisors)
        divisor = reduce(np.multiply.outer, [each[:1] if even else each for each in self._divisors])

        def pool(taken: Array, found: Array, begin: int, many: int) -> None:
            self._pool(taken, found, None, many, threads if self._wide is None else 1)
            quotients = found.reshape(many, *self._spatial_out)
            with np.errstate(all="ignore"):
                np.divide(quotients, divisor, out=quotients)

        if self._wide is None:
            pool(given, out, 0, count)
        else:
            pool_in_chunks(self._wide, given.reshape(-1), out.reshape(-1), count, threads, pool)
        return (out,)


def _narrow_to_zero(narrow: Callable[[Array, Array], None], source: Array, target: Array) -> None:
    narrow(source, target)
    # -0 becomes +0.
    bits = target.view(np.uint16)
    np.copyto(bits, 0, where=bits == 0x8000)
