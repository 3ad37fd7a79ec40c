"""Fractional pooling: the seed decides every window, whatever else is pooled at the same time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.dtypes import FLOAT32
from poolhouse.errors import Unprocessable
from poolhouse.operators.fractional import SEED_MAX, FractionalMaxPool
from poolhouse.operators.windows import fractional_starts
from tests.hypothesis_profiles import scaled_examples
from tests.operators.random_cases import CATALOGUE


def fractional(rank: int = 2, /, **fields: object) -> FractionalMaxPool:
    """The spec of an operator of this family."""
    spec = CATALOGUE.find(f"fractional_max_pool{rank}d").of(kernel_size=2, **fields)
    assert isinstance(spec, FractionalMaxPool)
    return spec


@pytest.mark.parametrize("rank", [2, 3])
@pytest.mark.parametrize("begin", [0, 1, 7])
def test_a_piece_has_the_samples_of_its_planes(rank: int, begin: int) -> None:
    """Large requests are pooled piece by piece; clients may reproduce the samples with numpy alone."""
    spec = fractional(rank, output_size=3, seed=5)

    piece = spec.random_inputs(4, begin)["samples"]

    documented = np.random.Generator(np.random.PCG64(5)).random((20, rank))
    np.testing.assert_array_equal(piece, documented[begin : begin + 4])


def test_a_drawn_seed_changes_nothing_else() -> None:
    """The request is repeated with the seed from the response header."""
    spec = fractional(output_ratio=[0.5, 0.25], return_indices=True)

    seeded = spec.with_seed()

    drawn = seeded.field_values().pop("seed")
    assert isinstance(drawn, int)
    assert 0 <= drawn <= SEED_MAX
    assert spec.seed is None
    assert {**seeded.field_values(), "seed": None} == {**spec.field_values(), "seed": None}
    assert spec.with_seed() != seeded
    assert seeded.with_seed() is seeded
    assert seeded.spec_key() == spec.spec_key()


@pytest.mark.parametrize("fields", [{}, {"output_size": 3, "output_ratio": 0.5}])
def test_the_output_size_is_given_once(fields: dict[str, object]) -> None:
    """Two sizes may contradict each other."""
    with pytest.raises(Unprocessable) as refused:
        fractional(**fields)

    assert [(each.pointer, each.code) for each in refused.value.problems] == [("/output_size", "conflict")]


@pytest.mark.parametrize(
    ("fields", "spatial", "expected"),
    [
        ({"output_size": [7, 1]}, (8, 2), (7, 1)),
        ({"output_ratio": 0.5}, (9, 8), (4, 4)),
        ({"output_ratio": [0.87, 0.13]}, (8, 8), (6, 1)),
        ({"output_size": [8, 1]}, (8, 8), "8 windows of kernel_size 2 do not fit on axis H of 8"),
        ({"output_size": 1}, (8, 1), "axis W of 1 positions; output size must be from 1 to 0"),
        ({"output_ratio": 0.1}, (10, 9), "0 windows of kernel_size 2 do not fit on axis W of 9"),
    ],
)
def test_the_number_of_windows_fits_the_axis(
    fields: dict[str, object], spatial: tuple[int, ...], expected: tuple[int, ...] | str
) -> None:
    """The ratio is rounded down, as in torch, and may then leave no window."""
    spec = fractional(**fields)

    if isinstance(expected, tuple):
        assert spec.spatial_out(spatial) == expected
    else:
        with pytest.raises(Unprocessable, match=expected) as refused:
            spec.spatial_out(spatial)
        assert refused.value.code == "window_does_not_fit"


@pytest.mark.parametrize(("rank", "columns"), [(2, (1, 0)), (3, (0, 1, 2))])
def test_the_windows_follow_torchs_order_of_samples(rank: int, columns: tuple[int, ...]) -> None:
    """Torch reads the samples of a 2-D plane as W, H, and of a 3-D plane as D, H, W."""
    spatial = (19, 23, 29)[:rank]
    spec = fractional(rank, output_size=7, seed=1)

    @scaled_examples(40)
    @given(st.lists(st.floats(0, 1, exclude_max=True), min_size=rank, max_size=rank).map(np.array))
    def holds(samples: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
        for axis, length in enumerate(spatial):
            (starts,) = fractional_starts(length, 2, 7, samples[columns[axis] : columns[axis] + 1])
            spans = [spec.positions(spatial, axis, output, samples) for output in range(7)]
            assert spans == [range(start, start + 2) for start in starts.tolist()]

    holds()


def test_planes_of_more_than_two_billion_elements_have_no_loops() -> None:
    """The loops number elements in 32 bits."""
    spec = fractional(output_size=3, seed=1)

    assert spec.kernel_factory((2**16, 2**15 - 1), FLOAT32) is not None
    assert spec.kernel_factory((2**16, 2**15), FLOAT32) is None
