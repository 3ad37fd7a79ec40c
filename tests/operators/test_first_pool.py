"""The first element of each window, moved to the bit and never computed with."""

from __future__ import annotations

import math
from random import Random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.backend.conversion import as_array
from poolhouse.dtypes import ELEMENT_TYPES, FLOAT32
from poolhouse.operators.composition import part_class
from poolhouse.operators.first_pool import FirstPool
from tests.hypothesis_profiles import scaled_examples
from tests.operators.plane_plans import kernel_of
from tests.operators.random_cases import CATALOGUE, random_elements

AXES = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 12)), min_size=1, max_size=3)


def first_pool(kernel_size: list[int], *, ceil_mode: bool = True, layout: str = "channels_first") -> FirstPool:
    """The spec."""
    return part_class(FirstPool, len(kernel_size))(layout, tuple(kernel_size), ceil_mode)


@scaled_examples(80)
@given(AXES, st.booleans(), st.integers(0, 2**32))
def test_it_is_a_slice_with_the_windows_as_steps(axes: list[tuple[int, int]], ceil_mode: bool, seed: int) -> None:
    """Rounded up with a last window of fewer elements, or down without it; loops, torch and oracle agree."""
    kernel, spatial = [size for size, _ in axes], [max(each) for each in axes]
    x = np.random.default_rng(seed).standard_normal((2, *spatial)).astype(np.float32)
    spec = first_pool(kernel, ceil_mode=ceil_mode)
    round_to = math.ceil if ceil_mode else math.floor
    sizes = [round_to(length / size) for length, size in zip(spatial, kernel, strict=True)]
    cut = tuple(slice(0, size * count, size) for size, count in zip(kernel, sizes, strict=True))
    expected = x[(slice(None), *cut)]

    (by_torch,) = spec.run({"input": torch.from_numpy(x)})
    make = kernel_of(spec, tuple(spatial), FLOAT32)
    assert make is not None
    (by_loops,) = make({"input": x}, 1)

    assert spec.spatial_out(tuple(spatial)) == tuple(sizes)
    np.testing.assert_array_equal(by_torch.numpy(), expected)
    np.testing.assert_array_equal(by_loops, expected)
    np.testing.assert_array_equal(spec.reference_of_plane(x[0], None)[0], expected[0].reshape(-1))


@pytest.mark.parametrize("name", ELEMENT_TYPES)
def test_bits_are_kept(name: str) -> None:
    """Of labels and of NaN, in every element type."""
    x = random_elements(Random(3), ELEMENT_TYPES[name], (1, 12), "extreme")
    tensor = torch.from_numpy(x.view(np.int16)).view(torch.bfloat16) if name == "bfloat16" else torch.from_numpy(x)

    (found,) = first_pool([5]).run({"input": tensor})

    assert found.dtype == tensor.dtype
    assert as_array(found).tobytes() == np.ascontiguousarray(x[:, ::5]).tobytes()


def test_the_result_is_a_copy_of_its_own_size() -> None:
    """A view would keep the memory of the input, of which it has one element of a thousand."""
    x = torch.zeros(1, 1000)
    kernel = kernel_of(first_pool([1000]), (1000,), FLOAT32)
    assert kernel is not None

    (by_torch,) = first_pool([1000]).run({"input": x})
    (by_loops,) = kernel({"input": x.numpy()}, 1)

    assert by_torch.untyped_storage().nbytes() == 4
    assert by_loops.base is None


def test_channels_last_keeps_the_channels() -> None:
    """Windows are along the spatial axes only."""
    x = torch.arange(4 * 6 * 3).reshape(1, 4, 6, 3)

    (found,) = first_pool([2, 3], layout="channels_last").run({"input": x})

    assert torch.equal(found, x[:, ::2, ::3])


def test_it_is_no_operator_of_its_own() -> None:
    """A client slices without a service; pyramids have it as a part."""
    assert not [member for member in CATALOGUE if issubclass(member, FirstPool)]
