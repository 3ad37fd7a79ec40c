"""Networks as steps over lines, interpreted with numpy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from poolhouse.kernels.networks import (
    BOTH,
    GREATER,
    LESSER,
    STEP_SIZE,
    Program,
    comparisons,
    make_program,
    shares_columns,
)

Lines = npt.NDArray[np.int64]

WINDOWS = ((1, 1, 1), (3, 3, 1), (5, 5, 1), (2, 2, 3), (1, 7, 2), (4, 6, 1), (7, 3, 2), (9, 1, 1), (15, 15, 1))
"""Elements of a column, columns, and their distance."""


def run(program: Program, given: Lines) -> list[Lines]:
    """The results of a program; each line is as long as its first element and its reach leave it."""
    lines = np.full((program.registers, given.shape[1]), -1)
    lines[: program.inputs] = given
    for kind, less, great, left, left_shift, right, right_shift, reach in program.steps.reshape(-1, STEP_SIZE):
        many = given.shape[1] - reach
        one, two = lines[left, left_shift : left_shift + many].copy(), lines[right, right_shift : right_shift + many]
        assert len(one) == len(two) == many, "a step reads outside its registers"
        less_line, great_line = np.minimum(one, two), np.maximum(one, two)
        assert not {less, great}.intersection({left, right}) or kind != BOTH, "a step writes what it reads"
        if kind in (BOTH, LESSER):
            lines[less, :many] = less_line
        if kind in (BOTH, GREATER):
            lines[great, :many] = great_line
    return [lines[register, shift:] for register, shift in program.picks.reshape(-1, 2)]


@pytest.mark.parametrize(("column", "columns", "dilation"), WINDOWS)
@pytest.mark.parametrize("is_shared", [False, True])
def test_a_network_sorts_every_window(column: int, columns: int, dilation: int, is_shared: bool) -> None:
    """All ranks, and each rank that is found alone, with fewer comparisons."""
    rows = np.random.default_rng(column).integers(0, 40, (column, 40))
    many = 40 - (columns - 1) * dilation
    windows = np.stack([rows[:, i * dilation : i * dilation + many] for i in range(columns)]).reshape(-1, many)
    given = rows if is_shared else windows
    ordered = np.sort(windows, 0)
    everything = make_program(column, columns, dilation, None, is_shared=is_shared)

    found = run(everything, given)

    assert [each[:many].tolist() for each in found] == ordered.tolist()
    assert len(everything.steps) // STEP_SIZE == comparisons(column, columns, is_shared=is_shared)
    for rank in {0, len(ordered) // 2, len(ordered) - 1}:
        program = make_program(column, columns, dilation, (rank,), is_shared=is_shared)
        assert run(program, given)[0][:many].tolist() == ordered[rank].tolist()
        assert len(program.steps) <= len(everything.steps)


def test_columns_are_shared_where_windows_overlap() -> None:
    """Sorting columns for windows that share none would be wasted, as it would be across a large dilation."""
    assert shares_columns(3, 3, 1, 1, 100)
    assert not shares_columns(2, 2, 1, 2, 100)
    assert not shares_columns(3, 3, 10_000, 1, 100)
