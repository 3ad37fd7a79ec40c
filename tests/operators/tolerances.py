"""Tolerances between outputs and the oracle: none, unless the reduction's docstring says otherwise.

A tolerance is an interval of exact numbers. Its ends are rounded to the element type like an output, so outputs that
round differently, overflow or underflow are compared correctly at every magnitude.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from poolhouse.dtypes import ELEMENT_TYPES, ElementType
from poolhouse.operators.averages import Average
from poolhouse.operators.avgmax import AvgMax
from poolhouse.operators.blur_pool import BlurPool
from poolhouse.operators.gem_pool import GemPool
from poolhouse.operators.logsumexp_pool import LogSumExpPool
from poolhouse.operators.norms import Norm
from poolhouse.operators.numbers import Number
from poolhouse.operators.plane_operator import PlaneOperator
from poolhouse.operators.spread import Spread
from poolhouse.tensors import Tensor
from tests.operators.plane_plans import spatial_of
from tests.operators.random_cases import LARGEST, Case, as_numbers, integer_limits, oracle, round_to_type

Reals = npt.NDArray[np.float64]

_REAL_REDUCTIONS = (GemPool, Spread, LogSumExpPool)

UNIT = {"float16": 2.0**-24, "bfloat16": 2.0**-24, "float32": 2.0**-24, "float64": 2.0**-53}
"""Half a unit in the last place of the type that torch adds in: float32 for 16-bit floats."""

ROUNDING = {"float16": 2.0**-11, "bfloat16": 2.0**-8, "float32": 2.0**-24, "float64": 2.0**-53}
"""Half a unit in the last place of the type itself."""
SUBNORMAL = {"float16": 2.0**-24, "bfloat16": 2.0**-133, "float32": 2.0**-149, "float64": 2.0**-1074}


def assert_equals_oracle(case: Case, outputs: dict[str, Tensor]) -> None:
    """Fail if an output is not within the tolerance of the oracle."""
    for name, expected in oracle(case).items():
        metadata = case.plan.outputs[name]
        assert outputs[name].metadata == metadata
        given = as_numbers(outputs[name]).reshape(-1)
        if metadata.dtype.kind != "float":
            assert given.tolist() == [_clamped(value, metadata.dtype) for value in expected], name
        elif name.startswith("valid") or is_exact(case.spec):
            # If the output type does not have the chosen number (lp of integers), it is rounded.
            rounded = Tensor(metadata.dtype, round_to_type(np.array(expected, dtype=np.float64), metadata.dtype))
            assert_same_floats(given.astype(np.float64), as_numbers(rounded).astype(np.float64))
        else:
            slack = tolerance_of(case, np.array(expected, dtype=np.float64), name)
            assert_within(given.astype(np.float64), np.array(expected, dtype=np.float64), slack, metadata.dtype)


def _clamped(value: Number, dtype: ElementType) -> Number:
    """An exact integer, clamped to the type."""
    least, most = integer_limits(dtype)
    return min(max(value, least), most)


def is_exact(spec: PlaneOperator) -> bool:
    """Whether floats are only selected or moved, never computed."""
    if isinstance(spec, _REAL_REDUCTIONS):
        return False
    return not _averages(spec) and not (isinstance(spec, Norm) and not math.isinf(spec.norm_type))


def _averages(spec: PlaneOperator) -> bool:
    return isinstance(spec, Average | AvgMax | BlurPool) or getattr(spec, "reduce", "") in ("mean", "median")


def _roundings(spec: PlaneOperator) -> int:
    """How often the result of one average is the element of another, rounded to its type."""
    return 0 if isinstance(spec, Average) else getattr(spec, "levels", 1)


def assert_same_floats(given: Reals, expected: Reals) -> None:
    """Fail unless both have the same numbers, NaN at the same positions and zeros of the same sign."""
    np.testing.assert_array_equal(given, expected)
    numeric = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(given[numeric]), np.signbit(expected[numeric]))


def assert_within(given: Reals, expected: Reals, slack: Reals, dtype: ElementType) -> None:
    """Fail unless each element is within its tolerance after rounding; an infinite tolerance allows everything."""
    is_bounded = ~np.isinf(slack)
    given, expected, slack = given[is_bounded], expected[is_bounded], slack[is_bounded]
    np.testing.assert_array_equal(np.isnan(given), np.isnan(expected))
    numeric = ~np.isnan(expected)
    given, expected, slack = given[numeric], expected[numeric], slack[numeric]
    with np.errstate(invalid="ignore", over="ignore"):
        low = as_numbers(Tensor(dtype, round_to_type(expected - slack, dtype))).astype(np.float64)
        high = as_numbers(Tensor(dtype, round_to_type(expected + slack, dtype))).astype(np.float64)
    wrong = ~((low <= given) & (given <= high))
    assert not wrong.any(), (given[wrong], expected[wrong], slack[wrong])


def tolerance_of(case: Case, expected: Reals, name: str = "output") -> Reals:
    """The allowed distance of an output from the exact result, before rounding to its type; may be infinite."""
    magnitudes = np.zeros(0) if isinstance(case.spec, _REAL_REDUCTIONS) else _of_magnitudes(case, name)
    terms = math.prod(spatial_of(case.plan))
    if isinstance(case.spec, _REAL_REDUCTIONS):
        return _real_slack(case, expected)
    source = case.plan.inputs["input"].dtype
    with np.errstate(all="ignore"):
        if _averages(case.spec):
            unit = UNIT[source.name]
            # n - 1 additions and a division, each with an error of half a unit of the sum of magnitudes; doubled.
            slack = 2 * (terms + 2) * unit * np.abs(magnitudes) + 4 * float(np.finfo(np.float32).smallest_subnormal)
            slack += _roundings(case.spec) * (ROUNDING[source.name] * np.abs(magnitudes) + SUBNORMAL[source.name])
            elements = np.abs(as_numbers(case.tensors["input"]).astype(np.float64))
            elements = elements[np.isfinite(elements)]
            # Torch's running sum may overflow although the average does not.
            overflows = bool((elements > _largest_addend(source) / 2**10).any())
            return np.full_like(expected, math.inf) if overflows else _finite_or_zero(slack, expected)
        assert isinstance(case.spec, Norm)
        power = case.spec.norm_type
        # If a power overflows, the result depends on the order of additions.
        elements = np.abs(as_numbers(case.tensors["input"]).astype(np.float64))
        powers = elements[np.isfinite(elements) & (elements > 0)] ** abs(power)
        if bool((powers > 1e300).any() or (powers < 1e-300).any()):
            return np.full_like(expected, math.inf)
        # The relative error of the sum grows with cancellation; the root divides it by p.
        cancelled = np.abs(magnitudes / expected) ** power
        slack = np.abs(expected) * 2.0**-50 * (terms + 8) * (cancelled + 1) * (1 + 1 / abs(power))
        slack = np.where(np.isfinite(slack) & (cancelled < 2.0**40), slack, math.inf)
        return _finite_or_zero(slack, expected)


def _real_slack(case: Case, expected: Reals) -> Reals:
    """A few units of float64 for each term, relative to the largest element."""
    elements = np.abs(as_numbers(case.tensors["input"]).astype(np.float64))
    most = float(elements[np.isfinite(elements)].max(initial=0.0))
    unit, spec = 2.0**-49 * (math.prod(spatial_of(case.plan)) + 8), case.spec
    if isinstance(spec, GemPool):
        # A power that overflows or underflows float64 depends on the order of additions.
        with np.errstate(over="ignore"):
            powers = np.array([max(most, spec.eps), max(spec.eps, 1e-300)]) ** abs(spec.p)
        if most > 1e300 or powers.max() > 1e300 or powers.min() < 1e-300:
            return np.full_like(expected, math.inf)
        return _finite_or_zero(unit * (1 + 1 / abs(spec.p)) * np.abs(expected), expected)
    if isinstance(spec, LogSumExpPool):
        if most * abs(spec.r) > 1e300:
            return np.full_like(expected, math.inf)
        return _finite_or_zero(np.full_like(expected, unit * (most + 1 / abs(spec.r))), expected)
    if most > 1e150:
        return np.full_like(expected, math.inf)
    return _finite_or_zero(
        np.full_like(expected, unit * (most**2 if spec.family.endswith("var_pool") else most)), expected
    )


def _finite_or_zero(slack: Reals, expected: Reals) -> Reals:
    return np.where(np.isfinite(expected), slack, 0.0)


def _largest_addend(dtype: ElementType) -> float:
    return LARGEST["float64" if dtype.name == "float64" else "float32"]


def _of_magnitudes(case: Case, name: str) -> Reals:
    magnitudes = np.abs(as_numbers(case.tensors["input"]).astype(np.float64))
    if getattr(case.spec, "skips", False):
        # Magnitudes are passed over elsewhere than numbers.
        most = float(magnitudes[np.isfinite(magnitudes)].max(initial=0.0))
        return np.full(case.plan.outputs[name].element_count, most)
    tensors = {"input": Tensor(ELEMENT_TYPES["float64"], magnitudes)}
    return np.array(oracle(Case(case.plan, tensors))[name], dtype=np.float64)
