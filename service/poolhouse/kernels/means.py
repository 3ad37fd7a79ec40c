"""Loops for the mean of whole planes, added in float64. The order of additions depends on the plane's size only.

16-bit floats are read without a widened copy. The bits of a float16 are shifted to the positions of float64's sign,
exponent and fraction without correcting the exponent bias: that is the number times a power of two, and the sum is
multiplied once. Infinities and NaN would become finite numbers, so planes are searched for them first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from poolhouse.kernels.registry import Element, Flat, helper, loop, loops

SUM_LANES: Final = 16
"""Elements that are added in parallel, one in each SIMD lane."""
SEEN_LANES: Final = 64
"""Elements that are searched in parallel for infinities and NaN."""
_BLOCK: Final = 4 * SUM_LANES
_RUN: Final = 8192
_MIN_LANE_ELEMENTS: Final = 96
_FLOAT64_PLACES: Final = np.int64(0x81FFFC0000000000 - 2**64)
_FLOAT16_BIAS: Final = 2.0**1008
_ZERO: Final = np.float32(0.0)
_INFINITY: Final = np.float32(np.inf)
_NAN: Final = np.float32(np.nan)


@helper
def _value(number: Element) -> Element:
    return np.float64(number)


@helper
def _value_of_bfloat16(bits: Element) -> Element:
    return np.float64(np.uint32(np.uint32(bits) << np.uint32(16)).view(np.float32))


@helper
def _moved_float16(bits: Element) -> Element:
    return np.int64((np.int64(bits) << np.int64(42)) & _FLOAT64_PLACES).view(np.float64)


def _make_sum(value: Callable[[Element], Element]) -> Callable[..., Element]:
    """Make the helper that adds the elements of x from begin to end, each converted by ``value``."""

    @helper
    def add_few(x: Flat, begin: int, end: int) -> Element:
        a, b, c, d, e, f, g, h = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        i = begin
        while i + 8 <= end:
            a += value(x[i])
            b += value(x[i + 1])
            c += value(x[i + 2])
            d += value(x[i + 3])
            e += value(x[i + 4])
            f += value(x[i + 5])
            g += value(x[i + 6])
            h += value(x[i + 7])
            i += 8
        while i < end:
            a += value(x[i])
            i += 1
        return ((a + b) + (c + d)) + ((e + f) + (g + h))

    @helper
    def add_up(x: Flat, begin: int, end: int, sums: Flat) -> Element:
        # Lanes are in memory: reading a value just written waits for the store, which few elements do not pay for.
        if end - begin < _MIN_LANE_ELEMENTS:
            return add_few(x, begin, end)
        for j in range(SUM_LANES):
            sums[SUM_LANES + j] = 0.0
        i = begin
        while i + SUM_LANES <= end:
            # Each lane adds a bounded run of numbers, so that rounding errors do not grow with the plane.
            stop = min(i + _RUN, end)
            for j in range(SUM_LANES):
                sums[j] = 0.0
            # Each iteration reads adjacent elements; four distant positions would be read three times as slowly.
            while i + _BLOCK <= stop:
                for j in range(SUM_LANES):
                    one = value(x[i + j]) + value(x[i + SUM_LANES + j])
                    two = value(x[i + 2 * SUM_LANES + j]) + value(x[i + 3 * SUM_LANES + j])
                    sums[j] += one + two
                i += _BLOCK
            while i + SUM_LANES <= stop:
                for j in range(SUM_LANES):
                    sums[j] += value(x[i + j])
                i += SUM_LANES
            for j in range(SUM_LANES):
                sums[SUM_LANES + j] += sums[j]
        rest = 0.0
        while i < end:
            rest += value(x[i])
            i += 1
        for j in range(8):
            sums[SUM_LANES + j] += sums[SUM_LANES + j + 8]
        for j in range(4):
            sums[SUM_LANES + j] += sums[SUM_LANES + j + 4]
        first, second = sums[SUM_LANES] + sums[SUM_LANES + 2], sums[SUM_LANES + 1] + sums[SUM_LANES + 3]
        return rest + (first + second)

    return add_up


_add_numbers = _make_sum(_value)
_add_bfloat16 = _make_sum(_value_of_bfloat16)
_add_float16 = _make_sum(_moved_float16)


@loops("void(T*, T*, int64, int64, int64, float64*)", "float32", "float64")
def plane_means(x: Flat, out: Flat, size: int, start: int, stop: int, sums: Flat) -> None:
    """The mean of each plane from start to stop.

    Args:
        x: flat, planes.
        out: flat, one element for each plane.
        size: elements of a plane.
        start: the first plane.
        stop: the end of the planes.
        sums: scratch: twice as many elements as there are lanes.
    """
    for plane in range(start, stop):
        out[plane] = _add_numbers(x, plane * size, (plane + 1) * size, sums) / size


@loop("void(uint16*, float32*, int64, int64, int64, float64*)")
def plane_means_bfloat16(x: Flat, out: Flat, size: int, start: int, stop: int, sums: Flat) -> None:
    """As :func:`plane_means`, for bfloat16; the means are float32."""
    for plane in range(start, stop):
        out[plane] = _add_bfloat16(x, plane * size, (plane + 1) * size, sums) / size


@loop("void(int16*, float32*, int64, int64, int64, float64*, int16*)")
def plane_means_float16(x: Flat, out: Flat, size: int, start: int, stop: int, sums: Flat, seen: Flat) -> None:
    """As :func:`plane_means`, for float16; the means are float32.

    Args:
        x: flat, planes.
        out: flat, one element for each plane.
        size: elements of a plane.
        start: the first plane.
        stop: the end of the planes.
        sums: scratch: twice as many elements as there are lanes.
        seen: scratch of 64 elements.
    """
    for plane in range(start, stop):
        base, end = plane * size, (plane + 1) * size
        for j in range(SEEN_LANES):
            seen[j] = 0
        # The addition carries into the sign bit if all exponent bits are set, as in infinities and NaN.
        i = base
        while i + SEEN_LANES <= end:
            for j in range(SEEN_LANES):
                seen[j] = seen[j] | ((x[i + j] & np.int16(0x7FFF)) + np.int16(0x0400))
            i += SEEN_LANES
        for j in range(end - i):
            seen[j] = seen[j] | ((x[i + j] & np.int16(0x7FFF)) + np.int16(0x0400))
        found = 0
        for j in range(SEEN_LANES):
            found |= seen[j]
        if found < 0:
            total = _ZERO
            for i in range(base, end):
                if (x[i] & 0x7C00) == 0x7C00:
                    each = _NAN if x[i] & 0x03FF else _INFINITY
                    total += -each if x[i] < 0 else each
            out[plane] = total
        else:
            out[plane] = _add_float16(x, base, end, sums) * _FLOAT16_BIAS / size
