"""Average and maximum of the same windows: half their sum without overflow, and the channels of both."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.backend.conversion import as_array
from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.operators.avgmax import HalfSum
from tests.hypothesis_profiles import scaled_examples
from tests.operators.both_ways import outputs, refusal_of, spec_of
from tests.operators.random_cases import STYLES, random_elements

Array = npt.NDArray[Any]


def as_tensor(x: Array, name: str) -> torch.Tensor:
    """Elements in their storage type as a tensor."""
    return torch.from_numpy(x.view(np.int16)).view(torch.bfloat16) if name == "bfloat16" else torch.from_numpy(x)


@pytest.mark.parametrize("name", ["float16", "bfloat16", "float32", "float64"])
def test_arrays_are_joined_to_the_bits_of_tensors(name: str) -> None:
    """The loops join arrays, and a result must not depend on whether they were used."""
    spec, element = spec_of("global_avgmax_pool1d"), ELEMENT_TYPES[name]
    assert isinstance(spec, HalfSum)

    @scaled_examples(60)
    @given(st.integers(0, 2**32), st.sampled_from(STYLES))
    def holds(seed: int, style: str) -> None:
        parts = [random_elements(Random(seed + i), element, (3, 7), style) for i in range(2)]

        tensor = spec.join([as_tensor(each.copy(), name) for each in parts])
        array = spec.join_arrays(parts, element)

        numeric = ~tensor.isnan().numpy()
        bits = np.dtype(f"u{element.itemsize}")
        assert as_array(tensor).view(bits)[numeric].tolist() == array.view(bits)[numeric].tolist()

    holds()


@pytest.mark.parametrize("name", ["float16", "float32", "float64"])
def test_half_the_sum_of_the_largest_numbers_is_the_largest(name: str) -> None:
    """Their sum overflows; halves of the least number must not vanish either."""
    ends = np.finfo(name)
    # Of the least number of float64 there is no half.
    least = ends.smallest_subnormal if name != "float64" else ends.tiny
    x = np.array([[ends.max], [ends.min], [least]], name)

    for found in outputs("global_avgmax_pool1d", x):
        np.testing.assert_array_equal(found, x)


def test_half_the_sum_lies_between_average_and_maximum() -> None:
    """In the middle, up to rounding."""
    x = np.random.default_rng(2).standard_normal((3, 9, 11))
    fields = {"output_size": [4, 3]}

    average, most = (outputs(f"adaptive_{name}_pool2d", x, **fields)[0] for name in ("avg", "max"))

    for found in outputs("adaptive_avgmax_pool2d", x, **fields):
        np.testing.assert_allclose(found - average, most - found, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("layout", ["channels_first", "channels_last"])
def test_both_gives_the_averages_of_all_channels_first(layout: str) -> None:
    """A layer after it has weights for 2·C channels in that order."""
    x = np.random.default_rng(3).integers(-50, 50, (2, 3, 4, 6), np.int32)
    axis = 1 if layout == "channels_first" else -1
    given_x = np.ascontiguousarray(np.moveaxis(x, 1, axis))

    for found in outputs("adaptive_catavgmax_pool2d", given_x, output_size=2, layout=layout):
        blocks = x.reshape(2, 3, 2, 2, 2, 3)
        averages = np.trunc(blocks.sum((3, 5)) / 6).astype(np.int32)
        expected = np.concatenate([averages, blocks.max((3, 5))], 1)
        np.testing.assert_array_equal(np.moveaxis(found, axis, 1), expected)


@pytest.mark.parametrize("keepdims", [False, True])
def test_the_global_form_doubles_the_channels(keepdims: bool) -> None:
    """Batched and not, with the spatial axes left out or kept."""
    for batch in ((), (2,)):
        x = np.ones((*batch, 3, 5, 4), np.float32)

        for found in outputs("global_catavgmax_pool2d", x, keepdims=keepdims):
            assert found.shape == (*batch, 6, *[1, 1] * keepdims)


def test_half_a_sum_of_integers_is_refused_and_both_takes_them() -> None:
    """Half of an odd number is no integer; booleans have no average."""
    for element, names in (("int32", ["avgmax"]), ("bool", ["avgmax", "catavgmax"])):
        for name in names:
            refused = refusal_of(f"global_{name}_pool1d", np.ones((1, 4), element))
            assert refused is not None
            assert refused.code == "unsupported_dtype"
    assert refusal_of("global_catavgmax_pool1d", np.ones((1, 4), np.int32)) is None
