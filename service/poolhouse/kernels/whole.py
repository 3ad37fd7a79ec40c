"""Whole planes reduced to one element: the mean, the maximum, and where that is."""

from __future__ import annotations

from typing import Final

import numpy as np

from poolhouse.kernels.declaring import Flat, loops
from poolhouse.kernels.joins import takes

LANES: Final = 64
"""Elements that are compared side by side."""
SUM_LANES: Final = 64
"""The same for sums."""
_BLOCK: Final = 1024
_RUN: Final = 4096


@loops("void(T*, T*, int64, int64, int64, float64*)", "float32", "float64")
def plane_means(x: Flat, out: Flat, size: int, start: int, stop: int, sums: Flat) -> None:
    """The mean of each plane from start to stop: added in lanes of float64, whatever else there is, and divided.

    Args:
        x: flat, planes.
        out: flat, one element a plane.
        size: elements of a plane.
        start: the first plane.
        stop: the end of the planes.
        sums: scratch: twice as many elements as there are lanes.
    """
    for plane in range(start, stop):
        base = plane * size
        for j in range(SUM_LANES):
            sums[SUM_LANES + j] = 0.0
        if size < SUM_LANES:
            for j in range(size):
                sums[SUM_LANES + j % 4] += x[base + j]
        for begin in range(base, base + size if size >= SUM_LANES else base, _RUN):
            # Each lane adds few numbers before its sum is put aside, so that rounding does not grow with the plane.
            end = min(begin + _RUN, base + size)
            for j in range(SUM_LANES):
                sums[j] = 0.0
            i = begin
            while i + 4 * SUM_LANES <= end:
                for j in range(SUM_LANES):
                    one = np.float64(x[i + j]) + np.float64(x[i + SUM_LANES + j])
                    two = np.float64(x[i + 2 * SUM_LANES + j]) + np.float64(x[i + 3 * SUM_LANES + j])
                    sums[j] += one + two
                i += 4 * SUM_LANES
            while i < end:
                for j in range(min(SUM_LANES, end - i)):
                    sums[j] += x[i + j]
                i += SUM_LANES
            for j in range(SUM_LANES):
                sums[SUM_LANES + j] += sums[j]
        many = SUM_LANES if size >= SUM_LANES else 4
        while many > 1:
            many //= 2
            for j in range(many):
                sums[SUM_LANES + j] += sums[SUM_LANES + j + many]
        out[plane] = sums[SUM_LANES] / size


@loops("void(T*, T*, int64*, int64, int64, int64, T*, int64)", "float32", "float64", "int64")
def plane_tops(
    x: Flat, out: Flat, indices: Flat, size: int, start: int, stop: int, lanes: Flat, with_indices: int
) -> None:
    """The maximum of each plane from start to stop, and where it is: the first of equal ones, the last NaN.

    Args:
        x: flat, planes.
        out: flat, one element a plane.
        indices: the same.
        size: elements of a plane.
        start: the first plane.
        stop: the end of the planes.
        lanes: scratch of 64 elements.
        with_indices: whether indices are written.
    """
    for plane in range(start, stop):
        base = plane * size
        best = x[base]
        block = 0
        for begin in range(0, size, _BLOCK):
            end = min(begin + _BLOCK, size)
            found = x[base + begin]
            if end - begin == _BLOCK:
                for j in range(LANES):
                    lanes[j] = x[base + begin + j]
                for i in range(base + begin + LANES, base + begin + _BLOCK, LANES):
                    for j in range(LANES):
                        earlier, other = lanes[j], x[i + j]
                        lanes[j] = other if takes(earlier, other) else earlier
                found = lanes[0]
                for j in range(1, LANES):
                    found = lanes[j] if takes(found, lanes[j]) else found
            else:
                for i in range(begin + 1, end):
                    other = x[base + i]
                    found = other if takes(found, other) else found
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
        if with_indices:
            indices[plane] = where
