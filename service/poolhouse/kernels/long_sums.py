"""Averages of int64 and uint64: sums of up to 95 bits as two digits, and exact quotients, truncated toward zero and
clamped to the type.

A quotient is estimated in float64, slightly too low, and corrected by the remainder. The remainder is small, so
arithmetic modulo 2⁶⁴ gives it exactly.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from poolhouse.kernels.axes import DILATION, FIRST
from poolhouse.kernels.layout import COLUMNS, D_AXIS, DEPTH, DEPTH_OUT, H_AXIS, HEIGHT, ROWS, STRIP, W_AXIS, WIDTH
from poolhouse.kernels.registry import Element, Flat, helper, loop

_DIGIT_MASK: Final = 0xFFFFFFFF
_IN_FLOAT: Final = 2**20
"""Below this high digit a sum is exact in float64, and its truncated quotient is correct."""
_UNDERESTIMATE: Final = 1 - 2.0**-49
"""Factor that makes an estimate in float64 slightly less than the quotient, whatever its rounding errors."""
_BEYOND: Final = 2.0**63
_BEYOND_UNSIGNED: Final = 2.0**64
_UINT64_MAX: Final = np.uint64(2**64 - 1)
_INT64_MAX: Final = 2**63 - 1
_INT64_MIN: Final = -(2**63)


@helper
def quotient(high: Element, low: Element, divisor: Element) -> Element:
    """``(high·2³² + low)`` over the divisor, truncated toward zero, clamped to int64.

    Args:
        high: signed.
        low: from 0 to 2³² - 1.
        divisor: not 0.
    """
    if -_IN_FLOAT < high < _IN_FLOAT:
        return np.int64(np.float64(high * 2**32 + low) / np.float64(divisor))
    negative = high < 0
    if negative:
        high = -high - (low > 0)
        low = (2**32 - low) & _DIGIT_MASK
    size = np.uint64(divisor)
    if divisor < 0:
        negative = not negative
        size = np.uint64(-(divisor + 1)) + np.uint64(1)
    rough = (np.float64(high) * 2.0**32 + np.float64(low)) / np.float64(size) * _UNDERESTIMATE
    limit = _INT64_MIN if negative else _INT64_MAX
    if rough >= _BEYOND:
        return limit
    found = np.uint64(rough)
    whole = (np.uint64(high) << np.uint64(32)) + np.uint64(low)
    remainder = whole - found * size
    found += remainder // size
    if found > np.uint64(_INT64_MAX):
        return limit
    cut = np.int64(found)
    return -cut if negative else cut


@helper
def unsigned_quotient(high: Element, low: Element, divisor: Element) -> Element:
    """As :func:`quotient` for a sum that is not negative, clamped to uint64; the bits of the result as int64."""
    if divisor < 0:
        return 0
    if high < _IN_FLOAT:
        # A quotient from 2⁶³ on would have a high digit from 2³¹ / divisor on, which is larger.
        return np.int64(np.float64(high * 2**32 + low) / np.float64(divisor))
    size = np.uint64(divisor)
    rough = (np.float64(high) * 2.0**32 + np.float64(low)) / np.float64(divisor) * _UNDERESTIMATE
    if rough >= _BEYOND_UNSIGNED:
        return np.int64(_UINT64_MAX)
    estimate = np.uint64(rough)
    whole = (np.uint64(high) << np.uint64(32)) + np.uint64(low)
    found = estimate + (whole - estimate * size) // size
    return np.int64(_UINT64_MAX if found < estimate else found)


@loop("void(int64*, int64*, int64, int64, int64*, int64*, int64*, int64)")
def plane_averages_of_int64(
    x: Flat, out: Flat, start: int, stop: int, layout: Flat, factors: Flat, lines: Flat, unsigned: int
) -> None:
    """Pool strips of rows; the lines of each window are added first, then the columns.

    Args:
        x: flat, planes ``(D, H, W)``.
        out: flat.
        start: the first unit of work.
        stop: the end of the units.
        layout: :attr:`Layout.encoded`.
        factors: factors of the divisors for each output along D, then H, then W; every product fits into int64.
        lines: scratch: two lines of the input.
        unsigned: 1 if the elements are the bits of uint64, else 0.
    """
    high_mask = _DIGIT_MASK if unsigned != 0 else -1
    width, columns, rows = layout[WIDTH], layout[COLUMNS], layout[ROWS]
    depth, depth_out = layout[DEPTH], layout[DEPTH_OUT]
    face, face_out = width * layout[HEIGHT], columns * rows
    d, h, w = layout[D_AXIS], layout[H_AXIS], layout[W_AXIS]
    firsts_d, firsts_h, firsts_w = d + FIRST, h + FIRST, w + FIRST
    counts_d, counts_h, counts_w = firsts_d + depth_out, firsts_h + rows, firsts_w + columns
    strip = layout[STRIP]
    strips = (rows + strip - 1) // strip
    for unit in range(start, stop):
        plane = unit // strips
        low_row = (unit % strips) * strip
        for od in range(depth_out):
            for o in range(low_row, min(low_row + strip, rows)):
                for j in range(2 * width):
                    lines[j] = 0
                for dt in range(layout[counts_d + od]):
                    at_face = (plane * depth + layout[firsts_d + od] + dt * layout[d + DILATION]) * face
                    for t in range(layout[counts_h + o]):
                        a = at_face + (layout[firsts_h + o] + t * layout[h + DILATION]) * width
                        for j in range(width):
                            lines[j] += (x[a + j] >> 32) & high_mask
                            lines[width + j] += x[a + j] & _DIGIT_MASK
                outer = factors[od] * factors[depth_out + o]
                to = (plane * depth_out + od) * face_out + o * columns
                for j in range(columns):
                    high, low = lines[layout[firsts_w + j]], lines[width + layout[firsts_w + j]]
                    for k in range(1, layout[counts_w + j]):
                        place = layout[firsts_w + j] + k * layout[w + DILATION]
                        high += lines[place]
                        low += lines[width + place]
                    divisor = outer * factors[depth_out + rows + j]
                    high += low >> 32
                    low &= _DIGIT_MASK
                    if unsigned != 0:
                        out[to + j] = unsigned_quotient(high, low, divisor)
                    else:
                        out[to + j] = quotient(high, low, divisor)
