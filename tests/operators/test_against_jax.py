"""Pooling equals JAX's reduce_window, on random windows with padding, strides and dilation."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest

from tests.frameworks.libraries import NEEDS
from tests.hypothesis_profiles import is_exhaustive
from tests.operators.adapters.pooling import pool, random_array


def random_windows(random: Random) -> tuple[list[int], dict[str, Any]]:
    """Spatial sizes, and fields of ours."""
    sizes = [random.randint(4, 9) for _ in range(random.choice((1, 2, 3)))]
    kernel = [random.randint(1, 3) for _ in sizes]
    fields: dict[str, Any] = {"kernel_size": kernel, "stride": [random.randint(1, 3) for _ in sizes]}
    fields["dilation"] = [random.randint(1, 1 + (length > 5)) for length in sizes]
    padding = random.choice(("pairs", "same", "same_lower", "valid"))
    # Less than the window, so that no window of JAX's is empty.
    pairs = [[random.randint(0, size - 1), random.randint(0, size - 1)] for size in kernel]
    fields["padding"] = pairs if padding == "pairs" else padding
    return sizes, fields


def reduce_windows(x: Any, fields: dict[str, Any], initial: float, reduce: Any) -> Any:
    """``lax.reduce_window`` over the spatial axes of ``(N, C, *spatial)``."""
    lax = pytest.importorskip("jax", reason=NEEDS.format("jax")).lax
    padding = fields["padding"]
    padding = [(0, 0), (0, 0), *map(tuple, padding)] if isinstance(padding, list) else padding.upper()
    return lax.reduce_window(
        x,
        initial,
        reduce,
        (1, 1, *fields["kernel_size"]),
        (1, 1, *fields["stride"]),
        padding,
        window_dilation=(1, 1, *fields["dilation"]),
    )


@pytest.mark.slow
def test_random_windows_equal_reduce_window() -> None:
    """Averages divide by the number of elements, as flax's do without padding. JAX compiles a program for every shape,
    which takes seconds."""
    lax = pytest.importorskip("jax", reason=NEEDS.format("jax")).lax
    random = Random(0)
    for number in range(60 if is_exhaustive() else 6):
        sizes, fields = random_windows(random)
        x = random_array(2, 3, *sizes, seed=number)
        rank, message = len(sizes), f"{sizes} {fields}"

        for name, initial, reduce in (("max", -np.inf, lax.max), ("min", np.inf, lax.min)):
            expected = reduce_windows(x, fields, initial, reduce)
            np.testing.assert_array_equal(pool(f"{name}_pool{rank}d", x, **fields)["output"], expected, message)
        total = reduce_windows(x, fields, 0.0, lax.add)
        count = reduce_windows(np.ones_like(x), fields, 0.0, lax.add)
        np.testing.assert_allclose(pool(f"sum_pool{rank}d", x, **fields)["output"], total, 1e-5, 1e-5, err_msg=message)
        average = pool(f"avg_pool{rank}d", x, **fields, count_include_pad=False)["output"]
        np.testing.assert_allclose(average, total / count, 1e-5, 1e-5, err_msg=message)


@pytest.mark.slow
def test_every_element_type_equals_reduce_window() -> None:
    """Maxima of integers of every width and of half precision, to the bit."""
    jax = pytest.importorskip("jax", reason=NEEDS.format("jax"))
    for name in ("int8", "uint8", "int16", "uint16", "int32", "uint32"):
        least, greatest = np.iinfo(name).min, np.iinfo(name).max
        x = np.random.default_rng(1).integers(least, greatest, (1, 2, 9, 8), name, endpoint=True)
        expected = jax.lax.reduce_window(x, np.array(least, name), jax.lax.max, (1, 1, 3, 2), (1, 1, 2, 2), "VALID")
        np.testing.assert_array_equal(pool("max_pool2d", x, kernel_size=[3, 2], stride=2)["output"], expected)
    x = random_array(1, 2, 9, 8).astype(np.float16)
    fields = {"kernel_size": [3, 2], "stride": [2, 2], "dilation": [1, 1], "padding": "same"}
    expected = reduce_windows(x, fields, -np.inf, jax.lax.max)
    np.testing.assert_array_equal(pool("max_pool2d", x, **fields)["output"], expected)
