"""Means of whole planes: added in float64 in an order that depends on the size only."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest

from poolhouse.dtypes import bfloat16_to_float32, float32_to_bfloat16
from poolhouse.kernels.means import (
    SEEN_LANES,
    SUM_LANES,
    plane_means,
    plane_means_bfloat16,
    plane_means_float16,
)

# Each end of the additions: few elements, lanes, blocks of four lanes, and runs.
SIZES = (1, 7, 8, 9, 95, 96, 97, 111, 112, 113, 127, 128, 129, 8191, 8192, 8193, 16401)
Reals = npt.NDArray[np.float64]


def means(name: str, x: npt.NDArray[np.generic], start: int, stop: int) -> Reals:
    """The means of planes start to stop of (P, S); zero for the others."""
    planes, size = x.shape
    sums = np.full(2 * SUM_LANES, 1e9)
    if name in plane_means:
        out = np.zeros(planes, x.dtype)
        plane_means[name](x, out, size, start, stop, sums)
    elif name == "bfloat16":
        out = np.zeros(planes, np.float32)
        plane_means_bfloat16(x, out, size, start, stop, sums)
    else:
        out = np.zeros(planes, np.float32)
        plane_means_float16(x, out, size, start, stop, sums, np.full(SEEN_LANES, -1, np.int16))
    return out.astype(np.float64)


def elements(name: str, numbers: Reals) -> tuple[npt.NDArray[np.generic], Reals]:
    """The elements nearest to some numbers, and their values."""
    if name == "bfloat16":
        bits = float32_to_bfloat16(numbers.astype(np.float32))
        return bits, bfloat16_to_float32(bits).astype(np.float64)
    narrow = numbers.astype(name)
    return narrow, narrow.astype(np.float64)


EVERY_TYPE = pytest.mark.parametrize("name", ["float32", "float64", "bfloat16", "float16"])


@EVERY_TYPE
@pytest.mark.parametrize("size", SIZES)
def test_every_element_is_added_once(name: str, size: int) -> None:
    """Small multiples of 1/4 add up exactly in any order, so a missing element changes the mean."""
    rng = np.random.default_rng(size)
    x, values = elements(name, rng.integers(-2, 5, (3, size)).astype(np.float64) / 4)

    found = means(name, x, 1, 3)

    expected = values.sum(1) / size
    assert found[0] == 0
    assert found[1:].tolist() == (expected if name == "float64" else expected.astype(np.float32))[1:].tolist()


@EVERY_TYPE
def test_rounding_errors_do_not_grow_with_the_plane(name: str) -> None:
    """A running sum of this many numbers in float64 is off by a hundred units in the last place."""
    x, values = elements(name, np.random.default_rng(6).random((1, 2**17)) + 1000)

    (found,) = means(name, x, 0, 1)

    exact = math.fsum(values[0].tolist()) / values.size
    assert abs(found - exact) <= exact * (2.0**-51 if name == "float64" else 2.0**-24)


@EVERY_TYPE
@pytest.mark.parametrize("size", [5, 96, 8193])
def test_equal_planes_have_equal_means_wherever_they_are(name: str, size: int) -> None:
    """A result must not depend on the other planes of a batch."""
    numbers = np.random.default_rng(3).standard_normal((1, size)) * 10.0 ** np.arange(-3, 3).repeat(size)[:size]
    x, _ = elements(name, np.tile(numbers, (5, 1)))

    found = [
        means(name, x, 0, 5).tolist(),
        *(means(name, x[: plane + 1], plane, plane + 1)[-1:].tolist() * 5 for plane in (0, 3)),
    ]

    assert found[0] == found[1] == found[2]


@EVERY_TYPE
@pytest.mark.parametrize("place", [0, 63, 64, 100, 127, 129])
@pytest.mark.parametrize(
    ("special", "expected"),
    [
        ([math.inf], math.inf),
        ([-math.inf], -math.inf),
        ([math.nan], math.nan),
        ([math.inf, -math.inf], math.nan),
        ([-math.inf, -math.inf], -math.inf),
    ],
)
def test_infinities_and_nan_reach_the_mean(name: str, place: int, special: list[float], expected: float) -> None:
    """float16 is added as if these were finite numbers, so planes are searched for them first."""
    numbers = np.full((2, 131), -1.5)
    numbers[1, place : place + len(special)] = special
    x, _ = elements(name, numbers)

    found = means(name, x, 0, 2)

    np.testing.assert_array_equal(found, [-1.5, expected])


def test_all_finite_float16_have_their_value() -> None:
    """Subnormal numbers and the largest ones are shifted as the others are."""
    bits = np.arange(2**16, dtype=np.uint16).view(np.float16)
    finite = bits[np.isfinite(bits)]

    found = means("float16", finite.reshape(-1, 1), 0, finite.size)

    assert found.tolist() == finite.astype(np.float64).tolist()


@pytest.mark.parametrize("name", ["float32", "bfloat16", "float16"])
def test_a_mean_beyond_the_sums_of_the_type_is_finite(name: str) -> None:
    """A sum in the element type would be infinite."""
    largest = {"float32": 3.0e38, "bfloat16": 3.0e38, "float16": 65504.0}[name]
    x, values = elements(name, np.full((1, 300), largest))

    assert means(name, x, 0, 1).tolist() == [values[0, 0]]
