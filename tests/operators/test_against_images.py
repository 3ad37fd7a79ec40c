"""Pooling equals scikit-image's block_reduce and SciPy's filters, on random windows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any, Final

import numpy as np
import pytest
from scipy import ndimage  # type: ignore[import-untyped]  # scipy has no stubs
from skimage import measure

from tests.operators.adapters.pooling import Array, pool

BLOCKS: Final[dict[str, Callable[..., Any]]] = {
    "max_pool": np.nanmax,
    "min_pool": np.nanmin,
    "sum_pool": np.nansum,
    "avg_pool": np.nanmean,
    "median_pool": np.nanmedian,
    "std_pool": np.nanstd,
    "var_pool": np.nanvar,
}
"""What block_reduce applies to a block; the NaN that it pads with is left out."""


def planes(seed: int, count: int) -> Iterator[tuple[Array, Random]]:
    """Random planes of one to three dimensions."""
    random = Random(seed)
    for number in range(count):
        sizes = [random.randint(5, 12) for _ in range(random.choice((1, 2, 3)))]
        yield np.random.default_rng([seed, number]).standard_normal(sizes), random


def pool_plane(name: str, plane: Array, **fields: object) -> Array:
    """The output for one plane."""
    output = pool(f"{name}{plane.ndim}d", plane[None, None], **fields)["output"]
    return output.reshape(output.shape[2:])


@pytest.mark.parametrize("name", BLOCKS)
def test_blocks_equal_block_reduce(name: str) -> None:
    """Also at the end of an axis, where ``ceil_mode`` cuts the block and block_reduce pads it."""
    fields = {"count_include_pad": False} if name == "avg_pool" else {}
    for plane, random in planes(0, 12):
        size = [random.randint(1, 4) for _ in plane.shape]

        found = pool_plane(name, plane, kernel_size=size, ceil_mode=True, **fields)

        block_reduce: Any = measure.block_reduce  # it has no types
        expected = block_reduce(plane, tuple(size), BLOCKS[name], cval=np.nan)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12, err_msg=f"{plane.shape} {size}")


def test_windows_of_stride_one_equal_filters() -> None:
    """Everywhere with a constant border, and inside it for ranks, whose border SciPy fills with elements."""
    for plane, random in planes(1, 20):
        size = [random.choice((1, 3, 5)) for _ in plane.shape]
        fields: dict[str, Any] = {"kernel_size": size, "stride": 1, "padding": "same"}
        whole = {
            "max_pool": ndimage.maximum_filter(plane, size, mode="constant", cval=-np.inf),
            "min_pool": ndimage.minimum_filter(plane, size, mode="constant", cval=np.inf),
            "avg_pool": ndimage.uniform_filter(plane, size, mode="constant"),
        }
        for name, expected in whole.items():
            np.testing.assert_allclose(pool_plane(name, plane, **fields), expected, rtol=1e-12, atol=1e-12)

        inside = tuple(slice(each // 2, length - each // 2) for each, length in zip(size, plane.shape, strict=True))
        last = int(np.prod(size)) - 1
        rank = random.randint(0, last)
        fields = {"kernel_size": size, "stride": 1}
        expected = ndimage.median_filter(plane, size)[inside]
        np.testing.assert_array_equal(pool_plane("median_pool", plane, **fields), expected)
        found = pool_plane("quantile_pool", plane, **fields, q=rank / last if last else 0.5, method="nearest")
        np.testing.assert_array_equal(found, ndimage.rank_filter(plane, rank, size)[inside])
