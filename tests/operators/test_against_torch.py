"""Every operator against torch's functional of the same name: thousands of seeded cases of every element type.

If torch has no kernel for a type, it computes in a wider one that has every value. Operators without a functional
(global pooling, the absolute lp) are computed with other functionals. Documented differences are noted at the
comparison.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from random import Random
from typing import Final

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from poolhouse.dtypes import BFLOAT16, INT64, UINT64, ElementType
from poolhouse.operators.averages import Average
from poolhouse.operators.lp_pool import LPPool
from poolhouse.operators.plane_operator import PlaneOperator
from poolhouse.operators.unpool import MaxUnpool
from poolhouse.tensors import Tensor
from tests.operators.plane_plans import planes_shape_of, random_inputs_of, spatial_of
from tests.operators.random_cases import (
    COVERED,
    OPERATORS,
    STYLES,
    Case,
    as_numbers,
    covered_types_of,
    element_types_of,
    integer_limits,
    random_case,
    round_to_type,
    settled_plan,
)
from tests.operators.tolerances import assert_same_floats, assert_within, is_exact, tolerance_of

Outputs = tuple[torch.Tensor, ...]

EACH: Final = 5
"""Cases for each operator, element type and style of elements."""

IN_TORCH: Final = (
    "max_pool",
    "avg_pool",
    "lp_pool",
    "adaptive_max_pool",
    "adaptive_avg_pool",
    "global_max_pool",
    "global_avg_pool",
    "fractional_max_pool",
    "max_unpool",
)
"""The families that torch has, too: those of ``TORCH_CALLS``."""
PAIRS: Final = [
    (member, dtype) for member in OPERATORS if member.family in IN_TORCH for dtype in element_types_of(member)
]
COVERED_PAIRS: Final = [
    (member, dtype) for member in COVERED if member.family in IN_TORCH for dtype in covered_types_of(member)
]


@pytest.mark.parametrize(("member", "dtype"), COVERED_PAIRS, ids=lambda value: getattr(value, "name", str(value)))
def test_every_operator_equals_torch(member: type[PlaneOperator], dtype: ElementType) -> None:
    """The service promises torch's results over HTTP."""
    for case in seeded_cases(member, dtype):
        try:
            assert_equals_torch(case)
        except Exception as failure:
            failure.add_note(repr(case)[:2000])
            raise


def test_every_family_of_torch_is_compared() -> None:
    """A call that is not listed would not be compared."""
    assert set(TORCH_CALLS) == set(IN_TORCH)


def test_there_are_more_than_three_thousand_cases() -> None:
    """The README states this number."""
    assert len(PAIRS) * EACH * len(STYLES) >= 3000


def test_the_cases_include_all_difficult_inputs() -> None:
    """If the generator stopped producing difficult inputs, the tests above would still pass."""
    seen: Counter[str] = Counter()
    for member, dtype in COVERED_PAIRS:
        for case in seeded_cases(member, dtype):
            elements = as_numbers(case.tensors["input"]).astype(np.float64)
            planes = elements.reshape(-1, math.prod(spatial_of(case.plan)))
            seen["NaN"] += bool(np.isnan(elements).any())
            seen["infinity"] += bool(np.isinf(elements).any())
            seen["minus zero"] += bool((np.signbit(elements) & (elements == 0)).any())
            seen["ties"] += any(len(np.unique(plane)) < len(plane) for plane in planes)
            seen["no planes"] += case.plan.planes == 0
            seen["strided"] += case.plan.planes > 1
            seen["unbatched"] += len(case.plan.inputs["input"].shape) == member.rank + 1
            seen["padding"] += any(getattr(case.spec, "padding", ()))
            seen["dilation"] += max(getattr(case.spec, "dilation", (1,))) > 1
            seen["ceil mode"] += bool(getattr(case.spec, "ceil_mode", False))
            seen["indices"] += "indices" in case.plan.outputs

    assert min(seen.values()) >= 15, seen


