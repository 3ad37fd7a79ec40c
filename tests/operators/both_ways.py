"""Pools by torch and, where an operator has them, by the compiled loops, for laws that hold for both."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from poolhouse.backend.torch_worker import run_plan
from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.errors import Unprocessable
from poolhouse.operators.plan import Limits, make_plan
from poolhouse.operators.plane_operator import PlaneOperator
from poolhouse.tensors import Tensor, TensorMetadata
from tests.operators.plane_plans import kernel_of, planes_shape_of
from tests.operators.random_cases import CATALOGUE, CPU

Array = npt.NDArray[Any]


def pool_both_ways(name: str, x: Array, **fields: object) -> list[dict[str, Array]]:
    """The outputs for ``(N, C, *spatial)`` or ``(C, *spatial)``: by torch, and by the loops."""
    dtype = ELEMENT_TYPES[x.dtype.name]
    spec = CATALOGUE.find(name).of(**fields)
    metadata = {"input": TensorMetadata(dtype, x.shape)}
    plan = make_plan(spec, metadata, Limits(2**40, 2**60, allow_compiled_loops=False))
    tensors = {"input": Tensor(dtype, x)}
    plan.spec.check_elements(tensors)
    found = [{each: tensor.array for each, tensor in run_plan(plan, tensors, CPU).items()}]
    kernel = kernel_of(plan.spec, plan.plane_shape, dtype)
    if kernel is not None:
        arrays = kernel({"input": x.reshape(planes_shape_of(plan))}, 2)
        outputs = zip(plan.outputs.items(), arrays, strict=True)
        found.append({each: array.reshape(output.shape) for (each, output), array in outputs})
    return found


def outputs(name: str, x: Array, **fields: object) -> list[Array]:
    """The first output of each way."""
    return [next(iter(each.values())) for each in pool_both_ways(name, x, **fields)]


def spec_of(name: str, **fields: object) -> PlaneOperator:
    """The spec of a request."""
    return CATALOGUE.find(name).of(**fields)


def refusal_of(name: str, x: Array, **fields: object) -> Unprocessable | None:
    """Why a request is refused, by its fields, its shape, its element type or its elements; None if it is not."""
    try:
        pool_both_ways(name, x, **fields)
    except Unprocessable as refused:
        return refused
    return None
