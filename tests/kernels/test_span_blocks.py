"""Loops over spans: the order of additions, and nothing written beside the output."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.kernels.span_blocks import (
    BLOCK,
    COLUMN,
    COLUMNS,
    HAS_TABLE,
    HIGH,
    LEVELS,
    LOW,
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
    pool_spans,
)
from poolhouse.kernels.span_parts import Part
from tests.hypothesis_profiles import scaled_examples

Reals = npt.NDArray[np.float64]


def added(values: list[float]) -> float:
    """The sum one by one."""
    total = 0.0
    for value in values:
        total += value
    return total


def node_sum(x: list[float], token: int, level: int) -> float:
    """The sum of a node: of its left half and its right half, down to blocks."""
    if level == 0:
        return added(x[token : token + BLOCK])
    half = BLOCK << (level - 1)
    return node_sum(x, token, level - 1) + node_sum(x, token + half, level - 1)


def span_sum(x: list[float], begin: int, end: int) -> float:
    """The sum of a span by the definition in the module's docstring; its row begins at 0."""
    block, last = -(-begin // BLOCK), end // BLOCK
    if block >= last:
        return added(x[begin:end])
    total = added(x[begin : block * BLOCK])
    while block < last:
        level = max(
            level for level in range(40) if block % 2**level == 0 and block + 2**level <= last
        )  # fmt: skip
        total += node_sum(x, block * BLOCK, level)
        block += 2**level
    for value in x[block * BLOCK : end]:
        total += value
    return total


def pool_one(x: Reals, begin: int, end: int, *, has_table: bool, reductions: tuple[int, ...] = (SUM,)) -> Reals:
    """The last reduction of columns 1 to 3 of ``(T, 4)``, in an array of which nothing else changes."""
    block, last = -(-begin // BLOCK), end // BLOCK
    # The table has more blocks than the span, as if others needed them.
    part = Part(0, 1, max(block - 1, 0), len(x) // BLOCK, max(last - block, 1).bit_length() - 1)
    rows = part.level_rows()
    numbers = np.zeros(NODES + part.levels + 1, np.int64)
    numbers[[PITCH, COLUMN, COLUMNS, START, STOP, SPANS]] = 4, 1, 2, 0, 1, 1
    numbers[[REDUCTIONS, OUTPUTS, ROW_PITCH, OUTPUT_PITCH]] = len(reductions), 1, 4, 4
    numbers[[HAS_TABLE, TABLE_ROWS, STACK_ROWS]] = has_table, sum(rows), part.levels + 1
    numbers[[LOW, HIGH, LEVELS]] = part.low, part.high, part.levels
    numbers[NODES:] = [sum(rows[:level]) - -(-part.low >> level) for level in range(len(rows) or part.levels + 1)]
    size = 2 * len(reductions) * (1 + (sum(rows) if has_table else part.levels + 1))
    scratch, out, none = np.full(size + 1, 7.0), np.full((3, 4), 7.0), np.empty(0)
    pool_spans["float64"](
        x, out, none, numbers, np.array(reductions), np.array([len(reductions) - 1]), np.array([begin, end, 0, 1]),
        np.empty(0, np.int64), np.ones((1, 1)), np.empty(0, np.uint8), none, scratch,
    )  # fmt: skip
    assert scratch[-1] == 7
    assert (out[[0, 2]] == 7).all()
    assert (out[1, [0, 3]] == 7).all()
    found: Reals = out[1, 1:3]
    return found


@pytest.mark.parametrize("has_table", [False, True])
def test_tokens_are_added_in_the_documented_order(has_table: bool) -> None:
    """The bits of an answer are the same on the GPU, without compiled loops, and in later versions."""

    @scaled_examples(100)
    @given(st.integers(0, 700), st.integers(0, 700), st.integers(0, 2**32))
    def holds(one: int, other: int, seed: int) -> None:
        begin, end = sorted((one, other))
        rng = np.random.default_rng(seed)
        x = rng.standard_normal((700, 4)) * 10.0 ** rng.integers(-8, 8, (700, 4))

        found = pool_one(x, begin, end, has_table=has_table)

        expected = [span_sum(x[:, column].tolist(), begin, end) for column in (1, 2)]
        assert found.tolist() == expected

    holds()


@pytest.mark.parametrize("has_table", [False, True])
def test_positions_are_counted_from_the_begin_of_the_span(has_table: bool) -> None:
    """Nodes know positions within themselves only, and are moved."""

    @scaled_examples(40)
    @given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 2**32))
    def holds(one: int, other: int, seed: int) -> None:
        begin, end = sorted((one, other))
        x = np.random.default_rng(seed).integers(-9, 9, (300, 4)).astype(np.float64)

        found = pool_one(x, begin, end, has_table=has_table, reductions=(SUM, POSITIONS))

        assert found.tolist() == (np.arange(1, end - begin + 1) @ x[begin:end, 1:3]).tolist()

    holds()


@pytest.mark.parametrize("has_table", [False, True])
def test_a_long_sum_keeps_its_digits(has_table: bool) -> None:
    """A tree of blocks rounds each element a few times, and not once for each later token."""
    x = np.full((2**16, 4), 0.1)

    found = pool_one(x, 3, 2**16 - 5, has_table=has_table)

    exact = math.fsum([0.1] * (2**16 - 8))
    assert np.abs(found - exact).max() <= exact * 2.0**-48