def seeded_cases(member: type[PlaneOperator], dtype: ElementType) -> Iterator[Case]:
    """The cases of one operator and element type, the same in every run."""
    computes = issubclass(member, Average | LPPool)
    for style in STYLES:
        for number in range(EACH):
            random = Random(f"{member.name} {dtype} {style} {number}")
            # If sums overflow, torch's errors and ours may both be as large as float32's; test_properties bounds ours.
            chosen = "special" if style == "extreme" and computes and dtype.kind == "float" else style
            case: Case | None = None
            while case is None or not _torch_supports(case):
                case = random_case(random, member, dtype, chosen, common=False)
            yield _within_float64(case)


def _knows_infinity() -> bool:
    # Older releases compute 1 to the power 0, which is 1.
    return F.lp_pool1d(torch.tensor([[2.0]]), math.inf, 1).item() == 2.0


KNOWS_INFINITY: Final = _knows_infinity()


def _torch_supports(case: Case) -> bool:
    """Whether torch accepts the case; it refuses some inputs that its own rules allow."""
    spec, sizes = case.spec, zip(getattr(case.spec, "kernel_size", ()), spatial_of(case.plan), strict=False)
    if any((kernel - 1) * dilation >= 2**31 - 1 for kernel, dilation in _dilated_kernels(spec)):
        # A window that overflows 32 bits is empty for torch.
        return False
    if not _torch_pads(spec):
        return False
    if isinstance(spec, LPPool) and math.isinf(spec.norm_type) and not KNOWS_INFINITY:
        return False
    if isinstance(spec, LPPool) and spec.absolute and spec.ceil_mode:
        # Torch scales the sum of a window that ceil_mode cuts; a norm does not.
        return False
    if spec.name in ("avg_pool3d", "lp_pool3d"):
        # In 3-D torch refuses a window larger than the input, even if padding or ceil_mode makes it fit.
        return all(kernel <= length for kernel, length in sizes)
    if spec.name == "fractional_max_pool3d":
        # In 3-D torch refuses windows that fill the axis exactly.
        outputs = spec.spatial_out(spatial_of(case.plan))
        return all(count + kernel <= length for count, (kernel, length) in zip(outputs, sizes, strict=True))
    return True


def _torch_pads(spec: PlaneOperator) -> bool:
    """Whether padding and dilation are in torch's forms: its averages have no dilation, its norms no padding either."""
    padding, dilation = getattr(spec, "padding", ()), getattr(spec, "dilation", ())
    if not all(isinstance(size, int) for size in padding):
        return False
    if isinstance(spec, LPPool) and any(padding):
        return False
    return not isinstance(spec, Average | LPPool) or all(apart == 1 for apart in dilation)


def _dilated_kernels(spec: PlaneOperator) -> Iterator[tuple[int, int]]:
    return zip(getattr(spec, "kernel_size", ()), getattr(spec, "dilation", ()), strict=False)


def _within_float64(case: Case) -> Case:
    """Reduce 64-bit integers to a range whose sums are exact in float64, the type that torch computes in."""
    given = case.tensors["input"]
    if given.dtype not in (INT64, UINT64):
        return case
    reduced = given.array.astype(given.dtype.storage.type) >> given.dtype.storage.type(24)
    return Case(case.plan, {**case.tensors, "input": Tensor(given.dtype, reduced)})


def assert_equals_torch(case: Case) -> None:
    """Fail if our outputs are not torch's."""
    if not case.plan.planes:
        _assert_empty_like_torch(case)
        return
    expected = outputs_of_torch(case)
    results = [case.run()]
    if not case.plan.is_empty:
        results.append(_run_on_strided(case))
    for outputs in results:
        for (name, metadata), theirs in zip(case.plan.outputs.items(), expected, strict=True):
            assert tuple(theirs.shape) == metadata.shape, name
            ours = as_numbers(outputs[name]).reshape(-1)
            found = theirs.reshape(-1).to(torch.int64 if name == "indices" else torch.float64).numpy()
            if name == "indices":
                np.testing.assert_array_equal(ours, found)
            elif metadata.dtype.kind != "float":
                np.testing.assert_array_equal(
                    ours.astype(np.float64), np.trunc(found).clip(*integer_limits(metadata.dtype))
                )
            elif is_exact(case.spec):
                rounded = as_numbers(Tensor(metadata.dtype, round_to_type(found, metadata.dtype)))
                assert_same_floats(ours.astype(np.float64), rounded.astype(np.float64))
            else:
                # Twice the tolerance: torch's result may be as far from the exact one as ours.
                assert_within(ours.astype(np.float64), found, 2 * tolerance_of(case, found), metadata.dtype)


