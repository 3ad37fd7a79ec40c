"""Elements that windows pass over: laws in plain numpy, and what a window with nothing left gives."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from poolhouse.backend.torch_worker import run_plan
from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.errors import Unprocessable
from poolhouse.operators.plane_operator import PlaneOperator
from poolhouse.operators.skipping import Skipping
from poolhouse.tensors import Tensor
from tests.hypothesis_profiles import MANY_REJECTED, scaled_examples
from tests.operators.kernel_runner import run_on_cpu
from tests.operators.random_cases import CATALOGUE, CPU, OPERATORS, Array, Case, Fields, cases, settled_plan
from tests.operators.test_kernels import bits, loops_of, planes_of

REDUCTIONS: dict[str, Callable[[npt.NDArray[np.float64]], np.float64]] = {
    "max": np.max,
    "min": np.min,
    "sum": np.sum,
    "avg": np.mean,
    "std": np.std,
    "var": np.var,
}


def pool(operator: str, x: Array, **fields: object) -> dict[str, npt.NDArray[Any]]:
    """Every output for one ``(1, 1, *spatial)`` input."""
    dtype = ELEMENT_TYPES[x.dtype.name]
    plan = settled_plan(CATALOGUE.find(operator).of(**fields), dtype, (1, 1, *x.shape))
    tensors = {"input": Tensor(dtype, x.reshape(1, 1, *x.shape))}
    plan.spec.check_elements(tensors)
    return {name: tensor.array[0, 0] for name, tensor in run_plan(plan, tensors, CPU).items()}


def grid(kind: str) -> npt.NDArray[np.float64]:
    """A plane with NaN or -9999 in a third of its elements, and one window of 4 by 4 full of them."""
    rng = np.random.default_rng(3)
    x = rng.integers(-50, 50, (24, 20)).astype(np.float64)
    gaps = rng.random(x.shape) < 0.3
    gaps[4:8, 8:12] = True
    return np.where(gaps, math.nan if kind == "nan" else -9999.0, x)


@pytest.mark.parametrize("name", REDUCTIONS)
def test_omitting_equals_pooling_what_is_left(name: str) -> None:
    """For every window: numpy's reduction of the elements that are not passed over."""
    for kind, fields in (("nan", {"nan_policy": "omit"}), ("value", {"ignore_value": -9999})):
        x = grid(kind)
        expected, shares = np.empty((6, 5)), np.empty((6, 5))
        for row, column in np.ndindex(6, 5):
            window = x[4 * row : 4 * row + 4, 4 * column : 4 * column + 4]
            left = window[~np.isnan(window) & (window != -9999)]
            nothing = math.nan if kind == "nan" else -9999.0
            expected[row, column] = REDUCTIONS[name](left) if left.size else nothing
            shares[row, column] = left.size / 16

        found = pool(f"{name}_pool2d", x, kernel_size=4, return_valid=True, **fields)

        np.testing.assert_allclose(found["output"], expected, rtol=1e-12)
        np.testing.assert_array_equal(found["valid"], shares.astype(np.float32))


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint32", "int64", "uint64", "float32", "bool"])
def test_a_window_with_nothing_left_gives_the_value(dtype: str) -> None:
    """A raster's gaps stay gaps, and the index says that there is no element."""
    x = np.array([[1, 1, 0, 1], [1, 1, 0, 0]], dtype)

    for name in ("max", "min"):
        found = pool(f"{name}_pool2d", x, kernel_size=2, ignore_value=1, return_indices=True)

        assert found["output"].tolist() == [[1, 0]]
        assert found["indices"].tolist() == [[-1, 2]]


def test_integers_of_64_bits_are_compared_exactly() -> None:
    """2⁶⁴ - 1 is the usual gap in uint64, and float64 does not have it."""
    most = 2**64 - 1
    x = np.array([most, most - 1, most, most], np.uint64)

    found = pool("max_pool1d", x, kernel_size=2, ignore_value=most)["output"]

    assert found.tolist() == [most - 1, most]
    assert pool("avg_pool1d", x, kernel_size=2, ignore_value=most)["output"].tolist() == [most - 1, most]


def test_the_least_number_is_found_beside_elements_that_are_passed_over() -> None:
    """The algorithm replaces what is passed over by the least number, which may be an element, too."""
    x = np.array([math.nan, -math.inf, -math.inf, math.nan])

    found = pool("global_max_pool1d", x, nan_policy="omit", return_indices=True)

    assert found["output"].tolist() == [-math.inf]
    assert found["indices"].tolist() == [1]


