"""Kernels for windows: from arrays of planes to new arrays, in a given number of threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, Protocol

import numpy as np

from poolhouse.buffers import empty
from poolhouse.kernels.axes import Axis
from poolhouse.kernels.layout import Layout
from poolhouse.kernels.registry import Loop, address_of
from poolhouse.kernels.scratch import scratch
from poolhouse.kernels.sharding import shard
from poolhouse.kernels.widening import COMPARED_AS, Array, pool_in_chunks
from poolhouse.kernels.windows import plane_maxima, plane_maxima_indexed

INT32_MAX: Final = 2**31 - 1
NULL_POINTER: Final = 0
"""Replaces an array that a loop does not use."""
_NUMBER_BYTES: Final = 4
_MAX_CACHED_NUMBERS: Final = 2048
"""Element numbers that are cached with a kernel; there may be thousands of kernels."""


class Kernel(Protocol):
    """The compiled loops of a spec for planes of one shape and element type."""

    def __call__(self, planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
        """Pool ``(P, *spatial)`` arrays; returns new arrays in the order of the operator's outputs."""


class WindowLoop:
    """A loop over the windows of planes of one size, and the layout of its work.

    Args:
        axes: the windows of one to three axes.
        loop: made by ``plane_reduction.make_plane_loop``.
        dtype: the element type.
        indexed: whether the loop gives indices.
    """

    def __init__(self, axes: Sequence[Axis], loop: Loop, dtype: np.dtype[np.generic], *, indexed: bool) -> None:
        self.axes = pad_to_three_axes(axes)
        self.layout = Layout(self.axes, dtype.itemsize)
        self._loop, self._element_bytes, self._indexed = loop, dtype.itemsize, indexed
        depth, height, _ = self.axes
        # If only rows are reduced, the rows of all planes are handled as one sequence. An index depends on its plane,
        # so with indices a plane must be one row.
        self._by_rows = depth.is_identity and height.is_identity and not (indexed and depth.length * height.length > 1)
        self._layout_address = address_of(self.layout.encoded)
        self._cached_rows: tuple[int, Layout] = (0, self.layout)
        self._numbers = (
            self.layout.row_numbers() if indexed and self.layout.row_number_count <= _MAX_CACHED_NUMBERS else None
        )

    def __call__(self, x: Array, out: Array, indices: Array | None, planes: int, threads: int) -> None:
        """Pool planes; the arrays are contiguous."""
        layout, layout_address = self.layout, self._layout_address
        if self._by_rows:
            layout = self._layout_of_rows(planes * self.axes[1].length * self.axes[0].length)
            planes, layout_address = 1, address_of(layout.encoded)
        numbers = self._numbers
        if self._indexed and (numbers is None or self._by_rows):
            numbers = layout.row_numbers()
        number_bytes = _NUMBER_BYTES * layout.number_count if self._indexed else 0
        arguments = (
            self._loop.entry,
            address_of(x),
            NULL_POINTER if numbers is None else address_of(numbers),
            address_of(out),
            NULL_POINTER if indices is None else address_of(indices),
            layout_address,
            layout.scratch_elements * self._element_bytes,
            number_bytes,
        )
        units = layout.units(planes)
        if threads == 1:
            _run(*arguments, 0, units)
        else:
            shard(partial(_run, *arguments), units, threads)

    def _layout_of_rows(self, rows: int) -> Layout:
        # Consecutive requests often have one shape. Threads may overwrite the cached tuple; every value is valid.
        cached_rows, layout = self._cached_rows
        if cached_rows != rows:
            layout = Layout(self.axes, self._element_bytes, rows)
            self._cached_rows = (rows, layout)
        return layout


def _run(
    entry: Callable[..., object] | None,
    x: int,
    numbers: int,
    out: int,
    indices: int,
    layout: int,
    element_bytes: int,
    number_bytes: int,
    start: int,
    stop: int,
) -> None:
    """Run a loop for a range of its units, by the addresses of its arrays and the sizes of its scratch memory."""
    assert entry is not None, "loops are loaded before kernels are made"
    _owner, elements, scratch_numbers = scratch(element_bytes, number_bytes)
    entry(x, numbers, out, indices, start, stop, layout, 0, elements, scratch_numbers)


class MaximumKernel:
    """The largest element of each window and optionally its flat index.

    Args:
        axes: the windows of one to three axes.
        element: the name of the element type; ``bfloat16`` arrays are 16-bit integers.
        with_indices: whether to compute indices too.
    """

    def __init__(self, axes: Sequence[Axis], element: str, *, with_indices: bool) -> None:
        self._indexed = with_indices
        self._wide = COMPARED_AS.get(element)
        dtype = self._wide.dtype if self._wide else np.dtype(element)
        loop = (plane_maxima_indexed if with_indices else plane_maxima)[dtype.name]
        self._pool = WindowLoop(axes, loop, dtype, indexed=with_indices)
        self._spatial_out = tuple(axis.outputs for axis in axes)

    def units(self, planes: int) -> int:
        """Units of work of this many planes, which threads can share."""
        return self._pool.layout.units(planes)

    def __call__(self, planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
        """Pool ``(P, *spatial)``; see :class:`Kernel`."""
        given = np.ascontiguousarray(planes["input"])
        count = len(given)
        out = empty((count, *self._spatial_out), given.dtype)
        indices = empty(out.shape, np.int64) if self._indexed else None
        if self._wide is None:
            self._pool(given, out, indices, count, threads)
        else:

            def pool(taken: Array, found: Array, begin: int, many: int) -> None:
                self._pool(taken, found, None if indices is None else indices[begin:], many, 1)

            pool_in_chunks(self._wide, given.reshape(-1), out.reshape(-1), count, threads, pool)
        return (out,) if indices is None else (out, indices)


def pad_to_three_axes(axes: Sequence[Axis]) -> tuple[Axis, Axis, Axis]:
    """Prepend axes of length 1 that are not reduced."""
    depth, height, width = (*[Axis.identity(1)] * (3 - len(axes)), *axes)
    return depth, height, width
