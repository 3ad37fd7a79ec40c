"""Divides the work on spans of tokens: parts of spans that share a table of blocks or none, and strips of columns.

The division does not change a result, because the order of additions of a span depends on the span alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from poolhouse.kernels.span_blocks import BLOCK, BLOCK_SHIFT
from poolhouse.kernels.widening import Array

Integers = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]

TABLE_BYTES: Final = 2**20
"""Size of the table of a strip of columns. It fits into the second-level cache of most cores."""
MAX_STRIP: Final = 1024
"""The most columns that are pooled together."""
MIN_STRIP: Final = 32
"""The fewest columns, unless all are fewer. They are a cache line of 16-bit floats."""
PART_ELEMENTS: Final = 2**20
"""Elements of the spans of a part, about: a call of a loop takes microseconds besides its work."""
MIN_SHARED_ELEMENTS: Final = 2**17
"""From this many on, elements that several spans read are worth a table and a part of their own."""


@dataclass(frozen=True)
class Part:
    """Spans that are pooled by one call for each strip of columns.

    Attributes:
        start: the first span.
        stop: the end of the spans.
        low: the first block of the table.
        high: the end of its blocks; ``low`` for a part without a table.
        levels: the highest level of the nodes.
    """

    start: int
    stop: int
    low: int
    high: int
    levels: int

    def level_rows(self) -> list[int]:
        """The number of nodes of each level of the table."""
        levels = range(self.levels + 1 if self.high > self.low else 0)
        return [max((self.high >> level) - -(-self.low >> level), 0) for level in levels]


class Spans:
    """The spans in the order of their tokens.

    Attributes:
        order: the place of each in the request.
        begin: the first token of each.
        end: the end of its tokens.
        origin: the first token of its row.
        mask: uint8, or None if all tokens count.
        counts: how many tokens of each span count.
    """

    def __init__(self, spans: Array, mask: Array | None) -> None:
        given = np.asarray(spans, np.int64)
        self.order = np.argsort(given[:, 0], kind="stable")
        self.begin, self.end, self.origin = np.ascontiguousarray(given[self.order].T)
        self.mask = None if mask is None else np.ascontiguousarray(mask).view(np.uint8)
        if self.mask is None:
            self.counts = self.end - self.begin
        else:
            self._before = _running_sums(self.mask != 0)
            self.counts = self._before[self.end] - self._before[self.begin]

    def ends_that_count(self) -> tuple[Integers, Integers]:
        """The first and the last token of each span that count; any number for a span without one."""
        if self.mask is None:
            return self.begin, self.end - 1
        counting = np.append(np.flatnonzero(self.mask), 0)
        return counting[self._before[self.begin]], counting[self._before[self.end] - 1]

    def position_sums(self) -> Integers:
        """The sum of the positions, from 1 on, of the tokens that count."""
        sums: Integers = self.counts * (self.counts + 1) // 2
        if self.mask is not None:
            numbers = _running_sums(np.arange(len(self.mask)) * (self.mask != 0))
            sums = numbers[self.end] - numbers[self.begin] - (self.begin - 1) * self.counts
        return sums

    def parts(self, work: int) -> list[Part]:
        """The spans in parts; ``work`` is the number of columns times that of reductions."""
        low, high = (self.begin - self.origin + BLOCK - 1) >> BLOCK_SHIFT, (self.end - self.origin) >> BLOCK_SHIFT
        blocks = np.maximum(high - low, 0)
        # Spans that are joined by whole blocks which they share are a group.
        reach = np.maximum.accumulate(np.where(blocks > 0, self.origin + (high << BLOCK_SHIFT), 0))
        begins = np.ones(len(blocks), bool)
        begins[1:] = self.origin[1:] != self.origin[:-1]
        begins[1:] |= (blocks[1:] > 0) & (self.origin[1:] + (low[1:] << BLOCK_SHIFT) >= reach[:-1])
        firsts = np.flatnonzero(begins)
        lowest = np.minimum.reduceat(np.where(blocks > 0, low, np.iinfo(np.int64).max), firsts)
        highest = np.maximum.reduceat(np.where(blocks > 0, high, 0), firsts)
        most = np.maximum.reduceat(blocks, firsts)
        shared = np.add.reduceat(blocks, firsts) - (highest - np.minimum(lowest, highest))
        has_table = shared * (BLOCK * work) >= MIN_SHARED_ELEMENTS
        # Groups without a table follow each other in one part until it has enough elements.
        elements = np.cumsum(np.add.reduceat(self.end - self.begin, firsts)) * work // PART_ELEMENTS
        kinds = np.where(has_table, -1 - np.arange(len(firsts)), elements)
        starts = np.flatnonzero(np.append(True, kinds[1:] != kinds[:-1]))
        found = []
        for start, stop in zip(starts, np.append(starts[1:], len(firsts)), strict=True):
            span_stop = firsts[stop] if stop < len(firsts) else len(blocks)
            table = (lowest[start], highest[start]) if has_table[start] else (0, 0)
            levels = max(int(most[start:stop].max()), 1).bit_length() - 1
            found.append(Part(int(firsts[start]), int(span_stop), int(table[0]), int(table[1]), levels))
        return found


def strip_of(dims: int, reductions: int, table_rows: int, least: int) -> int:
    """How many columns are pooled together.

    Args:
        dims: all columns.
        reductions: how many.
        table_rows: rows of the table; 0 without a table.
        least: how many strips there are at least, if they are wide enough.
    """
    widest = MAX_STRIP
    if table_rows:
        fitting = TABLE_BYTES // (8 * reductions * table_rows)
        widest = min(max(fitting // MIN_STRIP * MIN_STRIP, MIN_STRIP), MAX_STRIP)
    strips = max(-(-dims // widest), least)
    return min(-(-dims // (strips * MIN_STRIP)) * MIN_STRIP, dims)


def _running_sums(numbers: Array) -> Integers:
    """The sum of the numbers before each place, and of all."""
    sums = np.zeros(len(numbers) + 1, np.int64)
    np.cumsum(numbers, out=sums[1:])
    return sums
