"""Pools planes by name, for the tests of medians, quantiles and modes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from poolhouse.backend.torch_worker import run_plan
from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.operators.catalogue import discover_planes
from poolhouse.operators.plan import Limits, make_plan
from poolhouse.tensors import Tensor, TensorMetadata
from tests.operators.random_cases import CPU

Array = npt.NDArray[np.generic]

CATALOGUE = discover_planes()


def pool(name: str, plane: Array, **fields: object) -> dict[str, Array]:
    """The outputs for one plane, by the compiled loops, after a check that torch gives the same bits."""
    dtype = ELEMENT_TYPES[plane.dtype.name]
    given = plane.reshape(1, *plane.shape)
    found = []
    for loops in (True, False):
        limits = Limits(2**40, 2**60, allow_compiled_loops=loops)
        plan = make_plan(CATALOGUE.find(name).of(**fields), {"input": TensorMetadata(dtype, given.shape)}, limits)
        assert plan.uses_compiled_loops is loops
        found.append(
            {name: each.array[0] for name, each in run_plan(plan, {"input": Tensor(dtype, given)}, CPU).items()}
        )
    for output, array in found[0].items():
        np.testing.assert_array_equal(array, found[1][output])
    return found[0]


def windows_of(plane: Array, kernel: int, stride: int, padding: int) -> Iterator[Array]:
    """The elements of each window of a plane of two axes, row-major."""
    spans = [
        [slice(max(start, 0), start + kernel) for start in range(-padding, length + padding - kernel + 1, stride)]
        for length in plane.shape
    ]
    for rows in spans[0]:
        for columns in spans[1]:
            yield plane[rows, columns].reshape(-1)
