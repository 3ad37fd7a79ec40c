"""What the worker reads from the buffers of a request, and what it stores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from poolhouse.backend import torch_worker
from poolhouse.backend.torch_worker import run_plan
from poolhouse.dtypes import BFLOAT16, ELEMENT_TYPES, ElementType, float32_to_bfloat16
from poolhouse.operators.plan import Plan
from poolhouse.operators.plane_operator import PlaneOperator
from poolhouse.tensors import Tensor
from tests.operators.random_cases import CATALOGUE, CPU, Array, as_numbers, settled_plan

every_type = pytest.mark.parametrize("dtype", ELEMENT_TYPES.values(), ids=str)
MAX_POOL = CATALOGUE.find("max_pool2d")


def pooled(spec: PlaneOperator, tensor: Tensor) -> Tensor:
    """The output of an operator with one input and one output."""
    plan = settled_plan(spec, tensor.dtype, tensor.shape)
    return run_plan(plan, {"input": tensor}, CPU)["output"]


def counting(dtype: ElementType, shape: tuple[int, ...]) -> Array:
    """0, 1, 2, 3, 0, 1, … in the storage type."""
    values = (np.arange(np.prod(shape)) % 4).reshape(shape)
    if dtype is BFLOAT16:
        return float32_to_bfloat16(values.astype(np.float32))
    return values.astype(dtype.storage)


@every_type
def test_a_read_only_body_is_pooled(dtype: ElementType) -> None:
    """The buffer of a request is often read-only, which torch tensors cannot be; it must not be written to."""
    array = counting(dtype, (2, 3, 4, 4))
    body = array.tobytes()
    frozen = np.frombuffer(body, dtype=dtype.storage).reshape(array.shape)
    assert not frozen.flags.writeable

    one = pooled(MAX_POOL.of(kernel_size=2), Tensor(dtype, frozen))
    other = pooled(MAX_POOL.of(kernel_size=2), Tensor(dtype, array))

    assert one.array.tobytes() == other.array.tobytes()
    assert body == array.tobytes()


@every_type
def test_the_output_has_the_storage_type_of_its_element_type(dtype: ElementType) -> None:
    """Responses are written as bytes, with the element type of the plan."""
    output = pooled(MAX_POOL.of(kernel_size=4), Tensor(dtype, counting(dtype, (1, 2, 4, 4))))

    assert output.dtype is dtype
    assert output.array.dtype == dtype.storage
    assert output.array.flags.c_contiguous
    assert (
        as_numbers(output).astype(np.float64).reshape(-1).tolist()
        == [min(3.0, 1.0 if dtype.kind == "boolean" else 3.0)] * 2
    )


def test_bfloat16_is_compared_by_value_and_not_by_bits() -> None:
    """As uint16, the bits of -1 are larger than those of 2."""
    bits = float32_to_bfloat16(np.array([[[[-1.0, 2.0], [-3.0, 0.5]]]], dtype=np.float32))

    output = pooled(MAX_POOL.of(kernel_size=2), Tensor(BFLOAT16, bits))

    assert as_numbers(output).reshape(-1).tolist() == [2.0]


@every_type
@pytest.mark.parametrize("shape", [(0, 3, 4, 4), (3, 0, 4, 4), (0, 4, 4)])
def test_an_empty_batch_reaches_no_kernel(
    dtype: ElementType, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Torch refuses some empty inputs."""
    monkeypatch.setattr(torch_worker, "pool_on_cpu", None)

    output = pooled(MAX_POOL.of(kernel_size=2), Tensor(dtype, np.empty(shape, dtype.storage)))

    assert output.shape == (*shape[:-2], 2, 2)


def test_an_empty_output_reaches_no_kernel() -> None:
    """An output_size of 0 is valid in torch; a large other axis must not cost work."""
    spec = CATALOGUE.find("adaptive_avg_pool2d").of(output_size=[100_000, 0])

    output = pooled(spec, Tensor(ELEMENT_TYPES["int8"], np.ones((1, 1, 4, 4), dtype=np.int8)))

    assert output.shape == (1, 1, 100_000, 0)


@pytest.mark.parametrize("planes_per_slice", [1, 2, 3, 7, 100])
def test_a_request_larger_than_a_batch_is_cut_by_planes(planes_per_slice: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every plane is pooled once, also with several outputs and a smaller last slice."""
    spec = MAX_POOL.of(kernel_size=2, return_indices=True)
    array = np.random.default_rng(1).random((5, 4, 6, 6))
    plan = settled_plan(spec, ELEMENT_TYPES["float64"], array.shape)
    tensors = {"input": Tensor(ELEMENT_TYPES["float64"], array)}
    launches: list[int] = []
    pool_on_cpu = torch_worker.pool_on_cpu

    def count_planes(plan: Plan, planes: Mapping[str, Array], threads: int) -> Sequence[Array]:
        launches.append(len(planes["input"]))
        return pool_on_cpu(plan, planes, threads)

    monkeypatch.setattr(torch_worker, "pool_on_cpu", count_planes)
    whole = run_plan(plan, tensors, CPU)
    monkeypatch.setattr(torch_worker, "PIECE_BYTES", planes_per_slice * plan.plane_bytes)
    launches.clear()

    in_slices = run_plan(plan, tensors, CPU)

    assert sum(launches) == 20
    assert max(launches) == min(planes_per_slice, 20)
    for name, tensor in whole.items():
        assert in_slices[name].array.tobytes() == tensor.array.tobytes()


def test_slices_of_a_request_draw_different_random_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last planes of a cut request must not get the random inputs of the first ones."""
    spec = CATALOGUE.find("fractional_max_pool2d").of(kernel_size=2, output_size=5, seed=9)
    array = np.tile(np.random.default_rng(2).random((1, 1, 8, 8)), (1, 12, 1, 1))
    tensor = Tensor(ELEMENT_TYPES["float64"], array)

    whole = pooled(spec, tensor)
    monkeypatch.setattr(torch_worker, "PIECE_BYTES", 1)
    one_by_one = pooled(spec, tensor)

    assert one_by_one.array.tobytes() == whole.array.tobytes()
    assert len(np.unique(whole.array.reshape(12, -1), axis=0)) > 1
