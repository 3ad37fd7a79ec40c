"""Laws of the operators that are composed of others: pyramids, average beside maximum; and of blurring."""

from __future__ import annotations

import math
from random import Random

import numpy as np
import numpy.typing as npt
import pytest
import torch
import torch.nn.functional as F

from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.errors import Unprocessable
from poolhouse.tensors import Tensor
from tests.operators.random_cases import CATALOGUE, Case, Fields, random_elements, settled_plan

Array = npt.NDArray[np.generic]
SHAPES = {1: (2, 3, 29), 2: (2, 3, 13, 10), 3: (2, 3, 5, 9, 6)}


def pooled(operator: str, array: Array, fields: Fields) -> dict[str, Array]:
    """The outputs of a request."""
    dtype = ELEMENT_TYPES[array.dtype.name]
    plan = settled_plan(CATALOGUE.find(operator).of(**fields), dtype, array.shape)
    return {name: each.array for name, each in Case(plan, {"input": Tensor(dtype, array)}).run().items()}


def random_array(rank: int, dtype: str = "float32", style: str = "plain") -> Array:
    """Elements of a type that numpy has."""
    return random_elements(Random(rank), ELEMENT_TYPES[dtype], SHAPES[rank], style)


def floats(rank: int) -> npt.NDArray[np.float32]:
    """Plain float32 numbers."""
    return random_array(rank).astype(np.float32)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_a_level_equals_pooling_the_level_before(rank: int) -> None:
    """A client may build the pyramid itself, level by level, and must get the same bits."""
    for reduce, operator in (("mean", "avg"), ("max", "max"), ("min", "min"), ("median", "median"), ("mode", "mode")):
        for ceil_mode in (True, False):
            array = random_array(rank, "uint16" if reduce == "mode" else "float32", "ties")
            factor = [2, 3, 1][:rank]
            levels = 4 if ceil_mode else 1

            found = pooled(
                f"pyramid_pool{rank}d",
                array,
                {"reduce": reduce, "factor": factor, "levels": levels, "ceil_mode": ceil_mode},
            )

            level = array
            for name in found:
                level = pooled(f"{operator}_pool{rank}d", level, {"kernel_size": factor, "ceil_mode": ceil_mode})[
                    "output"
                ]
                np.testing.assert_array_equal(found[name], level)


def test_a_level_without_cascade_equals_pooling_the_input() -> None:
    """The median of medians is another number."""
    array = random_array(2)

    found = pooled("pyramid_pool2d", array, {"reduce": "median", "levels": 3, "cascade": False})

    for level, output in enumerate(found.values(), start=1):
        alone = pooled("median_pool2d", array, {"kernel_size": 2**level, "ceil_mode": True})["output"]
        np.testing.assert_array_equal(output, alone)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_the_first_elements_are_a_slice(rank: int) -> None:
    """Labels must not be mixed, and nearest-neighbour sampling is the cheapest way."""
    array = random_array(rank, "uint64", "extreme")

    found = pooled(f"pyramid_pool{rank}d", array, {"reduce": "first", "levels": 3, "factor": 2})

    for level, output in enumerate(found.values(), start=1):
        np.testing.assert_array_equal(output, array[(slice(None), slice(None), *[slice(None, None, 2**level)] * rank)])


def test_levels_reach_one_element_and_stay_there() -> None:
    """With 31 levels every axis that a request can have becomes 1."""
    found = pooled("pyramid_pool1d", np.arange(7, dtype=np.int32).reshape(1, 1, 7), {"levels": 31, "reduce": "max"})

    assert [output.shape[-1] for output in found.values()] == [4, 2, *[1] * 29]
    assert found["level31"].item() == 6


def test_nodata_spreads_only_where_nothing_else_is() -> None:
    """An overview of a raster has a value wherever some element below has one."""
    array = np.array([[[0, 0, 0, 8, 0, 0, 0, 0, 6]]], dtype=np.int16)

    found = pooled("pyramid_pool1d", array, {"levels": 2, "ignore_value": 0, "return_valid": True, "reduce": "mean"})

    assert found["level1"].tolist() == [[[0, 8, 0, 0, 6]]]
    assert found["level2"].tolist() == [[[8, 0, 6]]]
    assert found["valid1"].tolist() == [[[0, 0.5, 0, 0, 1]]]
    assert found["valid2"].tolist() == [[[0.5, 0, 1]]]


