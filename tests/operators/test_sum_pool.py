"""sum_pool: exact for integers, refused exactly where a sum is beyond int64, and additive."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hypothesis_profiles import scaled_examples
from tests.operators.both_ways import outputs, refusal_of

LEAST, MOST = -(2**63), 2**63 - 1


def near(*anchors: int) -> st.SearchStrategy[int]:
    """Integers within two of these."""
    return st.builds(lambda anchor, more: anchor + more, st.sampled_from(anchors), st.integers(-2, 2))


@pytest.mark.parametrize("name", ["int64", "uint64"])
def test_a_sum_is_refused_exactly_where_int64_ends(name: str) -> None:
    """No answer wraps, and nothing that has one is refused, whatever the sums of parts of a window are."""
    low, high = (LEAST, MOST) if name == "int64" else (0, 2**64 - 1)
    numbers = near(0, 2**32, 2**62, MOST, high, low, -(2**62) if low else 7).map(lambda each: min(max(each, low), high))

    @scaled_examples(150)
    @given(st.lists(numbers, min_size=6, max_size=6))
    def holds(values: list[int]) -> None:
        x = np.array([values], name)
        totals = [sum(values[:3]), sum(values[3:])]

        if all(LEAST <= total <= MOST for total in totals):
            assert [each.tolist() for each in outputs("sum_pool1d", x, kernel_size=3)] == [[totals]] * 2
        else:
            refused = refusal_of("sum_pool1d", x, kernel_size=3)
            assert refused is not None
            assert refused.code == "sum_too_large"

    holds()


@pytest.mark.parametrize("layout", ["channels_first", "channels_last"])
def test_the_check_sees_the_planes_of_both_layouts(layout: str) -> None:
    """Neighbouring channels must not be added, nor the last plane be left out."""
    x = np.zeros((2, 3, 4, 4), np.int64)
    x[1, 2, 1] = 2**62
    across = np.zeros_like(x)
    across[0, :, 0, 0] = 2**62
    if layout == "channels_last":
        x, across = (np.ascontiguousarray(np.moveaxis(each, 1, -1)) for each in (x, across))

    assert refusal_of("sum_pool2d", across, kernel_size=2, layout=layout) is None
    refused = refusal_of("sum_pool2d", x, kernel_size=2, layout=layout)
    assert refused is not None
    assert refused.code == "sum_too_large"


@pytest.mark.parametrize("name", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "bool"])
def test_small_integers_are_added_in_int64(name: str) -> None:
    """The largest elements of each type; of booleans the number of true ones. Padding is 0."""
    most = 1 if name == "bool" else np.iinfo(name).max
    x = np.full((2, 6, 6), most, name)

    for found in outputs("sum_pool2d", x, kernel_size=3, stride=3, padding=1):
        assert found.dtype == np.int64
        counts = np.outer([2, 3], [2, 3])
        np.testing.assert_array_equal(found, np.broadcast_to(counts, (2, 2, 2)) * int(most))


@scaled_examples(30)
@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 3), st.integers(0, 2**32))
def test_sums_of_sums_are_those_of_the_larger_window(one: int, other: int, stride: int, seed: int) -> None:
    """Boxes are convolved: the sum of the sizes, less one, in two steps."""
    x = np.random.default_rng(seed).integers(-99, 99, (1, 11, 12), np.int32)
    ones = np.ones(one + other - 1, np.int64)
    weights = np.convolve(np.ones(one, np.int64), np.ones(other, np.int64))

    twice = outputs("sum_pool2d", outputs("sum_pool2d", x, kernel_size=[1, one], stride=1)[0],
                    kernel_size=[1, other], stride=[1, stride])  # fmt: skip

    for found in twice:
        windows = np.lib.stride_tricks.sliding_window_view(x, len(ones), axis=2)[:, :, ::stride]
        np.testing.assert_array_equal(found, windows.astype(np.int64) @ weights)


@pytest.mark.parametrize("name", ["float64", "float32", "float16"])
def test_floats_are_added_in_float64_and_rounded_once(name: str) -> None:
    """A running sum in float16 would stop at 2048."""
    x = np.ones((1, 4096), name)
    x[0, 0] = 0.5

    for found in outputs("sum_pool1d", x, kernel_size=4096):
        assert found.dtype == x.dtype
        assert found.item() == np.array(4095.5).astype(name)


def test_a_value_that_int64_does_not_have_is_refused() -> None:
    """It would be the result of a window with nothing left."""
    x = np.zeros((1, 4), np.uint64)

    refused = refusal_of("sum_pool1d", x, kernel_size=2, ignore_value=2**63)

    assert refused is not None
    assert refused.code == "unsupported_dtype"
    assert refusal_of("sum_pool1d", x, kernel_size=2, ignore_value=MOST) is None


def test_the_sum_of_one_element_is_a_copy() -> None:
    """A view of the input would change with the memory of the request, which is used again."""
    x = np.arange(6.0).reshape(1, 6)

    for found in outputs("sum_pool1d", x, kernel_size=1):
        assert not np.shares_memory(found, x)
        np.testing.assert_array_equal(found, x)
