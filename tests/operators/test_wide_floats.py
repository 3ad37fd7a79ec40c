"""Results in float64: the output type, rounding into new memory, and functions without neighbours."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.backend.conversion import torch_dtype
from poolhouse.dtypes import ELEMENT_TYPES, FLOAT32
from poolhouse.operators.wide_floats import (
    FLOAT64_TYPES,
    converted,
    exponential,
    float_type,
    logarithm,
    round_like,
    square_root,
)
from tests.hypothesis_profiles import scaled_examples

Function = Callable[[torch.Tensor], torch.Tensor]

both_functions = pytest.mark.parametrize(
    ("function", "reference"), [(exponential, math.exp), (logarithm, math.log)], ids=["exponential", "logarithm"]
)


@pytest.mark.parametrize("name", ELEMENT_TYPES)
def test_results_have_the_planned_type(name: str) -> None:
    """A plan names the type before torch rounds to it."""
    dtype = ELEMENT_TYPES[name]
    x = torch.zeros(1, dtype=torch_dtype(dtype))

    rounded = round_like(torch.tensor([1 / 3], dtype=torch.float64), x)

    assert rounded.dtype == torch_dtype(float_type(dtype))
    assert float_type(dtype) is (dtype if dtype.kind == "float" else FLOAT32)
    assert dtype.kind in FLOAT64_TYPES
    assert rounded.item() == torch.tensor(1 / 3, dtype=torch.float64).to(rounded.dtype).item()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16], ids=str)
def test_every_nan_has_the_same_bits(dtype: torch.dtype) -> None:
    """Wherever it lies: torch's conversions have other NaNs in vectors than in their tails."""
    signs = torch.tensor([math.nan, -math.nan] * 16 + [math.nan], dtype=torch.float64)

    found = [round_like(signs[:length], torch.empty(0, dtype=dtype)) for length in range(1, 34)]

    assert (
        len({bytes(one) for each in found for one in each.view(torch.uint8).reshape(-1, dtype.itemsize).tolist()}) == 1
    )


@pytest.mark.parametrize(("dtype", "bits"), [(torch.bfloat16, 8), (torch.float16, 11)], ids=str)
def test_results_are_rounded_once(dtype: torch.dtype, bits: int) -> None:
    """A little more than half way between two halves: by way of float32 it would be half way, and rounded down."""
    above_half = torch.tensor([1 + 2.0**-bits + 2.0**-40], dtype=torch.float64)

    assert round_like(above_half, torch.empty(0, dtype=dtype)).item() == 1 + 2.0 ** (1 - bits)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_every_converted_nan_has_the_same_bits(dtype: torch.dtype) -> None:
    """Torch gives those of a vector other bits than those behind the last one."""
    numbers = torch.tensor([math.nan, -math.nan, 1.5] * 11, dtype=torch.float64)

    found = converted(numbers, dtype)

    assert len(set(found[found.isnan()].view(torch.int16).tolist())) == 1
    assert found[2::3].tolist() == [1.5] * 11


def test_a_result_does_not_share_the_memory_of_the_input() -> None:
    """Float64 needs no rounding, and a window of one element no reduction: the result would be the request's memory."""
    x = torch.arange(4.0, dtype=torch.float64)

    copied, other = round_like(x[1:3], x), torch.zeros(2, dtype=torch.float64)

    assert copied.untyped_storage().data_ptr() != x.untyped_storage().data_ptr()
    assert copied.tolist() == [1, 2]
    assert round_like(other, x).data_ptr() == other.data_ptr()


@both_functions
def test_values_are_those_of_the_c_library(function: Function, reference: Callable[[float], float]) -> None:
    """Up to the last place."""
    values = np.random.default_rng(1).uniform(1e-3, 50, 500).tolist()

    found = function(torch.tensor(values, dtype=torch.float64)).numpy()

    np.testing.assert_allclose(found, [reference(value) for value in values], rtol=1e-15, atol=1e-16)


@given(st.lists(st.floats(0, 1e308), min_size=1, max_size=40))
def test_square_roots_are_correctly_rounded(values: list[float]) -> None:
    """As the compiled loops and Python round them, in every position."""
    assert square_root(torch.tensor(values, dtype=torch.float64)).tolist() == [math.sqrt(value) for value in values]


@both_functions
def test_a_value_does_not_depend_on_its_neighbours(function: Function, reference: Callable[[float], float]) -> None:
    """Else the result of a request would depend on the batch that it joined."""

    @scaled_examples(40)
    @given(st.lists(st.floats(1e-300, 700), min_size=1, max_size=40))
    def holds(values: list[float]) -> None:
        x = torch.tensor(values, dtype=torch.float64)

        together = function(x)

        assert together.tolist() == [function(each.reshape(1)).item() for each in x]
        assert function(x.flip(0)).flip(0).tolist() == together.tolist()
        assert x.tolist() == values

    holds()


def test_overflow_is_infinite_without_a_warning() -> None:
    """Numpy would write one to the log; the logarithm of 0 is minus infinity, that of a negative number NaN."""
    x = torch.tensor([1000.0, -1000.0, math.inf, -math.inf, math.nan], dtype=torch.float64)

    np.testing.assert_array_equal(exponential(x).numpy(), [math.inf, 0, math.inf, 0, math.nan])
    logs = logarithm(torch.tensor([0.0, -1.0, math.inf], dtype=torch.float64)).numpy()
    np.testing.assert_array_equal(logs, [-math.inf, math.nan, math.inf])


@both_functions
def test_views_are_read_in_their_order(function: Function, reference: Callable[[float], float]) -> None:
    """Of a transposed tensor, whose memory is in another one."""
    x = torch.arange(1.0, 7.0, dtype=torch.float64).reshape(2, 3)

    assert torch.equal(function(x.T), function(x).T)
    assert function(x[:, ::2]).tolist() == function(x)[:, ::2].tolist()
