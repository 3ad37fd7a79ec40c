"""Unpooling kernel: from arrays of planes and indices to a new array."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from poolhouse.buffers import empty
from poolhouse.kernels.scatter import scatter_planes
from poolhouse.kernels.sharding import shard
from poolhouse.kernels.widening import Array

_TYPE_BY_SIZE: Final = {1: "uint8", 2: "uint16", 4: "uint32", 8: "uint64"}
"""Types that replace all types of their size."""


class UnpoolKernel:
    """Writes values to the positions of their indices, and zero elsewhere; of equal indices the last value is kept.

    Args:
        spatial_out: the output planes' sizes.
    """

    def __init__(self, spatial_out: Sequence[int]) -> None:
        self._spatial_out = tuple(spatial_out)
        self._size_out = math.prod(spatial_out)

    def __call__(self, planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
        """Unpool ``(P, *spatial)``; see :class:`poolhouse.kernels.window_kernels.Kernel`.

        Raises:
            IndexError: an index is outside its output plane.
        """
        given, indices = np.ascontiguousarray(planes["input"]), np.ascontiguousarray(planes["indices"])
        count, size_out = len(given), self._size_out
        out = empty((count, *self._spatial_out), given.dtype)
        size = given.size // count
        # Elements are only moved, so one loop for each of the four sizes serves all types.
        loop = scatter_planes[_TYPE_BY_SIZE[given.itemsize]]

        def work(start: int, stop: int) -> None:
            if loop(given, indices, out, size, size_out, start, stop):
                raise IndexError(f"an index is outside its output plane of {size_out} elements")

        shard(work, count, threads)
        return (out,)
