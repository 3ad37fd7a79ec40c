"""Operators that pool planes: slices, statistics, and the inputs of the warm-up."""

from __future__ import annotations

import numpy as np
import pytest

from poolhouse.operators.catalogue import discover_planes
from poolhouse.operators.plan import Limits, make_plan

CATALOGUE = discover_planes()
LIMITS = Limits(2**40, 2**60)


@pytest.mark.parametrize("name", CATALOGUE.names)
def test_the_inputs_of_the_warm_up_fit_every_sample(name: str) -> None:
    """Else the service would not start."""
    member = CATALOGUE.find(name)
    for sample in member.samples:
        tensors = member.example_inputs(sample)
        inputs = {each: tensor.metadata for each, tensor in tensors.items()}

        plan = make_plan(member.for_inputs(inputs).of(**sample.fields), inputs, LIMITS)

        assert plan.batch_size == 1
        assert plan.planes == 1


def test_a_slice_has_its_planes_alone() -> None:
    """A payload is cut by planes, and N and C are one axis of planes."""
    spec = CATALOGUE.find("max_unpool1d").of(kernel_size=2)
    arrays = {"input": np.arange(24.0).reshape(2, 3, 4), "indices": np.arange(24).reshape(2, 3, 4)}

    sliced = spec.slice_inputs(arrays, 6, (4,), 2, 5)

    np.testing.assert_array_equal(sliced["input"], arrays["input"].reshape(6, 4)[2:5])
    np.testing.assert_array_equal(sliced["indices"], arrays["indices"].reshape(6, 4)[2:5])
    assert np.shares_memory(sliced["input"], arrays["input"])


def test_random_inputs_of_a_slice_are_those_of_its_planes() -> None:
    """A plane's windows do not depend on where a request is cut."""
    spec = CATALOGUE.find("fractional_max_pool2d").of(kernel_size=2, output_ratio=0.5, seed=3)
    arrays = {"input": np.zeros((5, 1, 8, 8), np.float32)}

    whole = spec.slice_inputs(arrays, 5, (8, 8), 0, 5)["samples"]
    part = spec.slice_inputs(arrays, 5, (8, 8), 2, 4)["samples"]

    np.testing.assert_array_equal(part, whole[2:4])


def test_kernels_of_many_windows_are_not_kept() -> None:
    """Thousands of plans are cached, and positions take 16 bytes a window."""
    spec = CATALOGUE.find("max_pool1d").of(kernel_size=2, stride=1)

    assert spec.keeps_kernel((100,))
    assert not spec.keeps_kernel((10**6,))


def test_the_largest_plane_is_that_of_input_or_output() -> None:
    """Some kernels of other devices count in 32 bits."""
    pool, unpool = (CATALOGUE.find(name).of(kernel_size=2) for name in ("max_pool2d", "max_unpool2d"))

    assert pool.largest_plane({"input": (7, 8, 8)}) == 64
    assert unpool.largest_plane({"input": (7, 8, 8)}) == 256
