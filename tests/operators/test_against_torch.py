"""Every operator against torch's own functional of that name: thousands of seeded cases of every element type.

Where torch has no kernel for a type it is asked in a wider one that holds every value; what it has no name for
(global pooling, the absolute lp) is asked in the words that it does have. Where the documents say that we differ,
the comparison says how.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable
from functools import cache
from random import Random
from typing import Final

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from poolhouse.backend.worker import run_plan, torch_dtype
from poolhouse.dtypes import BFLOAT16, ELEMENT_TYPES, ElementType
from poolhouse.operators.operator import Operator
from poolhouse.tensors import Tensor
from tests.operators.drawing import (
    CATALOGUE,
    CPU,
    LIMITS,
    OPERATORS,
    STYLES,
    Array,
    Case,
    case,
    numbers,
    settled_plan,
    tensors_for,
    types_of,
)
from tests.operators.rounding import assert_same_floats, is_exact, slack_of, within

Outputs = tuple[torch.Tensor, ...]

EACH: Final = 5
"""Cases of one operator, element type and style."""


def as_torch(tensor: Tensor) -> torch.Tensor:
    """A copy for torch, in the shape of the request."""
    laid = torch.from_numpy(tensor.array.copy())
    return laid.view(torch.bfloat16) if tensor.dtype is BFLOAT16 else laid


def by_name(case: Case, x: torch.Tensor, indices: torch.Tensor | None) -> Outputs:
    """What torch's functional of the operator's name answers, in the type it was asked in."""
    spec = case.spec
    asked = _ASKED.get(spec.family)
    if asked is not None:
        return asked(case, x)
    fields = {field.name: getattr(spec, field.name) for field in spec.fields()}
    fields = {name: value for name, value in fields.items() if value is not None}
    if indices is not None:
        return (F_of(spec)(x, indices, **fields),)
    found = F_of(spec)(x, **fields)
    return found if isinstance(found, tuple) else (found,)


def F_of(spec: Operator) -> Callable[..., torch.Tensor | tuple[torch.Tensor, torch.Tensor]]:
    """torch.nn.functional's function of the operator's name."""
    found: Callable[..., torch.Tensor | tuple[torch.Tensor, torch.Tensor]] = getattr(F, spec.name)
    return found


def _max_pool(case: Case, x: torch.Tensor) -> Outputs:
    spec = case.spec
    fields = {field.name: getattr(spec, field.name) for field in spec.fields()}
    # Positional and named order differ between torch's module and functional; all is named here.
    found = F_of(spec)(x, **fields)
    return found if isinstance(found, tuple) else (found,)


def _avg_pool(case: Case, x: torch.Tensor) -> Outputs:
    fields = {field.name: getattr(case.spec, field.name) for field in case.spec.fields()}
    if case.spec.rank == 1:
        # avg_pool1d has no divisor_override; it is avg_pool2d on one row.
        row = {
            name: (filler, *fields.pop(name)) for name, filler in (("kernel_size", 1), ("stride", 1), ("padding", 0))
        }
        return (F.avg_pool2d(x.unsqueeze(-2), **row, **fields).squeeze(-2),)
    return (_one(F_of(case.spec)(x, **fields)),)


def _one(found: torch.Tensor | tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    assert isinstance(found, torch.Tensor)
    return found


def _lp_pool(case: Case, x: torch.Tensor) -> Outputs:
    fields = {field.name: getattr(case.spec, field.name) for field in case.spec.fields()}
    if fields.pop("absolute"):
        # A window that ceil_mode cut is not scaled up in the norm; drawn cases leave that combination out.
        x = x.abs()
    kernel, stride = fields.pop("kernel_size"), fields.pop("stride")
    if case.spec.rank == 1:
        kernel, stride = kernel[0], stride[0]
    return (_one(F_of(case.spec)(x, fields["norm_type"], kernel, stride, fields["ceil_mode"])),)


def _global(case: Case, x: torch.Tensor) -> Outputs:
    adaptive = getattr(F, case.spec.name.replace("global", "adaptive"))
    if "max" in case.spec.name and getattr(case.spec, "return_indices"):  # noqa: B009
        values, indices = adaptive(x, 1, return_indices=True)
        return (values, indices)
    return (adaptive(x, 1),)


def _adaptive(case: Case, x: torch.Tensor) -> Outputs:
    fields = {field.name: getattr(case.spec, field.name) for field in case.spec.fields()}
    # None in output_size is torch's too, but not in one dimension.
    fields["output_size"] = case.spec.spatial_out(case.plan.spatial)
    found = F_of(case.spec)(x, **fields)
    return found if isinstance(found, tuple) else (found,)


def _fractional(case: Case, x: torch.Tensor) -> Outputs:
    rank, planes = case.spec.rank, case.plan.planes
    samples = torch.from_numpy(case.spec.draw(planes)["samples"])
    batched = x.ndim == rank + 2
    samples = samples.reshape(*(x.shape[:2] if batched else (1, planes)), rank)
    found = F_of(case.spec)(
        x,
        getattr(case.spec, "kernel_size"),  # noqa: B009
        output_size=case.spec.spatial_out(case.plan.spatial),
        return_indices=True,
        _random_samples=samples.to(x.dtype),
    )
    return found[: len(case.plan.outputs)]


def _max_unpool(case: Case, x: torch.Tensor) -> Outputs:
    indices = as_torch(case.tensors["indices"])
    fields = {field.name: getattr(case.spec, field.name) for field in case.spec.fields()}
    size = case.spec.spatial_out(case.plan.spatial)
    return (_one(F_of(case.spec)(x, indices, fields["kernel_size"], fields["stride"], fields["padding"], size)),)


_ASKED: Final[dict[str, Callable[[Case, torch.Tensor], Outputs]]] = {
    "max_pool": _max_pool,
    "avg_pool": _avg_pool,
    "lp_pool": _lp_pool,
    "global_max_pool": _global,
    "global_avg_pool": _global,
    "adaptive_max_pool": _adaptive,
    "adaptive_avg_pool": _adaptive,
    "fractional_max_pool": _fractional,
    "max_unpool": _max_unpool,
}
