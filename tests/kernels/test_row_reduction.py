"""Reduction of rows, as plain Python over elements that record what was combined."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.kernels.axes import Axis
from poolhouse.kernels.joins import (
    join,
    join_indexed,
    join_strided,
    join_strided_indexed,
    join_strided_sums,
    join_sums,
)
from poolhouse.kernels.row_reduction import make_reduce_rows
from poolhouse.kernels.stride_two import join_stride_two, join_stride_two_indexed, join_stride_two_sums
from tests.hypothesis_profiles import scaled_examples
from tests.kernels.traced_windows import Trace, axes, chosen, places_of, tabled, traces

# One axis for each path: alone, pairs and threes, phases, far apart, and tables with and without a regular stride.
PATHS = {
    "neighbours": Axis(20, np.arange(16), np.full(16, 5), 1),
    "dilated": Axis(20, np.arange(12), np.full(12, 5), 2),
    "pairs": Axis(21, np.arange(0, 20, 2), np.full(10, 2), 1),
    "threes": Axis(21, np.arange(0, 19, 2), np.full(10, 3), 1),
    "padded threes": Axis(21, np.array([0, *range(1, 21, 2)]), np.array([2, *[3] * 9, 2]), 1),
    "phases": Axis(23, np.arange(1, 18, 3), np.full(6, 5), 1),
    "dilated phases": Axis(24, np.arange(0, 15, 2), np.full(8, 4), 3),
    "far": Axis(23, np.arange(0, 21, 7), np.full(3, 3), 1),
    "single elements": Axis(23, np.arange(0, 23, 2), np.ones(12, np.int64), 1),
    "table": tabled(Axis(20, np.arange(9), np.full(9, 12), 1)),
    "strided table": tabled(Axis(40, np.arange(0, 20, 2), np.full(10, 19), 1)),
    "dilated table": tabled(Axis(31, np.arange(0, 9, 2), np.full(5, 8), 3)),
    "padded table": tabled(Axis(20, np.array([0, 0, *range(9), 10]), np.array([10, 11, *[12] * 9, 10]), 1)),
}


def scratch_of(axis: Axis, rows: int) -> int:
    """Elements for all rows, rounded up to whole strides."""
    return rows * (axis.length + axis.stride)


def reduced(axis: Axis, rows: int, *, may_overlap: bool) -> list[tuple[int, ...]]:
    """The positions that were combined for each window of each row."""
    reduce_rows = make_reduce_rows(
        join_sums, join_strided_sums, join_stride_two_sums, indexed=False, may_overlap=may_overlap
    )
    x = [Trace((-1,), may_overlap), *traces(rows * axis.length, may_overlap=may_overlap)]
    out: list[Trace | None] = [None] * (2 + rows * axis.outputs + 1)
    phase_scratch = scratch_of(axis, rows)
    scratch = [Trace((-2,), may_overlap)] * (2 * phase_scratch)
    encoded = np.concatenate(([77] * 5, axis.encoded))

    reduce_rows(x, [], 1, 0, axis.length, rows, out, [], 2, 0, encoded, 5, scratch, [], phase_scratch)

    assert out[0] is out[1] is out[-1] is None
    return [each.positions for each in out[2:-1] if each is not None]


def expected_of(axis: Axis, rows: int) -> list[tuple[int, ...]]:
    """The positions of each window of each row."""
    return [tuple(r * axis.length + place for place in window) for r in range(rows) for window in places_of(axis)]


@pytest.mark.parametrize("may_overlap", [False, True])
@pytest.mark.parametrize("path", PATHS)
def test_each_path_combines_the_elements_of_each_window_in_order(path: str, may_overlap: bool) -> None:
    """An element counted twice changes a sum, and one out of order changes which of equal values is chosen."""
    axis = PATHS[path]

    assert reduced(axis, 2, may_overlap=may_overlap) == expected_of(axis, 2)


@scaled_examples(300)
@given(axes(), st.integers(1, 3), st.booleans())
def test_windows_of_any_axis_are_complete(axis: Axis, rows: int, may_overlap: bool) -> None:
    """Clipped and irregular windows are reduced beside the regular ones."""
    assert reduced(axis, rows, may_overlap=may_overlap) == expected_of(axis, rows)


@pytest.mark.parametrize("path", PATHS)
def test_the_numbers_are_those_of_the_chosen_elements(path: str) -> None:
    """They are moved together with the elements, into phases and tables, and become the indices."""
    axis, rows = PATHS[path], 3
    x = np.random.default_rng(3).choice([-1.0, 0.0, -0.0, 2.0, np.nan], rows * axis.length, p=[0.3, 0.3, 0.2, 0.1, 0.1])
    out, numbers = np.zeros(rows * axis.outputs), np.zeros(4 + rows * axis.outputs, np.int64)
    alone = out.copy()
    phase_scratch = scratch_of(axis, rows)
    scratch, scratch_numbers = np.zeros(2 * phase_scratch), np.zeros(2 * phase_scratch, np.int64)
    more = (axis.encoded, 0, scratch, scratch_numbers, phase_scratch)
    indexed = make_reduce_rows(
        join_indexed, join_strided_indexed, join_stride_two_indexed, indexed=True, may_overlap=True
    )
    plain = make_reduce_rows(join, join_strided, join_stride_two, indexed=False, may_overlap=True)

    indexed(x, np.arange(900, 900 + x.size + 7), 0, 7, axis.length, rows, out, numbers, 0, 4, *more)
    plain(x, numbers, 0, 0, axis.length, rows, alone, numbers, 0, 0, *more)

    places = [window[chosen(x[list(window)].tolist())] for window in expected_of(axis, rows)]
    assert numbers[4:].tolist() == [907 + place for place in places]
    assert out.tobytes() == alone.tobytes() == x[places].tobytes()
