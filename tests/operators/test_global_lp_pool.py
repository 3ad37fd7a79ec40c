"""global_lp_pool: numpy's norms of whole planes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np
import pytest

from tests.operators.both_ways import outputs, refusal_of
from tests.operators.random_cases import Fields

SHAPES: Final = {1: (3, 17), 2: (3, 5, 7), 3: (3, 2, 4, 5)}

every_rank = pytest.mark.parametrize("rank", [1, 2, 3])


@every_rank
@pytest.mark.parametrize(
    ("p", "order"), [(1, 1), (2, 2), (3, 3), (0.5, 0.5), ("Infinity", np.inf), ("-Infinity", -np.inf)]
)
def test_absolute_norms_are_those_of_numpy(rank: int, p: float | str, order: float) -> None:
    """The norm of the plane's elements as a vector."""
    x = np.random.default_rng(rank).standard_normal(SHAPES[rank])

    for found in outputs(f"global_lp_pool{rank}d", x, norm_type=p, absolute=True):
        assert found.shape == (3, *[1] * rank)
        np.testing.assert_allclose(found.reshape(3), np.linalg.norm(x.reshape(3, -1), order, axis=1), rtol=1e-12)


@every_rank
def test_it_is_lp_pool_with_one_window(rank: int) -> None:
    """Signed powers, as torch's, too."""
    x = np.random.default_rng(rank).standard_normal(SHAPES[rank]).astype(np.float32) + np.float32(0.4)
    for fields in ({"norm_type": 2}, {"norm_type": 3}, {"norm_type": 1, "absolute": True}, {"norm_type": "-Infinity"}):
        whole = outputs(f"lp_pool{rank}d", x, kernel_size=list(x.shape[1:]), **fields)
        for found in outputs(f"global_lp_pool{rank}d", x, **fields):
            np.testing.assert_allclose(found, whole[0], rtol=1e-6)


def test_signed_powers_cancel_and_absolute_ones_do_not() -> None:
    """Of (-3, 4) the sum is 1 and the norm 7; a negative sum of cubes has no root."""
    x = np.array([[-3.0, 4.0], [-4.0, 3.0]])
    expected: list[tuple[Fields, Callable[[float, float], float]]] = [
        ({"norm_type": 1}, lambda a, b: a + b),
        ({"norm_type": 1, "absolute": True}, lambda a, b: abs(a) + abs(b)),
        ({"norm_type": 3}, lambda a, b: math.cbrt(a**3 + b**3) if a**3 + b**3 > 0 else math.nan),
    ]
    for fields, norm in expected:
        for found in outputs("global_lp_pool1d", x, **fields):
            np.testing.assert_allclose(found[:, 0], [norm(*row) for row in x.tolist()], rtol=1e-13)


@pytest.mark.parametrize("name", ["float16", "int8", "bool"])
def test_squares_do_not_overflow_the_type(name: str) -> None:
    """They are added in float64; the norm of integers is float32."""
    x = np.full((1, 4, 4), 100).astype(name)

    for found in outputs("global_lp_pool2d", x, norm_type=2):
        assert found.dtype == (np.float16 if name == "float16" else np.float32)
        assert found.item() == 4 * float(x.max())


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [({}, "/norm_type"), ({"norm_type": 0}, "/norm_type"), ({"norm_type": 2, "kernel_size": 2}, "/kernel_size")],
)
def test_other_fields_than_those_of_a_norm_are_refused(fields: Fields, pointer: str) -> None:
    """The window is the plane."""
    refused = refusal_of("global_lp_pool2d", np.ones((1, 4, 4)), **fields)

    assert refused is not None
    assert [each.pointer for each in refused.problems] == [pointer]


def test_axes_are_left_out_without_keepdims() -> None:
    """As torch's norm over the axes."""
    x = np.ones((2, 3, 4, 5))

    for found in outputs("global_lp_pool2d", x, norm_type=2, keepdims=False):
        np.testing.assert_allclose(found, np.full((2, 3), math.sqrt(20)), rtol=1e-15)
