"""The compiled loops of the CPU against torch, for every operator, element type and memory layout."""

from __future__ import annotations

import math
from random import Random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.backend.conversion import as_array
from poolhouse.dtypes import BFLOAT16, ELEMENT_TYPES, ElementType
from poolhouse.kernels.window_kernels import Kernel
from poolhouse.operators.norms import Norm
from poolhouse.operators.plan import Plan
from poolhouse.operators.plane_operator import PlaneOperator
from poolhouse.tensors import Tensor
from tests.hypothesis_profiles import MANY_REJECTED, scaled_examples
from tests.operators.kernel_runner import run_on_cpu
from tests.operators.plane_plans import kernel_of, plane_spec, planes_shape_of, random_inputs_of
from tests.operators.random_cases import (
    COVERED,
    OPERATORS,
    Case,
    cases,
    covered_types_of,
    element_types_of,
    random_tensors,
    settled_plan,
)
from tests.operators.tolerances import assert_equals_oracle


def loops_of(plan: Plan) -> Kernel | None:
    """The compiled loops for a plan, even if torch is cheaper."""
    return None if plan.is_empty else kernel_of(plan.spec, plan.plane_shape, plan.inputs["input"].dtype)


def has_compiled_loops(member: type[PlaneOperator], dtype: ElementType) -> bool:
    """Whether some sample of an operator is pooled by compiled loops."""
    return any(
        loops_of(settled_plan(member.of(**sample.fields), dtype, (1, 1, *sample.spatial[-member.rank :]))) is not None
        for sample in member.samples
    )


compiled_types = pytest.mark.parametrize(
    ("member", "dtype"),
    [
        pytest.param(member, dtype, id=f"{member.name}-{dtype}")
        for member in COVERED
        for dtype in covered_types_of(member)
        if has_compiled_loops(member, dtype)
    ],
)


def planes_of(case: Case) -> dict[str, torch.Tensor]:
    """A case's tensors in the form that operators take."""
    plan = case.plan
    planes = {}
    for name, tensor in case.tensors.items():
        copy = torch.from_numpy(tensor.array.copy()).reshape(planes_shape_of(plan))
        planes[name] = copy.view(torch.bfloat16) if tensor.dtype is BFLOAT16 else copy
    return planes | {name: torch.from_numpy(array) for name, array in random_inputs_of(plan, 0, plan.planes).items()}


def bits(result: torch.Tensor) -> bytes:
    """The elements' bits, the same for every NaN: the sign of a computed NaN depends on the processor."""
    result = result.contiguous()
    if result.is_floating_point():
        result = torch.where(result.isnan(), math.nan, result)
    return (result.view(torch.int16) if result.dtype is torch.bfloat16 else result).numpy().tobytes()


@compiled_types
def test_the_loops_equal_torch(member: type[PlaneOperator], dtype: ElementType) -> None:
    """Selected values and sums of few elements have the same bits; sums of many elements are close."""

    @scaled_examples(60, *MANY_REJECTED)
    @given(cases(member, dtype), st.integers(1, 3))
    def holds(case: Case, threads: int) -> None:
        kernel = loops_of(case.plan)
        if case.plan.is_empty or kernel is None:
            return
        planes = planes_of(case)

        found = run_on_cpu(case.spec, kernel, planes, threads)

        expected = case.spec.run(planes)
        assert [each.shape for each in found] == [each.shape for each in expected]
        loops = case.spec.loops_of(case.plan.plane_shape, dtype)
        assert loops is not None
        if isinstance(case.spec, Norm) and not math.isinf(case.spec.norm_type):
            # If signed powers cancel, the precision of the result depends on the order of additions.
            metadata = case.plan.outputs["output"]
            output = Tensor(metadata.dtype, as_array(found[0]).reshape(metadata.shape))
            assert_equals_oracle(case, {"output": output})
        elif not loops.is_bit_exact:
            # Both are rounded once from float64, but added in different orders; our 16-bit floats go through float32.
            scale = planes["input"].double().nan_to_num(posinf=0, neginf=0).abs().amax().item()
            if scale > 1e300:
                return  # if a sum overflows, the result depends on the order of additions
            tolerance = 2 * torch.finfo(expected[0].dtype).eps
            for ours, theirs in zip(found, expected, strict=True):
                torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=scale * 1e-15, equal_nan=True)
        else:
            assert [bits(each) for each in found] == [bits(each) for each in expected]

    holds()


