"""Positions of boxes: samples that no one has to visit, merged weights, and rounded bins."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.kernels.box_positions import Reals, SampleGrid, bin_bounds, samples_per_box
from tests.hypothesis_profiles import scaled_examples

COORDINATES = st.one_of(
    st.floats(-30, 60, width=32), st.integers(-4, 12).map(float), st.sampled_from((-1e9, 1e12, 1e300, -1e300))
)
BOXES = st.lists(COORDINATES, min_size=4, max_size=4)


def grid_of(bins: int, ratio: int, *, aligned: bool = True, takes_max: bool = False, scale: float = 1.0) -> SampleGrid:
    """A grid with as many bins along both axes."""
    return SampleGrid((bins, bins), scale, ratio, aligned, takes_max)


def boxes_of(*boxes: list[float]) -> Reals:
    """The boxes as an array."""
    return np.array(boxes, np.float64).reshape(-1, 4)


@scaled_examples(200)
@given(BOXES, st.integers(1, 4), st.integers(-1, 5), st.booleans(), st.booleans(), st.integers(1, 9))
def test_positions_ascend_inside_the_input(
    box: list[float], bins: int, ratio: int, aligned: bool, takes_max: bool, length: int
) -> None:
    """The loops read there without a check, and add in this order."""
    grid = grid_of(bins, ratio, aligned=aligned, takes_max=takes_max)

    for taps in grid.taps(boxes_of(box, [0.0, 0.0, 5.0, 5.0]), (length, length + 1)):
        assert taps.begins[0] == 0
        assert taps.begins[-1] == len(taps.positions) == taps.weights.shape[1]
        assert len(taps.begins) == 2 * bins + 1 == len(taps.is_complete) + 1
        assert ((taps.positions >= 0) & (taps.positions <= length)).all()
        assert ((taps.weights >= 0) & np.isfinite(taps.weights)).all()
        for begin, end in zip(taps.begins[:-1], taps.begins[1:], strict=True):
            assert (np.diff(taps.positions[begin:end]) > 0).all()


@scaled_examples(100)
@given(st.floats(-3, 8), st.floats(0, 12), st.integers(1, 3), st.integers(0, 4))
def test_the_weights_of_a_bin_add_up_to_its_samples(start: float, size: float, bins: int, ratio: int) -> None:
    """Each sample inside the input has the weight 1 along an axis."""
    (rows, _), counts = (
        grid_of(bins, ratio).taps(boxes_of([0.0, start, 1.0, start + size]), (6, 6)),
        grid_of(bins, ratio).counts(boxes_of([0.0, start, 1.0, start + size])),
    )

    for number in range(bins):
        total = rows.weights[0, rows.begins[number] : rows.begins[number + 1]].sum()
        assert total == pytest.approx(round(total), abs=1e-9)
        assert total <= counts[0, 0] + 1e-9
        assert rows.is_complete[number] == (round(total) == counts[0, 0] > 0)


def test_an_element_beside_many_samples_counts_once() -> None:
    """Samples at 0.25, 0.75, 1.25 and 1.75 are beside the elements 0, 1 and 2."""
    box = boxes_of([0.0, 0.0, 2.0, 2.0])

    rows, _ = grid_of(1, 4, aligned=False).taps(box, (5, 5))
    extremes, _ = grid_of(1, 4, aligned=False, takes_max=True).taps(box, (5, 5))

    assert rows.positions.tolist() == extremes.positions.tolist() == [0, 1, 2]
    assert rows.weights.tolist() == [[1.0, 2.0, 1.0]]
    assert extremes.weights.tolist() == [[0.75, 0.75, 0.75], [0.25, 0.25, 0.25]]


def test_a_reversed_box_has_the_samples_of_its_mirror_image() -> None:
    """With a fixed number of samples and aligned corners, which do not force a size of 1."""
    there, back = (grid_of(3, 2).taps(boxes_of(box), (9, 9))[0] for box in ([0.0, 1.0, 1.0, 7.0], [0.0, 7.0, 1.0, 1.0]))

    pairs = [
        sorted(zip(taps.positions[begin:end], taps.weights[0, begin:end], strict=True))
        for taps in (there, back)
        for begin, end in zip(taps.begins[:-1], taps.begins[1:], strict=True)
    ]
    for one, two in zip(pairs[:3], reversed(pairs[3:]), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-12)


@pytest.mark.parametrize("size", [1e4, 1e9, 1e15, 1e18, 1e308])
def test_only_samples_inside_the_input_are_enumerated(size: float) -> None:
    """A box of a few bytes may have more samples than there is memory; they end, and take a moment."""
    grid = grid_of(7, 0)

    rows, columns = grid.taps(boxes_of(*[[-size, -size, size, size]] * 10), (50, 60))

    assert len(rows.positions) <= 10 * (50 + 2 * 7)
    assert len(columns.positions) <= 10 * (60 + 2 * 7)


def test_the_number_of_samples_is_that_of_the_formula() -> None:
    """So that a caller can refuse boxes before they are pooled; it does not overflow."""
    boxes = boxes_of([0, 0, 20, 9], [5, 5, 5, 5], [9, 9, 3, 20], [0, 0, 1e12, 1e9])

    adaptive = samples_per_box(boxes, (3, 2), 0.5, 0, aligned=True)
    unaligned = samples_per_box(boxes, (3, 2), 0.5, -1, aligned=False)
    fixed = samples_per_box(boxes, (3, 2), 0.5, 4, aligned=True)

    large = math.ceil(0.5e9 / 3) * math.ceil(0.5e12 / 2) * 6.0
    assert adaptive.tolist() == [2 * 5 * 6, 0, 0, large]
    assert unaligned.tolist() == [2 * 5 * 6, 6, 2 * 1 * 6, large]
    assert fixed.tolist() == [16 * 6] * 4
    assert np.isfinite(samples_per_box(boxes_of([-1e308] * 2 + [1e308] * 2), (1, 1), 9.0, 0, aligned=True)).all()


def test_the_boxes_at_once_have_few_samples() -> None:
    """The arrays of their positions must not grow with the field sampling_ratio or the boxes."""
    assert grid_of(7, 0).boxes_at_once((10**6, 10**6)) == 1
    assert grid_of(7, 10**9).boxes_at_once((8, 8)) == 1
    assert grid_of(7, 2).boxes_at_once((8, 8)) > 100


def test_coordinates_are_rounded_away_from_zero() -> None:
    """Caffe's round: -2.5 is -3 and 2.5 is 3, but 0.49999997 is 0, which adding 0.5 in float32 would make 1."""
    boxes = boxes_of(*[[at, 0, at, 0] for at in (2.5, 1.4999999, 0.49999997, 3.5, 2.5 - 2**-22)])

    begin, end = bin_bounds(boxes, 1, 1.0, 1, 9)

    assert begin[:, 0].tolist() == [3, 1, 0, 4, 2]
    assert (end - begin == 1).all()
    assert bin_bounds(boxes_of([-2.5, 0, 2.5, 0]), 6, 1.0, 1, 9)[0].tolist() == [[0, 0, 0, 0, 1, 2]]


@scaled_examples(200)
@given(BOXES, st.integers(1, 5), st.sampled_from((0.0625, 1.0, 3e-39, 1e30)), st.integers(1, 9))
def test_bins_ascend_inside_the_input(box: list[float], bins: int, scale: float, length: int) -> None:
    """The loops read there without a check, between the first begin and the last end."""
    for axis in (0, 1):
        begin, end = bin_bounds(boxes_of(box), bins, scale, axis, length)

        for each in (begin, end):
            assert each.shape == (1, bins)
            assert ((each >= 0) & (each <= length) & (np.diff(each, prepend=0) >= 0)).all()
