"""Loops for extremes of what is not passed over: values, counts, and the places of ties, zeros and NaN."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.kernels.axes import Axis
from poolhouse.kernels.layout import Layout
from poolhouse.kernels.skipping_extremes import (
    ALL_PLACES,
    NO_PLACES,
    ODD_PLACES,
    first_place,
    kept_maxima,
    kept_minima,
    last_nan,
    smaller_wins,
)
from poolhouse.kernels.skipping_loops import CONSTANTS, IGNORED, NAN_COUNT, NAN_TERM, NEUTRAL, ONE
from tests.hypothesis_profiles import scaled_examples
from tests.kernels.traced_windows import axes, positions_of

Plane = tuple[Axis, Axis, Axis]
Reals = npt.NDArray[np.float64]

NAN = math.nan
PLANES = st.tuples(axes(3), axes(5), axes(9))


class Found(NamedTuple):
    """What the loop writes."""

    values: Reals
    counts: Reals
    indices: npt.NDArray[np.int64]


def extremes(plane: Plane, x: Reals, places: int, *, least: bool = False) -> Found:
    """The extremes of ``(P, D, H, W)``; 9 is ignored, NaN is not."""
    constants = np.zeros(CONSTANTS)
    constants[[IGNORED, NEUTRAL, ONE]] = 9, math.inf if least else -math.inf, 1
    constants[[NAN_TERM, NAN_COUNT]] = NAN, 1
    depth, height, width = plane
    shape = (len(x), depth.outputs, height.outputs, width.outputs)
    found = Found(np.empty(shape), np.empty(shape), np.full(shape, -9))
    units = len(x) * depth.outputs * height.outputs
    layout = Layout(plane, 8).encoded
    loop = (kept_minima if least else kept_maxima)["float64"]
    loop(x, constants, *found, 0, units, layout, places, np.empty(2 * width.length))
    return found


def random_planes(plane: Plane, seed: int) -> Reals:
    """Two planes of ties, zeros of both signs and NaN, with elements that are ignored."""
    few = np.array([0.0, -0.0, 1.0, 1.0, -2.0, NAN, 9.0, 9.0])
    shape = (2, *(axis.length for axis in plane))
    return few[np.random.default_rng(seed).integers(0, len(few), shape)]


@pytest.mark.parametrize("least", [False, True])
def test_the_modes_of_places_agree(*, least: bool) -> None:
    """They differ in the sign of zeros and in what is written beside, never in a number or a count."""

    @scaled_examples(40)
    @given(PLANES, st.integers(0, 2**32))
    def holds(plane: Plane, seed: int) -> None:
        x = random_planes(plane, seed)

        none, odd, everything = (
            extremes(plane, x, places, least=least) for places in (NO_PLACES, ODD_PLACES, ALL_PLACES)
        )

        np.testing.assert_array_equal(none.values, everything.values)
        numeric = ~np.isnan(odd.values)
        assert odd.values[numeric].tobytes() == everything.values[numeric].tobytes()
        assert none.counts.tobytes() == odd.counts.tobytes() == everything.counts.tobytes()
        for untouched in (none, odd):
            assert (untouched.indices == -9).all()

    holds()


@pytest.mark.parametrize("least", [False, True])
def test_an_index_is_the_place_of_its_element(*, least: bool) -> None:
    """Within its own plane, with the element's bits, and first of its equals in the order of the plane."""

    @scaled_examples(40)
    @given(PLANES, st.integers(0, 2**32))
    def holds(plane: Plane, seed: int) -> None:
        x = random_planes(plane, seed)

        found = extremes(plane, x, ALL_PLACES, least=least)

        windows = positions_of(plane)
        for number, elements in enumerate(x.reshape(2, -1)):
            values, indices = (each[number].reshape(-1).tolist() for each in (found.values, found.indices))
            for value, index, window in zip(values, indices, windows, strict=True):
                if index == -1:
                    assert all(elements[place] == 9 for place in window)
                    continue
                assert index in window
                same_bits = elements[index].tobytes() == np.float64(value).tobytes()
                assert np.isnan(elements[index]) if value != value else same_bits
                before = [place for place in window if place < index]
                assert value != value or not any(elements[place] == value for place in before)

    holds()


def test_the_last_nan_wins_over_every_number() -> None:
    """As in torch, whose later NaN replaces an earlier one."""
    plane = (Axis.identity(1), Axis(2, np.array([0]), np.array([2]), 1), Axis(4, np.array([0]), np.array([4]), 1))
    x = np.array([[[[1.0, NAN, 5.0, NAN], [NAN, 9.0, math.inf, 2.0]]]])

    for least in (False, True):
        found = extremes(plane, x, ALL_PLACES, least=least)

        assert np.isnan(found.values).all()
        assert found.indices.item() == 4
        assert found.counts.item() == 7


@pytest.mark.parametrize(
    ("earlier", "later", "wins"),
    [(1.0, 0.5, True), (0.5, 1.0, False), (1.0, 1.0, False), (0.0, -0.0, False), (1.0, NAN, True), (NAN, NAN, True)],
)
def test_a_minimum_is_replaced_by_less_and_by_nan(earlier: float, later: float, *, wins: bool) -> None:
    """An equal element does not replace the first."""
    assert smaller_wins(earlier, later) is wins
    assert not smaller_wins(NAN, 1.0)


def test_places_are_searched_within_the_window_only() -> None:
    """Dilation steps over equal elements between those of the window, and other windows have them, too."""
    plane = (Axis.identity(1), Axis(3, np.array([0]), np.array([2]), 2), Axis(6, np.array([0, 1]), np.array([3, 3]), 2))
    layout = Layout(plane, 8).encoded
    x = np.zeros(18)
    x[[1, 6, 14, 16]] = 5.0
    x[[0, 13, 15]] = NAN

    assert first_place(x, 0, layout, 0, 0, 0, 5.0) == 14
    assert first_place(x, 0, layout, 0, 0, 1, 5.0) == 1
    assert last_nan(x, 0, layout, 0, 0, 0) == 0
    assert last_nan(x, 0, layout, 0, 0, 1) == 15