@compiled_types
def test_neither_threads_nor_strides_nor_other_planes_change_a_bit(
    member: type[PlaneOperator], dtype: ElementType
) -> None:
    """A result depends on its plane and spec only, so that equal requests get equal results."""

    @scaled_examples(25, *MANY_REJECTED)
    @given(cases(member, dtype))
    def holds(case: Case) -> None:
        kernel = loops_of(case.plan)
        if case.plan.is_empty or kernel is None:
            return
        planes = planes_of(case)
        strided = {name: tensor.transpose(0, -1).contiguous().transpose(0, -1) for name, tensor in planes.items()}

        alone = run_on_cpu(case.spec, kernel, planes, 1)

        for threads in (2, 3, 7):
            assert [bits(a) for a in alone] == [bits(b) for b in run_on_cpu(case.spec, kernel, planes, threads)]
        assert [bits(a) for a in alone] == [bits(b) for b in run_on_cpu(case.spec, kernel, strided, 1)]
        many = {name: torch.cat([tensor] * 3) for name, tensor in planes.items()}
        for result, together in zip(alone, run_on_cpu(case.spec, kernel, many, 2), strict=True):
            assert bits(torch.cat([result] * 3)) == bits(together)

    holds()


EXTREMES = [
    ("max_pool1d", (100_003,), {"kernel_size": 1001, "stride": 1}),
    ("max_pool1d", (100_003,), {"kernel_size": 1001, "stride": 1, "padding": 500, "return_indices": True}),
    ("max_pool1d", (9,), {"kernel_size": 2, "stride": 2**31 - 1}),
    ("max_pool1d", (9,), {"kernel_size": 9}),
    ("max_pool1d", (9,), {"kernel_size": 1, "stride": 2**31 - 1, "dilation": 2**31 - 1}),
    ("max_pool2d", (300, 301), {"kernel_size": 33, "stride": 1, "padding": 16}),
    ("max_pool2d", (300, 301), {"kernel_size": 33, "stride": 1, "padding": 16, "return_indices": True}),
    ("max_pool2d", (300, 301), {"kernel_size": [41, 3], "stride": [5, 2], "padding": [20, 1], "ceil_mode": True}),
    ("max_pool2d", (97, 1), {"kernel_size": [3, 1], "return_indices": True}),
    ("max_pool2d", (1, 97), {"kernel_size": [1, 3], "stride": 1}),
    ("max_pool2d", (64, 64), {"kernel_size": 9, "stride": 1, "dilation": 7, "return_indices": True}),
    ("max_pool2d", (5, 7), {"kernel_size": 3, "stride": 2**31 - 1, "padding": 1, "ceil_mode": True}),
    ("max_pool2d", (61, 67), {"kernel_size": 4, "stride": 3, "padding": 2, "return_indices": True}),
    ("max_pool3d", (20, 21, 22), {"kernel_size": 9, "stride": 1, "padding": 4, "return_indices": True}),
    ("max_pool3d", (20, 21, 22), {"kernel_size": [9, 1, 3], "stride": [1, 1, 2], "padding": [4, 0, 1]}),
    ("adaptive_max_pool2d", (61, 67), {"output_size": [7, 100]}),
    ("global_max_pool2d", (61, 67), {"return_indices": True}),
    ("avg_pool1d", (10_007,), {"kernel_size": 127, "stride": 1, "padding": 63}),
    ("avg_pool1d", (10_007,), {"kernel_size": 9, "stride": 7, "ceil_mode": True}),
    ("avg_pool2d", (300, 301), {"kernel_size": [3, 5], "stride": [2, 3], "padding": 1, "count_include_pad": False}),
    ("avg_pool2d", (61, 67), {"kernel_size": 4, "divisor_override": -(2**62)}),
    ("avg_pool2d", (61, 67), {"kernel_size": 2, "stride": 2**31 - 1}),
    ("avg_pool3d", (20, 21, 22), {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}),
]


