"""Loop that writes values to the positions of their indices, and zero everywhere else."""

from __future__ import annotations

import numpy as np

from poolhouse.kernels.registry import Flat, loops


@loops("int64(T*, int64*, T*, int64, int64, int64, int64)", "uint8", "uint16", "uint32", "uint64")
def scatter_planes(x: Flat, indices: Flat, out: Flat, size: int, size_out: int, start: int, stop: int) -> int:
    """Unpool planes start to stop.

    Args:
        x: flat values.
        indices: flat int64, each within its output plane.
        out: flat.
        size: elements of an input plane.
        size_out: elements of an output plane.
        start: the first plane.
        stop: the end of the planes.

    Returns:
        the number of indices outside their planes; their values are written to position 0.
    """
    wrong = 0
    for plane in range(start, stop):
        base, base_out = plane * size, plane * size_out
        for i in range(size_out):
            out[base_out + i] = 0
        for i in range(size):
            at = indices[base + i]
            inside = np.uint64(at) < np.uint64(size_out)
            # Written unconditionally, so that there is no branch to mispredict.
            out[base_out + (at if inside else 0)] = x[base + i]
            wrong += not inside
    return wrong
