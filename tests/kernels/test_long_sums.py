"""Exact averages of int64 and uint64 by the compiled loop, where torch's sums overflow and float64 is not exact."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from poolhouse.kernels.averages import LongAverageKernel
from poolhouse.kernels.axes import Axis

EDGES = np.array([2**62, -(2**62), 2**63 - 1, -(2**63), 2**52, -(2**52), 2**32, 2**32 - 1, -(2**32), -1, 0, 1, 7])
DIVISORS = [1, -1, 2, 3, -7, 255, 2**31, 2**32 - 1, 2**32 + 1, 2**40, -(2**46) - 1, 2**52, 2**53 + 1]
DIVISORS += [2**61, 2**62 + 3, 2**63 - 1, -(2**63) + 1, -(2**63)]
UNSIGNED_EDGES = np.array([2**62, 2**63, 2**63 - 1, 2**64 - 1, 2**64 - 2, 2**52, 2**32, 2**32 - 1, 0, 1, 7], np.uint64)


@pytest.mark.parametrize("divisor", DIVISORS)
def test_a_quotient_is_exact_for_all_sums_and_divisors(divisor: int) -> None:
    """The estimate in float64 is off by up to 2⁴⁷, and each step of its correction could be off by one."""
    rng = np.random.default_rng(3)
    rows = np.concatenate(
        (
            rng.choice(EDGES, (300, 4)),
            rng.integers(-(2**63), 2**63 - 1, (300, 4), endpoint=True),
            rng.integers(-(2**53), 2**53, (200, 4)),
            rng.integers(-99, 99, (50, 4)),
            # Multiples of the divisor, and their neighbours.
            np.clip(rng.integers(-9, 9, (50, 4)).astype(object) * divisor, -(2**63) + 2, 2**63 - 3).astype(np.int64)
            + rng.integers(-1, 2, (50, 4)),
        )
    )
    axis = Axis(4, np.array([0, 1]), np.array([4, 2]), 1)
    kernel = LongAverageKernel((axis,), [np.array([divisor, divisor])], "int64")

    (found,) = kernel({"input": rows}, 2)

    expected = [
        [min(max(int(Fraction(sum(part), divisor)), -(2**63)), 2**63 - 1) for part in (row, row[1:3])]
        for row in rows.tolist()
    ]
    assert found.tolist() == expected


@pytest.mark.parametrize("divisor", DIVISORS)
def test_an_unsigned_quotient_is_exact_for_all_sums_and_divisors(divisor: int) -> None:
    """From 2⁶³ on a number is negative as int64; a negative divisor gives 0, the least of the type."""
    rng = np.random.default_rng(3)
    near = [max(divisor, 1) * int(many) + int(more) for many, more in rng.integers(-1, 9, (200, 2))]
    rows = np.concatenate(
        (
            rng.choice(UNSIGNED_EDGES, (300, 4)),
            rng.integers(0, 2**64 - 1, (300, 4), dtype=np.uint64, endpoint=True),
            rng.integers(0, 2**53, (200, 4), dtype=np.uint64),
            # Multiples of the divisor, and their neighbours.
            np.array([min(max(each, 0), 2**64 - 1) for each in near], np.uint64).reshape(50, 4),
        )
    )
    axis = Axis(4, np.array([0, 1]), np.array([4, 2]), 1)
    kernel = LongAverageKernel((axis,), [np.array([divisor, divisor])], "uint64")

    (found,) = kernel({"input": rows}, 2)

    assert found.dtype == np.uint64
    assert found.tolist() == [
        [min(max(int(Fraction(sum(part), divisor)), 0), 2**64 - 1) for part in (row, row[1:3])] for row in rows.tolist()
    ]
