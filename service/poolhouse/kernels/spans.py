"""Pools spans of tokens to vectors by compiled loops, for parts of the spans and strips of columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from poolhouse.buffers import empty
from poolhouse.kernels.registry import Loop
from poolhouse.kernels.sharding import shard
from poolhouse.kernels.span_blocks import (
    BLOCK,
    COLUMN,
    COLUMNS,
    FIRST,
    HAS_TABLE,
    HIGH,
    IS_MASKED,
    IS_WIDE,
    LAST,
    LEVELS,
    LOW,
    MAX,
    MIN,
    NODES,
    OUTPUT_PITCH,
    OUTPUTS,
    PITCH,
    POSITIONS,
    REDUCTIONS,
    ROW_PITCH,
    SPANS,
    STACK_ROWS,
    START,
    STOP,
    SUM,
    TABLE_ROWS,
    WEIGHTED,
    pool_spans,
)
from poolhouse.kernels.span_parts import MAX_STRIP, MIN_STRIP, TABLE_BYTES, Integers, Reals, Spans, strip_of
from poolhouse.kernels.vector_norms import normalize_vectors
from poolhouse.kernels.widening import Array

MODES: Final[Mapping[str, tuple[int, ...]]] = {
    "cls": (),
    "last": (),
    "mean": (SUM,),
    "max": (MAX,),
    "min": (MIN,),
    "sum": (SUM,),
    "mean_sqrt_len": (SUM,),
    "weighted_mean": (SUM, POSITIONS),
    "weighted": (WEIGHTED,),
}
"""The reductions that each mode needs; the last one gives its output."""

_REDUCTIONS: Final = frozenset(each for reductions in MODES.values() for each in reductions)
_NUMBERS_OF_SPAN: Final = 40
"""Numbers of each span that are kept while the work is divided."""
_NUMBERS_OF_TOKEN: Final = 5
"""Running sums of counts and positions, and the tokens that count."""
_ARRAY_BYTES: Final = 200
"""An array without its elements."""
_CALL_BYTES: Final = 64 * 2**10
"""Small arrays of a call."""


class SpanKernel:
    """Reduces spans of tokens to vectors. The result for a span depends on its own tokens only.

    All additions are in float64, in the order of :mod:`poolhouse.kernels.span_blocks`, and rounded once.

    Args:
        modes: keys of :data:`MODES`; ``weighted_mean`` has the weights 1, 2, 3, … from the first token of the span on.
        element: the name of a float type.
        width: elements of a token.
        dims: how many of them are pooled, from the first on.
        normalize: whether vectors are divided by their norm, or by 1e-12 if it is smaller.
        concat: whether the outputs of all modes are one vector.
    """

    def __init__(
        self, modes: Sequence[str], element: str, width: int, dims: int, *, normalize: bool, concat: bool
    ) -> None:
        self._modes, self._element, self._width, self._dims = tuple(modes), element, width, dims
        self._normalize, self._concat = normalize, concat
        # Sums come first, because positions need them.
        self._reductions = sorted({each for mode in modes for each in MODES[mode]})

    def __call__(self, planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
        """Pool the spans.

        Args:
            planes: ``input`` ``(T, width)``; ``spans`` ``(S, 3)`` int64: begin, end, and the number of the first token
                of the row that the span lies in; where needed ``mask`` ``(T,)`` uint8 or bool, 0 for tokens that do not
                count, and ``weights`` ``(T,)`` float64.
            threads: threads that share the work.

        Returns:
            One array ``(S, modes * dims)`` with ``concat``, else one ``(S, dims)`` for each mode. A span without a
            token that counts gives 0, and so does one whose weights add up to 0 for ``weighted``.
        """
        x = np.ascontiguousarray(planes["input"])
        spans = Spans(planes["spans"], planes.get("mask"))
        count, outputs, dims = len(spans.begin), len(self._modes), self._dims
        shape = (count, outputs * dims) if self._concat else (outputs, count, dims)
        out = empty(shape, x.dtype)
        if count:
            weights = np.ascontiguousarray(planes["weights"], np.float64) if "weighted" in self._modes else np.empty(0)
            wide = np.empty(shape) if self._normalize else None
            pooling = _Pooling(
                pool_spans[self._element],
                x,
                weights,
                np.array(self._reductions, np.int64),
                np.array([self._source(mode) for mode in self._modes], np.int64),
                np.stack([_divisors(mode, spans, weights, threads) for mode in self._modes]),
                self._end_tokens(spans),
            )
            pitches = (outputs * dims, dims) if self._concat else (dims, count * dims)
            pooling.run(spans, dims, out, wide, pitches, threads)
            if wide is not None:
                normalize_vectors(wide, out, self._element, threads)
        return (out,) if self._concat else tuple(out)

    def _end_tokens(self, spans: Spans) -> Integers:
        uses_ends = "cls" in self._modes or "last" in self._modes
        return np.concatenate(spans.ends_that_count()) if uses_ends else np.empty(0, np.int64)

    def _source(self, mode: str) -> int:
        if reductions := MODES[mode]:
            return self._reductions.index(reductions[-1])
        return FIRST if mode == "cls" else LAST


def _divisors(mode: str, spans: Spans, weights: Reals, threads: int) -> Reals:
    """What the reduction of each span is divided by; 0 for a span whose output is 0."""
    if mode == "weighted_mean":
        return spans.position_sums().astype(np.float64)
    counts: Reals = spans.counts.astype(np.float64)
    if mode in ("mean", "mean_sqrt_len"):
        return counts if mode == "mean" else np.sqrt(counts)
    ones: Reals = np.where(counts > 0, 1.0, 0.0)
    if mode == "weighted":
        # The weights are the only element of each token.
        sums: Reals = np.empty(len(counts))
        plain, source, no_tokens = np.array([SUM]), np.zeros(1, np.int64), np.empty(0, np.int64)
        pooling = _Pooling(pool_spans["float64"], weights, weights, plain, source, ones, no_tokens)
        pooling.run(spans, 1, sums, None, (1, 1), threads)
        return sums[spans.order]
    return -ones if mode == "min" else ones


@dataclass(frozen=True)
class _Pooling:
    """What the loops need to pool any of the spans.

    Attributes:
        loop: of the element type.
        x: ``(T, width)``, or ``(T,)``.
        weights: for each token, or empty.
        reductions: SUM, POSITIONS, ….
        sources: for each output an index into the reductions, or FIRST or LAST.
        divisors: ``(outputs, S)``.
        tokens: the first token of each span that counts, then the last of each; empty without FIRST and LAST.
    """

    loop: Loop
    x: Array
    weights: Reals
    reductions: Integers
    sources: Integers
    divisors: Reals
    tokens: Integers

    def run(
        self, spans: Spans, dims: int, out: Array, wide: Reals | None, pitches: tuple[int, int], threads: int
    ) -> None:
        """Pool all spans.

        Args:
            spans: the spans.
            dims: how many elements of a token are pooled.
            out: flat; written unless ``wide`` is given.
            wide: as out, in float64.
            pitches: the distances in out of the spans and of the outputs.
            threads: threads that share the work.
        """
        rows = np.stack((spans.begin, spans.end, spans.origin, spans.order), 1)
        mask = np.empty(0, np.uint8) if spans.mask is None else spans.mask
        target = np.empty(0) if wide is None else wide
        common = np.zeros(NODES, np.int64)
        common[[PITCH, SPANS]] = self.x.size // len(self.x) if len(self.x) else 0, len(rows)
        common[[REDUCTIONS, OUTPUTS]] = len(self.reductions), len(self.sources)
        common[[ROW_PITCH, OUTPUT_PITCH]] = pitches
        common[[IS_MASKED, IS_WIDE]] = spans.mask is not None, wide is not None
        units, scratch_size = _units(spans, dims, common, threads)

        def work(start: int, stop: int) -> None:
            scratch = np.empty(scratch_size)
            for numbers in units[start:stop]:
                self.loop(
                    self.x, out, target, numbers, self.reductions, self.sources, rows, self.tokens, self.divisors,
                    mask, self.weights, scratch,
                )  # fmt: skip

        shard(work, len(units), threads)


def _units(spans: Spans, dims: int, common: Integers, threads: int) -> tuple[list[Integers], int]:
    """The numbers of each call of the loop, and how many elements their scratch has."""
    reductions = int(common[REDUCTIONS])
    parts = spans.parts(dims * reductions)
    # The parts of a few spans are divided into more strips, so that each thread has some.
    least = -(-2 * threads // len(parts)) if threads > 1 else 1
    units, scratch_size = [], 0
    for part in parts:
        level_rows = part.level_rows()
        table_rows, stack_rows = sum(level_rows), part.levels + 1
        strip = strip_of(dims, reductions, table_rows, least)
        scratch_size = max(scratch_size, reductions * strip * (1 + (table_rows or stack_rows)))
        nodes = [sum(level_rows[:level]) - -(-part.low >> level) for level in range(stack_rows)]
        for column in range(0, dims, strip):
            numbers = np.concatenate((common, nodes))
            numbers[[COLUMN, COLUMNS]] = column, min(strip, dims - column)
            numbers[[START, STOP]] = part.start, part.stop
            numbers[[HAS_TABLE, TABLE_ROWS, STACK_ROWS]] = table_rows > 0, table_rows, stack_rows
            numbers[[LOW, HIGH, LEVELS]] = part.low, part.high, part.levels
            units.append(numbers)
    return units, scratch_size


def scratch_bytes(
    tokens: int, spans: int, dims: int, modes: int, *, normalize: bool = True, threads: int = 1
) -> int:  # fmt: skip
    """An upper bound of the memory that a kernel allocates for a call besides its outputs.

    Args:
        tokens: of all rows.
        spans: how many.
        dims: elements of a token that are pooled.
        modes: how many.
        normalize: whether vectors are divided by their norm.
        threads: threads that share the work.
    """
    # Only weighted_mean needs two reductions.
    reductions = min(modes + 1, len(_REDUCTIONS))
    blocks = tokens // BLOCK + 1
    levels = blocks.bit_length()
    column = 8 * reductions
    table = column * (2 * blocks + levels) if spans > 1 else 0
    strip = min(table * min(dims, MAX_STRIP), max(TABLE_BYTES, table * min(dims, MIN_STRIP)))
    scratch = column * min(dims, MAX_STRIP) + max(column * min(dims, MAX_STRIP) * (levels + 1), strip)
    vectors = 8 * modes * dims * (spans + threads) if normalize else 0
    calls = spans + tokens * dims * reductions // 2**18 + 2 * threads + 8
    return (
        threads * scratch
        + vectors
        + calls * (8 * (NODES + levels) + _ARRAY_BYTES)
        + 8 * spans * (_NUMBERS_OF_SPAN + 3 * modes)
        + 8 * tokens * _NUMBERS_OF_TOKEN
        + _CALL_BYTES
    )
