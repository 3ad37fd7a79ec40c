"""Maxima of windows whose positions differ from plane to plane."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from poolhouse.buffers import empty
from poolhouse.kernels.axes import FIRST, HIGH, LOW, STRIDE, Axis, Positions
from poolhouse.kernels.layout import HEADER_SIZE, Layout
from poolhouse.kernels.sharding import shard
from poolhouse.kernels.widening import COMPARED_AS, Array, pool_in_chunks
from poolhouse.kernels.window_kernels import NULL_POINTER, pad_to_three_axes
from poolhouse.kernels.windows import plane_maxima, plane_maxima_indexed

_MAX_LAYOUT_BYTES: Final = 64 * 2**10
"""Size of the window positions that are written for one call of the loop."""


@dataclass(frozen=True, slots=True)
class RandomAxis:
    """The windows of one axis, all of the same size, at other positions in each plane.

    Attributes:
        length: elements along the axis.
        outputs: number of windows.
        count: elements of a window.
        starts: start positions from the planes' samples: ``(P, outputs)``, each row ascending.
    """

    length: int
    outputs: int
    count: int
    starts: Callable[[Array], Positions]

    def max_rows(self, windows: int) -> int:
        """Upper bound of the elements that this many successive windows span.

        Distances are equal before the positions are truncated to integers.
        """
        apart = (self.length - self.count) / max(self.outputs - 1, 1)
        return min(self.length, math.ceil(apart * (windows - 1)) + 3 + self.count)

    def representative_axis(self) -> Axis:
        """The windows of some plane, marked as irregular because distances differ from plane to plane."""
        first = np.arange(self.outputs) * (self.length - self.count) // max(self.outputs - 1, 1)
        axis = Axis(self.length, first, np.full(self.outputs, self.count), 1)
        axis.encoded[[LOW, HIGH, STRIDE]] = 0, 0, 1
        return axis


class FractionalMaximumKernel:
    """The largest element of each window and optionally its flat index; each plane has its own windows.

    Args:
        axes: the windows of two or three axes.
        element: the element type.
        with_indices: whether to compute indices too.
    """

    def __init__(self, axes: Sequence[RandomAxis], element: str, *, with_indices: bool) -> None:
        self._axes = axes
        self._indexed = with_indices
        self._wide = COMPARED_AS.get(element)
        self._type = self._wide.dtype if self._wide else np.dtype(element)
        self._loop = (plane_maxima_indexed if with_indices else plane_maxima)[self._type.name]
        any_plane = pad_to_three_axes([axis.representative_axis() for axis in axes])
        self._layout = Layout(any_plane, self._type.itemsize, max_rows=axes[-2].max_rows)
        self._header, self._positions = np.split(self._layout.encoded, [HEADER_SIZE])
        begins = np.cumsum([0, *(len(axis.encoded) for axis in any_plane[:-1])])
        self._firsts = begins[-len(axes) :] + FIRST
        self._spatial_out = tuple(axis.outputs for axis in axes)
        self._size = math.prod(axis.length for axis in axes)

    def __call__(self, planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
        """Pool ``(P, *spatial)``; see :class:`poolhouse.kernels.window_kernels.Kernel`."""
        given, samples = np.ascontiguousarray(planes["input"]), planes["samples"]
        count = len(given)
        out = empty((count, *self._spatial_out), given.dtype)
        indices = empty(out.shape, np.int64) if self._indexed else None
        x, found = given.reshape(-1), out.reshape(-1)
        if self._wide is None:
            many = max(1, _MAX_LAYOUT_BYTES // self._positions.nbytes)
            size_out = math.prod(self._spatial_out)

            def work(start: int, stop: int) -> None:
                for begin in range(start, stop, many):
                    end = min(begin + many, stop)
                    part, part_out = (
                        slice(begin * self._size, end * self._size),
                        slice(begin * size_out, end * size_out),
                    )
                    self._pool(x[part], found[part_out], indices, samples, begin, end - begin)

            shard(work, count, threads)
        else:
            pool_in_chunks(
                self._wide,
                x,
                found,
                count,
                threads,
                lambda taken, given_out, begin, many: self._pool(taken, given_out, indices, samples, begin, many),
            )
        return (out,) if indices is None else (out, indices)

    def _pool(self, x: Array, out: Array, indices: Array | None, samples: Array, begin: int, planes: int) -> None:
        layout = self._layout
        layouts = np.empty(HEADER_SIZE + planes * len(self._positions), np.int64)
        layouts[:HEADER_SIZE] = self._header
        positions = layouts[HEADER_SIZE:].reshape(planes, -1)
        positions[:] = self._positions
        for axis, at in zip(self._axes, self._firsts, strict=True):
            starts = axis.starts(samples[begin : begin + planes])
            if starts.min() < 0 or starts.max() > axis.length - axis.count:
                raise ValueError(f"a window is outside an axis of length {axis.length}")
            positions[:, at : at + axis.outputs] = starts
        numbers = layout.row_numbers() if self._indexed else NULL_POINTER
        scratch = np.empty(layout.scratch_elements, self._type) if layout.scratch_elements else NULL_POINTER
        scratch_numbers = np.empty(layout.number_count, np.int32) if self._indexed else NULL_POINTER
        own_indices = NULL_POINTER if indices is None else indices[begin:]
        units = layout.units(planes)
        self._loop(x, numbers, out, own_indices, 0, units, layouts, len(self._positions), scratch, scratch_numbers)
