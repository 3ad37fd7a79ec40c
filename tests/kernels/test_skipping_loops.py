"""Loops over the elements that are not passed over: sums, counts and squared deviations of rows of windows."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest

from poolhouse.kernels.axes import Axis
from poolhouse.kernels.layout import Layout
from poolhouse.kernels.skipping_loops import (
    CONSTANTS,
    IGNORED,
    MIN_TOGETHER,
    NAN_COUNT,
    NAN_TERM,
    ONE,
    if_kept,
    kept_deviations,
    kept_sums,
)

Reals = npt.NDArray[np.float64]

NAN = math.nan
COLUMNS = Axis(20, np.arange(0, 18, 2), np.full(9, 3), 1)
APART = Axis(20, np.arange(0, 18, 2), np.full(9, 2), 1)
ROWS = Axis(6, np.array([0, 2, 4]), np.full(3, 2), 1)


def constants(ignored: float = NAN, *, omits_nan: bool = True) -> Reals:
    """What a loop knows of float64."""
    found = np.zeros(CONSTANTS)
    found[IGNORED], found[ONE] = ignored, 1
    if not omits_nan:
        found[[NAN_TERM, NAN_COUNT]] = NAN, 1
    return found


def layout_of(height: Axis, width: Axis) -> npt.NDArray[np.int64]:
    """Planes of one slice."""
    return Layout((Axis.identity(1), height, width), 8).encoded


def blocks(x: Reals, width: Axis) -> Reals:
    """(rows of outputs, columns, elements) the elements of each window of two rows."""
    rows = x.reshape(-1, 2, 20)
    spans = [rows[:, :, first : first + count] for first, count in zip(width.first, width.count, strict=True)]
    return np.stack([each.reshape(len(rows), -1) for each in spans], 1)


def random_planes() -> Reals:
    """Two planes of small integers, a quarter of them NaN and as many 7."""
    rng = np.random.default_rng(5)
    x = rng.integers(0, 6, (2, 6, 20)).astype(np.float64)
    return np.where(rng.random(x.shape) < 0.25, NAN, np.where(rng.random(x.shape) < 0.3, 7.0, x))


@pytest.mark.parametrize(
    ("value", "expected"),
    [(3.0, "term"), (-0.0, "neutral"), (0.0, "neutral"), (NAN, "nan")],
)
def test_an_element_has_its_term_unless_it_is_ignored_or_nan(value: float, expected: str) -> None:
    """NaN is decided last: a comparison with it is false, so that it would look kept."""
    assert if_kept(value, "term", 0.0, "neutral", "nan") == expected
    assert if_kept(3.0, "term", NAN, "neutral", "nan") == "term"


@pytest.mark.parametrize("width", [COLUMNS, APART], ids=["overlapping", "apart"])
@pytest.mark.parametrize("omits_nan", [False, True])
def test_sums_and_counts_are_of_what_is_kept(width: Axis, *, omits_nan: bool) -> None:
    """A NaN that is not omitted counts, and makes its sum NaN."""
    x = random_planes()
    out, counts = np.full((6, 9), -1.0), np.full((6, 9), -1.0)

    kept_sums["float64"](
        x, constants(7.0, omits_nan=omits_nan), out, counts, 0, 6, layout_of(ROWS, width), np.empty(40)
    )

    windows = blocks(x, width)
    ignored = (windows == 7) | (np.isnan(windows) if omits_nan else False)
    np.testing.assert_array_equal(counts, (~ignored).sum(-1))
    np.testing.assert_array_equal(out, np.where(ignored, 0, windows).sum(-1))


def test_a_part_of_the_rows_leaves_the_others() -> None:
    """Each thread has its own rows of outputs, which begin in the middle of a plane."""
    x = random_planes()
    layout = layout_of(ROWS, COLUMNS)
    whole, parts = np.empty((2, 6, 9)), np.full((2, 6, 9), -1.0)

    kept_sums["float64"](x, constants(), whole[0], whole[1], 0, 6, layout, np.empty(40))
    kept_sums["float64"](x, constants(), parts[0], parts[1], 2, 5, layout, np.empty(40))

    np.testing.assert_array_equal(parts[:, 2:5], whole[:, 2:5])
    assert (parts[:, [0, 1, 5]] == -1).all()


def test_sums_of_int64_keep_the_last_digit() -> None:
    """float64 has no 2⁶² + 1."""
    x = np.array([[2**62, 1, 5, 5, -(2**63), 2**63 - 1]])
    pairs = Axis(6, np.array([0, 2, 4]), np.full(3, 2), 1)
    whole, out, counts = np.zeros(CONSTANTS, np.int64), np.empty(3, np.int64), np.empty(3)
    whole[[IGNORED, ONE]] = 5, 1

    kept_sums["int64"](x, whole, out, counts, 0, 1, layout_of(Axis.identity(1), pairs), np.empty(12, np.int64))

    assert out.tolist() == [2**62 + 1, 0, -1]
    assert counts.tolist() == [2, 0, 2]


@pytest.mark.parametrize("width", [COLUMNS, APART], ids=["overlapping", "apart"])
def test_deviations_are_from_the_mean_of_what_is_kept(width: Axis) -> None:
    """Of windows that are apart the means are spread over the columns; of others each window reads its own rows."""
    x = random_planes()
    assert width.outputs >= MIN_TOGETHER
    out, counts = np.empty((6, 9)), np.empty((6, 9))
    apart = int(width is APART)

    kept_deviations["float64"](
        x, constants(7.0), out, counts, 0, 6, layout_of(ROWS, width), apart, np.empty(3 * 20 + 9)
    )

    windows = blocks(x, width)
    left = [[each[~np.isnan(each) & (each != 7)] for each in row] for row in windows]
    expected = [[((each - each.mean()) ** 2).sum() if each.size else 0 for each in row] for row in left]
    assert counts.tolist() == [[each.size for each in row] for row in left]
    np.testing.assert_allclose(out, expected, rtol=1e-13, atol=1e-13)
