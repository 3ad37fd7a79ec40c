"""Averages, whole planes and unpooling as their callers have them: arrays of planes in, arrays of planes out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial, reduce

import numpy as np
import numpy.typing as npt

from poolhouse.buffers import empty
from poolhouse.kernels.axes import Axis
from poolhouse.kernels.declaring import address_of
from poolhouse.kernels.layout import Layout
from poolhouse.kernels.planes import WindowLoop, three_axes
from poolhouse.kernels.scatter import scatter_planes
from poolhouse.kernels.sharding import shard
from poolhouse.kernels.sums import plane_averages, plane_sums_by_lines
from poolhouse.kernels.whole import LANES, SUM_LANES, plane_means, plane_tops
from poolhouse.kernels.widening import ADDED, COMPARED, SUMMED, Array, by_chunks
from poolhouse.kernels.windows import plane_sums

Factors = npt.NDArray[np.int64]


class AverageKernel:
    """The sum of each window over a divisor, for windows of few elements: added in order, as torch adds them.

    Args:
        axes: of the windows, one to three.
        divisors: for each axis the factors whose outer product is the divisor of each output.
        element: the element type.
        in_turn: whether sums are divided by one factor after the other, as adaptive pooling does.
    """

    def __init__(
        self, axes: Sequence[Axis], divisors: Sequence[Factors], element: str, *, in_turn: bool = False
    ) -> None:
        self._in_turn = in_turn
        missing = 3 - len(axes)
        self._axes = three_axes(axes)
        self._divisors = (*[np.ones(1, np.int64)] * missing, *divisors)
        self._wide = ADDED.get(element)
        if self._wide and self._wide.dtype == np.float32 and missing and not in_turn:
            # Torch adds these rounded quotients to zero; in 3-D its caller has it pool float32.
            self._wide = replace(self._wide, narrow=partial(_narrow_to_zero, self._wide.narrow))
        self._type = self._wide.dtype if self._wide else np.dtype(element)
        self._layout = Layout(self._axes, self._type.itemsize)
        self._rank = len(axes)
        self._spatial_out = tuple(axis.outputs for axis in axes)
        self._factors = np.concatenate(self._divisors)
        self._loop = plane_averages[self._type.name]
        self._plan, self._divided = address_of(self._layout.numbers), address_of(self._factors)

    def __call__(self, planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
        """Pools ``(P, *spatial)``; see :class:`poolhouse.kernels.planes.Kernel`."""
        given = np.ascontiguousarray(planes["input"])
        count = len(given)
        out = empty((count, *self._spatial_out), given.dtype)
        if self._wide is None:
            self._pool(given, out, count, threads)
        else:
            by_chunks(
                self._wide,
                given.reshape(-1),
                out.reshape(-1),
                count,
                threads,
                lambda taken, found, begin, many: self._pool(taken, found, many, 1),
            )
        return (out,)

    def _pool(self, x: Array, out: Array, planes: int, threads: int) -> None:
        layout, plan, factors = self._layout, self._plan, self._divided
        if self._rank == 1 and planes > 1:
            # Rows that are each a plane are the rows of one.
            layout = Layout((self._axes[0], Axis.kept(planes), self._axes[2]), self._type.itemsize)
            of_rows = np.concatenate((np.ones(1 + planes, np.int64), self._divisors[2]))
            plan, factors, planes = address_of(layout.numbers), address_of(of_rows), 1
        width = self._axes[2]
        size = width.outputs + 1 + layout.within * (width.length + width.stride)

        def work(start: int, stop: int) -> None:
            self._loop(x, out, start, stop, plan, factors, self._in_turn, np.empty(size, self._type))

        shard(work, planes * layout.strips, threads)


class LineSumKernel:
    """As :class:`SumKernel`, for windows that share few lines: those of a window are added up first.

    Args:
        axes: of the windows, one to three.
        divisors: for each axis the factors whose outer product is the divisor of each output.
        element: the element type; the sums of integers must be exact in float64.
    """

    def __init__(self, axes: Sequence[Axis], divisors: Sequence[Factors], element: str) -> None:
        missing = 3 - len(axes)
        self._factors = np.concatenate((*[np.ones(1, np.int64)] * missing, *divisors))
        self._wide = ADDED.get(element)
        dtype = self._wide.dtype if self._wide else np.dtype(element)
        self._loop = plane_sums_by_lines[dtype.name]
        self._width = axes[-1].length
        self._layout = Layout(three_axes(axes), dtype.itemsize)
        self._spatial_out = tuple(axis.outputs for axis in axes)

    def __call__(self, planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
        """Pools ``(P, *spatial)``; see :class:`poolhouse.kernels.planes.Kernel`."""
        given = np.ascontiguousarray(planes["input"])
        count = len(given)
        out = empty((count, *self._spatial_out), given.dtype)
        if self._wide is None:
            self._pool(given, out, 0, count, threads)
        else:
            by_chunks(self._wide, given.reshape(-1), out.reshape(-1), count, threads, self._pool)
        return (out,)

    def _pool(self, x: Array, out: Array, begin: int, planes: int, threads: int = 1) -> None:
        def work(start: int, stop: int) -> None:
            self._loop(x, out, start, stop, self._layout.numbers, self._factors, np.empty(self._width, np.float64))

        shard(work, planes * self._layout.strips, threads)


class SumKernel:
    """The sum of each window over a divisor, added in float64 and rounded once; of integers cut toward zero.

    Args:
        axes: of the windows, one to three.
        divisors: for each axis the factors whose outer product is the divisor of each output.
        element: the element type; the sums of integers must be exact in float64.
    """

    def __init__(self, axes: Sequence[Axis], divisors: Sequence[Factors], element: str) -> None:
        self._divisors = [each.astype(np.float64) for each in divisors]
        self._wide = SUMMED.get(element)
        self._pool = WindowLoop(axes, plane_sums["float64"], np.dtype(np.float64), indexed=False)
        self._spatial_out = tuple(axis.outputs for axis in axes)

    def __call__(self, planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
        """Pools ``(P, *spatial)``; see :class:`poolhouse.kernels.planes.Kernel`."""
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
            by_chunks(self._wide, given.reshape(-1), out.reshape(-1), count, threads, pool)
        return (out,)


class MeanKernel:
    """The mean of each plane, in float64, rounded once; of integers the exact quotient, cut toward zero.

    Args:
        spatial: the planes' sizes.
        element: the element type.
    """

    def __init__(self, spatial: Sequence[int], element: str) -> None:
        self._wide = ADDED.get(element)
        self._size = math.prod(spatial)
        self._ones = (1,) * len(spatial)

    def __call__(self, planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
        """Pools ``(P, *spatial)``; see :class:`poolhouse.kernels.planes.Kernel`."""
        given = np.ascontiguousarray(planes["input"])
        count = len(given)
        out = empty((count, *self._ones), given.dtype)
        x, means = given.reshape(-1), out.reshape(-1)
        if self._wide is None:
            shard(partial(self._means, x, means), count, threads)
        else:
            by_chunks(
                self._wide,
                x,
                means,
                count,
                threads,
                lambda taken, found, begin, many: self._means(taken, found, 0, many),
            )
        return (out,)

    def _means(self, x: Array, means: Array, start: int, stop: int) -> None:
        plane_means[x.dtype.name](x, means, self._size, start, stop, np.empty(2 * SUM_LANES, np.float64))


class TopKernel:
    """The largest element of each plane, and where asked its flat index.

    Args:
        spatial: the planes' sizes.
        element: the element type.
        with_indices: whether indices are asked for.
    """

    def __init__(self, spatial: Sequence[int], element: str, *, with_indices: bool) -> None:
        self._wide = COMPARED.get(element)
        self._size = math.prod(spatial)
        self._ones = (1,) * len(spatial)
        self._indexed = with_indices

    def __call__(self, planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
        """Pools ``(P, *spatial)``; see :class:`poolhouse.kernels.planes.Kernel`."""
        given = np.ascontiguousarray(planes["input"])
        count = len(given)
        out = empty((count, *self._ones), given.dtype)
        indices = empty((count, *self._ones) if self._indexed else (0,), np.int64)
        x, tops, places = given.reshape(-1), out.reshape(-1), indices.reshape(-1)
        if self._wide is None:
            shard(partial(self._tops, x, tops, places), count, threads)
        else:
            by_chunks(
                self._wide,
                x,
                tops,
                count,
                threads,
                lambda taken, found, begin, many: self._tops(taken, found, places[begin : begin + many], 0, many),
            )
        return (out, indices) if self._indexed else (out,)

    def _tops(self, x: Array, tops: Array, places: Array, start: int, stop: int) -> None:
        plane_tops[x.dtype.name](x, tops, places, self._size, start, stop, np.empty(LANES, x.dtype), self._indexed)


class UnpoolKernel:
    """Values put to where indices say, and zero everywhere else; of equal indices the last value stays.

    Args:
        spatial_out: the output planes' sizes.
    """

    def __init__(self, spatial_out: Sequence[int]) -> None:
        self._spatial_out = tuple(spatial_out)
        self._size_out = math.prod(spatial_out)

    def __call__(self, planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
        """Unpools ``(P, *spatial)``; see :class:`poolhouse.kernels.planes.Kernel`.

        Raises:
            IndexError: an index lies outside of its output plane.
        """
        given, indices = np.ascontiguousarray(planes["input"]), np.ascontiguousarray(planes["indices"])
        count, size_out = len(given), self._size_out
        out = empty((count, *self._spatial_out), given.dtype)
        size = given.size // count
        # Elements are moved and not looked at: four sizes are all the types there are.
        loop = scatter_planes[_MOVED[given.itemsize]]

        def work(start: int, stop: int) -> None:
            if loop(given, indices, out, size, size_out, start, stop):
                raise IndexError(f"an index lies outside of its output plane of {size_out} elements")

        shard(work, count, threads)
        return (out,)


_MOVED = {1: "uint8", 2: "uint16", 4: "uint32", 8: "uint64"}


def _narrow_to_zero(narrow: Callable[[Array, Array], None], source: Array, target: Array) -> None:
    narrow(source, target)
    # -0 becomes +0.
    bits = target.view(np.uint16)
    bits[bits == 0x8000] = 0
