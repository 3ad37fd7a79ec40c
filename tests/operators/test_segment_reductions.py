"""Reductions of segments by torch alone: the bits of the compiled kernel on the CPU, and torch's own reductions."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.kernels.segments import SegmentKernel
from poolhouse.operators import segment_reductions
from poolhouse.operators.segment_reductions import held_bytes, reduce_segments, reference_of_segment
from tests.hypothesis_profiles import scaled_examples
from tests.kernels.segment_cases import ELEMENTS, REDUCTIONS, TORCH_TYPES, Case, cases, large_case, reals

EVERY_REDUCTION = pytest.mark.parametrize("reduce", REDUCTIONS)
EVERY_ELEMENT = pytest.mark.parametrize("element", ELEMENTS)


def reduced(case: Case, reduce: str, element: str = "float64", correction: int = 0) -> torch.Tensor:
    """The results of all segments; -7 for an empty one."""
    planes = case.tensors(element)
    (found,) = reduce_segments(planes, reduce, empty_value=-7.0, correction=correction, with_indices=False)
    return found


def assert_same_bits_as_the_kernel(case: Case, reduce: str, element: str, correction: int) -> None:
    """Of the results, but for the bits of a NaN."""
    found = reduced(case, reduce, element, correction)

    (expected,) = SegmentKernel(reduce, element, empty_value=-7.0, correction=correction)(case.planes(element), 1)

    assert found.dtype == TORCH_TYPES[element]
    values, known = found.to(torch.float64).numpy(), reals(expected, element)
    np.testing.assert_array_equal(values, known)
    numbers = ~np.isnan(known)
    assert values[numbers].tobytes() == known[numbers].tobytes()


@EVERY_ELEMENT
@EVERY_REDUCTION
def test_results_have_the_bits_of_the_kernel(reduce: str, element: str) -> None:
    """A service without compiled loops answers the same, as does a request that torch pools for another reason."""

    @scaled_examples(25)
    @given(st.booleans().flatmap(lambda special: cases(special=special)), st.integers(0, 2))
    def holds(case: Case, correction: int) -> None:
        assert_same_bits_as_the_kernel(case, reduce, element, correction)

    holds()


@pytest.mark.parametrize("limit", [1, 2000])
@EVERY_REDUCTION
def test_columns_by_chunks_have_the_same_bits(reduce: str, limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory bounds the columns of a chunk, and one column may exceed it."""
    monkeypatch.setattr(segment_reductions, "CPU_CHUNK_ELEMENTS", limit)

    assert_same_bits_as_the_kernel(large_case([300, 0, 5, 1, 77], 13), reduce, "float32", 1)


@EVERY_ELEMENT
@pytest.mark.parametrize("reduce", ["max", "min"])
def test_indices_are_those_of_the_kernel(reduce: str, element: str) -> None:
    """The first of equal rows, the first NaN, -1 without rows."""

    @scaled_examples(40)
    @given(cases(special=True))
    def holds(case: Case) -> None:
        found, winners = reduce_segments(case.tensors(element), reduce, empty_value=0.5, with_indices=True)

        kernel = SegmentKernel(reduce, element, empty_value=0.5, with_indices=True)
        values, expected = kernel(case.planes(element), 1)
        assert winners.dtype == torch.int64
        assert winners.tolist() == expected.tolist()
        np.testing.assert_array_equal(found.to(torch.float64).numpy(), reals(values, element))

    holds()


OF_TORCH: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "sum": lambda x: x.sum(0),
    "mean": lambda x: x.mean(0),
    "max": lambda x: x.amax(0),
    "min": lambda x: x.amin(0),
    "mul": lambda x: x.prod(0),
    "median": lambda x: x.median(0).values,
    "var": lambda x: x.var(0, correction=1),
    "std": lambda x: x.std(0, correction=1),
    "softmax": lambda x: (x.softmax(0) * x).sum(0),
    "logsumexp": lambda x: x.logsumexp(0),
}


@EVERY_REDUCTION
def test_each_segment_is_reduced_as_torch_reduces_its_rows(reduce: str) -> None:
    """What a user of torch would write for one segment."""

    @scaled_examples(40)
    @given(cases(special=reduce in ("sum", "max", "min", "mul", "median", "logsumexp")))
    def holds(case: Case) -> None:
        found = reduced(case, reduce, correction=1)

        x = torch.from_numpy(case.values)
        for segment in range(case.count):
            rows = x[torch.from_numpy(case.segments == segment)]
            expected = OF_TORCH[reduce](rows) if len(rows) > (reduce in ("var", "std")) else None
            if expected is not None:
                torch.testing.assert_close(found[segment], expected, equal_nan=True, rtol=1e-12, atol=1e-13)
            elif len(rows):
                assert found[segment].isnan().all()
            else:
                assert (found[segment] == -7).all()

    holds()


