"""Loops for elements of given ranks in each window, and for the most frequent ones, over keys.

Whole windows of a row are sorted together by a network, see ``networks``. Windows at the borders, windows of different
sizes and large ones are handled one by one, in a number of steps that depends on their size alone.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from poolhouse.kernels.axes import DILATION, FIRST, OUTPUTS
from poolhouse.kernels.networks import (
    BOTH,
    GREAT_TO,
    KIND,
    LEFT,
    LEFT_SHIFT,
    LESS_TO,
    LESSER,
    REACH,
    RIGHT,
    RIGHT_SHIFT,
    STEP_SIZE,
)
from poolhouse.kernels.quantiles import HIGHER, LOWER, NEAREST
from poolhouse.kernels.registry import Element, Flat, helper, loops

(
    DEPTH,
    HEIGHT,
    WIDTH,
    DEPTH_OUT,
    ROWS,
    COLUMNS,
    TAPS_D,
    TAPS_H,
    TAPS_W,
    LOW,
    HIGH,
    STRIDE,
    BLOCK,
    PITCH,
    STEPS,
    IS_SHARED,
    GOAL,
    SKIPS_NAN,
    SKIPS_IGNORED,
    NAN_WINS,
    GIVES_UPPER,
    GIVES_COUNTS,
    WINDOW,
    BITS,
    D_AXIS,
    H_AXIS,
    W_AXIS,
    HEADER_SIZE,
) = range(28)
"""Indices into a header: the sizes of planes and outputs; elements of a whole window along each axis; the whole windows
of a row and their distance; windows that a network sorts at once, elements of a register, comparisons of the network,
whether its lines are rows; what is found; which elements are passed over and whether a NaN
decides; whether upper ranks and counts are written; elements of the largest window, bits of a key; the offsets of the
encoded axes."""
RANKS, MODE = range(2)
"""What is found: the elements of two ranks, or the most frequent element."""
BINS: Final = 256
_INSERTED: Final = 24
"""Up to this many elements are sorted by insertion."""
MOST, LEAST, IGNORED, ALSO_IGNORED, EMPTY, SPECIAL_KEYS = range(6)
"""Indices into the special keys: the greatest one, the least one, two to pass over, the answer for a window without
elements."""
Q, METHOD = range(2)
"""Indices into the numbers of a quantile."""


@helper
def rank_of(count: int, q: float, method: float, upper: int) -> int:
    """The rank of the quantile q among this many elements; of the two that surround it the lower or the upper one."""
    place = (count - 1) * q
    low = int(place)
    rest = place - low
    high = low + 1 if rest > 0.0 else low
    if method == LOWER:
        return low
    if method == HIGHER:
        return high
    if method == NEAREST:
        return high if rest > 0.5 or (rest == 0.5 and low % 2 == 1) else low
    return high if upper else low


@helper
def passes(key: Element, special: Flat, skips_nan: int, skips_ignored: int) -> bool:
    """Whether windows pass over elements with this key."""
    if skips_nan and key == special[MOST]:
        return True
    return bool(skips_ignored and (key == special[IGNORED] or key == special[ALSO_IGNORED]))


@helper
def insert(keys: Flat, count: int) -> None:
    """Sort few keys."""
    for i in range(1, count):
        key = keys[i]
        j = i
        while j > 0 and keys[j - 1] > key:
            keys[j] = keys[j - 1]
            j -= 1
        keys[j] = key


@helper
def select(keys: Flat, count: int, rank: int, bins: Flat, bits: int) -> None:
    """Find a rank and the next one by their digits, in a pass for each byte of a key.

    Args:
        keys: overwritten; afterwards the first one has the rank, and the second one the next rank.
        count: number of keys; there is room for two.
        rank: from 0.
        bins: scratch.
        bits: of a key.
    """
    following = keys[0]
    has_following = False
    bias = np.int64(1) << np.int64(bits - 1)
    shift = bits
    while shift > 0 and count > _INSERTED:
        shift -= 8
        for i in range(BINS):
            bins[i] = 0
        for i in range(count):
            bins[((np.int64(keys[i]) ^ bias) >> np.int64(shift)) & np.int64(255)] += 1
        digit = 0
        while bins[digit] <= rank:
            rank -= bins[digit]
            digit += 1
        kept = 0
        has_greater = False
        for i in range(count):
            key = keys[i]
            own = ((np.int64(key) ^ bias) >> np.int64(shift)) & np.int64(255)
            if own == digit:
                keys[kept] = key
                kept += 1
            elif own > digit and (not has_greater or key < following):
                following = key
                has_greater = True
        has_following = has_following or has_greater
        count = kept
    if count <= _INSERTED:
        insert(keys, count)
    # If there are more, all of their bytes are equal.
    found = keys[rank]
    if rank + 1 < count:
        following = keys[rank + 1]
    elif not has_following:
        following = found
    keys[0] = found
    keys[1] = following


@helper
def sort(keys: Flat, count: int, other: int, bins: Flat, bits: int) -> int:
    """Sort keys by their digits; the result is the place of the first of them.

    Args:
        keys: the keys, and scratch from ``other`` on.
        count: number of keys.
        other: where the scratch for as many keys begins.
        bins: scratch.
        bits: of a key.
    """
    if count <= _INSERTED:
        insert(keys, count)
        return 0
    bias = np.int64(1) << np.int64(bits - 1)
    source, target = 0, other
    for shift in range(0, bits, 8):
        for i in range(BINS):
            bins[i] = 0
        for i in range(source, source + count):
            bins[((np.int64(keys[i]) ^ bias) >> np.int64(shift)) & np.int64(255)] += 1
        if bins[((np.int64(keys[source]) ^ bias) >> np.int64(shift)) & np.int64(255)] == count:
            continue
        before = target
        for i in range(BINS):
            many = bins[i]
            bins[i] = before
            before += many
        for i in range(source, source + count):
            key = keys[i]
            digit = ((np.int64(key) ^ bias) >> np.int64(shift)) & np.int64(255)
            keys[bins[digit]] = key
            bins[digit] += 1
        source, target = target, source
    return source


@helper
def most_frequent(keys: Flat, begin: int, count: int) -> Element:
    """The most frequent of ascending keys, the least of equally frequent ones."""
    best = keys[begin]
    length, longest = 1, 1
    for i in range(begin + 1, begin + count):
        length = length + 1 if keys[i] == keys[i - 1] else 1
        if length > longest:
            best = keys[i]
            longest = length
    return best


@helper
def run_network(lines: Flat, steps: Flat, count: int, length: int, pitch: int) -> None:
    """Run the steps of a network over registers.

    Args:
        lines: the registers.
        steps: see ``networks``.
        count: number of steps.
        length: elements of the input lines.
        pitch: elements of a register.
    """
    for step in range(count):
        at = step * STEP_SIZE
        kind = steps[at + KIND]
        less, great = steps[at + LESS_TO] * pitch, steps[at + GREAT_TO] * pitch
        left = steps[at + LEFT] * pitch + steps[at + LEFT_SHIFT]
        right = steps[at + RIGHT] * pitch + steps[at + RIGHT_SHIFT]
        many = length - steps[at + REACH]
        if kind == BOTH:
            for i in range(many):
                one, two = lines[left + i], lines[right + i]
                lines[less + i] = min(one, two)
                lines[great + i] = max(one, two)
        elif kind == LESSER:
            for i in range(many):
                lines[less + i] = min(lines[left + i], lines[right + i])
        else:
            for i in range(many):
                lines[great + i] = max(lines[left + i], lines[right + i])


@loops(
    "void(T*, int64, int64, int64*, int32*, T*, float64*, T*, T*, int32*, T*, int32*, T*, int32*)",
    "int8",
    "int16",
    "int32",
    "int64",
)
def pool_ranks(
    x: Flat,
    start: int,
    stop: int,
    header: Flat,
    program: Flat,
    special: Flat,
    quantile: Flat,
    out: Flat,
    upper: Flat,
    counts: Flat,
    lines: Flat,
    tallies: Flat,
    window: Flat,
    bins: Flat,
) -> None:
    """Pool output rows ``start`` to ``stop`` of planes of keys.

    Args:
        x: flat, planes ``(D, H, W)``.
        start: the first row.
        stop: the end of the rows.
        header: see :data:`HEADER_SIZE`; then the encoded axes.
        program: the steps of a network, then its picks.
        special: see :data:`SPECIAL_KEYS`.
        quantile: see :data:`METHOD`.
        out: flat: the lower rank, or the most frequent key.
        upper: flat: the upper rank, or ``out`` again if that is not wanted.
        counts: flat: the elements that were counted.
        lines: scratch: the registers of the network.
        tallies: scratch of two integers for each element of a register.
        window: scratch of two keys for each element of the largest window.
        bins: scratch of :data:`BINS` integers.
    """
    depth, height, width = header[DEPTH], header[HEIGHT], header[WIDTH]
    depth_out, rows, columns = header[DEPTH_OUT], header[ROWS], header[COLUMNS]
    d, h, w = header[D_AXIS], header[H_AXIS], header[W_AXIS]
    apart_d, apart_h, apart_w = header[d + DILATION], header[h + DILATION], header[w + DILATION]
    firsts_d, firsts_h, firsts_w = d + FIRST, h + FIRST, w + FIRST
    counts_d, counts_h, counts_w = (
        firsts_d + header[d + OUTPUTS],
        firsts_h + header[h + OUTPUTS],
        firsts_w + header[w + OUTPUTS],
    )
    taps_w, stride, pitch, steps = header[TAPS_W], header[STRIDE], header[PITCH], header[STEPS]
    shared, goal, picks = header[IS_SHARED], header[GOAL], steps * STEP_SIZE
    skips_nan, skips_ignored, nan_wins = header[SKIPS_NAN], header[SKIPS_IGNORED], header[NAN_WINS]
    skips = skips_nan or skips_ignored
    gives_upper, gives_counts, bits = header[GIVES_UPPER], header[GIVES_COUNTS], header[BITS]
    most, empty = special[MOST], special[EMPTY]
    q, method = quantile[Q], quantile[METHOD]
    column = header[TAPS_D] * header[TAPS_H]
    whole = column * taps_w
    step_in, step_out = (1, stride) if shared else (stride, 1)
    # The lines of tallies: elements of a column and of a window that count, lengths of runs, NaN of a column.
    per_window, run, longest, of_nan = pitch, 2 * pitch, 3 * pitch, 4 * pitch
    for row in range(start, stop):
        oh = row % rows
        od = row // rows % depth_out
        plane = row // (rows * depth_out)
        taps_d, taps_h = header[counts_d + od], header[counts_h + oh]
        corner = ((plane * depth + header[firsts_d + od]) * height + header[firsts_h + oh]) * width
        to = row * columns
        low, high = header[LOW], header[HIGH]
        if taps_d != header[TAPS_D] or taps_h != header[TAPS_H]:
            low, high = 0, 0
        into = to + low
        while into < to + high:
            begin = into - to
            many = min(high - begin, header[BLOCK])
            length = (many - 1) * stride + 1 + (taps_w - 1) * apart_w if shared else many
            if skips:
                for i in range(length):
                    tallies[i] = 0
            greatest = special[LEAST]
            for line in range(column if shared else whole):
                tap = line % column
                source = (
                    corner
                    + (tap // taps_h * apart_d * height + tap % taps_h * apart_h) * width
                    + header[firsts_w + begin]
                    + line // column * apart_w
                )
                at = line * pitch
                if skips:
                    for i in range(length):
                        key = x[source + i * step_in]
                        if passes(key, special, skips_nan, skips_ignored):
                            lines[at + i] = most
                        else:
                            lines[at + i] = key
                            tallies[i] += 1
                elif step_in == 1:
                    for i in range(length):
                        lines[at + i] = x[source + i]
                else:
                    for i in range(length):
                        lines[at + i] = x[source + i * step_in]
                if nan_wins:
                    for i in range(length):
                        greatest = max(greatest, x[source + i * step_in])
            run_network(lines, program, steps, length, pitch)
            if skips:
                if shared:
                    for i in range(many):
                        total = 0
                        for j in range(taps_w):
                            total += tallies[i * stride + j * apart_w]
                        tallies[per_window + i] = total
                else:
                    for i in range(many):
                        tallies[per_window + i] = tallies[i]
            if goal == MODE:
                at = program[picks] * pitch + program[picks + 1]
                for i in range(many):
                    out[into + i] = lines[at + i * step_out]
                    tallies[run + i] = 1
                    tallies[longest + i] = 1
                    if not skips:
                        tallies[per_window + i] = whole
                for rank in range(1, whole):
                    before = at
                    at = program[picks + 2 * rank] * pitch + program[picks + 2 * rank + 1]
                    for i in range(many):
                        key = lines[at + i * step_out]
                        same = tallies[run + i] + 1 if key == lines[before + i * step_out] else 1
                        tallies[run + i] = same
                        if same > tallies[longest + i] and rank < tallies[per_window + i]:
                            tallies[longest + i] = same
                            out[into + i] = key
            elif skips:
                for i in range(many):
                    count = tallies[per_window + i]
                    if count:
                        rank = rank_of(count, q, method, 0)
                        at = program[picks + 2 * rank] * pitch + program[picks + 2 * rank + 1]
                        out[into + i] = lines[at + i * step_out]
                        if gives_upper:
                            rank = rank_of(count, q, method, 1)
                            at = program[picks + 2 * rank] * pitch + program[picks + 2 * rank + 1]
                            upper[into + i] = lines[at + i * step_out]
            else:
                at = program[picks] * pitch + program[picks + 1]
                for i in range(many):
                    out[into + i] = lines[at + i * step_out]
                if gives_upper:
                    at = program[picks + 2] * pitch + program[picks + 3]
                    for i in range(many):
                        upper[into + i] = lines[at + i * step_out]
            if skips:
                for i in range(many):
                    if tallies[per_window + i] == 0:
                        out[into + i] = empty
                        if gives_upper:
                            upper[into + i] = empty
            if gives_counts:
                for i in range(many):
                    counts[into + i] = tallies[per_window + i] if skips else whole
            if nan_wins and greatest == most:
                for i in range(length):
                    tallies[of_nan + i] = 0
                for line in range(column if shared else whole):
                    tap = line % column
                    source = (
                        corner
                        + (tap // taps_h * apart_d * height + tap % taps_h * apart_h) * width
                        + header[firsts_w + begin]
                        + line // column * apart_w
                    )
                    for i in range(length):
                        tallies[of_nan + i] |= 1 if x[source + i * step_in] == most else 0
                for i in range(many):
                    total = 0
                    for j in range(taps_w if shared else 1):
                        total += tallies[of_nan + i * step_out + j * apart_w]
                    if total:
                        out[into + i] = most
                        if gives_upper:
                            upper[into + i] = most
            into += many
        for o in range(columns):
            if low <= o < high:
                continue
            taps = header[counts_w + o]
            count, has_nan = 0, False
            for tap in range(taps_d * taps_h):
                source = (
                    corner + (tap // taps_h * apart_d * height + tap % taps_h * apart_h) * width + header[firsts_w + o]
                )
                for k in range(taps):
                    key = x[source + k * apart_w]
                    if key == most and nan_wins:
                        has_nan = True
                    if not passes(key, special, skips_nan, skips_ignored):
                        window[count] = key
                        count += 1
            at = to + o
            if gives_counts:
                counts[at] = count
            if has_nan or count == 0:
                out[at] = most if has_nan else empty
                if gives_upper:
                    upper[at] = out[at]
            elif goal == MODE:
                out[at] = most_frequent(window, sort(window, count, header[WINDOW], bins, bits), count)
            else:
                rank = rank_of(count, q, method, 0)
                select(window, count, rank, bins, bits)
                out[at] = window[0]
                if gives_upper:
                    upper[at] = window[1] if rank_of(count, q, method, 1) > rank else window[0]
