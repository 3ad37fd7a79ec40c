"""Pooling by the name of an adapter, as the service plans and runs it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from poolhouse.backend.devices import Device
from poolhouse.backend.torch_worker import run_plan
from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.operators.catalogue import discover_planes
from poolhouse.operators.plan import Limits, Plan
from poolhouse.operators.planner import Planner
from poolhouse.tensors import Tensor

Array = npt.NDArray[Any]

CATALOGUE: Final = discover_planes()
ADAPTERS: Final = tuple(member for member in CATALOGUE if "." in member.name)
_CPU: Final = Device("cpu", "", None)
_PLANNER: Final = Planner(CATALOGUE, Limits(max_output_bytes=2**30, max_steps=10**11))


def plan_of(name: str, inputs: Mapping[str, Array], **fields: object) -> tuple[Plan, dict[str, Tensor]]:
    """The plan of a request, and its tensors."""
    tensors = {each: Tensor(ELEMENT_TYPES[array.dtype.name], array) for each, array in inputs.items()}
    plan = _PLANNER.plan(name, fields, {}, {each: tensor.metadata for each, tensor in tensors.items()})
    plan.spec.check_elements(tensors)
    return plan, tensors


def pool(name: str, inputs: Mapping[str, Array] | Array, **fields: object) -> dict[str, Array]:
    """The outputs of a request."""
    given = inputs if isinstance(inputs, Mapping) else {"input": inputs}
    plan, tensors = plan_of(name, given, **fields)
    return {each: tensor.array for each, tensor in run_plan(plan, tensors, _CPU).items()}


def random_array(*shape: int, seed: int = 0) -> npt.NDArray[np.float32]:
    """Random numbers."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
