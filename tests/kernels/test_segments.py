"""Reductions of segments: their values, and that they depend on their own rows alone."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.kernels import segments
from poolhouse.kernels.segment_loops import place_rows
from poolhouse.kernels.segments import SegmentKernel, group_rows, scratch_bytes
from poolhouse.kernels.widening import Array
from poolhouse.operators.segment_reductions import reference_of_segment
from tests.hypothesis_profiles import scaled_examples
from tests.kernels.segment_cases import ELEMENTS, EPSILONS, REDUCTIONS, Case, Reals, cases, large_case, reals, stored

EVERY_REDUCTION = pytest.mark.parametrize("reduce", REDUCTIONS)
EVERY_ELEMENT = pytest.mark.parametrize("element", ELEMENTS)


def reduced(case: Case, reduce: str, element: str = "float64", threads: int = 1, correction: int = 0) -> Array:
    """The results of all segments; -7 for an empty one."""
    kernel = SegmentKernel(reduce, element, empty_value=-7.0, correction=correction)
    (found,) = kernel(case.planes(element), threads)
    return found


def references(case: Case, reduce: str, element: str, correction: int = 0) -> Reals:
    """The same in plain Python, rounded to the element type."""
    exact = [
        [reference_of_segment(each, reduce, empty_value=-7.0, correction=correction) for each in segment]
        for segment in case.columns(element)
    ]
    return reals(stored(np.array(exact), element), element)


@EVERY_ELEMENT
@EVERY_REDUCTION
def test_results_are_those_of_the_reference(reduce: str, element: str) -> None:
    """For rows in any order, empty segments, segments of one row, and corrections beyond the number of rows."""

    @scaled_examples(25)
    @given(cases(), st.integers(0, 2), st.sampled_from((1, 3)))
    def holds(case: Case, correction: int, threads: int) -> None:
        found = reduced(case, reduce, element, threads, correction)

        close = EPSILONS[element]
        expected = references(case, reduce, element, correction)
        np.testing.assert_allclose(reals(found, element), expected, rtol=close, atol=1e-13)

    holds()


@EVERY_ELEMENT
@EVERY_REDUCTION
def test_special_values_are_those_of_the_reference(reduce: str, element: str) -> None:
    """NaN wins over every extreme and every median; infinities cancel to NaN or stay."""

    @scaled_examples(25)
    @given(cases(special=True))
    def holds(case: Case) -> None:
        found = reduced(case, reduce, element)

        expected = references(case, reduce, element)
        np.testing.assert_allclose(reals(found, element), expected, rtol=EPSILONS[element], atol=1e-13)

    holds()


@EVERY_ELEMENT
@pytest.mark.parametrize("reduce", ["max", "min"])
def test_the_first_of_equal_rows_wins_and_the_first_nan_over_all(reduce: str, element: str) -> None:
    """And the result has the bits of that row, such as the sign of a zero."""

    @scaled_examples(40)
    @given(cases(special=True), st.sampled_from((1, 3)))
    def holds(case: Case, threads: int) -> None:
        planes = case.planes(element)
        kernel = SegmentKernel(reduce, element, empty_value=0.0, with_indices=True)

        found, winners = kernel(planes, threads)

        (alone,) = SegmentKernel(reduce, element, empty_value=0.0)(planes, threads)
        assert reals(found, element).tobytes() == reals(alone, element).tobytes()
        assert winners.dtype == np.int64
        x = reals(planes["input"], element)
        for segment, column in np.ndindex(*winners.shape):
            rows = np.flatnonzero(case.segments == segment)
            if not len(rows):
                assert winners[segment, column] == -1
                continue
            choose = np.argmax if reduce == "max" else np.argmin
            winner = rows[choose(x[rows, column])]
            assert winners[segment, column] == winner
            value = reals(found, element)[segment, column]
            assert math.isnan(value) or value.tobytes() == x[winner, column].tobytes()

    holds()


LARGE = {
    "many segments": large_case([3, 0, 1, 7] * 5000, 3),
    "one long segment": large_case([5000, 2, 0, 9], 40),
    "many columns": large_case([5, 0, 12, 1], 5000),
}


@pytest.mark.parametrize("name", LARGE)
@EVERY_REDUCTION
def test_threads_and_tiles_do_not_change_a_bit(reduce: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads share segments, or columns of a long one; tiles and chunks end anywhere."""
    case = LARGE[name]

    expected = reduced(case, reduce, "float32", 1, 1)

    assert reduced(case, reduce, "float32", 3, 1).tobytes() == expected.tobytes()
    monkeypatch.setattr(segments, "TILE_ELEMENTS", 1000)
    monkeypatch.setattr(segments, "TILE_COLUMNS", 7)
    assert reduced(case, reduce, "float32", 2, 1).tobytes() == expected.tobytes()


