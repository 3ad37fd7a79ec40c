"""Whole planes reduced to one element: the mean, the maximum, and where that is."""

from __future__ import annotations

import numpy as np

from poolhouse.kernels.compiling import Flat, compiled
from poolhouse.kernels.joins import U, later

_LANES = 64
_BLOCK = 1024
_RUN = 4096


@compiled
def plane_means(
    x: Flat,
    out: Flat,
    size: int,
    start: int,
    stop: int,
) -> None:
    """The mean of each plane from start to stop: added in 64 lanes of float64, whatever else there is, and divided."""
    lanes = np.empty(_LANES, np.float64)
    upper = np.empty(_LANES, np.float64)
    for plane in range(start, stop):
        base = plane * size
        upper[:] = 0.0
        for begin in range(0, size, _RUN):
            # Each lane adds few numbers before its sum is put aside, so that rounding does not grow with the plane.
            end = min(begin + _RUN, size)
            whole = (end - begin) // _LANES * _LANES
            lanes[:] = 0.0
            for i in range(begin, begin + whole, _LANES):
                at = U(base + i)
                for j in range(_LANES):
                    lanes[j] += x[at + U(j)]
            for j in range(end - begin - whole):
                lanes[j] += x[base + begin + whole + j]
            for j in range(_LANES):
                upper[j] += lanes[j]
        many = _LANES
        while many > 1:
            many //= 2
            for j in range(many):
                upper[j] += upper[j + many]
        out[plane] = upper[0] / size


@compiled
def plane_tops(
    x: Flat,
    out: Flat,
    indices: Flat,
    size: int,
    start: int,
    stop: int,
) -> None:
    """The maximum of each plane from start to stop, and where it is: the first of equal ones, the last NaN."""
    lanes = np.empty(_LANES, x.dtype)
    for plane in range(start, stop):
        base = plane * size
        best = x[base]
        block = 0
        for begin in range(0, size, _BLOCK):
            end = min(begin + _BLOCK, size)
            found = x[base + begin]
            if end - begin == _BLOCK:
                first = U(base + begin)
                for j in range(_LANES):
                    lanes[j] = x[first + U(j)]
                for i in range(_LANES, _BLOCK, _LANES):
                    at = U(base + begin + i)
                    for j in range(_LANES):
                        lanes[j] = later(lanes[j], x[at + U(j)])
                found = lanes[0]
                for j in range(1, _LANES):
                    found = later(found, lanes[j])
            else:
                for i in range(begin + 1, end):
                    found = later(found, x[base + i])
            if begin == 0 or found > best or found != found:
                best, block = found, begin
        end = min(block + _BLOCK, size)
        where = block
        if best != best:
            where = end - 1
            while x[base + where] == x[base + where]:
                where -= 1
        else:
            while x[base + where] != best:
                where += 1
        out[plane] = x[base + where]
        if len(indices) > 0:
            indices[plane] = where
