"""Reduction line by line, as plain Python over elements that record what was combined."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.kernels.axes import Axis, begin_of, end_of
from poolhouse.kernels.joins import join_indexed, join_sums
from poolhouse.kernels.line_reduction import make_reduce_lines
from tests.hypothesis_profiles import scaled_examples
from tests.kernels.traced_windows import Trace, axes, chosen, places_of, tabled, traces


@pytest.mark.parametrize("may_overlap", [False, True])
def test_each_window_combines_its_lines_in_order(may_overlap: bool) -> None:
    """An element counted twice changes a sum, and one out of order changes which of equal values is chosen."""
    reduce_lines = make_reduce_lines(join_sums, may_overlap=may_overlap)

    @scaled_examples(200)
    @given(axes(), st.integers(1, 3), st.data())
    def holds(axis: Axis, width: int, data: st.DataObject) -> None:
        low = data.draw(st.integers(0, axis.outputs - 1))
        high = data.draw(st.integers(low + 1, axis.outputs))
        encoded = np.concatenate(([77] * 3, axis.encoded))
        # A strip of the plane: its first line may lie before that of the first window.
        begin, end = begin_of(encoded, 3, low, high), end_of(encoded, 3, low, high)
        base = data.draw(st.integers(0, begin))
        x = [Trace((-1,), may_overlap)] * 2 + traces(axis.length * width, may_overlap=may_overlap)[base * width :]
        out: list[Trace | None] = [None] * (1 + (high - low) * width + 1)
        table: list[Trace | None] = [None] * (2 + (end - begin) * width)

        reduce_lines(x, [], 2, 0, width, out, [], 1, 0, encoded, 3, low, high, base, table, [], 2)

        windows = places_of(axis)[low:high]
        assert [each.positions for each in out[1:-1] if each is not None] == [
            tuple(place * width + column for place in window) for window in windows for column in range(width)
        ]
        assert out[0] is out[-1] is table[0] is table[1] is None

    holds()


def test_a_table_keeps_the_numbers_of_its_elements() -> None:
    """Large windows are combined from runs; an index is that of the first maximum of the whole window."""
    axis = tabled(Axis(40, np.arange(31), np.full(31, 10), 1))
    x = np.random.default_rng(2).integers(0, 4, (40, 2)).astype(float)
    out, numbers = np.zeros(62), np.zeros(62 + 3, np.int64)

    make_reduce_lines(join_indexed, may_overlap=True)(
        x.reshape(-1), np.arange(500, 580), 0, 0, 2, out, numbers, 0, 3, axis.encoded, 0, 0, 31, 0,
        np.zeros(80), np.zeros(80, np.int64), 0,
    )  # fmt: skip

    expected = [(o + chosen(x[o : o + 10, column].tolist()), column) for o in range(31) for column in range(2)]
    assert out.tolist() == [x[place] for place in expected]
    assert numbers[3:].tolist() == [500 + 2 * line + column for line, column in expected]
