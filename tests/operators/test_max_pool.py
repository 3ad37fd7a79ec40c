"""max_pool: one rule of maxima, by whichever of torch's kernels, slices and reductions is the fastest."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

import numpy as np
import pytest
import torch
from hypothesis import given
from numpy.lib.stride_tricks import sliding_window_view

from poolhouse.backend.conversion import as_torch
from poolhouse.dtypes import ELEMENT_TYPES, FLOAT32
from poolhouse.operators import max_pool
from poolhouse.operators.max_pool import MAX_TORCH_TERMS, MaxPool
from poolhouse.operators.plane_operator import PlaneOperator
from poolhouse.operators.size_types import INT32_MAX
from poolhouse.operators.slices import MIN_SLICED_ELEMENTS
from tests.hypothesis_profiles import MANY_REJECTED, scaled_examples
from tests.kernels.traced_windows import chosen
from tests.operators.plane_plans import planes_shape_of
from tests.operators.random_cases import CATALOGUE, OPERATORS, Case, cases, random_elements


def max_pooling(rank: int, fields: Mapping[str, object]) -> MaxPool:
    """The spec of an operator of this family."""
    spec = CATALOGUE.find(f"max_pool{rank}d").of(**fields)
    assert isinstance(spec, MaxPool)
    return spec


@pytest.mark.parametrize(
    "member", [member for member in OPERATORS if member.family == "max_pool"], ids=lambda member: member.name
)
def test_the_faster_algorithm_gives_the_same_bits(member: type[PlaneOperator], monkeypatch: pytest.MonkeyPatch) -> None:
    """The algorithm depends on the size of the batch, so it must not change the results."""

    @scaled_examples(40, *MANY_REJECTED)
    @given(cases(member))
    def holds(case: Case) -> None:
        plan = case.plan
        if plan.is_empty:
            return
        arrays = {name: tensor.array.reshape(planes_shape_of(plan)) for name, tensor in case.tensors.items()}
        planes = as_torch(arrays, plan.inputs["input"].dtype)

        ordinary = case.spec.run(planes)
        with monkeypatch.context() as patch:
            patch.setattr(max_pool, "MIN_SLICED_ELEMENTS", 0)
            faster = case.spec.run(planes)

        # As text NaN equals itself, and -0.0 is not 0.0.
        assert [(each.dtype, str(each.tolist())) for each in ordinary] == [
            (each.dtype, str(each.tolist())) for each in faster
        ]

    holds()


PATHS: dict[str, tuple[tuple[int, ...], Mapping[str, object]]] = {
    "torch": ((3, 9, 11), {"kernel_size": [2, 3], "stride": [2, 1]}),
    "torch on a row": ((3, 17), {"kernel_size": 4, "stride": 3}),
    "torch 3-D": ((2, 4, 5, 6), {"kernel_size": 2, "stride": 1}),
    "dilated": ((2, 9, 11), {"kernel_size": 2, "stride": 1, "dilation": [3, 2]}),
    "reductions": ((2, 12, 12), {"kernel_size": [11, 3], "stride": 1}),
    "slices": ((2, 64, 65), {"kernel_size": 2}),
    "single elements": ((2, 5, 6), {"kernel_size": 1, "stride": 2, "dilation": INT32_MAX}),
}


@pytest.mark.parametrize("indexed", [False, True])
@pytest.mark.parametrize("name", ["float32", "float16", "int8", "bool"])
@pytest.mark.parametrize("path", PATHS)
def test_every_path_chooses_the_same_element(path: str, name: str, indexed: bool) -> None:
    """Torch's kernels take neither bool nor, in one dimension, integers without indices."""
    shape, fields = PATHS[path]
    rank = len(shape) - 1
    spec = max_pooling(rank, {**fields, "return_indices": indexed})
    x = random_elements(Random(3), ELEMENT_TYPES[name], shape, "special")

    values, *indices = spec.run({"input": torch.from_numpy(x)})

    flat_positions = np.arange(x[0].size).reshape(x.shape[1:])
    spans = [spec.geometry(axis, length).span for axis, length in enumerate(shape[1:])]
    steps = tuple(slice(None, None, stride) for stride in spec.stride)
    inside = tuple(slice(None, None, dilation) for dilation in spec._effective_dilation())
    windows = sliding_window_view(flat_positions, spans)[(*steps, *inside)].reshape(*values.shape[1:], -1)
    flat = windows.reshape(-1, windows.shape[-1]).tolist()
    expected = [[window[chosen([plane[place] for place in window])] for window in flat]
                for plane in x.reshape(len(x), -1).tolist()]  # fmt: skip
    chosen_values = np.take_along_axis(x.reshape(len(x), -1), np.array(expected), 1)
    assert values.dtype is getattr(torch, name)
    assert str(values.reshape(len(x), -1).tolist()) == str(chosen_values.tolist())
    assert [each.reshape(len(x), -1).tolist() for each in indices] == [expected] * indexed