@pytest.mark.parametrize(("name", "spatial", "fields"), EXTREMES)
@pytest.mark.parametrize("dtype", ["float32", "int32", "float16"])
@pytest.mark.parametrize("style", ["plain", "special"])
def test_windows_of_any_size_equal_torch(
    name: str, spatial: tuple[int, ...], fields: dict[str, object], dtype: str, style: str
) -> None:
    """Large windows, strides and dilations use other code paths of the loops."""
    member = next(member for member in OPERATORS if member.name == name)
    plan = settled_plan(member.of(**fields), ELEMENT_TYPES[dtype], (2, 3, *spatial))
    case = Case(plan, random_tensors(Random(5), plan, style))
    planes = planes_of(case)
    kernel = loops_of(plan)

    found = run_on_cpu(plane_spec(plan.spec), kernel, planes, 2)

    assert kernel is not None or name == "max_pool1d"
    assert [bits(each) for each in found] == [bits(each) for each in plan.spec.run(planes)]


LARGE_AVERAGES = [
    ("avg_pool1d", (100_003,), {"kernel_size": 1001, "stride": 1, "padding": 500}),
    ("avg_pool2d", (300, 301), {"kernel_size": 33, "stride": 1, "padding": 16}),
    ("avg_pool2d", (300, 301), {"kernel_size": 33, "stride": 33, "count_include_pad": False, "padding": 2}),
    ("avg_pool2d", (61, 67), {"kernel_size": [61, 3]}),
    ("avg_pool3d", (20, 21, 22), {"kernel_size": 9, "stride": 1, "padding": 4, "ceil_mode": True}),
    ("adaptive_avg_pool1d", (10_007,), {"output_size": 13}),
    ("adaptive_avg_pool2d", (61, 67), {"output_size": [3, 4]}),
    ("adaptive_avg_pool2d", (61, 67), {"output_size": [1, 40]}),
    ("adaptive_avg_pool3d", (40, 21, 22), {"output_size": [1, 3, 2]}),
    ("global_avg_pool2d", (300, 301), {}),
]


@pytest.mark.parametrize(("name", "spatial", "fields"), LARGE_AVERAGES)
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "int16"])
def test_large_averages_are_correct_to_the_last_place(
    name: str, spatial: tuple[int, ...], fields: dict[str, object], dtype: str
) -> None:
    """Sums in float64 may be added in any order, but the rounded average is correct to its last place."""
    member = next(member for member in OPERATORS if member.name == name)
    plan = settled_plan(member.of(**fields), ELEMENT_TYPES[dtype], (2, 3, *spatial))
    planes = planes_of(Case(plan, random_tensors(Random(5), plan, "plain")))
    kernel = loops_of(plan)
    exact = plan.spec.run({"input": planes["input"].double()})[0]

    (found,) = run_on_cpu(plane_spec(plan.spec), kernel, planes, 2)

    assert kernel is not None
    if dtype == "int16":
        assert torch.equal(found, exact.trunc().clamp(-(2**15), 2**15 - 1).to(torch.int16))
    else:
        off = (found.double() - exact).abs()
        # float64 averages are not rounded at the end, so the rounding errors of their thousand additions remain.
        summed = planes["input"].double().abs().max() * (1 if dtype == "float64" else 2**-20)
        assert bool((off <= torch.finfo(found.dtype).eps * (exact.abs() + summed)).all()), off.max()


LOOP_TYPES_BY_FAMILY = {
    "max_pool": "all types",
    "adaptive_max_pool": "all types",
    "global_max_pool": "all types",
    "avg_pool": "all types",
    "global_avg_pool": "all types",
    "adaptive_avg_pool": "all types",
    "max_unpool": "all types",
    "lp_pool": "all types",
    "global_lp_pool": "all types",
    "fractional_max_pool": "all types",
    **{
        f"{form}{family}": "all types"
        for form in ("", "adaptive_", "global_")
        for family in ("median_pool", "quantile_pool", "mode_pool")
    },
    **{
        f"{form}{family}": types
        for form in ("", "adaptive_", "global_")
        for family, types in (
            ("min_pool", "all types"),
            ("gem_pool", "all types"),
            ("sum_pool", "all types"),
            ("std_pool", "at most 32 bits"),
            ("var_pool", "at most 32 bits"),
            ("logsumexp_pool", "none"),
        )
    },
    **dict.fromkeys(
        (
            "adaptive_avgmax_pool",
            "adaptive_catavgmax_pool",
            "global_avgmax_pool",
            "global_catavgmax_pool",
            "pyramid_pool",
            "spatial_pyramid_pool",
        ),
        "all types",
    ),
    "blur_pool": "none",
}


