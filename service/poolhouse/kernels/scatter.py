"""Values put to where indices say, and zero everywhere else."""

from __future__ import annotations

from poolhouse.kernels.compiling import Flat, compiled
from poolhouse.kernels.joins import U


@compiled
def scatter_planes(
    x: Flat,
    indices: Flat,
    out: Flat,
    size: int,
    size_out: int,
    start: int,
    stop: int,
) -> bool:
    """Unpools planes start to stop.

    Args:
        x: flat values.
        indices: flat int64, each within its output plane.
        out: flat.
        size: elements of an input plane.
        size_out: elements of an output plane.
        start: the first plane.
        stop: the end of the planes.

    Returns:
        whether all indices lay within their planes; those that did not were passed over.
    """
    right = True
    limit = U(size_out)
    for plane in range(start, stop):
        base, base_out = U(plane * size), U(plane * size_out)
        out[base_out : base_out + limit] = 0
        for i in range(size):
            at = U(indices[base + U(i)])
            if at < limit:
                out[base_out + at] = x[base + U(i)]
            else:
                right = False
    return right
