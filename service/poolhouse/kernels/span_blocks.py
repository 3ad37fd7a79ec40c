"""Loops over spans of tokens: sums and extremes by blocks, so that a long span costs hardly more than a short one.

The tokens of a row are divided into blocks of 16, counted from the first token of the row. A block is reduced token by
token. A node of level L combines two neighbouring nodes of level L - 1, the left one first, so it has ``2^L`` blocks.
A span is reduced in the order of its tokens: those before its first whole block one by one, then the largest nodes that
lie wholly within it, then the remaining tokens. This order depends on the span alone, and a token outside a span never
enters its numbers, as it would with differences of running sums.

A node is either computed for one span, on a stack, or read from a table that overlapping spans share.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from poolhouse.kernels.float_values import FLOAT_TYPES
from poolhouse.kernels.registry import Element, Flat, helper, loops

BLOCK_SHIFT: Final = 4
BLOCK: Final = 1 << BLOCK_SHIFT
"""Tokens of a block."""
SPAN: Final = 4
"""Numbers of a span."""

SUM, POSITIONS, WEIGHTED, MAX, MIN = range(5)
"""Reductions: the sum; the sum of elements times the position of their token in the span, from 1 on, which needs SUM as
the first reduction; the sum of elements times the weight of their token; the maximum; the maximum of the negatives."""
FIRST, LAST = -1, -2
"""Sources of outputs besides the reductions: the first and the last token that counts."""

(
    PITCH, COLUMN, COLUMNS, START, STOP, SPANS, REDUCTIONS, OUTPUTS, ROW_PITCH, OUTPUT_PITCH, IS_MASKED, IS_WIDE,
    HAS_TABLE, TABLE_ROWS, STACK_ROWS, LOW, HIGH, LEVELS, NODES,
) = range(19)  # fmt: skip
"""Indices into the numbers of a call, which end with a number for each level of the table."""

_INFINITY: Final = float("inf")


@helper
def _counted(mask: Flat, is_masked: int, token: int, stop: int) -> int:
    """The first token from ``token`` on that counts, or a number from ``stop`` on."""
    if is_masked != 0:
        while token < stop and mask[token] == 0:
            token += 1
    return token


@helper
def _larger(earlier: Element, other: Element) -> Element:
    """The larger one; the first of equals, and the first NaN."""
    keeps: bool = (earlier >= other) | (earlier != earlier)
    return earlier if keeps else other


@helper
def _join(reduction: int, rows: Flat, at: int, later: int, later_sums: int, before: int, n: int) -> None:
    """Combine n columns with those of later tokens.

    Args:
        reduction: SUM, POSITIONS, ….
        rows: flat.
        at: offset of the columns, which are overwritten.
        later: offset of the columns of the later tokens.
        later_sums: for POSITIONS, offset of the sums of the later tokens.
        before: for POSITIONS, how many tokens the positions of the later tokens lack.
        n: columns.
    """
    if reduction >= MAX:
        for j in range(n):
            rows[at + j] = _larger(rows[at + j], rows[later + j])
    elif reduction == POSITIONS and before > 0:
        # Not for zero tokens: an infinite sum times zero is NaN.
        factor = np.float64(before)
        for j in range(n):
            rows[at + j] += rows[later + j] + factor * rows[later_sums + j]
    else:
        for j in range(n):
            rows[at + j] += rows[later + j]


def _make_take(value: Callable[[Element], Element]) -> Callable[..., None]:
    """Make the helper that adds tokens to the columns of every reduction."""

    @helper
    def add(
        x: Flat, pitch: int, column: int, rows: Flat, at: int, n: int, begin: int, stop: int, mask: Flat, is_masked: int
    ) -> None:
        token = _counted(mask, is_masked, begin, stop)
        while token < stop:
            second = _counted(mask, is_masked, token + 1, stop)
            third = _counted(mask, is_masked, second + 1, stop)
            fourth = _counted(mask, is_masked, third + 1, stop)
            p = token * pitch + column
            if fourth < stop:
                q, r, s = second * pitch + column, third * pitch + column, fourth * pitch + column
                for j in range(n):
                    total = ((rows[at + j] + value(x[p + j])) + value(x[q + j])) + value(x[r + j])
                    rows[at + j] = total + value(x[s + j])
                token = _counted(mask, is_masked, fourth + 1, stop)
            else:
                for j in range(n):
                    rows[at + j] += value(x[p + j])
                token = second

    @helper
    def compare(
        x: Flat, pitch: int, column: int, rows: Flat, at: int, n: int, begin: int, stop: int, mask: Flat,
        is_masked: int, sign: float,
    ) -> None:  # fmt: skip
        token = _counted(mask, is_masked, begin, stop)
        while token < stop:
            second = _counted(mask, is_masked, token + 1, stop)
            p, q = token * pitch + column, second * pitch + column
            if second < stop:
                for j in range(n):
                    found = _larger(rows[at + j], sign * value(x[p + j]))
                    rows[at + j] = _larger(found, sign * value(x[q + j]))
                token = _counted(mask, is_masked, second + 1, stop)
            else:
                for j in range(n):
                    rows[at + j] = _larger(rows[at + j], sign * value(x[p + j]))
                token = second

    @helper
    def take(
        x: Flat, numbers: Flat, reductions: Flat, rows: Flat, first: int, apart: int, begin: int, stop: int, base: int,
        fresh: bool, mask: Flat, weights: Flat,
    ) -> None:  # fmt: skip
        """Add the tokens from ``begin`` to ``stop``, one by one.

        Args:
            x: flat.
            numbers: see :func:`_make_pool_spans`.
            reductions: see there.
            rows: flat.
            first: offset of the columns of the first reduction.
            apart: distance to those of the next one.
            begin: the first token.
            stop: the end of the tokens.
            base: the token whose position is 1.
            fresh: whether the columns have no token yet.
            mask: see there.
            weights: see there.
        """
        pitch, column, n, is_masked = numbers[PITCH], numbers[COLUMN], numbers[COLUMNS], numbers[IS_MASKED]
        for k in range(numbers[REDUCTIONS]):
            reduction, at = reductions[k], first + k * apart
            if fresh:
                empty = -_INFINITY if reduction >= MAX else 0.0
                for j in range(n):
                    rows[at + j] = empty
            if reduction == SUM:
                add(x, pitch, column, rows, at, n, begin, stop, mask, is_masked)
            elif reduction >= MAX:
                compare(
                    x, pitch, column, rows, at, n, begin, stop, mask, is_masked, 1.0 if reduction == MAX else -1.0
                )  # fmt: skip
            else:
                token = _counted(mask, is_masked, begin, stop)
                while token < stop:
                    factor = weights[token] if reduction == WEIGHTED else np.float64(token - base + 1)
                    p = token * pitch + column
                    for j in range(n):
                        rows[at + j] += factor * value(x[p + j])
                    token = _counted(mask, is_masked, token + 1, stop)

    return take


@helper
def _first_node(low: int, level: int) -> int:
    """The first node of a level that begins at or after the block ``low``."""
    return (low + (1 << level) - 1) >> level


def _make_nodes(take: Callable[..., None]) -> tuple[Callable[..., None], Callable[..., None]]:
    """Make the helpers that compute nodes: all of a table, and one on a stack."""

    @helper
    def fill_table(
        x: Flat, numbers: Flat, reductions: Flat, rows: Flat, table: int, apart: int, origin: int, mask: Flat,
        weights: Flat,
    ) -> None:  # fmt: skip
        """Compute the blocks and nodes of the table that begins at ``table``."""
        n, low, high = numbers[COLUMNS], numbers[LOW], numbers[HIGH]
        for block in range(low, high):
            token = origin + (block << BLOCK_SHIFT)
            at = table + (numbers[NODES] + block) * n
            take(x, numbers, reductions, rows, at, apart, token, token + BLOCK, token, True, mask, weights)
        for level in range(1, numbers[LEVELS] + 1):
            for node in range(_first_node(low, level), high >> level):
                left = table + (numbers[NODES + level - 1] + 2 * node) * n
                to = table + (numbers[NODES + level] + node) * n
                for k in range(numbers[REDUCTIONS]):
                    for j in range(n):
                        rows[to + k * apart + j] = rows[left + k * apart + j]
                    later = left + n
                    _join(reductions[k], rows, to + k * apart, later + k * apart, later, BLOCK << (level - 1), n)

    @helper
    def stack_node(
        x: Flat, numbers: Flat, reductions: Flat, rows: Flat, stack: int, apart: int, token: int, level: int,
        mask: Flat, weights: Flat,
    ) -> None:  # fmt: skip
        """Compute the node of a level whose first token is given, at ``stack``."""
        n, top = numbers[COLUMNS], stack
        for block in range(1 << level):
            begin = token + (block << BLOCK_SHIFT)
            take(x, numbers, reductions, rows, top, apart, begin, begin + BLOCK, begin, True, mask, weights)
            taken, before = block + 1, BLOCK
            while taken & 1 == 0:
                for k in range(numbers[REDUCTIONS]):
                    left = top - n + k * apart
                    _join(reductions[k], rows, left, left + n, top, before, n)
                top -= n
                taken >>= 1
                before <<= 1
            top += n

    return fill_table, stack_node


def _make_pool_spans(
    value: Callable[[Element], Element], rounded: Callable[[Element], Element]
) -> Callable[..., None]:  # fmt: skip
    """Make the loop over spans for an element type; see :class:`poolhouse.kernels.float_values.FloatType`."""
    take = _make_take(value)
    fill_table, stack_node = _make_nodes(take)

    def pool_spans(
        x: Flat,
        out: Flat,
        wide: Flat,
        numbers: Flat,
        reductions: Flat,
        sources: Flat,
        spans: Flat,
        tokens: Flat,
        divisors: Flat,
        mask: Flat,
        weights: Flat,
        scratch: Flat,
    ) -> None:
        """Pool some columns of some spans.

        Args:
            x: flat, tokens ``(T, PITCH)``.
            out: flat: output ``m`` of a span begins at ``row * ROW_PITCH + m * OUTPUT_PITCH``.
            wide: as out, in float64; written in place of out if IS_WIDE.
            numbers: what PITCH, COLUMN, … name: COLUMNS columns from COLUMN on, of the spans from START to STOP out of
                SPANS. If HAS_TABLE, these spans have one origin, the table gets its blocks from LOW to HIGH and their
                nodes up to the level LEVELS, and ``numbers[NODES + L]`` plus the number of a node in its level is its
                row out of TABLE_ROWS. Else nodes are computed on a stack of STACK_ROWS.
            reductions: SUM, POSITIONS, …, as many as REDUCTIONS.
            sources: for each output the index of its reduction, or FIRST or LAST.
            spans: begin, end, origin and row in out of each span.
            tokens: the first token that counts of each span, then the last of each.
            divisors: ``(OUTPUTS, SPANS)``; where it is 0 the output is 0.
            mask: for each token, 0 if it does not count; unused unless IS_MASKED.
            weights: for each token, for WEIGHTED.
            scratch: for each reduction and column one element, and one for each row of the table or stack.
        """
        column, n, many = numbers[COLUMN], numbers[COLUMNS], numbers[REDUCTIONS]
        nodes, has_table = many * n, numbers[HAS_TABLE] != 0
        apart = (numbers[TABLE_ROWS] if has_table else numbers[STACK_ROWS]) * n
        if has_table:
            origin = spans[SPAN * numbers[START] + 2]
            fill_table(x, numbers, reductions, scratch, nodes, apart, origin, mask, weights)
        for i in range(numbers[START], numbers[STOP]):
            begin, end, origin, row = spans[SPAN * i], spans[SPAN * i + 1], spans[SPAN * i + 2], spans[SPAN * i + 3]
            block, last = (begin - origin + BLOCK - 1) >> BLOCK_SHIFT, (end - origin) >> BLOCK_SHIFT
            head = min(origin + (block << BLOCK_SHIFT), end)
            take(x, numbers, reductions, scratch, 0, n, begin, head, begin, True, mask, weights)
            # The first and the last token need no sums.
            while many > 0 and block < last:
                level = 0
                while (block >> level) & 1 == 0 and block + (2 << level) <= last:
                    level += 1
                head, found = origin + (block << BLOCK_SHIFT), nodes
                if has_table:
                    found += (numbers[NODES + level] + (block >> level)) * n
                else:
                    stack_node(x, numbers, reductions, scratch, nodes, apart, head, level, mask, weights)
                for k in range(many):
                    _join(reductions[k], scratch, k * n, found + k * apart, found, head - begin, n)
                head += BLOCK << level
                block += 1 << level
            take(x, numbers, reductions, scratch, 0, n, head, end, begin, False, mask, weights)
            for m in range(numbers[OUTPUTS]):
                to = row * numbers[ROW_PITCH] + m * numbers[OUTPUT_PITCH] + column
                divisor, source = divisors[m * numbers[SPANS] + i], sources[m]
                token = 0
                if source < 0:
                    token = tokens[i if source == FIRST else numbers[SPANS] + i] * numbers[PITCH] + column
                if numbers[IS_WIDE] != 0:
                    if divisor == 0.0:
                        for j in range(n):
                            wide[to + j] = 0.0
                    elif source < 0:
                        for j in range(n):
                            wide[to + j] = value(x[token + j])
                    else:
                        for j in range(n):
                            wide[to + j] = scratch[source * n + j] / divisor
                elif divisor == 0.0:
                    for j in range(n):
                        out[to + j] = rounded(0.0)
                elif source < 0:
                    for j in range(n):
                        out[to + j] = x[token + j]
                else:
                    for j in range(n):
                        out[to + j] = rounded(scratch[source * n + j] / divisor)

    return pool_spans


pool_spans: Final = {
    name: loops(
        "void(T*, T*, float64*, int64*, int64*, int64*, int64*, int64*, float64*, uint8*, float64*, float64*)",
        each.storage,
        declared_as=(__name__, f"pool_spans_{name}"),
    )(_make_pool_spans(each.value, each.rounded))[each.storage]
    for name, each in FLOAT_TYPES.items()
}
"""The loop of each float type by name."""
