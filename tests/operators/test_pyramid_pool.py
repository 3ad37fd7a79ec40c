"""pyramid_pool: the sizes, names and refusals of its levels, and reductions that need no cascade."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.dtypes import FLOAT32
from poolhouse.errors import Unprocessable
from poolhouse.kernels.widening import Array
from poolhouse.operators.pyramid_pool import PyramidKernel, PyramidPool
from tests.hypothesis_profiles import scaled_examples
from tests.operators.both_ways import pool_both_ways, refusal_of, spec_of
from tests.operators.random_cases import Fields

LENGTHS = st.lists(st.integers(1, 2**31 - 1), min_size=1, max_size=3)


def step(planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
    """A kernel that counts how often an element was pooled, and says what it was given."""
    return planes["input"].astype(np.int64) + 1, planes["input"]


@pytest.mark.parametrize(("cascade", "levels"), [(True, [1, 2, 3]), (False, [1, 1, 1])])
def test_a_level_is_pooled_from_the_one_before_or_from_the_input(levels: list[int], *, cascade: bool) -> None:
    """The levels come first, then the shares of all levels."""
    kernel = PyramidKernel([step] * 3, cascade=cascade)

    found = kernel({"input": np.zeros((1, 1), np.int64)}, 1)

    assert [each.item() for each in found] == [*levels, *(level - 1 for level in levels)]


@scaled_examples(100)
@given(LENGTHS, st.integers(1, 9), st.integers(1, 31), st.booleans(), st.booleans())
def test_sizes_are_the_quotients_of_the_input(
    lengths: list[int], factor: int, levels: int, ceil_mode: bool, cascade: bool
) -> None:
    """Rounding at each level is rounding once, so that cascade does not change a shape."""
    spec = spec_of(f"pyramid_pool{len(lengths)}d", levels=levels, factor=factor, ceil_mode=ceil_mode, cascade=cascade)
    divisors = [factor**level for level in range(1, levels + 1)]
    expected = [tuple(-(-length // each) if ceil_mode else length // each for length in lengths) for each in divisors]

    if any(0 in sizes for sizes in expected):
        with pytest.raises(Unprocessable, match="would have no window"):
            spec.sizes_by_output(tuple(lengths))
    else:
        sizes = spec.sizes_by_output(tuple(lengths))
        assert list(sizes.items()) == [(f"level{k}", each) for k, each in enumerate(expected, start=1)]
        assert spec.window_count(tuple(lengths)) == sum(map(sum, expected))


@pytest.mark.parametrize("reduce", ["max", "min", "first"])
def test_extremes_need_no_cascade(reduce: str) -> None:
    """The maximum of maxima is the maximum, also of windows that the border cuts."""
    x = np.random.default_rng(2).integers(0, 2**16, (2, 13, 22), np.uint16)
    fields: Fields = {"reduce": reduce, "levels": 4, "factor": [2, 3]}

    for one, other in zip(
        pool_both_ways("pyramid_pool2d", x, cascade=True, **fields),
        pool_both_ways("pyramid_pool2d", x, cascade=False, **fields),
        strict=True,
    ):
        assert one.keys() == other.keys() == {"level1", "level2", "level3", "level4"}
        for name, level in one.items():
            np.testing.assert_array_equal(level, other[name])


def test_means_of_means_are_means_where_all_windows_are_whole() -> None:
    """Of eighths, which add up exactly, down to the mean of the plane."""
    x = np.random.default_rng(3).integers(-99, 99, (1, 16, 16)) / 8

    for found in pool_both_ways("pyramid_pool2d", x, levels=4):
        for level, output in enumerate(found.values(), start=1):
            size = 2**level
            blocks = x.reshape(1, 16 // size, size, 16 // size, size)
            np.testing.assert_allclose(output, blocks.mean((2, 4)), rtol=1e-14, atol=1e-14)
        assert output.item() == pytest.approx(x.mean(), rel=1e-14)


def test_windows_beyond_int32_are_those_of_the_input() -> None:
    """The third power of the largest factor is no size; a window of all positions is."""
    x = np.array([[3, 9, 4]], np.int32)

    for found in pool_both_ways("pyramid_pool1d", x, levels=3, factor=2**31 - 1, reduce="max", cascade=False):
        assert [each.tolist() for each in found.values()] == [[[9]]] * 3


def test_outputs_are_named_by_level() -> None:
    """A client may name any of them, and which field gives a share is said for each."""
    spec = spec_of("pyramid_pool2d", levels=2, return_valid=True, nan_policy="omit")

    assert spec.outputs() == ("level1", "level2", "valid1", "valid2")
    assert set(spec.outputs()) <= set(PyramidPool.possible_outputs())
    assert len(PyramidPool.possible_outputs()) == 62
    assert PyramidPool.optional_outputs() == {f"valid{level}": "return_valid" for level in range(1, 32)}
    metadata = spec.output_metadata((2, 3), (8, 6), FLOAT32)
    assert {name: each.shape for name, each in metadata.items()} == {
        name: (2, 3, *sizes) for name, sizes in zip(spec.outputs(), [(4, 3), (2, 2)] * 2, strict=True)
    }


@pytest.mark.parametrize(
    ("element", "fields", "code", "words"),
    [
        ("float32", {"levels": 4, "ceil_mode": False}, "window_does_not_fit", "level 4 would have no window on axis H"),
        ("bool", {"levels": 1}, "unsupported_dtype", "use another reduce"),
        ("float32", {"levels": 1, "reduce": "mode"}, "unsupported_dtype", "by mode"),
        ("uint8", {"levels": 1, "reduce": "first", "ignore_value": 0}, "invalid_fields", "ignore_value has no effect"),
        ("uint8", {"levels": 1, "reduce": "first", "return_valid": True}, "invalid_fields", "return_valid"),
    ],
)
def test_what_has_no_meaning_is_refused(element: str, fields: Fields, code: str, words: str) -> None:
    """With a sentence that names the level, the reduction or the field."""
    refused = refusal_of("pyramid_pool2d", np.ones((1, 8, 16), element), **fields)

    assert refused is not None
    assert refused.code == code
    assert words in refused.detail
