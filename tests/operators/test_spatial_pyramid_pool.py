"""spatial_pyramid_pool: vectors of one length for inputs of every size, in the order of He et al."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hypothesis_profiles import scaled_examples
from tests.operators.both_ways import outputs, refusal_of
from tests.operators.random_cases import Fields

SIZES = st.lists(st.integers(1, 5), min_size=1, max_size=4)


def test_the_papers_pyramid_has_21_cells_for_each_channel() -> None:
    """4 × 4, 2 × 2 and 1 × 1, for images of any size."""
    for spatial in ((13, 13), (10, 17), (1, 4)):
        for found in outputs("spatial_pyramid_pool2d", np.ones((2, 256, *spatial), np.float32)):
            assert found.shape == (2, 21 * 256)


@pytest.mark.parametrize("reduce", ["max", "mean"])
def test_cells_are_those_of_numpys_blocks(reduce: str) -> None:
    """Where the sizes divide the axes: level by level, channel by channel, and row-major within."""
    x = np.random.default_rng(2).standard_normal((2, 3, 12, 24))
    expected = []
    for size in (1, 4, 3):
        blocks = x.reshape(2, 3, size, 12 // size, size, 24 // size)
        expected.append((blocks.max((3, 5)) if reduce == "max" else blocks.mean((3, 5))).reshape(2, -1))

    for found in outputs("spatial_pyramid_pool2d", x, output_sizes=[1, 4, 3], reduce=reduce):
        np.testing.assert_allclose(found, np.concatenate(expected, 1), rtol=1e-13, atol=1e-15)


@scaled_examples(40)
@given(SIZES, st.integers(1, 3), st.sampled_from(("max", "mean")), st.integers(0, 2**32))
def test_the_vector_is_the_same_for_both_layouts(sizes: list[int], rank: int, reduce: str, seed: int) -> None:
    """So that a layer after it does not depend on where the channels were."""
    shape = (2, 3, *np.random.default_rng(seed).integers(1, 9, rank).tolist())
    x = np.random.default_rng(seed).integers(-99, 99, shape).astype(np.int16)
    last = np.ascontiguousarray(np.moveaxis(x, 1, -1))
    fields: Fields = {"output_sizes": sizes, "reduce": reduce}

    first = outputs(f"spatial_pyramid_pool{rank}d", x, **fields)

    for found in outputs(f"spatial_pyramid_pool{rank}d", last, layout="channels_last", **fields):
        np.testing.assert_array_equal(found, first[0])
    assert first[0].shape == (2, 3 * sum(size**rank for size in sizes))


def test_levels_of_one_window_are_the_global_poolings() -> None:
    """And a sample without N gives a vector without it."""
    x = np.random.default_rng(4).standard_normal((3, 5, 7))

    for found in outputs("spatial_pyramid_pool2d", x, output_sizes=[1, 1]):
        np.testing.assert_array_equal(found, np.tile(x.max((1, 2)), 2))


def test_the_maximum_of_a_level_is_that_of_the_input() -> None:
    """Adaptive windows cover every element."""
    x = np.random.default_rng(5).standard_normal((1, 11, 13)).astype(np.float16)
    for size in (1, 2, 5, 20):
        for found in outputs("spatial_pyramid_pool2d", x, output_sizes=[size]):
            assert found.max() == x.max()


@pytest.mark.parametrize(
    ("fields", "element", "code"),
    [
        ({"output_sizes": []}, "float32", "invalid_fields"),
        ({"output_sizes": [4097]}, "float32", "invalid_fields"),
        ({"output_sizes": [1] * 17}, "float32", "invalid_fields"),
        ({"reduce": "median"}, "float32", "invalid_fields"),
        ({}, "bool", "unsupported_dtype"),
    ],
)
def test_other_levels_and_reductions_are_refused(fields: Fields, element: str, code: str) -> None:
    """A vector of unbounded length would be planned else."""
    refused = refusal_of("spatial_pyramid_pool2d", np.ones((1, 4, 4), element), **fields)

    assert refused is not None
    assert refused.code == code
