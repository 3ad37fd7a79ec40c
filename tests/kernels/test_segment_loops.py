"""The loops over segments: conversions, chunks of rows and sorting by counting."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.kernels.segment_loops import ROWS, WEIGHTED, place_rows
from tests.hypothesis_profiles import scaled_examples
from tests.kernels.segment_cases import reals


@pytest.mark.parametrize("element", ["float16", "bfloat16"])
def test_every_half_has_its_value(element: str) -> None:
    """Subnormal numbers, infinities and NaN are converted by other branches than the rest."""
    bits = np.arange(2**16, dtype=np.uint16)
    order, offsets = np.zeros(1, np.int64), np.array([0, 1])
    found, shifts = np.empty(2**16), np.zeros(2**16)

    ROWS[element](bits, 2**16, order, offsets, 0, 1, 0, 2**16, shifts, 0, 1, found)

    x = bits.view(np.float16) if element == "float16" else bits
    np.testing.assert_array_equal(found, reals(x, element))


def test_rows_are_those_of_the_chunk_and_the_columns() -> None:
    """A chunk begins and ends within segments, and a tile has some of the columns."""
    x = np.arange(30.0).reshape(6, 5)
    order, offsets = np.array([5, 0, 4, 1, 3, 2]), np.array([0, 1, 4, 4, 6])
    shifts = np.array([[0.0, 0.0], [100.0, 200.0], [0.0, 0.0], [1000.0, 2000.0]])
    found = np.empty((3, 2))

    ROWS["float64"](x, 5, order, offsets, 0, 4, 2, 2, shifts, 2, 5, found)

    owners = [1, 1, 3]
    np.testing.assert_array_equal(found, x[order[2:5], 2:4] - shifts[owners])


@scaled_examples(50)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=6), st.integers(1, 4), st.integers(1, 5), st.integers(0, 2**32))
def test_chunks_are_added_as_all_rows_at_once(lengths: list[int], width: int, many: int, seed: int) -> None:
    """Wherever a chunk ends, the additions have the same order."""
    rng = np.random.default_rng(seed)
    offsets = np.concatenate(([0], np.cumsum(lengths)))
    order = rng.permutation(offsets[-1])
    x, weights = rng.standard_normal((2, offsets[-1], width))
    found = np.zeros((2, len(lengths), width))

    tile = (x, width, order, offsets, 0, len(lengths), 0, width)
    for begin in range(0, len(x), many):
        end = min(begin + many, len(x))
        WEIGHTED["float64"](*tile, weights[begin:end].copy(), begin, end, found[0], found[1], 1)

    expected = np.zeros((2, len(lengths), width))
    for segment in range(len(lengths)):
        for row in range(offsets[segment], offsets[segment + 1]):
            expected[0, segment] += weights[row]
            expected[1, segment] += x[order[row]] * weights[row]
    assert found.tobytes() == expected.tobytes()


@scaled_examples(50)
@given(st.lists(st.integers(0, 6), max_size=40), st.integers(7, 9))
def test_rows_are_sorted_by_segment_and_keep_their_order(segments: list[int], count: int) -> None:
    """The order of additions depends on it."""
    order, offsets = np.full(len(segments), -1), np.full(count + 1, -1)

    place_rows(np.array(segments, np.int64), len(segments), count, order, offsets)

    assert order.tolist() == np.argsort(np.array(segments, np.int64), kind="stable").tolist()
    assert offsets.tolist() == [sum(each < segment for each in segments) for segment in range(count + 1)]