@pytest.mark.parametrize("member", COVERED, ids=lambda member: member.name)
def test_which_types_have_loops(member: type[PlaneOperator]) -> None:
    """The types with loops are listed here, so that losing one makes a test fail."""
    types = element_types_of(member)
    expected = {
        "all types": types,
        "at most 32 bits": [dtype for dtype in types if dtype.itemsize <= 4],
        "none": [],
    }

    assert [dtype for dtype in types if has_compiled_loops(member, dtype)] == expected[
        LOOP_TYPES_BY_FAMILY[member.family]
    ]


ALL, NOT_NARROW = "all types", "floats and 64-bit integers"
PATHS = [
    ("max_pool2d", {"kernel_size": 2}, NOT_NARROW),
    ("max_pool2d", {"kernel_size": 3, "stride": 2, "padding": 1, "return_indices": True}, ALL),
    ("max_pool3d", {"kernel_size": 3, "stride": 1, "dilation": 2}, NOT_NARROW),
    ("avg_pool1d", {"kernel_size": 3}, ALL),
    ("avg_pool2d", {"kernel_size": 3, "stride": 2, "padding": 1}, ALL),
    ("avg_pool2d", {"kernel_size": 15, "stride": 1, "padding": 7}, ALL),
    ("avg_pool3d", {"kernel_size": 2}, ALL),
    ("adaptive_max_pool2d", {"output_size": 8}, ALL),
    ("adaptive_avg_pool2d", {"output_size": 2}, ALL),
    ("global_max_pool2d", {"return_indices": True}, ALL),
    ("global_avg_pool3d", {}, ALL),
    ("max_unpool2d", {"kernel_size": 2}, ALL),
    ("lp_pool2d", {"kernel_size": 2, "norm_type": 2}, ALL),
    ("lp_pool1d", {"kernel_size": 3, "norm_type": 1.5}, ALL),
    ("lp_pool2d", {"kernel_size": 3, "norm_type": "-Infinity"}, ALL),
    ("fractional_max_pool2d", {"kernel_size": 2, "output_size": 16, "seed": 1, "return_indices": True}, ALL),
    ("fractional_max_pool3d", {"kernel_size": 2, "output_size": 16, "seed": 1, "return_indices": True}, ALL),
]


@pytest.mark.parametrize(("name", "fields", "by_loops"), PATHS)
def test_which_requests_use_compiled_loops(name: str, fields: dict[str, object], by_loops: str) -> None:
    """Losing the loops makes requests several times as slow, but does not change their results."""
    member = next(member for member in OPERATORS if member.name == name)

    uses_loops = {
        dtype.name
        for dtype in element_types_of(member)
        if settled_plan(member.of(**fields), dtype, (8, 32, *(32,) * member.rank)).uses_compiled_loops
    }

    names = {dtype.name for dtype in element_types_of(member)}
    # Torch compares slices of narrow integers with SIMD instructions, which is faster.
    wide = {dtype.name for dtype in element_types_of(member) if dtype.kind == "float" or dtype.itemsize == 8}
    assert uses_loops == {ALL: names, NOT_NARROW: wide, "none": set[str]()}[by_loops]


@pytest.mark.parametrize(
    ("operator", "shape", "fields"),
    [
        ("global_max_pool1d", (65536, 1, 1), {"return_indices": True}),
    ],
)
def test_the_loops_are_used_only_where_they_are_cheaper(
    operator: str, shape: tuple[int, ...], fields: dict[str, object]
) -> None:
    """A kernel that works line by line takes 300 ns for each line, even if it has one element."""
    member = next(member for member in OPERATORS if member.name == operator)
    plan = settled_plan(member.of(**fields), ELEMENT_TYPES["float32"], shape)
    ordinary = next(member for member in OPERATORS if member.name == "max_pool2d").of(kernel_size=3, stride=2)

    assert plan.kernel() is None
    assert settled_plan(ordinary, ELEMENT_TYPES["float32"], (8, 64, 112, 112)).kernel() is not None
