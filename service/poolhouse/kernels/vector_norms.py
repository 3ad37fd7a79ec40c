"""Divides vectors of float64 by their norms and rounds them once to a float type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from poolhouse.kernels.float_values import FLOAT_TYPES
from poolhouse.kernels.registry import Element, Flat, loop, loops
from poolhouse.kernels.sharding import shard
from poolhouse.kernels.widening import Array

LEAST_NORM: Final = 1e-12
"""A vector of a smaller norm is divided by this, as by ``torch.nn.functional.normalize``."""


@loop("void(float64*, float64*, int64, int64, int64, float64*)")
def sums_of_squares(vectors: Flat, sums: Flat, n: int, start: int, stop: int, squares: Flat) -> None:
    """The sum of the squares of each vector of n elements from start to stop, in an order that depends on n only.

    Args:
        vectors: flat.
        sums: flat, one for each vector.
        n: elements of a vector.
        start: the first vector.
        stop: the end of the vectors.
        squares: scratch of n elements.
    """
    for vector in range(start, stop):
        for j in range(n):
            squares[j] = vectors[vector * n + j] * vectors[vector * n + j]
        # The second half is added to the first one, until one element is left.
        many = n
        while many > 1:
            half = many // 2
            for j in range(half):
                squares[j] += squares[many - half + j]
            many -= half
        sums[vector] = squares[0]


def _make_quotients(rounded: Callable[[Element], Element]) -> Callable[..., None]:
    """Make the loop that rounds with this helper."""

    def quotients(vectors: Flat, divisors: Flat, out: Flat, n: int, start: int, stop: int) -> None:
        """Divide each vector of n elements from start to stop by its divisor."""
        for vector in range(start, stop):
            for j in range(n):
                out[vector * n + j] = rounded(vectors[vector * n + j] / divisors[vector])

    return quotients


_quotients: Final = {
    name: loops(
        "void(float64*, float64*, T*, int64, int64, int64)", each.storage, declared_as=(__name__, f"quotients_{name}")
    )(_make_quotients(each.rounded))[each.storage]
    for name, each in FLOAT_TYPES.items()
}


def normalize_vectors(vectors: npt.NDArray[np.float64], out: Array, element: str, threads: int) -> None:
    """Divide each vector along the last axis by its norm, or by 1e-12 if that is larger.

    A NaN in a vector makes all of it NaN.

    Args:
        vectors: contiguous.
        out: contiguous, of the same shape.
        element: the name of the element type of out.
        threads: threads that share the vectors.
    """
    size, norms = vectors.shape[-1], np.empty(vectors.shape[:-1])

    def work(start: int, stop: int) -> None:
        sums_of_squares(vectors, norms, size, start, stop, np.empty(size))
        part = norms.reshape(-1)[start:stop]
        np.maximum(np.sqrt(part), LEAST_NORM, out=part)
        _quotients[element](vectors, norms, out, size, start, stop)

    shard(work, norms.size, threads)
