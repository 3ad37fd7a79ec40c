"""The loops as plain Python over arrays with bounds checks; compiled loops would read and write other memory."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given

from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.kernels import averages, window_kernels
from poolhouse.kernels.registry import LOOPS, Loop
from poolhouse.operators.plane_operator import PlaneOperator
from tests.hypothesis_profiles import MANY_REJECTED, scaled_examples
from tests.operators.kernel_runner import run_on_cpu
from tests.operators.random_cases import COVERED, Case, cases, element_types_of
from tests.operators.test_kernels import loops_of, planes_of

Bytes = npt.NDArray[np.uint8]

_SMALL = 256
"""Number of elements that plain Python pools quickly."""


class BoundsCheckedArray:
    """A flat array that raises for indices before its first or after its last element."""

    def __init__(self, array: npt.NDArray[np.generic], element: str) -> None:
        assert array.flags.c_contiguous
        self._flat = array.reshape(-1).view(element)

    def __getitem__(self, place: int) -> Any:
        assert 0 <= place < len(self._flat), f"read {place} of {len(self._flat)}"
        return self._flat[place]

    def __setitem__(self, place: int, value: Any) -> None:
        assert 0 <= place < len(self._flat), f"wrote {place} of {len(self._flat)}"
        self._flat[place] = value


def interpret(loop: Loop, *arguments: npt.NDArray[np.generic] | float) -> Any:
    """Call a loop's Python function."""
    bounded = [
        BoundsCheckedArray(each, declared[:-1]) if isinstance(each, np.ndarray) else int(each)
        for each, declared in zip(arguments, loop.arguments, strict=True)
    ]
    return loop.function(*bounded)


def scratch_arrays(first_bytes: int, second_bytes: int) -> tuple[None, Bytes, Bytes]:
    """Scratch memory of exactly the requested size, filled with a value other than 0."""
    return None, np.full(first_bytes, 0x5A, np.uint8), np.full(second_bytes, 0x5A, np.uint8)


@pytest.mark.parametrize("member", COVERED, ids=lambda member: member.name)
@pytest.mark.parametrize("dtype", ["float32", "int64", "bfloat16"])
def test_no_loop_accesses_memory_outside_its_arrays(
    member: type[PlaneOperator], dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compiled code checks no bounds, so this test checks those of inputs, outputs, layouts and scratch memory."""
    element = ELEMENT_TYPES[dtype]
    if element not in element_types_of(member):
        pytest.skip(f"{member.name} takes no {dtype}")
    monkeypatch.setattr(Loop, "__call__", interpret)
    for loop in LOOPS.values():
        monkeypatch.setattr(loop, "entry", partial(interpret, loop))
    monkeypatch.setattr(window_kernels, "scratch", scratch_arrays)
    # Without this the loops would get addresses instead of arrays.
    for module in (window_kernels, averages):
        monkeypatch.setattr(module, "address_of", lambda array: array)

    @scaled_examples(40, *MANY_REJECTED)
    @given(cases(member, element))
    def holds(case: Case) -> None:
        kernel = loops_of(case.plan)
        elements = sum(tensor.array.size for tensor in case.tensors.values())
        assume(kernel is not None and elements <= _SMALL)

        with np.errstate(all="ignore"):
            run_on_cpu(case.spec, kernel, planes_of(case), 1)

    if any(compiled_loops_of_sample(member, dtype)):
        holds()


def compiled_loops_of_sample(member: type[PlaneOperator], dtype: str) -> list[bool]:
    """Whether each sample of an operator has loops."""
    return [
        member.of(**sample.fields).kernel_factory(sample.spatial[-member.rank :], ELEMENT_TYPES[dtype]) is not None
        for sample in member.samples
    ]
