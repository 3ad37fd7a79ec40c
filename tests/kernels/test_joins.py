"""The helpers of the plane loops, called as plain Python: what they combine, and where they write."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.kernels import joins
from tests.hypothesis_profiles import scaled_examples
from tests.kernels.traced_windows import chosen

VALUES = (-0.0, 0.0, 1.0, -1.0, math.inf, -math.inf, math.nan)
seeded_randoms = st.integers(0, 2**32).map(Random)


class Lines:
    """Random lines of elements, their numbers, and an output that holds other elements."""

    def __init__(self, random: Random, *, texts: bool, reach: int) -> None:
        self.rows, self.n = random.randint(1, 3), random.randint(0, 5)
        self.pitch, self.out_pitch = self.n + random.choice((0, 0, 2)), self.n + random.choice((0, 0, 3))
        self.skew, self.out_skew, self.to = random.randint(0, 3), random.randint(0, 3), random.randint(0, 3)
        size, size_out = self.rows * self.pitch + reach, self.to + self.rows * self.out_pitch + 2

        def elements(count: int) -> list[Any]:
            # Sums of texts show the order in which elements are added.
            return [f"<{random.random()}>" if texts else random.choice(VALUES) for _ in range(count)]

        self.x, self.numbers = elements(size), random.sample(range(1000), size + self.skew)
        self.out = elements(size_out)
        self.out_numbers = random.sample(range(1000, 2000), size_out + self.out_skew)

    def places(self) -> list[tuple[int, int, int]]:
        """The position in out, and the row and column, of each result."""
        return [(self.to + r * self.out_pitch + j, r, j) for r in range(self.rows) for j in range(self.n)]


def joined(lines: Lines, candidates: Callable[[int, int, int], list[tuple[Any, int]]]) -> tuple[list[Any], list[int]]:
    """The output and its numbers after a call; ``candidates`` gives the elements of a place with their numbers."""
    out, numbers = lines.out.copy(), lines.out_numbers.copy()
    for place, r, j in lines.places():
        values = candidates(place, r, j)
        if isinstance(out[place], str):
            out[place] = "".join(value for value, _ in values)
        else:
            out[place], numbers[place + lines.out_skew] = values[chosen([value for value, _ in values])]
    return out, numbers


@pytest.mark.parametrize(
    ("join", "texts", "indexed"),
    [(joins.join, False, False), (joins.join_indexed, False, True), (joins.join_sums, True, False)],
    ids=["maxima", "indexed", "sums"],
)
@pytest.mark.parametrize(("taps", "fresh"), [(1, True), (2, True), (3, True), (1, False)])
def test_lines_are_combined_in_their_order(
    join: Callable[..., None], texts: bool, indexed: bool, taps: int, fresh: bool
) -> None:
    """Of equal values the first is chosen and of NaN the last, and nothing beside the lines is written."""

    @scaled_examples(100)
    @given(seeded_randoms)
    def holds(random: Random) -> None:
        lines = Lines(random, texts=texts, reach=9)
        starts = [random.randint(0, 9) for _ in range(3)]

        def candidates(place: int, r: int, j: int) -> list[tuple[Any, int]]:
            places = [start + r * lines.pitch + j for start in starts[:taps]]
            held = [] if fresh else [(lines.out[place], lines.out_numbers[place + lines.out_skew])]
            return held + [(lines.x[each], lines.numbers[each + lines.skew]) for each in places]

        expected, expected_numbers = joined(lines, candidates)

        join(
            lines.out, lines.out_numbers, lines.to, lines.out_skew, lines.out_pitch, lines.x, lines.numbers, *starts,
            lines.skew, lines.pitch, lines.rows, lines.n, taps, fresh,
        )  # fmt: skip

        assert str(lines.out) == str(expected)
        assert not indexed or lines.out_numbers == expected_numbers

    holds()


@pytest.mark.parametrize(
    ("join", "texts", "indexed", "fresh"),
    [
        (joins.join_strided, False, False, True),
        (joins.join_strided_indexed, False, True, True),
        (joins.join_strided_sums, True, False, True),
        (joins.join_strided_sums, True, False, False),
    ],
    ids=["maxima", "indexed", "sums", "more sums"],
)
def test_strided_windows_are_read_in_place(join: Callable[..., None], texts: bool, indexed: bool, fresh: bool) -> None:
    """The windows with no regular neighbour, and those further apart than they are wide, take this path."""

    @scaled_examples(100)
    @given(seeded_randoms, st.integers(1, 4), st.integers(1, 4), st.integers(1, 3))
    def holds(random: Random, stride: int, taps: int, step: int) -> None:
        lines = Lines(random, texts=texts, reach=40)
        start = random.randint(0, 9)

        def candidates(place: int, r: int, j: int) -> list[tuple[Any, int]]:
            places = [start + r * lines.pitch + j * stride + t * step for t in range(taps)]
            held = [] if fresh else [(lines.out[place], 0)]
            return held + [(lines.x[each], lines.numbers[each + lines.skew]) for each in places]

        expected, expected_numbers = joined(lines, candidates)

        join(
            lines.out, lines.out_numbers, lines.to, lines.out_skew, lines.out_pitch, lines.x, lines.numbers, start,
            lines.skew, lines.pitch, lines.rows, lines.n, stride, taps, step, fresh,
        )  # fmt: skip

        assert str(lines.out) == str(expected)
        assert not indexed or lines.out_numbers == expected_numbers

    holds()


@scaled_examples(200)
@given(
    st.integers(1, 3), st.integers(0, 20), st.integers(1, 5), st.integers(0, 3), st.integers(0, 3), st.integers(0, 3)
)
def test_deinterleaving_gives_each_element_its_phase(
    rows: int, length: int, stride: int, gap: int, spare: int, to: int
) -> None:
    """Elements of a line beyond its whole strides are copied too, and none of the next line."""
    pitch, columns = length + gap, -(-length // stride) + spare
    x = np.arange(100, 100 + 2 + rows * pitch)
    phases = np.full(to + stride * rows * columns + 2, -1)
    expected = phases.copy()
    for r in range(rows):
        for place in range(length):
            j, i = divmod(place, stride)
            expected[to + (i * rows + r) * columns + j] = x[2 + r * pitch + place]

    joins.deinterleave(x, 2, pitch, rows, length, stride, phases, to, columns)

    assert phases.tolist() == expected.tolist()


def test_fewer_columns_than_elements_leave_the_rest_out() -> None:
    """The last windows may not reach the end of a line."""
    phases = np.full(6, -1)

    joins.deinterleave(np.arange(10), 0, 10, 1, 10, 3, phases, 0, 2)

    assert phases.tolist() == [0, 3, 1, 4, 2, 5]


@pytest.mark.parametrize(
    ("earlier", "other", "later"),
    [
        (1.0, 2.0, True),
        (2.0, 1.0, False),
        (1.0, 1.0, False),
        (-0.0, 0.0, False),
        (math.nan, math.inf, False),
        (math.inf, math.nan, True),
        (math.nan, math.nan, True),
        (-(2**63), 2**63 - 1, True),
    ],
)
def test_the_later_value_wins_if_it_is_larger_or_nan(earlier: float, other: float, later: bool) -> None:
    """As torch's kernels decide."""
    assert joins.later_wins(earlier, other) is later
