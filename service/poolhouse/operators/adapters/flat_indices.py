"""Indices that are flat over a whole tensor ``(N, C, *spatial)``, and those of our operators, flat over one plane."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from poolhouse.operators.fields import Sizes

Indices = npt.NDArray[np.int64]

_BLOCK: Final = 2**13
"""Indices that are converted at a time, so that temporary arrays stay in a cache."""


def to_tensor_indices(indices: Indices, spatial: Sizes, begin: int, *, column_major: bool) -> None:
    """Convert plane indices to tensor indices, in place.

    Args:
        indices: ``(P, …)`` int64.
        spatial: sizes of the plane that they refer to.
        begin: the number of the first plane in the tensor.
        column_major: whether the first axis of a plane is the fastest.
    """
    if column_major and len(spatial) > 1:
        flat = indices.reshape(-1)
        for at in range(0, flat.size, _BLOCK):
            block = flat[at : at + _BLOCK]
            block[:] = np.ravel_multi_index(np.unravel_index(block, spatial), spatial, order="F")
    rows = indices.reshape(len(indices), -1)
    rows += _offsets(len(indices), spatial, begin)


def to_plane_indices(indices: Indices, spatial: Sizes, wanted: Sizes, begin: int) -> Indices:
    """Convert tensor indices to plane indices.

    Args:
        indices: ``(P, …)`` int64; see :func:`first_foreign_index`.
        spatial: sizes of the plane that they refer to.
        wanted: sizes of a plane in whose corner that one lies.
        begin: the number of the first plane in the tensor.

    Returns:
        A copy.
    """
    found = indices.reshape(len(indices), -1) - _offsets(len(indices), spatial, begin)
    if wanted != spatial:
        flat = found.reshape(-1)
        for at in range(0, flat.size, _BLOCK):
            block = flat[at : at + _BLOCK]
            block[:] = np.ravel_multi_index(np.unravel_index(block, spatial), wanted)
    return found.reshape(indices.shape)


def first_foreign_index(indices: Indices, spatial: Sizes) -> tuple[int, int] | None:
    """An index that does not lie in its own plane, and the number of that plane; None if all do.

    Args:
        indices: ``(P, …)`` int64 with at least one element.
        spatial: sizes of the plane that they refer to.
    """
    rows, size = indices.reshape(len(indices), -1), math.prod(spatial)
    least, most = rows.min(axis=1), rows.max(axis=1)
    offsets = _offsets(len(rows), spatial, 0)[:, 0]
    for found, wrong in ((least, least < offsets), (most, most >= offsets + size)):
        if wrong.any():
            plane = int(wrong.argmax())
            return int(found[plane]), plane
    return None


def _offsets(planes: int, spatial: Sizes, begin: int) -> Indices:
    size = math.prod(spatial)
    return (np.arange(begin, begin + planes, dtype=np.int64) * size)[:, None]
