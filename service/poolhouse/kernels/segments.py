"""Reductions of the rows of each segment, column by column, in float64.

The order of additions and products is the order of a segment's rows. Neighbouring columns are reduced together, and
each of them on its own: no result depends on threads, on other columns or on other segments.

A tile is a run of segments and a run of columns, whose results fit into a core's cache. Exponentials and logarithms are
those of numpy, over chunks of a tile's rows: a compiled loop calls no C library.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from poolhouse.buffers import empty
from poolhouse.dtypes import float64_to_bfloat16
from poolhouse.kernels.ranks import BINS
from poolhouse.kernels.registry import address_of
from poolhouse.kernels.segment_loops import COMPARED_IN, EXTREMES, MEDIANS, ROWS, SQUARES, SUMS, WEIGHTED, place_rows
from poolhouse.kernels.sharding import shard
from poolhouse.kernels.widening import Array

Reals = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

TILE_ELEMENTS: Final = 8 * 2**10
"""Results of a tile, and elements of a chunk of its rows: 64 KiB."""
TILE_COLUMNS: Final = 2048
_TILES_HELD: Final = 12
"""Arrays of this size that a thread has at a time, with those of numpy's expressions."""
_NAN: Final = float("nan")
_INDEXED: Final = ("max", "min")


def group_rows(segments: Integers, count: int) -> tuple[Integers, Integers]:
    """The rows of each segment, in the order of the rows.

    Args:
        segments: ``(T,)``, the segment of each row, from 0 to ``count - 1``; not checked.
        count: number of segments.

    Returns:
        ``order`` ``(T,)``, numbers of rows, and ``offsets`` ``(count + 1,)``: segment s has the rows
        ``order[offsets[s]:offsets[s + 1]]``.
    """
    given = np.ascontiguousarray(segments, np.int64)
    order, offsets = np.empty(len(given), np.int64), np.zeros(count + 1, np.int64)
    if place_rows.entry is not None:
        place_rows(given, len(given), count, order, offsets)
    else:
        order[:] = np.argsort(given, kind="stable")
        np.cumsum(np.bincount(given, minlength=count), out=offsets[1:])
    return order, offsets


def scratch_bytes(reduce: str, rows: int, columns: int, segments: int, threads: int) -> int:
    """An upper bound of what a :class:`SegmentKernel` allocates besides its outputs, for inputs of this size."""
    held = threads * (_TILES_HELD * 8 * TILE_ELEMENTS + 64 * 1024)
    # Threads share columns, or segments; then they sort different rows.
    keys = 8 * (rows * max(1, min(threads, columns)) + (2 + BINS) * threads) if reduce == "median" else 0
    return held + keys + 32 * (segments + 1)


@dataclass(frozen=True, slots=True)
class _Tile:
    """Some segments and columns.

    Attributes:
        offsets: of these segments, and of the end.
        width: number of columns.
        arguments: the first arguments of each loop.
    """

    offsets: Integers
    width: int
    arguments: tuple[int, ...]

    def new(self) -> Reals:
        return np.empty((len(self.offsets) - 1, self.width))

    def zeros(self) -> Reals:
        return np.zeros((len(self.offsets) - 1, self.width))

    def counts(self) -> Integers:
        """The number of rows of each segment."""
        found: Integers = self.offsets[1:] - self.offsets[:-1]
        return found


