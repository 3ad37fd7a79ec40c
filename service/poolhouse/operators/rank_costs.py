"""Cost model of quantiles and modes: steps and memory, in plain integers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from poolhouse.dtypes import ElementType
from poolhouse.kernels.networks import MAX_NETWORK_TAPS, comparisons, shares_columns
from poolhouse.kernels.quantiles import BETWEEN, METHODS, Quantile
from poolhouse.kernels.rank_kernels import MAX_BLOCK, MIN_NETWORK_WINDOWS, uses_histograms
from poolhouse.operators.costs import STEPS_PER_BYTE, STEPS_PER_CALL, Cost, byte_steps, window_position_steps
from poolhouse.operators.loop_costs import MAX_CACHED_WINDOWS
from poolhouse.operators.window_ranks import PIECE_TAPS
from poolhouse.operators.windows import AxisSummary

_CALL_STEPS: Final = 12_000.0
_STEPS_PER_COMPARED_BYTE: Final = 0.05
"""Steps of a comparison in a network for each byte of a key."""
_STEPS_PER_COMPARISON: Final = 6.0
"""Steps of a comparison of two lines, whatever their length."""
_INSERTED: Final = 24
"""Windows up to this size are sorted by insertion."""
_MAX_THREADS: Final = 16
_MIN_THREADED_BYTES: Final = 2**22
_UNIT_AXIS: Final = AxisSummary(1, 1, 1, 1)


@dataclass(frozen=True, slots=True)
class Ranking:
    """What is found in each window.

    Attributes:
        quantile: None for the most frequent element.
        skips: whether elements may be passed over.
        gives_shares: whether the share of the elements that count is found, too.
    """

    quantile: Quantile | None
    skips: bool = False
    gives_shares: bool = False

    def finds_two(self, axes: Sequence[AxisSummary]) -> bool:
        """Whether results are between the elements of two ranks."""
        if self.quantile is None or METHODS[self.quantile.method] != BETWEEN:
            return False
        whole = math.prod(axis.longest for axis in axes)
        uniform = not self.skips and all(axis.is_uniform for axis in axes)
        return not (uniform and self.quantile.rank(whole) == self.quantile.rank(whole, upper=True))


def rank_loops_cost(axes: Sequence[AxisSummary], dtype: ElementType, ranking: Ranking) -> Cost:
    """Cost of ``kernels.rank_kernels.RankKernel`` for planes with these axes."""
    depth, height, width = (*[_UNIT_AXIS] * (3 - len(axes)), *axes)
    itemsize = dtype.itemsize
    given, found = (math.prod(each) for each in zip(*((axis.length, axis.outputs) for axis in axes), strict=True))
    reads = math.prod(axis.element_reads for axis in axes)
    whole = math.prod(axis.longest for axis in axes)
    rows = depth.outputs * height.outputs
    copies = dtype.kind == "float" or dtype.is_unsigned
    steps = 5.0 + rows * 8.0 + given * itemsize * 0.06 * copies + found * 0.5
    regular = width.outputs - width.irregular
    whole_rows = math.prod(axis.outputs - axis.irregular for axis in (depth, height))
    sorted_together, line_bytes = 0, 0.0
    has_network = regular >= MIN_NETWORK_WINDOWS and whole <= MAX_NETWORK_TAPS
    counts = uses_histograms(itemsize, whole, has_network=has_network, is_mode=ranking.quantile is None)
    if has_network and not counts:
        sorted_together = regular * whole_rows
        column, columns, stride = depth.longest * height.longest, width.longest, width.stride
        shared = shares_columns(column, columns, width.dilation, stride, min(regular, MAX_BLOCK))
        one_rank = ranking.quantile is not None and not ranking.skips
        compared = comparisons(column, columns, is_shared=shared) * (0.7 if one_rank else 1.0)
        registers = 1.2 * whole + 3
        apart = stride if shared else 1
        block = min(regular, MAX_BLOCK, max(32_768 / (registers * itemsize * apart), 512 / itemsize))
        blocks = -(-regular // max(block, 1))
        halo = (columns - 1) * width.dilation
        length = regular * stride + blocks * halo if shared else regular
        # Processors have no instruction for the lesser of two 64-bit integers, and lines of rows are short.
        byte = _STEPS_PER_COMPARED_BYTE * (2 if itemsize == 8 else 1)
        taps = column if shared else whole
        each = compared * (length * itemsize * byte + blocks * _STEPS_PER_COMPARISON)
        each += taps * (length * (0.1 if shared or stride == 1 else 0.7) + blocks * _STEPS_PER_COMPARISON)
        if ranking.skips:
            each += taps * length * 0.3 + regular * (columns * 0.3 + 8)
        if ranking.quantile is None:
            each += whole * (regular * 0.5 + 5 * blocks)
        steps += whole_rows * each
        line_bytes = (registers * itemsize + 20) * (block * apart + halo * shared + 16)
    alone = found - sorted_together
    taps = reads / max(found, 1)
    steps += _histogram_steps(axes, ranking) if counts else alone * _window_steps(taps, itemsize, ranking)
    two = ranking.finds_two(axes)
    by_loops = dtype.name in ("float32", "float64")
    # Where the place of the quantile is that of an element, there is nothing between.
    if two:
        uniform = not ranking.skips and not Ranking(ranking.quantile).finds_two([AxisSummary(whole, 1, whole, whole)])
        between = alone if uniform else found
        steps += found * 2.0 + between * (5.0 if by_loops else 20.0)
    steps += found * 2.0 * ranking.gives_shares
    window_bytes = (whole * (2 if ranking.quantile is None else 1) + 2) * itemsize * (not counts) + 1024
    threads = min(_MAX_THREADS * (given + found) * itemsize / _MIN_THREADED_BYTES, rows)
    # The outputs of a piece are in memory of a rounded size.
    held = given * itemsize * copies + (line_bytes + window_bytes) * threads + found * itemsize * 0.25
    held += found * two * (itemsize + 4 + (0 if by_loops else 96)) + found * 16 * ranking.gives_shares
    fresh = given * itemsize * copies * (byte_steps(given * itemsize) - STEPS_PER_BYTE)
    windows = sum(axis.outputs for axis in axes)
    positions = window_position_steps(windows) * 6 if windows > MAX_CACHED_WINDOWS else 0.0
    shared_bytes = line_bytes + window_bytes + 120 * windows + 8 * found * ranking.gives_shares
    return Cost(steps + fresh, _CALL_STEPS + positions, held, shared_bytes)


def _histogram_steps(axes: Sequence[AxisSummary], ranking: Ranking) -> float:
    """Steps for the windows of a plane, if histograms move along its rows."""
    *others, width = axes
    columns = width.element_reads
    if width.stride % width.dilation == 0:
        # Each column enters once and leaves once.
        columns = min(columns, 2 * width.length + width.longest)
    each = 110 if ranking.quantile is None else 90
    return math.prod(axis.element_reads for axis in others) * columns * 1.4 + each * math.prod(
        axis.outputs for axis in axes
    )


def _window_steps(taps: float, itemsize: int, ranking: Ranking) -> float:
    """Steps for one window of this many elements that is handled alone."""
    steps = 12 + 1.5 * taps
    if taps <= _INSERTED:
        return steps + 0.35 * taps * taps
    if ranking.quantile is None:
        return steps + itemsize * (350 + 3.0 * taps)
    return steps + 250 + 7.0 * taps


def rank_cost(axes: Sequence[AxisSummary], dtype: ElementType, ranking: Ranking) -> Cost:
    """Cost of ``window_ranks`` for planes with these axes."""
    given, found = (math.prod(each) for each in zip(*((axis.length, axis.outputs) for axis in axes), strict=True))
    whole = math.prod(axis.longest for axis in axes)
    piece = max(1, min(found, PIECE_TAPS // whole))
    pieces = -(-found // piece)
    taps = found * whole
    calls = 40 + 20 * len(axes) + 25 * ranking.finds_two(axes)
    steps = taps * (12.0 + 3.0 * math.log2(whole + 1) + (20.0 if ranking.quantile is None else 0.0))
    steps += found * (30.0 + 60.0 * ranking.finds_two(axes)) + given * 1.5 + pieces * calls * STEPS_PER_CALL
    held = given * (dtype.itemsize * 4 + 2) + found * dtype.itemsize * 2
    held += piece * whole * (2 * dtype.itemsize + 12 + (40 if ranking.quantile is None else 0)) + piece * 120
    windows = sum(axis.outputs for axis in axes)
    return Cost(steps, 10 * STEPS_PER_CALL + 20.0 * windows, held, 120 * windows + piece * whole * 30)
