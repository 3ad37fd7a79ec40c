"""Quotients of sums of up to a hundred bits, compared with Python's integers."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.operators.quotients import (
    Divisor,
    float64_divisor,
    long_divisors,
    long_quotient,
    short_divisor,
    short_quotient,
    unsigned_long_quotient,
)

CPU = torch.device("cpu")
LEAST, MOST = -(2**63), 2**63 - 1

divisors = st.one_of(
    st.integers(1, 2**62),
    st.builds(lambda bits, more: max(1, 2**bits + more), st.integers(0, 62), st.integers(-2, 2)),
    st.sampled_from([2**63 - 1, 2**63 - 2]),
)


@st.composite
def sums_near(draw: st.DrawFn, divisor: int) -> int:
    """Any sum, or one next to a multiple of the divisor, where an error by one is most likely."""
    anywhere = draw(st.integers(-(2**90), 2**90))
    multiple = divisor * draw(st.integers(0, 2**90 // divisor)) + draw(st.sampled_from([-1, 0, 1, divisor - 1]))
    return draw(st.sampled_from([anywhere, multiple, -multiple]))


def digits(sums: Sequence[int], carried: int) -> tuple[torch.Tensor, torch.Tensor]:
    """High and low digits; low digits may exceed 32 bits, as sums of digits do."""
    high = torch.tensor([(each >> 32) - carried for each in sums])
    return high, torch.tensor([(each & 0xFFFFFFFF) + (carried << 32) for each in sums])


def quotient(total: int, divisor: int) -> int:
    """The quotient truncated toward zero and clamped to int64."""
    magnitude = abs(total) // abs(divisor)
    return max(LEAST, min(magnitude if (total < 0) == (divisor < 0) else -magnitude, MOST))


@given(st.data(), st.lists(divisors, min_size=1, max_size=20), st.integers(0, 2**26))
def test_each_output_has_its_own_divisor(data: st.DataObject, each: list[int], carried: int) -> None:
    """The divisor of a window at the edge is the number of its elements inside the input."""
    sums = [data.draw(sums_near(divisor)) for divisor in each]

    found = long_quotient(*digits(sums, carried), [torch.tensor(each)])

    assert found.tolist() == [quotient(total, divisor) for total, divisor in zip(sums, each, strict=True)]


@given(st.data(), divisors | st.just(2**63), st.booleans(), st.integers(0, 2**26))
def test_one_divisor_for_all_may_be_negative(data: st.DataObject, size: int, positive: bool, carried: int) -> None:
    """``divisor_override`` may be every int64 number except 0."""
    divisor = size if positive and size <= MOST else -size
    sums = data.draw(st.lists(sums_near(size), min_size=1, max_size=20))

    found = long_quotient(*digits(sums, carried), [divisor])

    assert found.tolist() == [quotient(total, divisor) for total in sums]


@given(st.data(), st.lists(divisors, min_size=1, max_size=20), st.booleans(), st.integers(0, 2**26))
def test_quotients_of_unsigned_sums_reach_the_greatest_uint64(
    data: st.DataObject, each: list[int], one: bool, carried: int
) -> None:
    """Results from 2⁶³ on are negative as int64, and larger ones than 2⁶⁴ - 1 are clamped."""
    each = each[:1] * len(each) if one else each
    edges = st.builds(int.__add__, st.sampled_from([2**63, 2**64 - 1, 2**64]), st.integers(-2, 2))
    sums = [
        min(abs(data.draw(sums_near(size) if data.draw(st.booleans()) else edges.map(size.__mul__))), 2**90)
        for size in each
    ]
    divided_by: list[Divisor] = [each[0]] if one else [torch.tensor(each)]

    found = unsigned_long_quotient(*digits(sums, min(carried, min(sums) >> 32)), divided_by)

    assert found.numpy().view(np.uint64).tolist() == [
        min(total // size, 2**64 - 1) for total, size in zip(sums, each, strict=True)
    ]


@given(divisors | st.just(2**63), st.lists(st.integers(0, 2**90), min_size=1, max_size=5))
def test_a_negative_divisor_of_unsigned_sums_gives_zero(size: int, sums: list[int]) -> None:
    """The least of the type, as the greatest is for results that are too large."""
    assert unsigned_long_quotient(*digits(sums, 0), [-size]).tolist() == [0] * len(sums)


FACTORS = st.lists(
    st.lists(st.integers(1, 4) | st.integers(2**29, 2**31 - 1), min_size=1, max_size=3), min_size=3, max_size=3
)


@given(st.data(), FACTORS)
def test_a_divisor_beyond_int64_is_applied_in_two_steps(data: st.DataObject, factors: list[list[int]]) -> None:
    """Three axes with paddings of 2³⁰ have divisors of 2⁹³, but every average of int64 fits into int64."""
    arrays = [np.array(each, dtype=np.int64) for each in factors]
    products = [a * b * c for a in factors[0] for b in factors[1] for c in factors[2]]
    totals = [data.draw(sums_near(product)) for product in products]
    sums = [max(-product * 2**63, min(total, product * 2**63)) for total, product in zip(totals, products, strict=True)]

    applied = [each if isinstance(each, int) else each.reshape(-1) for each in long_divisors(arrays, CPU)]
    found = long_quotient(*digits(sums, 0), applied)

    assert found.tolist() == [quotient(total, product) for total, product in zip(sums, products, strict=True)]
    whole = [min(abs(total), 2**90) for total in totals]
    unsigned = unsigned_long_quotient(*digits(whole, 0), applied).numpy().view(np.uint64)
    assert unsigned.tolist() == [
        min(total // product, 2**64 - 1) for total, product in zip(whole, products, strict=True)
    ]


@given(FACTORS, st.integers(-(2**61), 2**61))
def test_integer_and_float_sums_have_the_same_divisor(factors: list[list[int]], total: int) -> None:
    """A divisor that does not fit into int64 must not overflow to a small one."""
    arrays = [np.array(each, dtype=np.int64) for each in factors]
    products = [a * b * c for a in factors[0] for b in factors[1] for c in factors[2]]
    totals = torch.full([len(each) for each in factors], total)

    found = short_quotient(totals, short_divisor(arrays, CPU), torch.int32).reshape(-1)

    assert found.tolist() == [max(-(2**31), min(quotient(total, product), 2**31 - 1)) for product in products]
    wide: Divisor | float = float64_divisor(arrays, CPU)
    listed = wide.reshape(-1).tolist() if isinstance(wide, torch.Tensor) else [wide] * len(products)
    assert all(math.isclose(divisor, product, rel_tol=1e-15) for divisor, product in zip(listed, products, strict=True))
