"""How near an answer must be to the oracle's: exactly, unless the reduction's docstring says otherwise.

A bound is an interval of exact numbers. Its ends are rounded to the element type as an answer is, so an answer
that rounds differently, overflows or vanishes is judged rightly at every magnitude.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from poolhouse.dtypes import ELEMENT_TYPES, ElementType
from poolhouse.operators.averages import Average
from poolhouse.operators.lp_pool import LPPool
from poolhouse.operators.operator import Number, Operator
from poolhouse.tensors import Tensor
from tests.operators.random_cases import LARGEST, Case, as_numbers, integer_limits, oracle, round_to_type

Reals = npt.NDArray[np.float64]

UNIT = {"float16": 2.0**-24, "bfloat16": 2.0**-24, "float32": 2.0**-24, "float64": 2.0**-53}
"""Half a unit in the last place of what torch adds in: float32 for 16-bit floats."""


def assert_equals_oracle(case: Case, answer: dict[str, Tensor]) -> None:
    """Fails where an answer is not what the oracle allows."""
    for name, expected in oracle(case).items():
        metadata = case.plan.outputs[name]
        assert answer[name].metadata == metadata
        given = as_numbers(answer[name]).reshape(-1)
        if metadata.dtype.kind != "float":
            assert given.tolist() == [_held(value, metadata.dtype) for value in expected], name
        elif is_exact(case.spec):
            # A type that cannot hold the number chosen (lp of integers) has the nearest one it can.
            held = Tensor(metadata.dtype, round_to_type(np.array(expected, dtype=np.float64), metadata.dtype))
            assert_same_floats(given.astype(np.float64), as_numbers(held).astype(np.float64))
        else:
            slack = tolerance_of(case, np.array(expected, dtype=np.float64))
            assert_within(given.astype(np.float64), np.array(expected, dtype=np.float64), slack, metadata.dtype)


def _held(value: Number, dtype: ElementType) -> Number:
    """An exact whole number as the type holds it: at its limit where it lies beyond."""
    least, most = integer_limits(dtype)
    return min(max(value, least), most)


def is_exact(spec: Operator) -> bool:
    """Whether floats are only chosen or moved, never computed."""
    return not isinstance(spec, Average) and not (isinstance(spec, LPPool) and not math.isinf(spec.norm_type))


def assert_same_floats(given: Reals, expected: Reals) -> None:
    """Fails unless both are the same numbers, NaN in the same places and zeros of the same sign."""
    np.testing.assert_array_equal(given, expected)
    numeric = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(given[numeric]), np.signbit(expected[numeric]))


def assert_within(given: Reals, expected: Reals, slack: Reals, dtype: ElementType) -> None:
    """Fails unless each is within its slack, after rounding; an infinite slack says nothing can be said."""
    told = ~np.isinf(slack)
    given, expected, slack = given[told], expected[told], slack[told]
    np.testing.assert_array_equal(np.isnan(given), np.isnan(expected))
    numeric = ~np.isnan(expected)
    given, expected, slack = given[numeric], expected[numeric], slack[numeric]
    with np.errstate(invalid="ignore", over="ignore"):
        low = as_numbers(Tensor(dtype, round_to_type(expected - slack, dtype))).astype(np.float64)
        high = as_numbers(Tensor(dtype, round_to_type(expected + slack, dtype))).astype(np.float64)
    wrong = ~((low <= given) & (given <= high))
    assert not wrong.any(), (given[wrong], expected[wrong], slack[wrong])


def tolerance_of(case: Case, expected: Reals) -> Reals:
    """How far from the exact result an answer may lie before it is rounded to its type; infinite for anywhere."""
    magnitudes = _of_magnitudes(case)
    terms = math.prod(case.plan.spatial)
    source = case.plan.inputs["input"].dtype
    with np.errstate(all="ignore"):
        if isinstance(case.spec, Average):
            unit = UNIT[source.name]
            # n - 1 additions and a division, each off by half a unit of the sum of magnitudes; twice, to be safe.
            slack = 2 * (terms + 2) * unit * np.abs(magnitudes) + 4 * float(np.finfo(np.float32).smallest_subnormal)
            held = np.abs(as_numbers(case.tensors["input"]).astype(np.float64))
            held = held[np.isfinite(held)]
            # Torch's running sum of windows overflows where the average itself would not.
            overflows = bool((held > _most_added(source) / 2**10).any())
            return np.full_like(expected, math.inf) if overflows else _finite_or_zero(slack, expected)
        assert isinstance(case.spec, LPPool)
        power = case.spec.norm_type
        # Where a power overflows, the order of adding decides what becomes of it.
        held = np.abs(as_numbers(case.tensors["input"]).astype(np.float64))
        powers = held[np.isfinite(held) & (held > 0)] ** abs(power)
        if bool((powers > 1e300).any() or (powers < 1e-300).any()):
            return np.full_like(expected, math.inf)
        # Relative error of the sum grows with what cancels in it; the root divides it by p.
        cancelled = np.abs(magnitudes / expected) ** power
        slack = np.abs(expected) * 2.0**-50 * (terms + 8) * (cancelled + 1) * (1 + 1 / abs(power))
        slack = np.where(np.isfinite(slack) & (cancelled < 2.0**40), slack, math.inf)
        return _finite_or_zero(slack, expected)


def _finite_or_zero(slack: Reals, expected: Reals) -> Reals:
    return np.where(np.isfinite(expected), slack, 0.0)


def _most_added(dtype: ElementType) -> float:
    return LARGEST["float64" if dtype.name == "float64" else "float32"]


def _of_magnitudes(case: Case) -> Reals:
    magnitudes = np.abs(as_numbers(case.tensors["input"]).astype(np.float64))
    told = {"input": Tensor(ELEMENT_TYPES["float64"], magnitudes)}
    return np.array(oracle(Case(case.plan, told))["output"], dtype=np.float64)