class SegmentKernel:
    """The reduction of each segment's rows, computed in float64 and rounded once.

    Args:
        reduce: ``sum``, ``mean``, ``max``, ``min``, ``mul``, ``median`` (the lower one of an even number), ``var``,
            ``std``, ``softmax`` (the sum weighted by the softmax of the segment) or ``logsumexp``. A NaN is the
            maximum, the minimum and the median of its segment.
        element: a float type.
        empty_value: the result for a segment without rows.
        correction: what ``var`` and ``std`` subtract from the number of rows; NaN where nothing is left.
        with_indices: for ``max`` and ``min``: also give the first row with the result, or -1.
    """

    def __init__(
        self, reduce: str, element: str, *, empty_value: float, correction: int = 0, with_indices: bool = False
    ) -> None:
        assert reduce in _INDEXED or not with_indices, f"{reduce} has no indices"
        self._reduce, self._element, self._empty_value = reduce, element, empty_value
        self._correction, self._with_indices = correction, with_indices

    def __call__(self, planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
        """Reduce ``input`` ``(T, D)``, whose rows ``order`` ``(R,)`` and ``offsets`` ``(S + 1,)`` group.

        Returns:
            ``(S, D)`` of the input's type, and ``(S, D)`` int64 with indices.
        """
        x = np.ascontiguousarray(planes["input"])
        order, offsets = (np.ascontiguousarray(planes[name], np.int64) for name in ("order", "offsets"))
        segments, columns = len(offsets) - 1, x.shape[1]
        out = empty((segments, columns), x.dtype)
        winners = empty((segments, columns), np.int64) if self._with_indices else None
        common = (address_of(x), columns, address_of(order), address_of(offsets))

        def pool(first: int, stop: int, begin: int, end: int) -> None:
            for column in range(begin, end, TILE_COLUMNS):
                width = min(TILE_COLUMNS, end - column)
                many = max(1, TILE_ELEMENTS // width)
                for segment in range(first, stop, many):
                    last = min(segment + many, stop)
                    tile = _Tile(offsets[segment : last + 1], width, (*common, segment, last, column, width))
                    self._pool(tile, out[segment:last, column : column + width], winners)

        # An empty segment costs about as much as a row.
        work = offsets + np.arange(segments + 1)
        longest = int(np.diff(work).max(initial=0))
        if columns >= threads > 1 and longest * threads > work[-1]:
            shard(lambda begin, end: pool(0, segments, begin, end), columns, threads)
        else:
            find = work[:-1].searchsorted
            shard(lambda start, stop: pool(int(find(start)), int(find(stop)), 0, columns), int(work[-1]), threads)
        return (out,) if winners is None else (out, winners)

    def _pool(self, tile: _Tile, out: Array, winners: Array | None) -> None:
        with np.errstate(all="ignore"):
            self._round(self._find(tile, winners), out)
            is_empty = tile.counts() == 0
            if is_empty.any():
                value = np.empty(1, out.dtype)
                self._round(np.array([self._empty_value]), value)
                out[is_empty] = value

    def _round(self, found: Array, out: Array) -> None:
        rounded = float64_to_bfloat16(found.astype(np.float64)) if self._element == "bfloat16" else found
        np.copyto(out, rounded, casting="same_kind")

    def _find(self, tile: _Tile, winners: Array | None) -> Array:
        counts = tile.counts()[:, None]
        found = tile.new()
        if self._reduce in _INDEXED:
            return self._extremes(tile, 1.0 if self._reduce == "max" else -1.0, winners)
        if self._reduce == "median":
            keys = np.empty(int(counts.max()) + 2, np.int64)
            MEDIANS[self._element](*tile.arguments, found, keys, np.empty(BINS, np.int64))
            return found
        if self._reduce in ("softmax", "logsumexp"):
            return self._exponentials(tile)
        SUMS[self._element](*tile.arguments, found, self._reduce == "mul")
        if self._reduce in ("sum", "mul"):
            return found
        np.divide(found, counts, out=found)
        if self._reduce == "mean":
            return found
        squares = tile.new()
        SQUARES[self._element](*tile.arguments, found, squares)
        left = counts - self._correction
        variances = np.where(left > 0, squares / left, _NAN)
        return variances if self._reduce == "var" else np.sqrt(variances, out=variances)

    def _extremes(self, tile: _Tile, sign: float, winners: Array | None) -> Array:
        found = np.empty((len(tile.offsets) - 1, tile.width), COMPARED_IN[self._element])
        chosen = np.empty(0, np.int64) if winners is None else winners
        EXTREMES[self._element](*tile.arguments, found, sign, chosen, winners is not None)
        return found if sign > 0 else np.negative(found, out=found)

    def _exponentials(self, tile: _Tile) -> Reals:
        shifts, total, weighted = self._extremes(tile, 1.0, None).astype(np.float64), tile.zeros(), tile.zeros()
        takes_log = self._reduce == "logsumexp"
        if takes_log:
            # The logarithm of the sum is then infinite, too, or NaN.
            shifts[~np.isfinite(shifts)] = 0.0
        many = max(1, TILE_ELEMENTS // tile.width)
        weights = np.empty((many, tile.width))
        for begin in range(int(tile.offsets[0]), int(tile.offsets[-1]), many):
            end = min(begin + many, int(tile.offsets[-1]))
            ROWS[self._element](*tile.arguments, shifts, begin, end, weights)
            np.exp(weights[: end - begin], out=weights[: end - begin])
            WEIGHTED[self._element](*tile.arguments, weights, begin, end, total, weighted, not takes_log)
        return np.log(total) + shifts if takes_log else weighted / total