def test_a_value_that_the_type_does_not_have_matches_nothing() -> None:
    """-9999 in a raster of bytes is a mistake that must not hide an element."""
    x = np.arange(4, dtype=np.uint8)
    for value in (-9999, 0.5, 300, "Infinity", "NaN"):
        assert pool("min_pool1d", x, kernel_size=4, ignore_value=value)["output"].tolist() == [0]
        spec = CATALOGUE.find("min_pool1d").of(kernel_size=4, ignore_value=value)
        assert any("ignore_value" in each for each in settled_plan(spec, ELEMENT_TYPES["uint8"], (1, 1, 4)).warnings)
    spec = CATALOGUE.find("min_pool1d").of(kernel_size=4, ignore_value=0.5)
    assert not settled_plan(spec, ELEMENT_TYPES["float32"], (1, 1, 4)).warnings


def test_without_these_fields_all_positions_count() -> None:
    """``valid`` alone changes nothing else."""
    x = np.random.default_rng(1).standard_normal((9, 9)).astype(np.float32)

    for name in REDUCTIONS:
        plain = pool(f"{name}_pool2d", x, kernel_size=3)["output"]
        found = pool(f"{name}_pool2d", x, kernel_size=3, return_valid=True)

        assert (found["valid"] == 1).all()
        np.testing.assert_allclose(found["output"], plain, rtol=1e-6)


CONFLICTS: list[Fields] = [
    {"nan_policy": "omit", "divisor_override": 3},
    {"ignore_value": 0, "padding": 1},
    {"ignore_value": 0, "padding": "same"},
    {"nan_policy": "skip"},
    {"ignore_value": "none"},
    {"ignore_value": 2**64},
]


@pytest.mark.parametrize("fields", CONFLICTS, ids=str)
def test_fields_without_a_meaning_are_refused(fields: Fields) -> None:
    """The divisor is the number of elements that count, so no field may set another one."""
    with pytest.raises(Unprocessable) as refused:
        CATALOGUE.find("avg_pool2d").of(kernel_size=2, **fields)

    assert refused.value.code == "invalid_fields"


@pytest.mark.parametrize(
    "member", [member for member in OPERATORS if issubclass(member, Skipping)], ids=lambda member: member.name
)
def test_the_loops_pass_over_what_torch_passes_over(member: type[PlaneOperator]) -> None:
    """Values, indices and shares: the same bits, or for real sums of float64 the same but for their order."""

    @scaled_examples(40, *MANY_REJECTED)
    @given(
        cases(member),
        st.sampled_from(("omit", "omit", "propagate")),
        st.sampled_from((None, 0, 1, -1, "NaN", "Infinity")),
        st.integers(1, 3),
    )
    def holds(given_case: Case, policy: str, value: float | str | None, threads: int) -> None:
        fields = {**given_case.spec.field_values(), "nan_policy": policy, "return_valid": True}
        fields |= {"ignore_value": value, "divisor_override": None, "count_include_pad": False}
        own = {field.name for field in member.fields()}
        metadata = given_case.plan.inputs["input"]
        try:
            spec = member.of(**{name: each for name, each in fields.items() if name in own and each is not None})
            plan = settled_plan(spec, metadata.dtype, metadata.shape)
        except Unprocessable:
            assume(condition=False)
        case = Case(plan, given_case.tensors)
        kernel = loops_of(plan)
        assume(not plan.is_empty and kernel is not None)
        assert kernel is not None
        planes = planes_of(case)
        scale = planes["input"].double().nan_to_num(posinf=0, neginf=0).abs().amax().item()
        assume(scale < 1e150)

        found, expected = run_on_cpu(spec, kernel, planes, threads), spec.run(planes)

        loops = spec.loops_of(plan.plane_shape, metadata.dtype)
        assert loops is not None
        exact = len(found) if loops.is_bit_exact else 0
        assert [bits(each) for each in found[:exact]] == [bits(each) for each in expected[:exact]]
        assert bits(found[-1]) == bits(expected[-1])
        for ours, theirs in zip(found[exact:], expected[exact:], strict=True):
            tolerance = 2 * torch.finfo(theirs.dtype).eps
            torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=scale * 1e-15, equal_nan=True)

    holds()
