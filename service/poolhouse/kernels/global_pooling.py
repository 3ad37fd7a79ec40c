"""Global pooling kernels: the mean or the largest element of each plane, from arrays of planes to new arrays."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

import numpy as np

from poolhouse.buffers import empty
from poolhouse.kernels.global_maxima import INFINITIES, LANES, global_maxima, global_maxima_of_halves
from poolhouse.kernels.means import SEEN_LANES, SUM_LANES, plane_means, plane_means_bfloat16, plane_means_float16
from poolhouse.kernels.sharding import shard
from poolhouse.kernels.widening import ADDED_AS, COMPARED_AS, Array, pool_in_chunks


class GlobalAverageKernel:
    """The mean of each plane in float64, rounded once; for integers the exact quotient, truncated toward zero.

    Args:
        spatial: the planes' sizes.
        element: the element type.
    """

    def __init__(self, spatial: Sequence[int], element: str) -> None:
        self._wide = ADDED_AS.get(element)
        self._loop = plane_means[self._wide.dtype.name if self._wide else element]
        self._reads_halves = _HALF_MEANS.get(element)
        self._size = math.prod(spatial)
        self._ones = (1,) * len(spatial)

    def __call__(self, planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
        """Pool ``(P, *spatial)``; see :class:`poolhouse.kernels.window_kernels.Kernel`."""
        given = np.ascontiguousarray(planes["input"])
        count = len(given)
        out = empty((count, *self._ones), given.dtype)
        x, means = given.reshape(-1), out.reshape(-1)
        if self._wide is None:
            shard(partial(self._means, x, means), count, threads)
        elif self._reads_halves is not None:
            found = np.empty(count, np.float32)
            shard(partial(self._reads_halves, x, found, self._size), count, threads)
            self._wide.narrow(found, means)
        else:
            pool_in_chunks(
                self._wide,
                x,
                means,
                count,
                threads,
                lambda taken, found, begin, many: self._means(taken, found, 0, many),
            )
        return (out,)

    def _means(self, x: Array, means: Array, start: int, stop: int) -> None:
        self._loop(x, means, self._size, start, stop, np.empty(2 * SUM_LANES, np.float64))


def _means_of_bfloat16(x: Array, means: Array, size: int, start: int, stop: int) -> None:
    plane_means_bfloat16(x, means, size, start, stop, np.empty(2 * SUM_LANES, np.float64))


def _means_of_float16(x: Array, means: Array, size: int, start: int, stop: int) -> None:
    sums, seen = np.empty(2 * SUM_LANES, np.float64), np.empty(SEEN_LANES, np.int16)
    plane_means_float16(x, means, size, start, stop, sums, seen)


_HALF_MEANS: Final[dict[str, Callable[[Array, Array, int, int, int], None]]] = {
    "bfloat16": _means_of_bfloat16,
    "float16": _means_of_float16,
}


class GlobalMaximumKernel:
    """The largest element of each plane and optionally its flat index.

    Args:
        spatial: the planes' sizes.
        element: the element type.
        with_indices: whether to compute indices too.
    """

    def __init__(self, spatial: Sequence[int], element: str, *, with_indices: bool) -> None:
        self._infinity = INFINITIES.get(element)
        self._wide = COMPARED_AS.get(element)
        self._loop = global_maxima[self._wide.dtype.name if self._wide else element]
        self._size = math.prod(spatial)
        self._ones = (1,) * len(spatial)
        self._indexed = with_indices

    def __call__(self, planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
        """Pool ``(P, *spatial)``; see :class:`poolhouse.kernels.window_kernels.Kernel`."""
        given = np.ascontiguousarray(planes["input"])
        count = len(given)
        out = empty((count, *self._ones), given.dtype)
        indices = empty((count, *self._ones) if self._indexed else (0,), np.int64)
        x, maxima, places = given.reshape(-1), out.reshape(-1), indices.reshape(-1)
        if self._wide is None:
            shard(partial(self._maxima, x, maxima, places), count, threads)
        elif self._infinity is not None:
            shard(partial(self._maxima_of_halves, x, maxima, places, self._infinity), count, threads)
        else:
            pool_in_chunks(
                self._wide,
                x,
                maxima,
                count,
                threads,
                lambda taken, found, begin, many: self._maxima(taken, found, places[begin : begin + many], 0, many),
            )
        return (out, indices) if self._indexed else (out,)

    def _maxima(self, x: Array, maxima: Array, places: Array, start: int, stop: int) -> None:
        self._loop(x, maxima, places, self._size, start, stop, np.empty(LANES, x.dtype), self._indexed)

    def _maxima_of_halves(self, x: Array, maxima: Array, places: Array, infinity: int, start: int, stop: int) -> None:
        lanes = np.empty(LANES, np.int16)
        global_maxima_of_halves(x, maxima, places, self._size, start, stop, lanes, self._indexed, infinity)
