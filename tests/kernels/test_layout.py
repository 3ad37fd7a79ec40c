"""Division of planes into units of work: every output row is in one strip, and scratch memory suffices for each."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from poolhouse.kernels.axes import ALGORITHM, IDENTITY, LENGTH, Axis, begin_of, end_of
from poolhouse.kernels.layout import (
    COLUMNS,
    D_AXIS,
    DEPTH,
    DEPTH_OUT,
    FACES,
    H_AXIS,
    HEADER_SIZE,
    HEIGHT,
    LINES,
    OUT_NUMBERS,
    OUTER,
    ROW_NUMBER_STEP,
    ROWS,
    STRIP,
    TABLES,
    W_AXIS,
    WIDTH,
    Layout,
)
from poolhouse.operators.windows import SlidingWindow, Windows, adaptive_windows
from tests.hypothesis_profiles import scaled_examples

ONE = Axis.identity(1)


def axis_of(length: int, windows: Windows) -> Axis:
    """The axis of these windows."""
    return Axis(length, windows.first, windows.count, windows.dilation)


@st.composite
def axes(draw: st.DrawFn, longest: int) -> Axis:
    """Sliding or adaptive windows, or none."""
    length = draw(st.integers(1, longest))
    kind = draw(st.sampled_from(("sliding", "adaptive", "identity")))
    if kind == "identity":
        return Axis.identity(length)
    if kind == "adaptive":
        return axis_of(length, adaptive_windows(length, draw(st.integers(1, 2 * longest))))
    size = draw(st.integers(1, 40))
    sides = st.integers(0, size)
    window = SlidingWindow(size, draw(st.integers(1, 9)), draw(sides), draw(sides), draw(st.integers(1, 3)))
    assume(window.outputs(length) > window.empty(length))
    return axis_of(length, window.windows(length))


@scaled_examples(200)
@given(axes(3), axes(300), axes(300), st.sampled_from((2, 4, 8)))
def test_no_strip_needs_more_input_rows_than_planned(depth: Axis, height: Axis, width: Axis, itemsize: int) -> None:
    """Scratch memory has this many rows, and the loops write beyond it if a strip needs one more."""
    layout = Layout((depth, height, width), itemsize)

    spans = [
        end_of(height.encoded, 0, low, high) - begin_of(height.encoded, 0, low, high)
        for low in range(0, height.outputs, layout.strip)
        for high in [min(low + layout.strip, height.outputs)]
    ]
    assert len(spans) == layout.strips
    assert max(spans) == layout.strip_input_rows
    assert layout.encoded[STRIP] == layout.strip


@scaled_examples(100)
@given(axes(4), axes(60), axes(60))
def test_the_parts_of_scratch_memory_do_not_overlap(depth: Axis, height: Axis, width: Axis) -> None:
    """An overwritten part would change results only for some sizes."""
    layout = Layout((depth, height, width), 4)
    offsets = [int(layout.encoded[at]) for at in (LINES, TABLES, FACES, OUTER, OUT_NUMBERS)]
    rows, face = layout.strip_input_rows * width.outputs, depth.length * height.outputs * width.outputs

    parts = np.diff(offsets).tolist()
    assert parts[0] == (0 if height.is_identity else rows)
    assert parts[1] in (0, rows)
    assert parts[2] == (0 if depth.is_identity else face)
    assert parts[3] in (0, face)
    assert offsets[-1] == layout.scratch_elements
    found = layout.strip * width.outputs if depth.is_identity else depth.outputs * height.outputs * width.outputs
    assert layout.number_count == layout.scratch_elements + found


@scaled_examples(50)
@given(axes(4), axes(30), axes(30))
def test_the_header_leads_to_each_axis(depth: Axis, height: Axis, width: Axis) -> None:
    """Loops find the sizes and the windows of all axes in one array."""
    layout = Layout((depth, height, width), 4)
    begins = [int(layout.encoded[at]) for at in (D_AXIS, H_AXIS, W_AXIS)]

    assert begins[0] == HEADER_SIZE
    for axis, begin in zip((depth, height, width), begins, strict=True):
        assert layout.encoded[begin : begin + len(axis.encoded)].tolist() == axis.encoded.tolist()
    assert begins[2] + len(width.encoded) == len(layout.encoded)
    sizes = [int(layout.encoded[at]) for at in (WIDTH, COLUMNS, HEIGHT, ROWS, DEPTH, DEPTH_OUT)]
    assert sizes == [width.length, width.outputs, height.length, height.outputs, depth.length, depth.outputs]


@scaled_examples(100)
@given(st.integers(1, 20), st.integers(1, 8), st.integers(1, 30_000))
def test_at_most_a_quarter_of_the_rows_is_read_twice(size: int, stride: int, width: int) -> None:
    """Strips of wide planes have few rows, and large windows then read most rows in two strips."""
    height = axis_of(400, SlidingWindow(size, stride).windows(400))

    layout = Layout((ONE, height, Axis.identity(width)), 4)

    read_twice = max(size - stride, 0)
    assert layout.strips == 1 or 4 * read_twice <= (layout.strip + 1) * stride


def test_a_strip_fits_into_the_cache_and_uses_it() -> None:
    """Smaller strips take more calls, larger ones are read from memory again."""
    height = axis_of(4096, SlidingWindow(2, 2).windows(4096))
    width = axis_of(256, SlidingWindow(2, 2).windows(256))

    layout = Layout((ONE, height, width), 4)

    assert 16 * 2**10 < layout.strip_input_rows * (256 + 128) * 4 <= 32 * 2**10


def test_planes_with_windows_along_depth_are_not_divided() -> None:
    """All slices of a window are needed at once; other planes are shared among threads strip by strip."""
    tall = axis_of(2048, SlidingWindow(2, 2).windows(2048))
    pair = axis_of(4, SlidingWindow(2, 2).windows(4))

    whole, divided = Layout((pair, tall, tall), 4), Layout((Axis.identity(4), tall, tall), 4)

    assert whole.units(3) == 3
    assert divided.units(3) == 3 * divided.strips > 30


@pytest.mark.parametrize("rows", [1, 7, 100_000])
def test_rows_of_all_planes_are_one_sequence(rows: int) -> None:
    """Planes of one short row would otherwise be a unit of work each."""
    width = axis_of(64, SlidingWindow(2, 2).windows(64))
    ten = Axis.identity(10)

    layout = Layout((ten, ten, width), 4, rows)

    header = layout.encoded
    assert [int(header[at]) for at in (HEIGHT, ROWS, DEPTH, DEPTH_OUT, ROW_NUMBER_STEP)] == [rows, rows, 1, 1, 0]
    assert [int(header[header[at] + ALGORITHM]) for at in (D_AXIS, H_AXIS)] == [IDENTITY, IDENTITY]
    assert header[header[W_AXIS] + LENGTH] == 64
    assert (layout.strips - 1) * layout.strip < rows <= layout.strips * layout.strip
    assert layout.strip_input_rows == layout.strip
    assert layout.units(1) == layout.strips


def test_elements_are_numbered_within_a_plane_or_within_a_row() -> None:
    """The numbers become the indices of a response."""
    pair = axis_of(4, SlidingWindow(2, 2).windows(4))

    plane, rows = Layout((ONE, pair, pair), 4), Layout((ONE, ONE, pair), 4, 3)

    assert plane.row_numbers().tolist() == list(range(4 * plane.strip_input_rows))
    assert rows.row_numbers().tolist() == [0, 1, 2, 3] * 3
    assert len(plane.row_numbers()) == plane.row_number_count
    assert len(rows.row_numbers()) == rows.row_number_count