@EVERY_REDUCTION
def test_a_segment_alone_equals_among_others(reduce: str) -> None:
    """Neither the other segments nor the order of their rows nor other columns reach it."""
    lengths = (3, 40, 0, 1, 600)
    case = large_case(lengths, 11)
    together = reduced(case, reduce, "float64", 2)
    turned = np.arange(len(case.segments))
    turned[case.segments == 1] = turned[case.segments == 1][::-1]
    shuffled = reduced(Case(case.values[turned], case.segments, case.count), reduce)

    for segment in range(case.count):
        own = case.values[case.segments == segment]
        alone = reduced(Case(own, np.zeros(len(own), np.int64), 1), reduce)
        columns = [reduced(Case(own[:, [each]], np.zeros(len(own), np.int64), 1), reduce)[0, 0] for each in range(11)]

        assert alone[0].tobytes() == together[segment].tobytes() == np.array(columns).tobytes()
        assert segment == 1 or shuffled[segment].tobytes() == together[segment].tobytes()


def test_rows_are_added_and_multiplied_in_their_order() -> None:
    """A caller can reproduce the bits; another order would give others."""
    case = large_case([301, 37, 0, 4, 5, 2, 1], 40)

    sums, products = reduced(case, "sum"), reduced(case, "mul")

    for segment, columns in enumerate(case.columns("float64")):
        for column, values in enumerate(columns):
            total, product = 0.0, 1.0
            for value in values:
                total += value
                product *= value
            assert sums[segment, column] == (total if values else -7)
            assert products[segment, column] == (product if values else -7)


@pytest.mark.parametrize(("element", "digits", "least"), [("float16", 10, 2.0**-24), ("bfloat16", 7, 2.0**-30)])
def test_halves_are_rounded_once(element: str, digits: int, least: float) -> None:
    """The sum is a little more than halfway between two halves; rounded to float32 first it would be halfway."""
    case = Case(np.array([[1.0], [2.0 ** -(digits + 1)], [least]]), np.zeros(3, np.int64), 1)

    assert reals(reduced(case, "sum", element), element).tolist() == [[1 + 2.0**-digits]]


def test_equal_rows_have_no_variance_and_their_value_as_mean() -> None:
    """Also far from 0, where squares that are subtracted lose every digit."""
    case = Case(np.full((1000, 2), 16777213.0), np.zeros(1000, np.int64), 1)

    assert reduced(case, "var", "float32").tolist() == [[0, 0]]
    assert reduced(case, "mean", "float32").tolist() == [[16777213, 16777213]]


def test_exponentials_do_not_overflow() -> None:
    """The maximum is subtracted before."""
    case = Case(np.array([[1000.0], [1000.0], [-1e300]]), np.zeros(3, np.int64), 1)

    assert reduced(case, "logsumexp").tolist() == [[1000 + math.log(2)]]
    assert reduced(case, "softmax").tolist() == [[1000]]


@pytest.mark.parametrize("special", [(-math.inf, -math.inf), (math.inf, 1.0), (math.nan, math.inf)])
def test_logsumexp_of_infinities_is_infinite_and_of_nan_nan(special: tuple[float, float]) -> None:
    """The difference of two infinities must not make it NaN."""
    case = Case(np.array(special).reshape(2, 1), np.zeros(2, np.int64), 1)

    np.testing.assert_array_equal(reduced(case, "logsumexp"), [[special[0]]])


@pytest.mark.parametrize("shape", [(0, 3), (4, 0), (0, 0)])
@pytest.mark.parametrize("count", [0, 2])
@EVERY_REDUCTION
def test_nothing_to_reduce_gives_empty_values(reduce: str, shape: tuple[int, int], count: int) -> None:
    """No rows, no columns or no segments; three threads have nothing to share."""
    rows = shape[0] if count else 0
    case = Case(np.ones((rows, shape[1])), np.zeros(rows, np.int64), count)

    found = reduced(case, reduce, "float32", 3)

    assert found.shape == (count, shape[1])
    assert rows or (found == -7).all()


def test_rows_may_be_left_out_or_counted_twice() -> None:
    """The order names rows; it need not name each of them once."""
    planes = {
        "input": np.arange(8.0).reshape(4, 2),
        "order": np.array([3, 3, 1]),
        "offsets": np.array([0, 2, 3]),
    }

    (found,) = SegmentKernel("sum", "float64", empty_value=0.0)(planes, 1)

    assert found.tolist() == [[12, 14], [2, 3]]


@pytest.mark.parametrize("loaded", [True, False])
def test_groups_are_the_rows_of_each_segment(loaded: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """With compiled loops, and without them."""
    if not loaded:
        monkeypatch.setattr(place_rows, "entry", None)

    order, offsets = group_rows(np.array([2, 0, 2, 4, 0]), 6)
    nothing = group_rows(np.empty(0, np.int64), 2)

    assert (order.tolist(), offsets.tolist()) == ([1, 4, 0, 2, 3], [0, 2, 2, 4, 4, 5, 5])
    assert (nothing[0].tolist(), nothing[1].tolist()) == ([], [0, 0, 0])


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("name", LARGE)
@EVERY_REDUCTION
def test_the_kernel_stays_within_its_bound(reduce: str, name: str, threads: int) -> None:
    """Requests are admitted by it."""
    case = LARGE[name]
    planes = case.planes("bfloat16")
    kernel = SegmentKernel(reduce, "bfloat16", empty_value=0.0)
    kernel(planes, threads)

    tracemalloc.start()
    try:
        (found,) = kernel(planes, threads)
        peak = tracemalloc.get_traced_memory()[1] - found.nbytes
    finally:
        tracemalloc.stop()

    rows, columns = case.values.shape
    assert peak <= scratch_bytes(reduce, rows, columns, case.count, threads)
