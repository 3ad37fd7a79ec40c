"""Windows with stride 2 read in place: the same results as by the general helpers."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.kernels import joins, stride_two
from tests.hypothesis_profiles import scaled_examples
from tests.kernels.test_joins import Lines, seeded_randoms


@pytest.mark.parametrize(
    ("join", "general", "texts"),
    [
        (stride_two.join_stride_two, joins.join_strided, False),
        (stride_two.join_stride_two_indexed, joins.join_strided_indexed, False),
        (stride_two.join_stride_two_sums, joins.join_strided_sums, True),
    ],
    ids=["maxima", "indexed", "sums"],
)
@pytest.mark.parametrize("taps", [2, 3])
def test_pairs_and_threes_are_those_of_the_general_helper(
    join: Callable[..., None], general: Callable[..., None], texts: bool, taps: int
) -> None:
    """Which helper is used depends on the sizes; neither values, ties, NaN nor indices may."""

    @scaled_examples(150)
    @given(seeded_randoms, st.sampled_from((0, 1, 4)))
    def holds(random: Random, gap: int) -> None:
        lines = Lines(random, texts=texts, reach=50)
        lines.pitch, start = 2 * lines.n + gap, random.randint(0, 5)
        if lines.n == 0:
            return
        # The numbers of a row are consecutive, as the indexed helper requires.
        lines.numbers = list(range(300, 300 + len(lines.numbers)))
        found, numbers = lines.out.copy(), lines.out_numbers.copy()
        arguments = (lines.to, lines.out_skew, lines.out_pitch, lines.x, lines.numbers, start, lines.skew, lines.pitch)

        general(lines.out, lines.out_numbers, *arguments, lines.rows, lines.n, 2, taps, 1, True)
        join(found, numbers, *arguments, lines.rows, lines.n, taps)

        assert str(found) == str(lines.out)
        assert numbers == lines.out_numbers

    holds()
