"""Loops that reduce whole planes to their maximum and its index."""

from __future__ import annotations

from typing import Final

import numpy as np

from poolhouse.kernels.joins import later_wins
from poolhouse.kernels.registry import Element, Flat, helper, loop, loops

LANES: Final = 64
"""Elements that are compared in parallel, one in each SIMD lane."""
_BLOCK: Final = 1024


@loops("void(T*, T*, int64*, int64, int64, int64, T*, int64)", "float32", "float64", "int64")
def global_maxima(
    x: Flat, out: Flat, indices: Flat, size: int, start: int, stop: int, lanes: Flat, with_indices: int
) -> None:
    """The maximum of each plane from start to stop and its index: the first of equal values, the last NaN.

    Args:
        x: flat, planes.
        out: flat, one element for each plane.
        indices: flat, one for each plane.
        size: elements of a plane.
        start: the first plane.
        stop: the end of the planes.
        lanes: scratch of 64 elements.
        with_indices: whether to write indices.
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
                        lanes[j] = other if later_wins(earlier, other) else earlier
                found = lanes[0]
                for j in range(1, LANES):
                    found = lanes[j] if later_wins(found, lanes[j]) else found
            else:
                for i in range(begin + 1, end):
                    other = x[base + i]
                    found = other if later_wins(found, other) else found
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


INFINITIES: Final = {"float16": 0x7C00, "bfloat16": 0x7F80}
"""Bits of infinity in the types that are compared by their bits."""
NAN_KEY: Final = np.int16(0x7FFF)
MAGNITUDE: Final = np.int16(0x7FFF)


@helper
def key_of_half(bits: Element, infinity: Element) -> Element:
    """An int16 with the order of a 16-bit float; the largest for NaN, -1 for -0, and 0 for +0.

    Args:
        bits: int16.
        infinity: the bits of the type's infinity.
    """
    key = np.int16(bits ^ np.int16((bits >> np.int16(15)) & MAGNITUDE))
    return NAN_KEY if np.int16(bits & MAGNITUDE) > infinity else key


@loop("void(int16*, int16*, int64*, int64, int64, int64, int16*, int64, int64)")
def global_maxima_of_halves(
    x: Flat, out: Flat, indices: Flat, size: int, start: int, stop: int, lanes: Flat, with_indices: int, infinity: int
) -> None:
    """As :func:`global_maxima`, for 16-bit floats: their bits are compared as integers with SIMD instructions.

    Args:
        x: flat, planes.
        out: flat, one element for each plane.
        indices: flat, one for each plane.
        size: elements of a plane.
        start: the first plane.
        stop: the end of the planes.
        lanes: scratch of 64 elements.
        with_indices: whether to write indices.
        infinity: the bits of the type's infinity.
    """
    limit = np.int16(infinity)
    for plane in range(start, stop):
        base = plane * size
        best, block = np.int16(-0x8000), 0
        for begin in range(0, size, _BLOCK):
            end = min(begin + _BLOCK, size)
            for j in range(LANES):
                lanes[j] = np.int16(-0x8000)
            i = begin
            while i + LANES <= end:
                for j in range(LANES):
                    lanes[j] = max(lanes[j], key_of_half(x[base + i + j], limit))
                i += LANES
            for j in range(end - i):
                lanes[j] = max(lanes[j], key_of_half(x[base + i + j], limit))
            many = LANES
            while many > 1:
                many //= 2
                for j in range(many):
                    lanes[j] = max(lanes[j], lanes[j + many])
            # Zeros of either sign are equal and the first is kept; of NaN the last is kept.
            found = np.int16(-1) if lanes[0] == 0 else lanes[0]
            if begin == 0 or found > best or found == NAN_KEY:
                best, block = found, begin
        where = block
        if best == NAN_KEY:
            where = min(block + _BLOCK, size) - 1
            while key_of_half(x[base + where], limit) != NAN_KEY:
                where -= 1
        elif best == -1:
            while (x[base + where] & MAGNITUDE) != 0:
                where += 1
        elif with_indices:
            while key_of_half(x[base + where], limit) != best:
                where += 1
        else:
            out[plane] = np.int16(best ^ np.int16((best >> np.int16(15)) & MAGNITUDE))
            continue
        out[plane] = x[base + where]
        if with_indices:
            indices[plane] = where
