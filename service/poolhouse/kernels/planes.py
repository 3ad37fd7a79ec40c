"""Kernels as their callers have them: arrays of planes in, arrays of planes out, in as many threads as are given."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from poolhouse.kernels.axes import HIGH, LONGEST, LOW, STRIDE, TABLE, WAY, Axis
from poolhouse.kernels.indexed import plane_maxima_indexed
from poolhouse.kernels.maxima import plane_maxima
from poolhouse.kernels.sharding import shard
from poolhouse.kernels.widening import CHUNK_BYTES, WIDE, Array, by_chunks

INT32_MAX: Final = 2**31 - 1

_STRIP_BYTES: Final = 32 * 2**10
"""Rows of one strip and what they are reduced to take about this: they stay in a core's nearest cache."""


class Kernel(Protocol):
    """One spec's loops, for planes of one shape and type."""

    workspace: int
    """Bytes of scratch for one thread."""
    looks: int
    """Elements that are looked at for one plane."""

    def __call__(self, planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
        """Pools ``(P, *spatial)`` arrays; the outputs are new, in the order of the operator's."""


@dataclass(frozen=True)
class Layout:
    """How planes ``(D, H, W)`` are cut into units of work, and the scratch that one thread needs."""

    depth: Axis
    height: Axis
    width: Axis
    strip: int
    sizes: npt.NDArray[np.int64]

    @classmethod
    def of(cls, axes: Sequence[Axis], itemsize: int, rows: int | None = None, *, indexed: bool = False) -> Layout:
        """The layout for planes of these axes, or of this many rows that are each pooled alone."""
        depth, height, width = axes
        outputs = height.outputs if rows is None else rows
        lines = height.length if rows is None else rows
        row_bytes = itemsize * (width.length + width.outputs)
        reach = height.step * (height.longest - 1) + 1
        stride = max(int(height.shape[STRIDE]), 1)
        # Strips look at some rows again, a quarter of them at most.
        fit = max(_STRIP_BYTES // row_bytes, 5 * (reach - min(stride, reach)), 1)
        strip = max(1, min(outputs, (fit - reach) // stride + 1))
        if rows is not None:
            within = strip
        else:
            begins = np.arange(0, outputs, strip)
            last = height.first + (height.count - 1) * height.step
            spans = np.maximum.reduceat(last, begins) - np.minimum.reduceat(height.first, begins) + 1
            within = int(spans.max(initial=0))
        face_out = outputs * width.outputs
        sizes = [
            width.length,
            width.outputs,
            lines,
            outputs,
            depth.length if rows is None else 1,
            depth.outputs if rows is None else 1,
            within * _room(width),
            within * width.outputs if indexed or not (width.same or height.same) else 0,
            within * width.outputs if height.shape[WAY] == TABLE else 0,
            depth.length * face_out if depth.shape[WAY] == TABLE else 0,
            within,
        ]
        return cls(depth, height, width, strip, np.array(sizes, dtype=np.int64))

    def units(self, planes: int) -> int:
        """Units of work in so many planes."""
        return planes * -(-int(self.sizes[3]) // self.strip) if self.depth.same else planes

    def scratch(self) -> int:
        """Elements of scratch."""
        face = 0 if self.depth.same else int(self.sizes[1] * self.sizes[3] * self.sizes[4])
        return int(2 * self.sizes[6] + self.sizes[7] + self.sizes[8] + self.sizes[9]) + face

    def arrays(self) -> tuple[npt.NDArray[np.int64], ...]:
        """What the loops are given."""
        return tuple(
            array for axis in (self.depth, self.height, self.width) for array in (axis.first, axis.count, axis.shape)
        )


def _room(width: Axis) -> int:
    """Elements of scratch for one row: it is kept twice for a table, and rounded up to whole strides to be spread."""
    stride, longest = int(width.shape[STRIDE]), int(width.shape[LONGEST])
    if width.shape[WAY] == TABLE:
        return width.length
    spreads = width.shape[HIGH] > width.shape[LOW] and longest > 1 and (1 < stride <= 4 or 1 < stride < longest)
    return width.length + stride if spreads else 0


class MaximumKernel:
    """The largest element of each window, and where asked its flat index.

    Args:
        axes: of the windows, one to three.
        element: the element type: ``float32``; one of numpy's or ``bfloat16``, given as 16-bit integers.
        with_indices: whether indices are asked for.
    """

    def __init__(self, axes: Sequence[Axis], element: str, *, with_indices: bool) -> None:
        one = Axis(1, np.zeros(1, np.int64), np.ones(1, np.int64), 1)
        self._axes = (*[one] * (3 - len(axes)), *axes)
        self._indexed = with_indices
        self._wide = WIDE.get(element)
        self._type = self._wide.dtype if self._wide else np.dtype(element)
        depth, height, _ = self._axes
        # Rows that are pooled alone are so many rows, whichever plane they are of.
        self._by_rows = depth.same and height.same and not with_indices
        self._layout = Layout.of(self._axes, self._type.itemsize, indexed=with_indices)
        self._spatial_out = tuple(axis.outputs for axis in axes)
        self.looks = _looks(self._axes)
        self.workspace = self._layout.scratch() * (self._type.itemsize + 4 * with_indices)
        if self._wide:
            plane = math.prod(axis.length + axis.outputs for axis in axes) * self._type.itemsize
            self.workspace += max(CHUNK_BYTES, plane)

    def units(self, planes: int) -> int:
        """Parts of so many planes that threads can share."""
        return self._layout.units(planes)

    def __call__(self, planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
        """Pools ``(P, *spatial)``; see :class:`Kernel`."""
        given = np.ascontiguousarray(planes["input"])
        count = len(given)
        out = np.empty((count, *self._spatial_out), given.dtype)
        indices = np.empty((count, *self._spatial_out), np.int64) if self._indexed else None
        flat = None if indices is None else indices.reshape(-1)
        pool = self._pool if self._wide is None else self._pool_wide
        pool(given.reshape(-1), out.reshape(-1), flat, count, threads)
        return (out,) if indices is None else (out, indices)

    def _pool(self, x: Array, out: Array, indices: Array | None, planes: int, threads: int) -> None:
        layout = self._layout
        if self._by_rows:
            layout = Layout.of(self._axes, self._type.itemsize, planes * self._axes[1].length * self._axes[0].length)
            planes = 1
        units = layout.units(planes)
        arrays = layout.arrays()

        def work(start: int, stop: int) -> None:
            if indices is None:
                plane_maxima(x, out, start, stop, layout.strip, layout.sizes, *arrays)
            else:
                plane_maxima_indexed(x, out, indices, start, stop, layout.strip, layout.sizes, *arrays)

        shard(work, units, threads)

    def _pool_wide(self, x: Array, out: Array, indices: Array | None, planes: int, threads: int) -> None:
        assert self._wide is not None
        size_out = out.size // planes

        def pool(taken: Array, given: Array, begin: int, count: int) -> None:
            part = None if indices is None else indices[begin * size_out : (begin + count) * size_out]
            self._pool(taken, given, part, count, 1)

        by_chunks(self._wide, x, out, planes, threads, pool)


def _looks(axes: Sequence[Axis]) -> int:
    depth, height, width = axes
    rows = depth.length * height.length
    lines = depth.length * width.outputs
    return rows * width.looks + lines * height.looks + height.outputs * width.outputs * depth.looks
