"""Unsigned integers for torch: the same order, the same bits, and back."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.operators.costs import Cost
from poolhouse.operators.unsigned import as_bits, as_ordered, from_ordered, ordered_cost
from tests.hypothesis_profiles import scaled_examples

WIDE = ("uint16", "uint32", "uint64")
OTHERS = ("int8", "uint8", "int16", "int32", "int64", "float16", "float32", "float64")

every_wide_type = pytest.mark.parametrize("name", WIDE)


@every_wide_type
def test_the_order_of_elements_is_kept(name: str) -> None:
    """Torch has no comparison for these types; their bits as signed numbers put the upper half first."""
    most = int(np.iinfo(name).max)

    @scaled_examples(60)
    @given(st.lists(st.one_of(st.integers(0, most), st.sampled_from((0, 1, most // 2, most // 2 + 1, most)))))
    def holds(values: list[int]) -> None:
        x = torch.from_numpy(np.array(values, name))

        ordered = as_ordered(x)

        assert ordered.argsort(stable=True).tolist() == np.argsort(np.array(values, name), kind="stable").tolist()
        assert from_ordered(ordered, x.dtype).numpy().tolist() == values

    holds()


@every_wide_type
def test_bits_are_a_view(name: str) -> None:
    """What is moved need not be copied before, and what is written through it is in the tensor."""
    x = torch.from_numpy(np.array([0, 1, np.iinfo(name).max], name))

    bits = as_bits(x)
    bits[0] = -2

    assert bits.tolist() == [-2, 1, -1]
    assert x.numpy().tolist() == [np.iinfo(name).max - 1, 1, np.iinfo(name).max]


@pytest.mark.parametrize("name", OTHERS)
def test_types_that_torch_compares_are_left_alone(name: str) -> None:
    """The same tensor, without a copy."""
    x = torch.from_numpy(np.array([1, 0], name))

    assert as_bits(x) is x
    assert as_ordered(x) is x
    assert from_ordered(x, x.dtype) is x


def test_booleans_are_compared_as_bytes() -> None:
    """A view; torch has no maximum of booleans."""
    x = torch.tensor([False, True])

    ordered = as_ordered(x)

    assert ordered.dtype == torch.uint8
    assert ordered.data_ptr() == x.data_ptr()
    assert torch.equal(from_ordered(ordered, torch.bool), x)


def test_the_input_is_not_changed() -> None:
    """It is the memory of the request."""
    x = torch.from_numpy(np.array([3, 2**16 - 1], np.uint16))

    as_ordered(x).zero_()

    assert x.numpy().tolist() == [3, 2**16 - 1]


@pytest.mark.parametrize("name", [*WIDE, *OTHERS, "bool"])
def test_only_the_copies_cost_something(name: str) -> None:
    """The copy is held while elements are compared."""
    dtype, cost = ELEMENT_TYPES[name], Cost(1000.0, 10.0, 40.0)

    found = ordered_cost(cost, 1000, 250, dtype)

    if name in WIDE:
        assert found.plane_bytes == cost.plane_bytes + 1000 * dtype.itemsize
        assert found.plane_steps > cost.plane_steps
    else:
        assert found == cost