@pytest.mark.parametrize(
    ("fields", "uses_torch"),
    [
        ({"kernel_size": [4, 8]}, True),
        ({"kernel_size": [3, 11]}, False),
        ({"kernel_size": 2, "dilation": INT32_MAX // MAX_TORCH_TERMS}, True),
        ({"kernel_size": 2, "dilation": [1, INT32_MAX // MAX_TORCH_TERMS + 1]}, False),
    ],
)
def test_large_windows_and_dilations_do_not_reach_torch(fields: Mapping[str, object], uses_torch: bool) -> None:
    """Torch reads each element of a window, and multiplies window and dilation in 32 bits."""
    assert max_pooling(2, fields)._is_small() is uses_torch


@pytest.mark.parametrize(
    ("shape", "fields", "dtype", "uses_slices"),
    [
        ((2, 64, 64), {"kernel_size": 2}, torch.float32, True),
        ((2, 64, 63), {"kernel_size": 2}, torch.float32, False),
        ((2, 64, 64), {"kernel_size": 2, "return_indices": True}, torch.float32, False),
        ((2, 64, 64), {"kernel_size": 1}, torch.float32, False),
        ((2, 64, 64), {"kernel_size": 2, "stride": 4}, torch.float32, True),
        ((2, 64, 64), {"kernel_size": 2, "stride": 5}, torch.float32, False),
        ((2, 4096), {"kernel_size": 2}, torch.float32, False),
        ((2, 4096), {"kernel_size": 2}, torch.int32, True),
    ],
)
def test_slices_are_used_where_they_read_less(
    shape: tuple[int, ...], fields: Mapping[str, object], dtype: torch.dtype, uses_slices: bool
) -> None:
    """They read every element once more, which does not pay for few elements or windows that skip most."""
    assert 2 * 64 * 63 < MIN_SLICED_ELEMENTS == 2 * 64 * 64

    assert max_pooling(len(shape) - 1, fields)._uses_slices(torch.zeros(shape, dtype=dtype)) is uses_slices


def test_dilation_has_no_effect_on_single_elements() -> None:
    """Torch's CUDA kernel reads outside the input for a large one, so no axis of one element may have it."""
    spec = max_pooling(2, {"kernel_size": [1, 3], "dilation": [INT32_MAX, 2]})

    assert [spec.geometry(axis, 5).dilation for axis in range(2)] == [1, 2]
    assert spec._effective_dilation() == (1, 2)
    assert spec.spatial_out((4, 5)) == (4, 1)


def test_the_cost_follows_the_algorithm() -> None:
    """The plan of a request, and so its limit, depends on which of the algorithms will run."""
    spatial = (112, 112)

    def steps(dtype: str = "float32", **fields: object) -> float:
        return max_pooling(2, {"kernel_size": 3, "stride": 1, **fields}).cost(spatial, ELEMENT_TYPES[dtype]).plane_steps

    # Slices are an order of magnitude faster than torch's kernel; with a NaN or -0.0 both run.
    assert steps("int8") < steps("float32") / 2 < steps("float32", return_indices=True) / 2
    # 5·5 elements are read one by one, 6·6 are combined.
    assert steps(kernel_size=6, return_indices=True) < 3 * steps(kernel_size=5, return_indices=True)
    # A window that ceil_mode places a billion positions beyond the input cannot be sliced.
    far = max_pooling(2, {"kernel_size": 2, "stride": 2**20, "dilation": 2**20, "ceil_mode": True})
    assert far.cost((3, 3), FLOAT32) == max_pooling(2, {**far.field_values(), "return_indices": True}).cost(
        (3, 3), FLOAT32
    )
