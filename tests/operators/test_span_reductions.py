"""Spans of tokens by torch's operations, and their reference in plain Python."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.dtypes import float64_to_bfloat16
from poolhouse.operators import span_reductions
from poolhouse.operators.span_reductions import reduce_spans, reduction_bytes, reference_of_span
from poolhouse.operators.wide_floats import round_once
from tests.hypothesis_profiles import scaled_examples
from tests.kernels.span_cases import (
    ALL_MODES,
    FLOATS,
    LEAST,
    UNIT,
    Array,
    Case,
    cases,
    in_storage,
    same_numbers,
    widened,
)

NAN = math.nan
TOKENS = [[1.0, -4.0], [2.0, 8.0], [6.0, 2.0]]


def reduced(case: Case, *, normalize: bool = False, concat: bool = False) -> list[Array]:
    """The vectors of every mode."""
    dims = case.planes["input"].shape[1]
    return in_storage(reduce_spans(case.tensors(), ALL_MODES, dims, normalize=normalize, concat=concat))


@pytest.mark.parametrize(
    ("mode", "counts", "expected"),
    [
        ("cls", [False, True, True], [2.0, 8.0]),
        ("last", [True, True, False], [2.0, 8.0]),
        ("mean", [True, True, True], [3.0, 2.0]),
        ("mean", [True, False, True], [3.5, -1.0]),
        ("max", [True, False, True], [6.0, 2.0]),
        ("min", [False, True, True], [2.0, 2.0]),
        ("sum", [True, True, False], [3.0, 4.0]),
        ("mean_sqrt_len", [True, True, True], [9.0 / math.sqrt(3), 6.0 / math.sqrt(3)]),
        ("weighted_mean", [True, True, True], [23.0 / 6, 18.0 / 6]),
        ("weighted_mean", [True, False, True], [19.0 / 4, 2.0 / 4]),
        ("weighted", [True, True, True], [11.5 / 2.5, 3.5 / 2.5]),
        ("weighted", [True, True, False], [1.0 / 0.75, 0.0]),
    ],
)
def test_the_reference_of_a_span(mode: str, counts: list[bool], expected: list[float]) -> None:
    """By hand."""
    weights = [0.5, 0.25, 1.75]

    assert reference_of_span(TOKENS, counts, weights, mode) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("mode", ALL_MODES)
def test_the_reference_of_no_token(mode: str) -> None:
    """Zeros where none counts; nothing where there is none, since its number of elements is unknown."""
    assert reference_of_span(TOKENS, [False] * 3, [1.0] * 3, mode) == [0.0, 0.0]
    assert reference_of_span([], [], [], mode) == []


def test_the_reference_of_weights_that_cancel() -> None:
    """Their sum is 0."""
    assert reference_of_span(TOKENS, [True, True, False], [1.0, -1.0, 3.0], "weighted") == [0.0, 0.0]


@pytest.mark.parametrize(
    ("column", "mode", "expected"),
    [
        ([1.0, NAN, 3.0], "max", NAN),
        ([1.0, NAN, 3.0], "mean", NAN),
        ([math.inf, -math.inf], "sum", NAN),
        ([math.inf, 1.0], "mean", math.inf),
        ([1.7e308, 1.7e308], "sum", math.inf),
        ([1e100, 1.0, -1e100], "sum", 1.0),
    ],
)
def test_the_reference_of_special_numbers(column: list[float], mode: str, expected: float) -> None:
    """math.fsum raises where a sum overflows or has infinities of both signs."""
    (found,) = reference_of_span([[each] for each in column], [True] * len(column), None, mode)

    assert found == expected or (math.isnan(found) and math.isnan(expected))


@pytest.mark.parametrize("element", FLOATS)
def test_vectors_are_those_of_plain_python(element: str) -> None:
    """The kernel has the same bits, so only means are compared here, with rows of any length."""

    @scaled_examples(30)
    @given(cases(element))
    def holds(case: Case) -> None:
        dims = case.planes["input"].shape[1]

        found = reduced(case)

        for mode in ("cls", "last", "mean", "max", "min", "weighted_mean"):
            expected = case.expected(mode, dims)
            error = 2.0**-44 * case.sizes(mode, dims) + UNIT[element] * np.abs(expected) + LEAST[element]
            exact = mode in ("cls", "last", "max", "min")
            apart = np.abs(widened(found[ALL_MODES.index(mode)], element) - expected)
            assert (apart <= (0.0 if exact else error)).all(), mode

    holds()


@pytest.mark.parametrize("element", FLOATS)
def test_a_span_has_the_bits_that_it_has_alone(element: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever other spans are in the batch, and in whatever chunk it is computed."""

    @scaled_examples(15)
    @given(cases(element), st.booleans())
    def holds(case: Case, normalize: bool) -> None:
        monkeypatch.setattr(span_reductions, "_CHUNK_ELEMENTS", 2**19)
        together = reduced(case, normalize=normalize)
        monkeypatch.setattr(span_reductions, "_CHUNK_ELEMENTS", 64)

        in_chunks = reduced(case, normalize=normalize)

        for mode, one, other in zip(ALL_MODES, together, in_chunks, strict=True):
            assert same_numbers(one, other, element), mode
        for i in range(min(len(case.spans), 4)):
            alone = reduced(case.changed(spans=case.planes["spans"][i : i + 1]), normalize=normalize)
            for mode, one, other in zip(ALL_MODES, alone, together, strict=True):
                assert same_numbers(one[0], other[i], element), mode

    holds()