def _assert_empty_like_torch(case: Case) -> None:
    """Compare the shapes with torch's for one plane, because torch refuses some empty batches."""
    metadata = case.plan.inputs["input"]
    batch_shape = metadata.shape[: -case.spec.rank]
    shape = (*(max(size, 1) for size in batch_shape), *spatial_of(case.plan))
    tensors = {name: Tensor(each.dtype, np.zeros(shape, each.dtype.storage)) for name, each in case.plan.inputs.items()}
    outputs = case.run()
    one_plane = Case(settled_plan(_without_batch_size(case.spec), metadata.dtype, shape), tensors)
    for name, theirs in zip(case.plan.outputs, outputs_of_torch(one_plane), strict=True):
        assert outputs[name].shape == (*batch_shape, *theirs.shape[len(batch_shape) :])


def _without_batch_size(spec: PlaneOperator) -> PlaneOperator:
    values = spec.field_values()
    size = values.get("output_size")
    return type(spec).of(**{**values, "output_size": size[-spec.rank :]}) if isinstance(size, list) else spec


def _run_on_strided(case: Case) -> dict[str, Tensor]:
    """Run the operator on planes that are transposed in memory."""
    plan = case.plan
    planes = {
        name: _transposed(as_torch(tensor).reshape(planes_shape_of(plan))) for name, tensor in case.tensors.items()
    }
    planes |= {name: torch.from_numpy(array) for name, array in random_inputs_of(plan, 0, plan.planes).items()}
    outputs = {}
    for (name, metadata), result in zip(plan.outputs.items(), plan.spec.run(planes), strict=True):
        bits = result.contiguous().view(torch.int16) if metadata.dtype is BFLOAT16 else result.contiguous()
        outputs[name] = Tensor(metadata.dtype, bits.numpy().view(metadata.dtype.storage).reshape(metadata.shape))
    return outputs


def _transposed(planes: torch.Tensor) -> torch.Tensor:
    return planes.transpose(0, -1).contiguous().transpose(0, -1)


def as_torch(tensor: Tensor) -> torch.Tensor:
    """A copy as a torch tensor, in the shape of the request."""
    copy = torch.from_numpy(tensor.array.copy())
    return copy.view(torch.bfloat16) if tensor.dtype is BFLOAT16 else copy


def outputs_of_torch(case: Case) -> Outputs:
    """Torch's outputs, computed in the input's type if torch has a kernel for it, else in float64."""
    x = as_torch(case.tensors["input"])
    call = TORCH_CALLS[case.spec.family]
    if case.spec.family in IN_FLOAT64 or (case.spec.name == "adaptive_avg_pool3d" and x.dtype.itemsize == 2):
        return call(case, x.to(torch.float64))
    try:
        return call(case, x)
    except RuntimeError as refused:
        if "not implemented" in str(refused) or "could not infer output dtype" in str(refused):
            return call(case, x.to(torch.float64))
        raise


IN_FLOAT64: Final = frozenset({"lp_pool", "fractional_max_pool"})
"""Documented difference: we compute these in float64, torch computes powers and windows in the input's type.
The same applies to adaptive_avg_pool3d of 16-bit floats, which torch adds in 16 bits."""


def _fields(case: Case) -> dict[str, object]:
    return {field.name: getattr(case.spec, field.name) for field in case.spec.fields() if not field.is_common}


