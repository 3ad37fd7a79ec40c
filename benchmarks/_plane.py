"""Pool one plane on one thread of the CPU, for comparisons with libraries that take one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from poolhouse.backend.torch_worker import pool_on_cpu
from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.operators.catalogue import Catalogue
from poolhouse.operators.plan import Limits, make_plan
from poolhouse.tensors import TensorMetadata

Array = npt.NDArray[Any]


def pooling_of(catalogue: Catalogue, name: str, fields: Mapping[str, object], plane: Array) -> Callable[[], Array]:
    """A function that pools the plane and returns the first output; its plan is made before.

    Args:
        catalogue: the operators; the compiled loops are loaded.
        name: of the operator.
        fields: of the operator.
        plane: ``(H, W)``, of an element type that numpy has.
    """
    metadata = {"input": TensorMetadata(ELEMENT_TYPES[plane.dtype.name], (1, *plane.shape))}
    plan = make_plan(catalogue.find(name).of(**fields), metadata, Limits(2**40, 2**60))
    planes = {"input": plane[None]}
    return lambda: np.asarray(pool_on_cpu(plan, planes, 1)[0])[0]


def describe_fields(fields: Mapping[str, object]) -> str:
    """The fields as tables show them."""
    return ", ".join(f"{field} {value}" for field, value in fields.items())