@pytest.mark.parametrize("element", FLOATS)
@pytest.mark.parametrize("intruder", [NAN, math.inf, 1e300])
def test_tokens_outside_a_span_have_no_influence(element: str, intruder: float) -> None:
    """The table has blocks with such tokens, which no span may read unless it has all of their tokens."""
    rng = np.random.default_rng(5)
    x = torch.from_numpy(rng.standard_normal((400, 3))).to(getattr(torch, element))
    mask = torch.from_numpy(rng.random(400) < 0.8)
    spans = torch.tensor([[100, 333, 7], [133, 350, 7], [90, 95, 7], [400, 400, 390]])
    planes = {"input": x, "spans": spans, "mask": mask, "weights": torch.from_numpy(rng.random(400))}
    disturbed = x.clone()
    outside = ~mask
    outside[:90] = outside[95:100] = outside[350:] = True
    disturbed[outside] = intruder if not math.isfinite(intruder) else min(intruder, torch.finfo(x.dtype).max / 2)

    found = reduce_spans({**planes, "input": disturbed}, ALL_MODES, 3, normalize=False, concat=True)

    expected = reduce_spans(planes, ALL_MODES, 3, normalize=False, concat=True)
    assert torch.equal(found[0], expected[0])


def test_no_tokens_and_no_spans() -> None:
    """A batch may have neither."""
    planes = {"input": torch.ones(0, 3), "spans": torch.zeros(2, 3, dtype=torch.int64), "weights": torch.ones(0)}

    zeros = reduce_spans(planes, ("mean", "weighted"), 2, normalize=True, concat=True)
    none = reduce_spans({**planes, "spans": planes["spans"][:0]}, ("mean", "max"), 2, normalize=True, concat=False)

    assert [each.tolist() for each in zeros] == [[[0.0] * 4] * 2]
    assert [each.shape for each in none] == [(0, 2), (0, 2)]


def test_outputs_do_not_share_memory() -> None:
    """The service writes each output into a response of its own."""
    planes = {"input": torch.ones(0, 3), "spans": torch.zeros(2, 3, dtype=torch.int64)}

    one, other = reduce_spans(planes, ("mean", "max"), 3, normalize=False, concat=False)

    assert one.untyped_storage().data_ptr() != other.untyped_storage().data_ptr()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_float64_is_rounded_once(dtype: torch.dtype) -> None:
    """Next to the middle of two halves, where float32 has no number; torch alone rounds twice there."""
    rng = np.random.default_rng(3)
    halves = torch.from_numpy(rng.integers(0, 2**16, 5000).astype(np.uint16).view(np.int16)).view(torch.float16)
    low = halves.to(torch.float64).nan_to_num(0.0, 1e300, -1e300).numpy()
    middles = low * (1 + 2.0 ** -(9 if dtype is torch.bfloat16 else 12)) * (1 + rng.integers(-1, 2, 5000) * 2.0**-45)
    values = np.concatenate((middles, [math.inf, -math.inf, -0.0, 1e-300, NAN, 65519.99, 65520.0, 3.4e38, 3.5e38]))

    found = round_once(torch.from_numpy(values), dtype)

    if dtype is torch.bfloat16:
        bits = torch.from_numpy(float64_to_bfloat16(values).view(np.int16))
        expected = bits.view(torch.bfloat16).to(torch.float64).numpy()
    else:
        with np.errstate(over="ignore"):
            expected = values.astype(str(dtype).removeprefix("torch.")).astype(np.float64)
    np.testing.assert_array_equal(found.to(torch.float64).numpy(), expected)


def test_the_bound_of_memory_grows_with_each_size() -> None:
    """A bound that forgets one of them lets a request through that does not fit."""
    base = reduction_bytes(4096, 10, 64, 1)

    assert reduction_bytes(8192, 10, 64, 1) > base
    assert reduction_bytes(4096, 10_000, 64, 1) > base
    assert reduction_bytes(4096, 10, 128, 1) > base
    assert reduction_bytes(4096, 10, 64, 3) > base