def _named(case: Case, x: torch.Tensor, *tensors: torch.Tensor, **fields: object) -> Outputs:
    found = getattr(F, case.spec.name)(x, *tensors, **fields)
    return found if isinstance(found, tuple) else (found,)


def _max_pool(case: Case, x: torch.Tensor) -> Outputs:
    return _named(case, x, **_fields(case))


def _avg_pool(case: Case, x: torch.Tensor) -> Outputs:
    fields = _fields(case)
    del fields["dilation"]
    if case.spec.rank > 1:
        return _named(case, x, **fields)
    # Torch's avg_pool1d has no divisor_override; avg_pool2d on one row is the same.
    for name, filler in (("kernel_size", 1), ("stride", 1), ("padding", 0)):
        fields[name] = (filler, *getattr(case.spec, name))
    pool: Callable[..., torch.Tensor] = F.avg_pool2d
    return (pool(x.unsqueeze(-2), **fields).squeeze(-2),)


def _lp_pool(case: Case, x: torch.Tensor) -> Outputs:
    fields = {name: value for name, value in _fields(case).items() if name not in ("padding", "dilation")}
    x = x.abs() if fields.pop("absolute") else x
    if case.spec.rank == 1:
        # Torch's lp_pool1d multiplies by kernel_size and fails for a tuple.
        for name in ("kernel_size", "stride"):
            (fields[name],) = getattr(case.spec, name)
    return _named(case, x, **fields)


def _adaptive(case: Case, x: torch.Tensor) -> Outputs:
    # Torch also takes None for an axis to keep, but not in 1-D.
    return _named(case, x, **{**_fields(case), "output_size": case.spec.spatial_out(spatial_of(case.plan))})


def _global(case: Case, x: torch.Tensor) -> Outputs:
    found = getattr(F, case.spec.name.replace("global", "adaptive"))(x, 1, **_fields(case))
    return found if isinstance(found, tuple) else (found,)


def _fractional(case: Case, x: torch.Tensor) -> Outputs:
    spec, planes = case.spec, case.plan.planes
    batch_shape = x.shape[:2] if x.ndim == spec.rank + 2 else (1, planes)
    samples = torch.from_numpy(spec.random_inputs(planes)["samples"]).reshape(*batch_shape, spec.rank)
    fields = _fields(case)
    return _named(
        case,
        x,
        kernel_size=fields["kernel_size"],
        output_size=spec.spatial_out(spatial_of(case.plan)),
        return_indices=fields["return_indices"],
        _random_samples=samples,
    )


def _max_unpool(case: Case, x: torch.Tensor) -> Outputs:
    spec = case.spec
    assert isinstance(spec, MaxUnpool)
    size = spec.spatial_out(spatial_of(case.plan))
    # Torch has no dilation and accepts fewer output sizes. The window only determines which sizes it accepts, so the
    # kernel size is chosen to match this output size.
    fields = {name: value for name, value in _fields(case).items() if name not in ("dilation", "ceil_mode")}
    fields["padding"] = 0
    fields["kernel_size"] = [
        whole - (length - 1) * stride
        for whole, length, stride in zip(size, spatial_of(case.plan), spec.stride, strict=True)
    ]
    threads = torch.get_num_threads()
    # With several threads torch splits a plane, and which of two equal indices is written last is undefined.
    torch.set_num_threads(1)
    try:
        return _named(case, x, as_torch(case.tensors["indices"]), **{**fields, "output_size": size})
    finally:
        torch.set_num_threads(threads)


TORCH_CALLS: Final[dict[str, Callable[[Case, torch.Tensor], Outputs]]] = {
    "max_pool": _max_pool,
    "avg_pool": _avg_pool,
    "lp_pool": _lp_pool,
    "adaptive_max_pool": _adaptive,
    "adaptive_avg_pool": _adaptive,
    "global_max_pool": _global,
    "global_avg_pool": _global,
    "fractional_max_pool": _fractional,
    "max_unpool": _max_unpool,
}
"""The torch call of each family."""
