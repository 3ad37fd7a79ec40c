"""Bytes in, bytes out: what the worker does with a request's buffers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from poolhouse.backend import torch_worker
from poolhouse.backend.conversion import torch_dtype
from poolhouse.backend.torch_worker import run_plan
from poolhouse.dtypes import BFLOAT16, ELEMENT_TYPES, ElementType, float32_to_bfloat16
from poolhouse.operators.operator import Operator
from poolhouse.operators.plan import Plan
from poolhouse.tensors import Tensor
from tests.operators.random_cases import CATALOGUE, CPU, Array, as_numbers, settled_plan

every_type = pytest.mark.parametrize("dtype", ELEMENT_TYPES.values(), ids=str)
MAX_POOL = CATALOGUE.find("max_pool2d")


def pooled(spec: Operator, tensor: Tensor) -> Tensor:
    """The one output of one input."""
    plan = settled_plan(spec, tensor.dtype, tensor.shape)
    return run_plan(plan, {"input": tensor}, CPU)["output"]


def counting(dtype: ElementType, shape: tuple[int, ...]) -> Array:
    """0, 1, 2, 3, 0, 1, … in the storage of a type."""
    values = (np.arange(np.prod(shape)) % 4).reshape(shape)
    if dtype is BFLOAT16:
        return float32_to_bfloat16(values.astype(np.float32))
    return values.astype(dtype.storage)


@every_type
def test_a_read_only_body_is_pooled(dtype: ElementType) -> None:
    """A request's buffer is often read-only, and torch has no such tensors; it must not be written to either."""
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
    """An answer is written to the wire as bytes; its type is the plan's word and nothing else."""
    answer = pooled(MAX_POOL.of(kernel_size=4), Tensor(dtype, counting(dtype, (1, 2, 4, 4))))

    assert answer.dtype is dtype
    assert answer.array.dtype == dtype.storage
    assert answer.array.flags.c_contiguous
    assert (
        as_numbers(answer).astype(np.float64).reshape(-1).tolist()
        == [min(3.0, 1.0 if dtype.kind == "boolean" else 3.0)] * 2
    )


def test_bfloat16_is_compared_by_value_and_not_by_bits() -> None:
    """The bits of -1 are a larger uint16 than those of 2."""
    bits = float32_to_bfloat16(np.array([[[[-1.0, 2.0], [-3.0, 0.5]]]], dtype=np.float32))

    answer = pooled(MAX_POOL.of(kernel_size=2), Tensor(BFLOAT16, bits))

    assert as_numbers(answer).reshape(-1).tolist() == [2.0]


@every_type
@pytest.mark.parametrize("shape", [(0, 3, 4, 4), (3, 0, 4, 4), (0, 4, 4)])
def test_an_empty_batch_reaches_no_kernel(
    dtype: ElementType, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Torch refuses some of them, and there is nothing to do."""
    monkeypatch.setattr(torch_worker, "pool_on_cpu", None)

    answer = pooled(MAX_POOL.of(kernel_size=2), Tensor(dtype, np.empty(shape, dtype.storage)))

    assert answer.shape == (*shape[:-2], 2, 2)


def test_an_empty_output_reaches_no_kernel() -> None:
    """output_size 0 is legal in torch; a large axis beside it must not be laid out."""
    spec = CATALOGUE.find("adaptive_avg_pool2d").of(output_size=[100_000, 0])

    answer = pooled(spec, Tensor(ELEMENT_TYPES["int8"], np.ones((1, 1, 4, 4), dtype=np.int8)))

    assert answer.shape == (1, 1, 100_000, 0)


@pytest.mark.parametrize("planes_a_piece", [1, 2, 3, 7, 100])
def test_a_request_larger_than_a_batch_is_cut_by_planes(planes_a_piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every plane is pooled once, whatever the piece; several outputs and unequal last pieces too."""
    spec = MAX_POOL.of(kernel_size=2, return_indices=True)
    array = np.random.default_rng(1).random((5, 4, 6, 6))
    plan = settled_plan(spec, ELEMENT_TYPES["float64"], array.shape)
    tensors = {"input": Tensor(ELEMENT_TYPES["float64"], array)}
    launches: list[int] = []
    pool_on_cpu = torch_worker.pool_on_cpu

    def counted(plan: Plan, planes: Mapping[str, Array], threads: int) -> Sequence[Array]:
        launches.append(len(planes["input"]))
        return pool_on_cpu(plan, planes, threads)

    monkeypatch.setattr(torch_worker, "pool_on_cpu", counted)
    whole = run_plan(plan, tensors, CPU)
    monkeypatch.setattr(torch_worker, "PIECE_BYTES", planes_a_piece * plan.plane_bytes)
    launches.clear()

    in_pieces = run_plan(plan, tensors, CPU)

    assert sum(launches) == 20
    assert max(launches) == min(planes_a_piece, 20)
    for name, tensor in whole.items():
        assert in_pieces[name].array.tobytes() == tensor.array.tobytes()


def test_slices_of_a_request_draw_different_random_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cut request must not draw the samples of its first planes again for its last ones."""
    spec = CATALOGUE.find("fractional_max_pool2d").of(kernel_size=2, output_size=5, seed=9)
    array = np.tile(np.random.default_rng(2).random((1, 1, 8, 8)), (1, 12, 1, 1))
    tensor = Tensor(ELEMENT_TYPES["float64"], array)

    whole = pooled(spec, tensor)
    monkeypatch.setattr(torch_worker, "PIECE_BYTES", 1)
    one_by_one = pooled(spec, tensor)

    assert one_by_one.array.tobytes() == whole.array.tobytes()
    assert len(np.unique(whole.array.reshape(12, -1), axis=0)) > 1


@every_type
def test_torch_has_every_element_type(dtype: ElementType) -> None:
    """They are spelled alike, and as wide."""
    assert torch_dtype(dtype).itemsize == dtype.itemsize
