"""Loops for ranks and modes of large windows of keys of 8 bits: a histogram moves with the window along a row.

After T. Huang, G. Yang and G. Tang, "A fast two-dimensional median filtering algorithm" (1979): of two windows next to
each other, only the columns that leave and those that enter are counted, and the rank is looked for from where it was.
"""

from __future__ import annotations

from typing import Final

from poolhouse.kernels.axes import DILATION, FIRST, OUTPUTS
from poolhouse.kernels.ranks import (
    ALSO_IGNORED,
    BINS,
    COLUMNS,
    D_AXIS,
    DEPTH,
    DEPTH_OUT,
    EMPTY,
    GIVES_COUNTS,
    GIVES_UPPER,
    GOAL,
    H_AXIS,
    HEIGHT,
    IGNORED,
    METHOD,
    MODE,
    ROWS,
    SKIPS_IGNORED,
    W_AXIS,
    WIDTH,
    Q,
    rank_of,
)
from poolhouse.kernels.registry import Flat, helper, loop

LEAST_KEY: Final = -128
_FEW: Final = 8
"""Up to this many columns are counted one by one, more row by row."""


@helper
def count_columns(
    x: Flat,
    at: int,
    taps_d: int,
    pitch_d: int,
    taps_h: int,
    pitch_h: int,
    taps_w: int,
    pitch_w: int,
    change: int,
    bins: Flat,
    place: int,
) -> int:
    """Add columns of a window to the histogram, or take them away.

    Args:
        x: flat keys.
        at: offset of the first element.
        taps_d: elements along D, ``pitch_d`` apart.
        pitch_d: see taps_d.
        taps_h: elements along H, ``pitch_h`` apart.
        pitch_h: see taps_h.
        taps_w: elements along W, ``pitch_w`` apart.
        pitch_w: see taps_w.
        change: 1 or -1.
        bins: the histogram.
        place: a bin.

    Returns:
        what was added below ``place``.
    """
    below = 0
    # The longer loop is the inner one.
    outer, inner, pitch_outer, pitch_inner = taps_h, taps_w, pitch_h, pitch_w
    if taps_w < taps_h and taps_w < _FEW:
        outer, inner, pitch_outer, pitch_inner = taps_w, taps_h, pitch_w, pitch_h
    for dt in range(taps_d):
        for t in range(outer):
            begin = at + dt * pitch_d + t * pitch_outer
            for k in range(inner):
                key = int(x[begin + k * pitch_inner]) - LEAST_KEY
                bins[key] += change
                below += change if key < place else 0
    return below


@helper
def most_frequent_bin(bins: Flat) -> int:
    """The first of the fullest bins."""
    most = bins[0]
    for i in range(BINS):
        most = max(most, bins[i])
    found = 0
    while bins[found] != most:
        found += 1
    return found


@loop("void(int8*, int64, int64, int64*, int8*, float64*, int8*, int8*, int32*, int32*)")
def pool_histograms(
    x: Flat,
    start: int,
    stop: int,
    header: Flat,
    special: Flat,
    quantile: Flat,
    out: Flat,
    upper: Flat,
    counts: Flat,
    bins: Flat,
) -> None:
    """Pool output rows ``start`` to ``stop`` of planes of keys; see :func:`.ranks.pool_ranks`.

    Args:
        x: flat, planes ``(D, H, W)``.
        start: the first row.
        stop: the end of the rows.
        header: see :data:`.ranks.HEADER_SIZE`; then the encoded axes. No key is a NaN.
        special: see :data:`.ranks.SPECIAL_KEYS`.
        quantile: see :data:`.ranks.METHOD`.
        out: flat: the lower rank, or the most frequent key.
        upper: flat: the upper rank, or ``out`` again if that is not wanted.
        counts: flat: the elements that were counted.
        bins: scratch of :data:`.ranks.BINS` integers.
    """
    depth, height, width = header[DEPTH], header[HEIGHT], header[WIDTH]
    depth_out, rows, columns = header[DEPTH_OUT], header[ROWS], header[COLUMNS]
    d, h, w = header[D_AXIS], header[H_AXIS], header[W_AXIS]
    apart = header[w + DILATION]
    pitch_d, pitch_h = header[d + DILATION] * height * width, header[h + DILATION] * width
    firsts_d, firsts_h, firsts_w = d + FIRST, h + FIRST, w + FIRST
    counts_d, counts_h, counts_w = (
        firsts_d + header[d + OUTPUTS],
        firsts_h + header[h + OUTPUTS],
        firsts_w + header[w + OUTPUTS],
    )
    skips, goal = header[SKIPS_IGNORED], header[GOAL]
    gives_upper, gives_counts = header[GIVES_UPPER], header[GIVES_COUNTS]
    ignored, also_ignored = int(special[IGNORED]) - LEAST_KEY, int(special[ALSO_IGNORED]) - LEAST_KEY
    q, method = quantile[Q], quantile[METHOD]
    for row in range(start, stop):
        oh = row % rows
        od = row // rows % depth_out
        plane = row // (rows * depth_out)
        taps_d, taps_h = header[counts_d + od], header[counts_h + oh]
        corner = ((plane * depth + header[firsts_d + od]) * height + header[firsts_h + oh]) * width
        # The elements in the histogram are those of the columns from begin to end; ``below`` of them are in the bins
        # before ``place``.
        begin, end, place, below = 0, 0, 0, 0
        for i in range(BINS):
            bins[i] = 0
        for o in range(columns):
            first = header[firsts_w + o]
            last = first + header[counts_w + o] * apart
            # Windows that leave more elements than they keep are counted anew.
            moves = begin <= first < end <= last and (first - begin) % apart == 0
            if not moves or first - begin > end - first:
                for i in range(BINS):
                    bins[i] = 0
                begin, end, below = first, first, 0
            below += count_columns(
                x, corner + begin, taps_d, pitch_d, taps_h, pitch_h, (first - begin) // apart, apart, -1, bins, place
            )
            below += count_columns(
                x, corner + end, taps_d, pitch_d, taps_h, pitch_h, (last - end) // apart, apart, 1, bins, place
            )
            begin, end = first, last
            of_ignored, of_also = 0, 0
            if skips:
                # They are taken out while the window is looked at.
                of_ignored = bins[ignored]
                bins[ignored] = 0
                of_also = bins[also_ignored]
                bins[also_ignored] = 0
                below -= (of_ignored if ignored < place else 0) + (of_also if also_ignored < place else 0)
            count = taps_d * taps_h * header[counts_w + o] - of_ignored - of_also
            at = row * columns + o
            if gives_counts:
                counts[at] = count
            if count == 0:
                out[at] = special[EMPTY]
                if gives_upper:
                    upper[at] = special[EMPTY]
            elif goal == MODE:
                out[at] = most_frequent_bin(bins) + LEAST_KEY
            else:
                rank = rank_of(count, q, method, 0)
                while below > rank:
                    place -= 1
                    below -= bins[place]
                while below + bins[place] <= rank:
                    below += bins[place]
                    place += 1
                out[at] = place + LEAST_KEY
                if gives_upper:
                    following = place
                    if rank_of(count, q, method, 1) >= below + bins[place]:
                        following += 1
                        while bins[following] == 0:
                            following += 1
                    upper[at] = following + LEAST_KEY
            if skips:
                below += (of_ignored if ignored < place else 0) + (of_also if also_ignored < place else 0)
                bins[also_ignored] += of_also
                bins[ignored] += of_ignored
