"""Channels last: a law for all operators, and the loops that need no copy."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

import numpy as np
import pytest
import torch
from hypothesis import given

from poolhouse.backend.conversion import torch_dtype
from poolhouse.backend.torch_worker import run_plan
from poolhouse.dtypes import FLOAT32, FLOAT64
from poolhouse.errors import Unprocessable
from poolhouse.operators.layout import CHANNELS_LAST, MovedKernel
from poolhouse.operators.plane_operator import PlaneOperator
from poolhouse.tensors import Tensor
from tests.hypothesis_profiles import MANY_REJECTED, scaled_examples
from tests.operators.plane_plans import kernel_of, spatial_of
from tests.operators.random_cases import (
    CATALOGUE,
    COVERED,
    CPU,
    as_numbers,
    random_case,
    seeded_randoms,
    settled_plan,
)

every_operator = pytest.mark.parametrize("member", COVERED, ids=lambda member: str(member.name))


@every_operator
def test_channels_last_equals_the_transposed_input(member: type[PlaneOperator]) -> None:
    """The layout says where the channels are; it must not change a result."""

    @scaled_examples(12, *MANY_REJECTED)
    @given(seeded_randoms)
    def holds(random: Random) -> None:
        case = random_case(random, member, common=False)
        if case is None:
            return
        moved = {name: _channels_last(tensor, member.rank) for name, tensor in case.tensors.items()}
        fields = {**case.spec.field_values(), "layout": CHANNELS_LAST}
        plan = settled_plan(type(case.spec).of(**fields), moved["input"].dtype, moved["input"].shape)

        found = run_plan(plan, moved, CPU)

        expected = {name: _channels_last(tensor, member.rank) for name, tensor in case.run().items()}
        assert {name: tensor.shape for name, tensor in found.items()} == {
            name: tensor.shape for name, tensor in expected.items()
        }
        if plan.uses_compiled_loops == case.plan.uses_compiled_loops and not _can_overflow(case.tensors["input"]):
            assert _is_close(found, expected)

    holds()


def _can_overflow(tensor: Tensor) -> bool:
    """Whether a sum in float64 may overflow or not, depending on its order; with an infinity it is then NaN or not."""
    if tensor.dtype is not FLOAT64:
        return False
    finite = np.abs(tensor.array[np.isfinite(tensor.array)])
    with np.errstate(over="ignore"):
        return not bool(np.isfinite(finite.astype(np.float64).sum()))


def _channels_last(tensor: Tensor, rank: int) -> Tensor:
    # Outputs of a pyramid of samples have no spatial axes.
    if tensor.array.ndim <= rank:
        return tensor
    return Tensor(tensor.dtype, np.ascontiguousarray(np.moveaxis(tensor.array, -rank - 1, -1)))


def _is_close(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> bool:
    """Equal, but for the last places of sums in float64, which layouts add in different orders."""
    for name, tensor in found.items():
        ours, theirs = as_numbers(tensor), as_numbers(expected[name])
        if ours.dtype.kind != "f":
            if (ours != theirs).any():
                return False
            continue
        wide, other = ours.astype(np.float64), theirs.astype(np.float64)
        scale = np.abs(np.nan_to_num(other, posinf=0, neginf=0)).max(initial=0)
        tolerance = 4 * float(torch.finfo(torch_dtype(tensor.dtype)).eps)
        if not np.allclose(wide, other, rtol=tolerance, atol=tolerance * scale, equal_nan=True):
            return False
    return True


@pytest.mark.parametrize(
    ("name", "fields", "copies"),
    [
        ("max_pool1d", {"kernel_size": 3}, False),
        ("max_pool2d", {"kernel_size": 3, "return_indices": True}, False),
        ("avg_pool2d", {"kernel_size": 2}, False),
        ("adaptive_avg_pool2d", {"output_size": 3}, False),
        ("max_pool3d", {"kernel_size": 2}, True),
    ],
)
def test_loops_of_up_to_three_axes_need_no_copy(name: str, fields: dict[str, object], *, copies: bool) -> None:
    """A picture of many channels is large, and moving them takes longer than pooling."""
    rank = int(name[-2])
    spec = CATALOGUE.find(name).of(**fields, layout=CHANNELS_LAST)
    plan = settled_plan(spec, FLOAT32, (2, *(9, 8, 7)[:rank], 5))

    kernel = kernel_of(spec, plan.plane_shape, FLOAT32)

    assert kernel is not None
    assert isinstance(kernel, MovedKernel) == copies


def test_channels_are_not_an_axis_of_windows() -> None:
    """Requests with other numbers of channels are other planes, and N alone is the number of planes."""
    spec = CATALOGUE.find("max_pool2d").of(kernel_size=2, layout=CHANNELS_LAST)

    plan = settled_plan(spec, FLOAT32, (4, 6, 8, 3))
    unbatched = settled_plan(spec, FLOAT32, (6, 8, 3))

    assert (plan.planes, plan.plane_shape, spatial_of(plan)) == (4, (6, 8, 3), (6, 8))
    assert (unbatched.planes, unbatched.outputs["output"].shape) == (1, (3, 4, 3))
    assert plan.batch_key == unbatched.batch_key
    assert plan.batch_key != settled_plan(spec, FLOAT32, (4, 6, 8, 5)).batch_key
    with pytest.raises(Unprocessable, match=r"\(N, H, W, C\)"):
        settled_plan(spec, FLOAT32, (6, 8))