def test_sums_and_maxima_are_those_of_scatter() -> None:
    """The calls that segment_pool replaces."""
    case = large_case([300, 1, 5, 0, 77], 6)
    x, ids = torch.from_numpy(case.values), torch.from_numpy(case.segments)
    places = ids.unsqueeze(1).expand_as(x)

    sums, most = reduced(case, "sum"), reduced(case, "max")

    filled = torch.tensor([True, True, True, False, True])
    assert torch.equal(sums[filled], torch.zeros(5, 6, dtype=x.dtype).index_add_(0, ids, x)[filled])
    scattered = torch.zeros(5, 6, dtype=x.dtype).scatter_reduce(0, places, x, "amax", include_self=False)
    assert torch.equal(most[filled], scattered[filled])


@pytest.mark.parametrize("shape", [(0, 3), (4, 0), (0, 0)])
@pytest.mark.parametrize("count", [0, 2])
def test_nothing_to_reduce_gives_empty_values(shape: tuple[int, int], count: int) -> None:
    """No rows, no columns or no segments."""
    rows = shape[0] if count else 0
    case = Case(np.ones((rows, shape[1])), np.zeros(rows, np.int64), count)

    found, winners = reduce_segments(case.tensors("float16"), "max", empty_value=-7.0, with_indices=True)

    assert found.shape == winners.shape == (count, shape[1])
    assert rows or (found == -7).all()
    assert rows or (winners == -1).all()


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_halves_are_rounded_once(name: str) -> None:
    """In both directions from halfway, at the limits of the type, and with both signs."""
    dtype = TORCH_TYPES[name]
    step, least = torch.finfo(dtype).eps, torch.finfo(dtype).smallest_normal * torch.finfo(dtype).eps
    most = torch.finfo(dtype).max
    halfway, apart = 1 + step / 2, 2.0**-40
    expected = {
        halfway - apart: 1.0,
        halfway: 1.0,
        halfway + apart: 1 + step,
        1 + 1.5 * step - apart: 1 + step,
        least / 2 * (1 + apart): least,
        least / 2: 0.0,
        most * (1 + step / 8): most,
        most * 2: math.inf,
        1e300: math.inf,
        1e-300: 0.0,
    }
    values = np.array([*expected, *(-each for each in expected)]).reshape(1, -1)
    planes = {
        "input": torch.ones(1, values.size, dtype=dtype),
        "order": torch.empty(0, dtype=torch.int64),
        "offsets": torch.tensor([0, 0]),
    }

    rounded = [
        reduce_segments(planes, "sum", empty_value=value, with_indices=False)[0][0, 0].item() for value in values[0]
    ]

    assert rounded == [*expected.values(), *(-each for each in expected.values())]


def test_the_reference_of_an_empty_column_is_the_empty_value() -> None:
    """And sums beyond float64 are infinite, where Python's exact sum refuses."""
    assert reference_of_segment([], "softmax", empty_value=0.25) == 0.25
    assert reference_of_segment([1e308, 1e308], "sum", empty_value=0.0) == math.inf
    assert math.isnan(reference_of_segment([math.inf, -math.inf], "mean", empty_value=0.0))


def test_the_bound_grows_with_the_columns_of_a_chunk_only() -> None:
    """More columns are reduced one chunk after another."""
    many = held_bytes(1000, 10**6, 10, on_cpu=True)

    assert many == held_bytes(1000, 10**5, 10, on_cpu=True)
    assert held_bytes(1000, 5, 10, on_cpu=True) < many < held_bytes(1000, 10**6, 10, on_cpu=False)


@pytest.mark.gpu
@EVERY_ELEMENT
@EVERY_REDUCTION
def test_cuda_gives_the_numbers_of_the_cpu(reduce: str, element: str) -> None:
    """To the bit, but for exponentials and logarithms of another library; and the same ones twice."""
    case = large_case([300, 0, 5, 1, 77, 2000], 33)
    planes = {name: each.cuda() for name, each in case.tensors(element).items()}

    (found,) = reduce_segments(planes, reduce, empty_value=-7.0, with_indices=False)
    (again,) = reduce_segments(planes, reduce, empty_value=-7.0, with_indices=False)

    expected = reduced(case, reduce, element)
    assert torch.equal(found, again)
    if reduce in ("softmax", "logsumexp"):
        torch.testing.assert_close(found.cpu(), expected)
    else:
        assert torch.equal(found.cpu(), expected)
