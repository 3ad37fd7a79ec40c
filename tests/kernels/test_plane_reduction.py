"""The loop over planes, as plain Python over elements that record what was combined."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.kernels.axes import Axis
from poolhouse.kernels.joins import join_indexed, join_strided_indexed, join_strided_sums, join_sums
from poolhouse.kernels.layout import HEADER_SIZE, Layout
from poolhouse.kernels.plane_reduction import make_plane_loop
from poolhouse.kernels.stride_two import join_stride_two_indexed, join_stride_two_sums
from tests.hypothesis_profiles import scaled_examples
from tests.kernels.traced_windows import Trace, axes, chosen, positions_of, traces

MAXIMA = make_plane_loop(join_indexed, join_strided_indexed, join_stride_two_indexed, indexed=True, may_overlap=True)
SUMS = {
    may_overlap: make_plane_loop(
        join_sums, join_strided_sums, join_stride_two_sums, indexed=False, may_overlap=may_overlap
    )
    for may_overlap in (False, True)
}
# As a plane's rows: elements of one byte fit into one strip, those of 4 KiB are divided into many.
ITEM_SIZES = st.sampled_from((1, 4096))
PLANES = st.tuples(axes(3), axes(9), axes(9))


def traced(layout: Layout, planes: int, size: int, size_out: int, *, may_overlap: bool) -> list[tuple[int, ...]]:
    """The positions that were combined for each output, pooled in two parts; the second one first."""
    x = traces(planes * size, may_overlap=may_overlap)
    out: list[Trace | None] = [None] * (planes * size_out)
    units = layout.units(planes)
    for start, stop in ((units // 2, units), (0, units // 2)):
        scratch = [Trace((-1,), may_overlap)] * layout.scratch_elements
        SUMS[may_overlap](x, 0, out, 0, start, stop, layout.encoded, 0, scratch, 0)
    return [each.positions for each in out if each is not None]


@scaled_examples(150)
@given(PLANES, ITEM_SIZES, st.booleans())
def test_each_output_combines_the_positions_of_its_window(
    plane: tuple[Axis, Axis, Axis], itemsize: int, may_overlap: bool
) -> None:
    """Once each and in the order of the plane, in whatever units the work is divided."""
    windows = positions_of(plane)
    size = plane[0].length * plane[1].length * plane[2].length

    found = traced(Layout(plane, itemsize), 2, size, len(windows), may_overlap=may_overlap)

    assert found == windows + [tuple(position + size for position in window) for window in windows]


@scaled_examples(60)
@given(axes(9), st.integers(1, 7), ITEM_SIZES)
def test_rows_are_pooled_independently(axis: Axis, rows: int, itemsize: int) -> None:
    """The rows of all planes are handled as one sequence if only rows are reduced."""
    one = Axis.identity(1)

    found = traced(
        Layout((one, one, axis), itemsize, rows), 1, rows * axis.length, rows * axis.outputs, may_overlap=True
    )

    windows = positions_of((axis,))
    assert found == [tuple(row * axis.length + place for place in window) for row in range(rows) for window in windows]


def pooled(
    layout: Layout, x: list[float], size_out: int, encoded: Any, layout_pitch: int
) -> tuple[list[float], list[int]]:
    """Maxima and indices of two planes."""
    out, indices = [9.0] * (2 * size_out), [-1] * (2 * size_out)
    scratch, numbers = [5.0] * layout.scratch_elements, [-1] * layout.number_count
    units = layout.units(2)
    MAXIMA(x, layout.row_numbers().tolist(), out, indices, 0, units, encoded, layout_pitch, scratch, numbers)
    return out, indices


@scaled_examples(100)
@given(PLANES, ITEM_SIZES, st.randoms(use_true_random=False))
def test_an_index_is_the_position_of_the_maximum_in_its_plane(
    plane: tuple[Axis, Axis, Axis], itemsize: int, random: Any
) -> None:
    """Numbers count from the first row of a strip, and are moved to the plane at the end."""
    windows = positions_of(plane)
    size = plane[0].length * plane[1].length * plane[2].length
    x = [random.choice((0.0, 1.0, 2.0, float("nan"))) for _ in range(2 * size)]
    layout = Layout(plane, itemsize)

    out, indices = pooled(layout, x, len(windows), layout.encoded, 0)

    expected = [window[chosen([x[at + place] for place in window])] for at in (0, size) for window in windows]
    assert indices == expected
    assert str(out) == str([x[place + at // len(windows) * size] for at, place in enumerate(expected)])


@pytest.mark.parametrize("itemsize", [1, 4096])
def test_each_plane_may_have_its_own_windows(itemsize: int) -> None:
    """As in fractional pooling: the layouts of the planes follow each other behind one header."""
    planes = [(Axis.identity(1), *[Axis(9, np.array(first), np.full(3, 2), 1)] * 2) for first in ([0, 3, 7], [1, 2, 6])]
    layouts = [Layout(plane, itemsize, max_rows=lambda _: 9) for plane in planes]
    encoded = np.concatenate((layouts[0].encoded, layouts[1].encoded[HEADER_SIZE:]))
    x = np.random.default_rng(1).permutation(162).astype(float).tolist()

    _, indices = pooled(layouts[0], x, 9, encoded, len(encoded) - len(layouts[0].encoded))

    assert indices == [
        window[chosen([x[81 * at + place] for place in window])]
        for at, plane in enumerate(planes)
        for window in positions_of(plane)
    ]
