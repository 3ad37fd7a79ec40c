"""Helpers for windows of two or three elements with stride 2, which read elements in place without deinterleaving.

They combine elements as the helpers in ``joins``. The windows of a line begin at ``a``, each two elements further on.
"""

from __future__ import annotations

import numpy as np

from poolhouse.kernels.joins import later_wins
from poolhouse.kernels.registry import Flat, helper


@helper
def join_stride_two(
    out: Flat,
    out_numbers: Flat,
    to: int,
    out_skew: int,
    out_pitch: int,
    x: Flat,
    numbers: Flat,
    a: int,
    skew: int,
    pitch: int,
    rows: int,
    n: int,
    taps: int,
) -> None:
    """Store the maxima of windows of two or three ``taps`` in ``out``."""
    if out_pitch == n and pitch == 2 * n and taps == 2:
        rows, n = 1, rows * n
    for r in range(rows):
        o, p = to + r * out_pitch, a + r * pitch
        if taps == 2:
            for j in range(n):
                earlier, other = x[p + 2 * j], x[p + 2 * j + 1]
                out[o + j] = other if later_wins(earlier, other) else earlier
        else:
            for j in range(n):
                earlier, other, third = x[p + 2 * j], x[p + 2 * j + 1], x[p + 2 * j + 2]
                found = other if later_wins(earlier, other) else earlier
                out[o + j] = third if later_wins(found, third) else found


@helper
def join_stride_two_indexed(
    out: Flat,
    out_numbers: Flat,
    to: int,
    out_skew: int,
    out_pitch: int,
    x: Flat,
    numbers: Flat,
    a: int,
    skew: int,
    pitch: int,
    rows: int,
    n: int,
    taps: int,
) -> None:
    """As :func:`join_stride_two`, with the number of the chosen element; numbers of a row are consecutive."""
    for r in range(rows):
        o, p = to + r * out_pitch, a + r * pitch
        first = numbers[p + skew]
        if taps == 2:
            for j in range(n):
                earlier, other = x[p + 2 * j], x[p + 2 * j + 1]
                later = later_wins(earlier, other)
                out[o + j] = other if later else earlier
                out_numbers[o + out_skew + j] = np.int32(first + np.int32(2 * j)) + np.int32(later)
        else:
            for j in range(n):
                earlier, other, third = x[p + 2 * j], x[p + 2 * j + 1], x[p + 2 * j + 2]
                later = later_wins(earlier, other)
                found, number = other if later else earlier, np.int32(later)
                later = later_wins(found, third)
                out[o + j] = third if later else found
                out_numbers[o + out_skew + j] = np.int32(first + np.int32(2 * j)) + (np.int32(2) if later else number)


@helper
def join_stride_two_sums(
    out: Flat,
    out_numbers: Flat,
    to: int,
    out_skew: int,
    out_pitch: int,
    x: Flat,
    numbers: Flat,
    a: int,
    skew: int,
    pitch: int,
    rows: int,
    n: int,
    taps: int,
) -> None:
    """As :func:`join_stride_two`, for sums."""
    for r in range(rows):
        o, p = to + r * out_pitch, a + r * pitch
        if taps == 2:
            for j in range(n):
                out[o + j] = x[p + 2 * j] + x[p + 2 * j + 1]
        else:
            for j in range(n):
                out[o + j] = x[p + 2 * j] + x[p + 2 * j + 1] + x[p + 2 * j + 2]
