"""Averages, whole planes and unpooling as their callers have them: arrays of planes in, arrays of planes out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt

from poolhouse.kernels.axes import Axis
from poolhouse.kernels.halves import make_zeros_positive
from poolhouse.kernels.planes import Layout
from poolhouse.kernels.scatter import scatter_planes
from poolhouse.kernels.sharding import shard
from poolhouse.kernels.sums import plane_averages
from poolhouse.kernels.whole import plane_means, plane_tops
from poolhouse.kernels.widening import ADDED, CHUNK_BYTES, WIDE, Array, by_chunks

Factors = npt.NDArray[np.int64]


class AverageKernel:
    """The sum of each window over a divisor, for windows of few elements: added in order, as torch adds them.

    Args:
        axes: of the windows, one to three.
        divisors: for each axis the factors whose outer product is the divisor of each output.
        element: the element type.
    """

    def __init__(self, axes: Sequence[Axis], divisors: Sequence[Factors], element: str) -> None:
        missing = 3 - len(axes)
        self._axes = (*(_axis_of(1) for _ in range(missing)), *axes)
        ones = np.ones(1, np.int64)
        self._divisors = [np.ascontiguousarray(each) for each in (*[ones] * missing, *divisors)]
        self._wide = ADDED.get(element)
        if self._wide and self._wide.dtype == np.float32 and missing:
            # Torch adds these rounded quotients to zero; in 3-D its caller has it pool float32.
            self._wide = replace(self._wide, narrow=partial(_narrow_to_zero, self._wide.narrow))
        self._type = self._wide.dtype if self._wide else np.dtype(element)
        self._layout = Layout.of(self._axes, self._type.itemsize)
        self._rank = len(axes)
        self._spatial_out = tuple(axis.outputs for axis in axes)
        self.looks = math.prod(int(axis.count.sum()) for axis in axes)
        widest = self._axes[2]
        self.workspace = (
            self._layout.strip * (2 * widest.length + 2 + 128) * 8
            + CHUNK_BYTES
            + 8 * math.prod(axis.length + axis.outputs for axis in axes) * (self._wide is not None)
        )

    def __call__(self, planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
        """Pools ``(P, *spatial)``; see :class:`poolhouse.kernels.planes.Kernel`."""
        given = np.ascontiguousarray(planes["input"])
        count = len(given)
        out = np.empty((count, *self._spatial_out), given.dtype)
        if self._wide is None:
            self._pool(given.reshape(-1), out.reshape(-1), count, threads)
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
        axes, layout, divisors = self._axes, self._layout, self._divisors
        if self._rank == 1 and planes > 1:
            # Rows that are each a plane are the rows of one.
            axes = (axes[0], _axis_of(planes), axes[2])
            layout = Layout.of(axes, self._type.itemsize)
            divisors = [divisors[0], np.ones(planes, np.int64), divisors[2]]
            planes = 1
        arrays = layout.arrays()
        units = planes * -(-axes[1].outputs // layout.strip)

        def work(start: int, stop: int) -> None:
            plane_averages(x, out, start, stop, layout.strip, layout.sizes, *divisors, *arrays)

        shard(work, units, threads)


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
        self.looks = self._size
        self.workspace = CHUNK_BYTES + 8 * self._size * (self._wide is not None)

    def __call__(self, planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
        """Pools ``(P, *spatial)``; see :class:`poolhouse.kernels.planes.Kernel`."""
        given = np.ascontiguousarray(planes["input"])
        count, size = len(given), self._size
        out = np.empty((count, *self._ones), given.dtype)
        x, means = given.reshape(-1), out.reshape(-1)
        if self._wide is None:
            shard(lambda start, stop: plane_means(x, means, size, start, stop), count, threads)
        else:
            by_chunks(
                self._wide,
                x,
                means,
                count,
                threads,
                lambda taken, found, begin, many: plane_means(taken, found, size, 0, many),
            )
        return (out,)


class TopKernel:
    """The largest element of each plane, and where asked its flat index.

    Args:
        spatial: the planes' sizes.
        element: the element type.
        with_indices: whether indices are asked for.
    """

    def __init__(self, spatial: Sequence[int], element: str, *, with_indices: bool) -> None:
        self._wide = WIDE.get(element)
        self._size = math.prod(spatial)
        self._ones = (1,) * len(spatial)
        self._indexed = with_indices
        self.looks = self._size
        self.workspace = CHUNK_BYTES + 8 * self._size * (self._wide is not None)

    def __call__(self, planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
        """Pools ``(P, *spatial)``; see :class:`poolhouse.kernels.planes.Kernel`."""
        given = np.ascontiguousarray(planes["input"])
        count, size = len(given), self._size
        out = np.empty((count, *self._ones), given.dtype)
        indices = np.empty((count, *self._ones) if self._indexed else 0, np.int64)
        x, tops, places = given.reshape(-1), out.reshape(-1), indices.reshape(-1)
        if self._wide is None:
            shard(lambda start, stop: plane_tops(x, tops, places, size, start, stop), count, threads)
        else:
            by_chunks(
                self._wide,
                x,
                tops,
                count,
                threads,
                lambda taken, found, begin, many: plane_tops(taken, found, places[begin : begin + many], size, 0, many),
            )
        return (out, indices) if self._indexed else (out,)


class UnpoolKernel:
    """Values put to where indices say, and zero everywhere else; of equal indices the last value stays.

    Args:
        spatial_out: the output planes' sizes.
    """

    workspace = 0

    def __init__(self, spatial_out: Sequence[int]) -> None:
        self._spatial_out = tuple(spatial_out)
        self._size_out = self.looks = math.prod(spatial_out)

    def __call__(self, planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
        """Unpools ``(P, *spatial)``; see :class:`poolhouse.kernels.planes.Kernel`.

        Raises:
            IndexError: an index lies outside of its output plane.
        """
        given, indices = np.ascontiguousarray(planes["input"]), np.ascontiguousarray(planes["indices"])
        count, size_out = len(given), self._size_out
        out = np.empty((count, *self._spatial_out), given.dtype)
        # Elements are moved and not looked at: four sizes are all the types there are.
        moved = _MOVED[given.itemsize]
        x, places, goal = given.reshape(-1).view(moved), indices.reshape(-1), out.reshape(-1).view(moved)
        size = x.size // count

        def work(start: int, stop: int) -> None:
            if not scatter_planes(x, places, goal, size, size_out, start, stop):
                raise IndexError(f"an index lies outside of its output plane of {size_out} elements")

        shard(work, count, threads)
        return (out,)


_MOVED = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}


def _narrow_to_zero(narrow: Callable[[Array, Array], None], source: Array, target: Array) -> None:
    narrow(source, target)
    make_zeros_positive(target.view(np.uint16))


def _axis_of(length: int) -> Axis:
    """An axis that is not pooled along."""
    return Axis(length, np.arange(length, dtype=np.int64), np.ones(length, np.int64), 1)