@pytest.mark.parametrize("reduce", ["mean", "max", "min", "median", "mode"])
def test_a_value_that_the_type_does_not_have_is_warned_about(reduce: str) -> None:
    """-9999 in a raster of bytes is a mistake, as in the pooling of one level."""
    spec = CATALOGUE.find("pyramid_pool2d").of(levels=2, reduce=reduce, ignore_value=-9999)
    warned, fitting = (settled_plan(spec, ELEMENT_TYPES[name], (1, 1, 8, 8)).warnings for name in ("uint8", "int16"))

    assert any("no element of uint8 equals ignore_value -9999" in each for each in warned)
    assert not fitting


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_a_spatial_pyramid_is_the_adaptive_poolings_of_its_sizes(rank: int) -> None:
    """As torch.flatten and torch.cat of them, which the layer after it was trained with."""
    array = random_array(rank)
    for reduce, operator in (("max", "adaptive_max_pool"), ("mean", "adaptive_avg_pool")):
        sizes = [1, 4, 2]

        (found,) = pooled(f"spatial_pyramid_pool{rank}d", array, {"output_sizes": sizes, "reduce": reduce}).values()

        levels = [pooled(f"{operator}{rank}d", array, {"output_size": size})["output"] for size in sizes]
        np.testing.assert_array_equal(found, np.concatenate([level.reshape(2, -1) for level in levels], 1))
        assert found.shape == (2, 3 * sum(size**rank for size in sizes))


def test_timms_definitions() -> None:
    """0.5 · (avg + max), and torch.cat((avg, max), 1)."""
    array = floats(2)
    x = torch.from_numpy(array)
    for size in (1, 3):
        average, largest = F.adaptive_avg_pool2d(x, size), F.adaptive_max_pool2d(x, size)
        kind, fields = "global" if size == 1 else "adaptive", Fields() if size == 1 else Fields(output_size=size)

        half = pooled(f"{kind}_avgmax_pool2d", array, fields)["output"]
        both = pooled(f"{kind}_catavgmax_pool2d", array, fields)["output"]

        torch.testing.assert_close(torch.from_numpy(half), 0.5 * (average + largest))
        torch.testing.assert_close(torch.from_numpy(both), torch.cat((average, largest), 1))


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_blurring_is_a_convolution_of_the_reflected_input(rank: int) -> None:
    """As timm's BlurPool2d: the padding, the outer product of binomial weights, and a strided convolution."""
    array = floats(rank)
    convolve = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[rank]
    for size in (3, 5, 7):
        for stride in (1, 2, 3):
            padding = (stride - 1 + size - 1) // 2
            if padding >= min(array.shape[2:]):
                with pytest.raises(Unprocessable, match="reflects"):
                    pooled(f"blur_pool{rank}d", array, {"filter_size": size, "stride": stride})
                continue
            line = torch.tensor([math.comb(size - 1, tap) for tap in range(size)], dtype=torch.float64) / 2 ** (
                size - 1
            )
            weights = line
            for _ in range(rank - 1):
                weights = weights[..., None] * line
            planes = torch.from_numpy(array).double().flatten(0, 1).unsqueeze(1)
            reflected = F.pad(planes, [padding] * 2 * rank, mode="reflect")

            found = pooled(f"blur_pool{rank}d", array, {"filter_size": size, "stride": stride})["output"]

            expected = convolve(reflected, weights[None, None], stride=stride).squeeze(1).numpy()
            np.testing.assert_allclose(
                found.astype(np.float64).reshape(expected.shape),
                expected,
                rtol=0,
                atol=1e-6 * float(np.abs(array).max()),
            )


@pytest.mark.parametrize(
    ("family", "fields"),
    [
        ("blur_pool", {}),
        ("adaptive_avgmax_pool", {"output_size": 3}),
        ("adaptive_catavgmax_pool", {"output_size": 3}),
        ("global_catavgmax_pool", {"keepdims": False}),
        ("pyramid_pool", {"levels": 2, "return_valid": True, "nan_policy": "omit"}),
        ("spatial_pyramid_pool", {}),
    ],
)
def test_channels_last_is_the_same_transposed(family: str, fields: Fields) -> None:
    """Outputs without spatial axes are the same in both layouts."""
    for rank in (1, 2, 3):
        array = random_array(rank)
        moved = np.ascontiguousarray(np.moveaxis(array, 1, -1))

        found = pooled(f"{family}{rank}d", moved, {**fields, "layout": "channels_last"})

        expected = pooled(f"{family}{rank}d", array, fields)
        for name, output in found.items():
            first = np.moveaxis(output, -1, 1) if output.ndim == array.ndim else output
            np.testing.assert_array_equal(first, expected[name])
