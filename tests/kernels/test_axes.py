"""Windows of one axis as the loops read them: checked bounds, the regular run, and the choice of the algorithm."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.kernels.axes import (
    ALGORITHM,
    DILATION,
    DIRECT,
    FIRST,
    HIGH,
    IDENTITY,
    LENGTH,
    LONGEST,
    LOW,
    OUTPUTS,
    STRIDE,
    TABLE,
    Axis,
    begin_of,
    end_of,
)
from poolhouse.operators.windows import SlidingWindow
from tests.hypothesis_profiles import scaled_examples


@st.composite
def any_axes(draw: st.DrawFn) -> Axis:
    """An axis with windows in any order, of any sizes that fit."""
    length, dilation = draw(st.integers(1, 30)), draw(st.integers(1, 4))
    first = draw(st.lists(st.integers(0, length - 1), max_size=12))
    count = [draw(st.integers(1, (length - 1 - each) // dilation + 1)) for each in first]
    return Axis(length, np.array(first, np.int64), np.array(count, np.int64), dilation)


def sliding(length: int, size: int, stride: int, padding: int = 0) -> Axis:
    """The axis of a sliding window."""
    windows = SlidingWindow(size, stride, padding, padding).windows(length)
    return Axis(length, windows.first, windows.count, windows.dilation)


@pytest.mark.parametrize(
    ("first", "count", "dilation"), [([-1], [1], 1), ([3], [2], 1), ([0], [3], 2), ([0], [0], 1), ([0], [1], 0)]
)
def test_a_window_outside_its_axis_is_refused(first: list[int], count: list[int], dilation: int) -> None:
    """The loops do not check bounds; the constructor of Axis checks them all."""
    inside = np.array([0, *first]), np.array([1, *count])

    with pytest.raises(ValueError, match="outside an axis of length 4"):
        Axis(4, np.array(first), np.array(count), dilation)
    with pytest.raises(ValueError, match="outside an axis of length 4"):
        Axis(4, *inside, dilation)


@scaled_examples(200)
@given(any_axes())
def test_windows_of_the_regular_run_are_whole_and_evenly_spaced(axis: Axis) -> None:
    """A loop reads them by the stride alone, so one wrong window would give the result of another one."""
    low, high, stride = (int(axis.encoded[at]) for at in (LOW, HIGH, STRIDE))

    assert 0 <= low <= high <= axis.outputs
    assert stride == axis.stride >= 1
    assert axis.has_regular_run == (high > low)
    assert (axis.count[low:high] == axis.longest).all()
    assert (np.diff(axis.first[low:high]) == stride).all()


@scaled_examples(100)
@given(any_axes())
def test_the_encoded_axis_has_every_number(axis: Axis) -> None:
    """Loops know nothing but these numbers."""
    encoded = axis.encoded.tolist()

    assert encoded[DILATION] == axis.dilation
    assert encoded[LONGEST] == max(axis.count.tolist(), default=1)
    assert encoded[ALGORITHM] == axis.algorithm
    assert encoded[LENGTH] == axis.length
    assert encoded[OUTPUTS] == axis.outputs
    assert encoded[FIRST:] == [*axis.first.tolist(), *axis.count.tolist()]


@scaled_examples(100)
@given(any_axes(), st.data(), st.integers(0, 5))
def test_a_range_of_windows_spans_exactly_its_elements(axis: Axis, data: st.DataObject, at: int) -> None:
    """Loops copy these elements to scratch memory; windows may be in any order."""
    if not axis.outputs:
        return
    low = data.draw(st.integers(0, axis.outputs - 1))
    high = data.draw(st.integers(low + 1, axis.outputs))
    encoded = np.concatenate((np.full(at, -9), axis.encoded))
    elements = [
        axis.first[o] + j * axis.dilation for o in range(low, high) for j in range(int(axis.count[o]))
    ]  # fmt: skip

    assert begin_of(encoded, at, low, high) == min(elements)
    assert end_of(encoded, at, low, high) == max(elements) + 1


@pytest.mark.parametrize(
    ("axis", "low", "high", "stride"),
    [
        (sliding(12, 3, 2), 0, 5, 2),
        (sliding(12, 3, 2, padding=1), 1, 6, 2),
        (sliding(9, 9, 1, padding=4), 0, 0, 1),
        (sliding(7, 7, 3), 0, 1, 1),
        (Axis(9, np.array([0, 1, 4, 6, 8]), np.ones(5, np.int64), 1), 2, 5, 2),
        (Axis(9, np.array([8, 6, 4]), np.ones(3, np.int64), 1), 0, 0, 1),
        (Axis(9, np.array([], np.int64), np.array([], np.int64), 1), 0, 0, 1),
    ],
    ids=["unpadded", "padded", "clipped", "one window", "longest run", "descending", "empty"],
)
def test_the_regular_run_is_the_longest_one(axis: Axis, low: int, high: int, stride: int) -> None:
    """Windows outside it are pooled one by one, which takes several times as long."""
    assert tuple(int(axis.encoded[at]) for at in (LOW, HIGH, STRIDE)) == (low, high, stride)


def test_only_windows_of_their_own_element_are_an_identity() -> None:
    """Other windows of one element select or repeat elements, so such an axis must not be skipped."""
    shifted = Axis(4, np.array([1, 2, 3, 3]), np.ones(4, np.int64), 1)
    shorter = Axis(4, np.array([0, 1, 2]), np.ones(3, np.int64), 1)

    assert Axis.identity(4).is_identity
    assert Axis.identity(4).algorithm == IDENTITY
    assert sliding(4, 1, 1).is_identity
    assert not any(each.is_identity for each in (shifted, shorter, sliding(4, 2, 1)))


@scaled_examples(200)
@given(st.integers(1, 400), st.integers(1, 60), st.integers(1, 40))
def test_a_table_is_used_only_where_it_reads_less(length: int, size: int, stride: int) -> None:
    """The work of large overlapping windows must grow with the logarithm of their size."""
    axis = sliding(max(length, size), size, stride)

    direct_reads = axis.outputs * size
    assert axis.element_reads <= direct_reads
    assert axis.algorithm != TABLE or (size > 6 and axis.element_reads < direct_reads)
    assert axis.algorithm == TABLE or axis.element_reads == direct_reads


def test_large_overlapping_windows_use_a_table() -> None:
    """Reading each element of 1000 windows of 1000 elements would take a hundred times as long."""
    assert sliding(2000, 1000, 1).algorithm == TABLE
    assert sliding(2000, 1000, 1).element_reads < 40 * 2000
    assert sliding(2000, 1000, 1000).algorithm == DIRECT
    assert sliding(2000, 6, 1).algorithm == DIRECT
